"""An HTTP client that is told its bytes. argv: host (or a socket's path), port, and a JSON list of
connections, each a list of steps:
  {"send": text, "piece": bytes at a time, "times": n, "pause": seconds between pieces}
  {"until": text, "count": how often it has to come}   {"eof": true}
  {"shutdown": true}   {"reset": true}
Prints a line for each connection: the status lines that it received, in order.
Invariant: it sends what it is told, right or wrong, and reads no meaning into what comes back."""

import json
import re
import socket
import struct
import sys
import time


def connect(host, port):
    if host.startswith("/"):
        client = socket.socket(socket.AF_UNIX)
        client.connect(host)
        return client
    return socket.create_connection((host, port), 10)


def send(client, step):
    data = step["send"].encode("latin-1") * step.get("times", 1)
    piece = step.get("piece", len(data))
    if not data:
        time.sleep(step["pause"])
    for start in range(0, len(data), piece or 1):
        client.sendall(data[start : start + piece])
        if "pause" in step:
            time.sleep(step["pause"])


def read_until(client, received, text, count):
    """Looks at every byte once: what has come may be long."""
    seen = 0
    while count > 0:
        at = received.find(text, seen)
        if at >= 0:
            count -= 1
            seen = at + len(text)
            continue
        seen = max(seen, len(received) - len(text) + 1)
        data = client.recv(65536)
        if not data:
            break
        received += data


def converse(host, port, steps):
    client = connect(host, port)
    received = bytearray()
    for step in steps:
        if "send" in step:
            send(client, step)
        elif "until" in step:
            read_until(client, received, step["until"].encode("latin-1"), step.get("count", 1))
        elif "eof" in step:
            while data := client.recv(65536):
                received += data
        elif "shutdown" in step:
            client.shutdown(socket.SHUT_WR)
        elif "reset" in step:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    return re.findall(rb"HTTP/1\.[01] (\d+)", received)


for connection in json.loads(sys.argv[3]):
    try:
        statuses = converse(sys.argv[1], int(sys.argv[2]), connection)
        print(" ".join(status.decode() for status in statuses))
    except OSError as error:
        print(type(error).__name__)
