"""Checks, over and over, what socket calls give: values and errno as the manual pages state them.
A preload library that changes any of them ends this program with exit code 1.

usage: results.py, until its standard input ends; then prints how many rounds it made
"""

import errno
import os
import select
import socket
import sys

MESSAGE = bytes(range(256)) * 4


def expect(what, seen, wanted):
    if seen != wanted:
        print(f"{what}: {seen!r} instead of {wanted!r}", file=sys.stderr, flush=True)
        os._exit(1)


def errno_of(call, *arguments):
    try:
        return call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]


def pair():
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, peer = listener.accept()
    expect("accept's address", peer, client.getsockname())
    listener.close()
    return client, server


def refused_port():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    return port


def one_round(client, server):
    client.setblocking(False)
    expect("recv of nothing", errno_of(client.recv, 10), "EAGAIN")
    expect("read of nothing", errno_of(os.read, client.fileno(), 10), "EAGAIN")
    client.setblocking(True)
    expect("send", client.send(MESSAGE), len(MESSAGE))
    expect("peek", server.recv(16, socket.MSG_PEEK), MESSAGE[:16])
    expect("recv", server.recv(len(MESSAGE), socket.MSG_WAITALL), MESSAGE)
    expect("writev", os.writev(server.fileno(), [MESSAGE, b"tail"]), len(MESSAGE) + 4)
    received = b""
    while len(received) < len(MESSAGE) + 4:
        received += os.read(client.fileno(), 65536)
    expect("read", received, MESSAGE + b"tail")
    expect("sendmsg", client.sendmsg([b"one", b"two"]), 6)
    expect("recvmsg", server.recvmsg(100)[0], b"onetwo")


def one_connection():
    client, server = pair()
    for _ in range(20):
        one_round(client, server)
    number = client.fileno()
    client.close()
    expect("recv of a closed descriptor", errno_of(os.read, number, 1), "EBADF")
    expect("recv at the end", server.recv(10), b"")
    server.close()
    port = refused_port()
    refused = socket.socket()
    expect("connect", errno_of(refused.connect, ("127.0.0.1", port)), "ECONNREFUSED")
    refused.close()
    reader, writer = os.pipe()
    os.close(reader)
    expect("write to a broken pipe", errno_of(os.write, writer, b"x"), "EPIPE")
    os.close(writer)


if __name__ == "__main__":
    connections = 0
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        one_connection()
        connections += 1
    print(f"connections {connections}", flush=True)
