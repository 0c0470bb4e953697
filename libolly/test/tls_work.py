"""TLS exchanges between a server and clients of one process: `tls_work.py sync|asyncio DIR`.

Every request and answer names its connection, so that a wrong pairing is seen.
"""
import asyncio
import socket
import ssl
import sys
import threading

CONNECTIONS = 8
ROUNDS = 5


def contexts(build):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(f"{build}/cert.pem", f"{build}/key.pem")
    client = ssl.create_default_context()
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    return server, client


def serve_one(connection):
    with connection:
        while data := connection.recv(1000):
            connection.sendall(b"answer to " + data)


def run_sync(server, client):
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        for _ in range(CONNECTIONS):
            raw, _ = listener.accept()
            wrapped = server.wrap_socket(raw, server_side=True)
            threading.Thread(target=serve_one, args=(wrapped,)).start()

    threading.Thread(target=accept).start()
    for number in range(CONNECTIONS):
        raw = socket.create_connection(listener.getsockname())
        with client.wrap_socket(raw) as tls:
            for turn in range(ROUNDS):
                text = b"request %d.%d;" % (number, turn)
                tls.sendall(text)
                assert tls.recv(1000) == b"answer to " + text


async def run_asyncio(server, client):
    async def serve(reader, writer):
        while data := await reader.read(1000):
            await asyncio.sleep(0.001)
            writer.write(b"answer to " + data)
        writer.close()

    async def talk(number, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        for turn in range(ROUNDS):
            text = b"request %d.%d;" % (number, turn)
            writer.write(text)
            assert await reader.read(1000) == b"answer to " + text
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server)
    port = listener.sockets[0].getsockname()[1]
    await asyncio.gather(*(talk(number, port) for number in range(CONNECTIONS)))
    await asyncio.sleep(0.05)
    listener.close()


def main():
    server, client = contexts(sys.argv[2])
    if sys.argv[1] == "sync":
        run_sync(server, client)
    else:
        asyncio.run(run_asyncio(server, client))
    print("done")


main()
