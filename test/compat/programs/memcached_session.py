"""Talks to memcached on a port in its text and in its binary protocol; prints the answers."""
import socket
import struct
import sys
import threading

PORT = int(sys.argv[1])
LARGE = b"x" * 900_000


def connected():
    return socket.create_connection(("127.0.0.1", PORT))


def text_session():
    with connected() as plain:
        answers = plain.makefile("rb")
        for command, lines in (
            (b"set one 0 0 5\r\nfirst\r\n", 1),
            (b"get one\r\n", 3),
            (b"append one 0 0 4\r\n-end\r\n", 1),
            (b"gets one missing\r\n", 3),
            (b"add one 0 0 1\r\nx\r\n", 1),
            (b"set count 0 0 2\r\n41\r\n", 1),
            (b"incr count 1\r\n", 1),
            (b"delete one\r\n", 1),
            (b"nonsense\r\n", 1),
            (b"set large 0 0 %d\r\n%s\r\n" % (len(LARGE), LARGE), 1),
            (b"".join(b"set p%d 0 0 2\r\n%02d\r\n" % (n, n) for n in range(50)), 50),
            (b"get " + b" ".join(b"p%d" % n for n in range(50)) + b"\r\n", 101),
        ):
            plain.sendall(command)
            for _ in range(lines):
                print(answers.readline())
        plain.sendall(b"get large\r\n")
        answers.readline()
        print(answers.read(len(LARGE)) == LARGE)


def binary(opcode, key=b"", extras=b"", value=b"", opaque=0):
    body = len(key) + len(extras) + len(value)
    head = struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0, body, opaque, 0)
    return head + extras + key + value


def binary_session():
    with connected() as plain:
        answers = plain.makefile("rb")
        requests = [
            binary(0x01, b"binary", struct.pack(">II", 7, 0), b"value", 1),
            binary(0x00, b"binary", opaque=2),
            binary(0x00, b"missing", opaque=3),
            binary(0x05, b"counter", struct.pack(">QQI", 1, 10, 0), opaque=4),
            binary(0x05, b"counter", struct.pack(">QQI", 1, 10, 0), opaque=5),
            binary(0x0A, opaque=6),
            binary(0x07, opaque=7),
        ]
        plain.sendall(b"".join(requests))
        for _ in requests:
            _, opcode, _, extras, _, status, body, opaque, _ = struct.unpack(
                ">BBHBBHIIQ", answers.read(24)
            )
            print(opcode, status, extras, opaque, answers.read(body))


def crowd():
    def work(number):
        with connected() as plain:
            answers = plain.makefile("rb")
            for turn in range(50):
                plain.sendall(b"set c%d 0 0 2\r\n%02d\r\nget c%d\r\n" % (number, turn, number))
                results[number] += b"".join(answers.readline() for _ in range(4))

    results = [b""] * 8
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print([hash(result) for result in results])


text_session()
binary_session()
crowd()
