"""Chunked answers of 200,000 bytes, each written by one call; both ends are in this program."""

import socket
import threading

ANSWERS = 3
BYTES = 200_000
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWER = HEAD + b"%x\r\n" % BYTES + b"x" * BYTES + b"\r\n0\r\n\r\n"


def receive(connection: socket.socket, end: bytes) -> None:
    data = b""
    while not data.endswith(end):
        data += connection.recv(1_000_000)


def serve(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        for _ in range(ANSWERS):
            receive(connection, b"\r\n\r\n")
            connection.sendall(ANSWER)


with socket.create_server(("127.0.0.1", 0)) as listener:
    server = threading.Thread(target=serve, args=(listener,))
    server.start()
    with socket.create_connection(listener.getsockname()) as connection:
        for number in range(ANSWERS):
            connection.sendall(b"GET /large/%d HTTP/1.1\r\nHost: h\r\n\r\n" % number)
            receive(connection, b"\r\n0\r\n\r\n")
    server.join()
