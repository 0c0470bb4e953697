"""A server and a client that talk in no known protocol; prints as JSON what each has moved.

usage: bytes_both_ways.py CONNECTIONS
"""

import json
import os
import socket
import sys
import threading

connections = int(sys.argv[1])
moved = {"client": [], "server": []}


def blob(number, size):
    # No byte of it begins a message of a known protocol, in either direction.
    return bytes([0xFE, 0x80 | number % 0x40]) + os.urandom(size).replace(b"\n", b"\0")


def receive(connection, size):
    received = 0
    while received < size:
        received += len(connection.recv(size - received))
    return received


def serve(listener):
    for number in range(connections):
        connection, _ = listener.accept()
        with connection:
            received = receive(connection, 1_002 + number)
            answer = blob(number, 200_000 + number)
            connection.sendall(answer)
            connection.recv(1)
            moved["server"].append([len(answer), received])


listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
thread = threading.Thread(target=serve, args=(listener,))
thread.start()
for number in range(connections):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        question = blob(number, 1_000 + number)
        connection.sendall(question)
        received = receive(connection, 200_002 + number)
        moved["client"].append([len(question), received])
thread.join()
print(json.dumps({"port": port, "moved": moved}))
