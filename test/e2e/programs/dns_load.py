"""Asks for names whose addresses are known from the names: dns_load.py PORT THREADS COUNT WINDOW TCP.

Each thread has a socket of its own with up to WINDOW questions in flight. COUNT 0 asks until the
standard input ends, and prints "busy" after some. Prints how many answers were right.
"""

import socket
import struct
import sys
import threading

port, threads, count, window, tcp = (int(argument) for argument in sys.argv[1:6])
ended = threading.Event()
right = [0] * threads


def question(number, thread):
    identity = number & 0xFFFF
    number %= 1280
    first = b"ip-10-%d-%d-%d" % (thread, number >> 8 & 255, number & 255)
    name = b"%c%s\x05synth\x04test\x00" % (len(first), first)
    return struct.pack("!HHHHHH", identity, 0x0100, 1, 0, 0, 0) + name + b"\x00\x01\x00\x01"


def receive(link):
    if not tcp:
        return link.recv(4096)
    (length,) = struct.unpack("!H", link.recv(2, socket.MSG_WAITALL))
    return link.recv(length, socket.MSG_WAITALL)


def ask(thread):
    link = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    link.settimeout(20)
    link.connect(("127.0.0.1", port))
    sent = got = 0
    while got < sent or (sent < count if count else not ended.is_set()):
        while sent - got < window and (sent < count if count else not ended.is_set()):
            message = question(sent, thread)
            link.sendall(struct.pack("!H", len(message)) + message if tcp else message)
            sent += 1
        answer = receive(link)
        (number,) = struct.unpack("!H", answer[:2])
        right[thread] += answer[-4:] == bytes((10, thread, number % 1280 >> 8, number & 255))
        got += 1
        if not count and got == 50:
            print("busy", flush=True)
    link.close()


workers = [threading.Thread(target=ask, args=(index,)) for index in range(threads)]
for worker in workers:
    worker.start()
if not count:
    sys.stdin.read()
    ended.set()
for worker in workers:
    worker.join()
print(sum(right))
