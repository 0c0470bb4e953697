"""A sender that knows only the original protocol of the hook socket: eight message types, 6-byte
addresses, every reserved field zero. argv: the socket, and how many requests. It plays a server
whose one thread takes each request, logs a line, asks a database, and answers.
Invariant: nothing here knows of sequence numbers, wire lengths, hellos or rings."""

import os
import socket
import struct
import sys
import threading
import time

CONNECT, DATA_OUT, DATA_IN, CLOSE, SSL_OUT, SSL_IN, ACCEPT, LOG_WRITE = range(1, 9)
HOOK = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
HOOK.connect(sys.argv[1])
PID = os.getpid()
TID = threading.get_native_id()
CLIENT = socket.inet_aton("192.0.2.7") + struct.pack("!H", 50000)
DATABASE = socket.inet_aton("192.0.2.9") + struct.pack("!H", 5432)
PEER = socket.inet_aton("192.0.2.8") + struct.pack("!H", 443)


def send(kind, fd, payload=b""):
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    header = struct.pack("<BBHIIiIIQ", kind, 0, 0, PID, TID, fd, len(payload), 0, now)
    HOOK.send(header + payload)


def message(kind, payload):
    return kind + struct.pack("!I", len(payload) + 4) + payload


def start_session(fd):
    start = struct.pack("!I", 196608) + b"user\0olly\0database\0shop\0\0"
    send(CONNECT, fd, DATABASE)
    send(DATA_OUT, fd, struct.pack("!I", len(start) + 4) + start)
    send(DATA_IN, fd, message(b"R", struct.pack("!I", 0)) + message(b"Z", b"I"))


def query(fd, text):
    send(DATA_OUT, fd, message(b"Q", text + b"\0"))
    row = message(b"D", struct.pack("!HI", 1, 1) + b"1")
    tag = message(b"C", b"SELECT 1\0")
    send(DATA_IN, fd, message(b"T", b"\0\0") + row + tag + message(b"Z", b"I"))


def tls_request(fd, index):
    send(CONNECT, fd, PEER)
    send(SSL_OUT, fd, b"GET /tls/%d HTTP/1.1\r\nHost: peer.test\r\n\r\n" % index)
    send(SSL_IN, fd, b"HTTP/1.1 204 No Content\r\n\r\n")
    send(CLOSE, fd)


start_session(500)
for index in range(int(sys.argv[2])):
    fd = 10 + index % 100
    send(ACCEPT, fd, CLIENT)
    send(DATA_IN, fd, b"GET /item/%d HTTP/1.1\r\nHost: shop.test\r\n\r\n" % index)
    send(LOG_WRITE, 1, b"line of %d\n" % index)
    query(500, b"select 'secret' as item_%d" % index)
    if index % 10 == 0:
        tls_request(600, index)
    send(DATA_OUT, fd, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    send(CLOSE, fd)
time.sleep(0.2)
