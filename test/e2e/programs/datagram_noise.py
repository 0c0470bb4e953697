"""Sends what no honest sender sends to the hook socket. argv: the socket. Prints how many datagrams
the socket took. Invariant: the same bytes at every run."""

import os
import random
import socket
import struct
import sys

HOOK = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
HOOK.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 21)
HOOK.connect(sys.argv[1])
RANDOM = random.Random(1)
sent = 0


def send(data):
    global sent
    HOOK.send(data)
    sent += 1


def header(kind, payload_len, fd=7, wire_len=0, flags=0):
    return struct.pack("<BBHIIiIIQ", kind, flags, 0, os.getpid(), 1, fd, payload_len, wire_len, 1)


for length in range(32):  # shorter than a header
    send(bytes(length))
for length in range(1, 33):  # a type that does not exist
    send(bytes([99]) + bytes(31) + b"x" * length)
for kind in range(1, 9):  # lies about the payload
    for claimed in (1, 100, 16_385, 0x7FFFFFFF, 0xFFFFFFFF):
        send(header(kind, claimed))
        send(header(kind, claimed) + b"y" * 50)
for _ in range(1000):
    send(RANDOM.randbytes(RANDOM.randrange(0, 300)))
for size in (20_000, 65_536, 200_000):
    send(header(2, size) + b"z" * size)
    send(RANDOM.randbytes(size))
for length in (0, 1, 5, 7, 11, 13, 17, 19, 35, 37, 200):  # addresses of no known form
    send(header(1, length) + b"a" * length)
    send(header(7, length, flags=1) + b"a" * length)
print(sent)
