"""An HTTP server whose answers are told by the path, byte for byte. argv: port, and a file to which
it writes a line "METHOD target status" for each request that it answered. Invariant: its list is
kept by itself, so that it can judge what others say about it."""

import os
import re
import socket
import struct
import sys
import threading
import time

LOG = open(sys.argv[2], "a", buffering=1)
CHUNK = b"x" * 5000


def read_head(client, data):
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return None, b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def read_exactly(client, data, length):
    while len(data) < length:
        more = client.recv(65536)
        if not more:
            return data, b""
        data += more
    return data[:length], data[length:]


def read_line(client, data):
    while b"\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return b"", b""
        data += more
    line, _, rest = data.partition(b"\r\n")
    return line, rest


def read_body(client, head, data):
    length = re.search(r"(?im)^content-length:\s*(\d+)", head)
    if re.search(r"(?im)^transfer-encoding:\s*chunked", head):
        total = 0
        while True:
            line, data = read_line(client, data)
            size = int(line.split(b";")[0], 16)
            total += size
            if size == 0:
                break
            _, data = read_exactly(client, data, size + 2)
        while True:
            line, data = read_line(client, data)
            if line == b"":
                return total, data
    if length:
        body, data = read_exactly(client, data, int(length[1]))
        return len(body), data
    return 0, data


def respond(client, method, target, total):
    """Sends the answer; gives its status, and whether the connection stays."""
    path = target.split("?")[0]
    number = int((re.search(r"/(\d+)$", path) or [0, "0"])[1])
    if path.startswith("/chunked"):
        client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        for _ in range(number):
            client.sendall(b"1388;name=value;q=\"a;b\"\r\n" + CHUNK + b"\r\n")
        client.sendall(b"0;last=1\r\nX-Sum: 1\r\nX-More: HTTP/1.1 500 no\r\n\r\n")
    elif path.startswith("/length"):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % number)
        if method != "HEAD":
            client.sendall(b"HTTP/1.1 500 no\r\n\r\n"[:number].ljust(number, b"y"))
    elif path.startswith("/until-close"):
        client.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + b"z" * number)
        return 200, False
    elif path.startswith("/status"):
        client.sendall(b"HTTP/1.1 %d Told\r\nContent-Length: 0\r\n\r\n" % number)
        return number, True
    elif path.startswith("/bare"):
        client.sendall(b"HTTP/1.1 %d Told\r\n\r\n" % number)
        return number, True
    elif path.startswith("/interim"):
        client.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * number)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    elif path.startswith("/head-of"):
        client.sendall(b"HTTP/1.1 200 OK\r\nX-Long: " + b"h" * number)
        client.sendall(b"\r\nContent-Length: 2\r\n\r\nok")
    elif path.startswith("/bytewise"):
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello":
            client.sendall(bytes([byte]))
            time.sleep(0.002)
    elif path.startswith("/cut"):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        return 200, False
    elif path.startswith("/nothing"):
        return 0, False
    elif path.startswith("/reset"):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return 0, False
    elif path.startswith("/die"):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        LOG.write(f"{method} {target} 200\n")
        os.kill(os.getpid(), 9)
    elif path.startswith("/websocket"):
        client.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\n\r\n\x81\x05hello"
        )
        LOG.write(f"{method} {target} 101\n")
        while (frame := client.recv(65536)) and frame[0] != 0x88:
            client.sendall(b"\x81\x02ok")
        client.sendall(b"\x88\x02\x03\xe8")
        return -1, False
    else:
        text = str(total).encode()
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
    return 200, True


def tunnel(client, target):
    host, _, port = target.rpartition(":")
    other = socket.create_connection((host, int(port)))
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def copy(source, sink):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=copy, args=(other, client))
    back.start()
    copy(client, other)
    back.join()


def serve(client):
    data = b""
    stays = True
    while stays:
        head, data = read_head(client, data)
        if head is None:
            break
        method, target = head.split("\r\n")[0].split(" ")[:2]
        if re.search(r"(?im)^expect:\s*100-continue", head):
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        total, data = read_body(client, head, data)
        if method == "CONNECT":
            LOG.write(f"{method} {target} 200\n")
            tunnel(client, target)
            break
        target = re.sub(r"^http://[^/]*", "", target)
        status, stays = respond(client, method, target, total)
        if status >= 0:
            LOG.write(f"{method} {target} {status}\n")
    client.close()


def guarded(client):
    try:
        serve(client)
    except OSError:
        client.close()


server = socket.create_server(
    ("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512
)
while True:
    connection, _ = server.accept()
    threading.Thread(target=guarded, args=(connection,), daemon=True).start()
