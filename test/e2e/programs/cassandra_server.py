"""A server that speaks CQL, versions 3 to 5, well enough for cassandra-driver. The table
made_COUNT_ANYTHING holds COUNT rows; every other statement is answered by its first word.

usage: cassandra_server.py PORT
"""

import hashlib
import re
import socketserver
import struct
import sys
import uuid
import zlib

import lz4.block
import snappy

PORT = int(sys.argv[1])
ERROR, STARTUP, READY, OPTIONS, SUPPORTED, QUERY = 0, 1, 2, 5, 6, 7
RESULT, PREPARE, EXECUTE, REGISTER, BATCH = 8, 9, 10, 11, 13
VARCHAR, UUID, INET = 0x0D, 0x0C, 0x10
INVALID, SYNTAX = 0x2200, 0x2000
HOST = uuid.UUID(int=7)

prepared = {}


def string(text):
    return struct.pack(">H", len(text)) + text.encode()


def value(data):
    return struct.pack(">i", len(data)) + data


def rows(keyspace, table, columns, lines):
    """A Rows result: columns are pairs of name and type, lines lists of bytes."""
    head = struct.pack(">iii", 2, 1, len(columns)) + string(keyspace) + string(table)
    for name, kind in columns:
        head += string(name) + struct.pack(">H", kind)
    body = b"".join(value(cell) for line in lines for cell in line)
    return RESULT, head + struct.pack(">i", len(lines)) + body


LOCAL = [
    ("key", VARCHAR, b"local"),
    ("cluster_name", VARCHAR, b"test"),
    ("data_center", VARCHAR, b"dc1"),
    ("rack", VARCHAR, b"r1"),
    ("partitioner", VARCHAR, b"org.apache.cassandra.dht.Murmur3Partitioner"),
    ("release_version", VARCHAR, b"4.0.0"),
    ("host_id", UUID, HOST.bytes),
    ("schema_version", UUID, HOST.bytes),
    ("rpc_address", INET, bytes([127, 0, 0, 1])),
]


def answer(text):
    """Opcode and body of what a statement is answered by."""
    words = text.split()
    if "system.local" in text:
        columns = [(name, kind) for name, kind, _ in LOCAL]
        return rows("system", "local", columns, [[cell for _, _, cell in LOCAL]])
    if "system.peers" in text:
        return rows("system", "peers", [("peer", INET)], [])
    made = re.search(r"FROM (made_(\d+)_\w+)", text)
    if made:
        lines = [[b"an item"]] * int(made.group(2))
        return rows("shop", made.group(1), [("item", VARCHAR)], lines)
    if "nosuch" in text:
        return ERROR, struct.pack(">i", INVALID) + string("no such thing: " + text)
    if words[0] == "USE":
        return RESULT, struct.pack(">i", 3) + string(words[1].strip('"'))
    if words[0] in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        return RESULT, struct.pack(">i", 1)
    return ERROR, struct.pack(">i", SYNTAX) + string("not understood: " + text)


def crc24(data):
    crc = 0x875060
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1974F0B
    return crc & 0xFFFFFF


def crc32(data):
    return zlib.crc32(data, zlib.crc32(b"\xfa\x2d\x55\xca"))


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(6, 1, 1)
        self.segmented = False
        self.compression = None
        self.plain = b""
        try:
            while True:
                version, flags, stream, opcode, size = struct.unpack(">BBhBI", self.some(9))
                self.message((version, flags, stream, opcode), self.some(size))
        except (ConnectionError, EOFError):
            pass

    def exactly(self, size):
        data = b""
        while len(data) < size:
            chunk = self.request.recv(size - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data

    def some(self, size):
        """Bytes of envelopes, out of segments when they come in such."""
        if not self.segmented:
            return self.exactly(size)
        while len(self.plain) < size:
            self.plain += self.segment()
        data, self.plain = self.plain[:size], self.plain[size:]
        return data

    def segment(self):
        compressed = self.compression == "lz4"
        head = self.exactly(8 if compressed else 6)
        number = int.from_bytes(head[:-3], "little")
        assert crc24(head[:-3]) == int.from_bytes(head[-3:], "little")
        length = number & 0x1FFFF
        payload = self.exactly(length)
        assert crc32(payload) == int.from_bytes(self.exactly(4), "little")
        size = (number >> 17) & 0x1FFFF
        if compressed and size:
            return lz4.block.decompress(payload, uncompressed_size=size)
        return payload

    def send(self, version, stream, opcode, body, warn):
        flags = 0
        if warn:
            flags |= 8
            body = struct.pack(">H", 1) + string("be warned") + body
        if self.compression and version < 5 and opcode not in (READY, SUPPORTED):
            flags |= 1
            if self.compression == "lz4":
                packed = lz4.block.compress(body, store_size=False)
                body = struct.pack(">I", len(body)) + packed
            else:
                body = snappy.compress(body)
        data = struct.pack(">BBhBI", 0x80 | version, flags, stream, opcode, len(body)) + body
        self.request.sendall(self.packed(data) if self.segmented else data)
        if version >= 5 and opcode == READY:
            self.segmented = True

    def packed(self, data):
        size = 0
        payload = data
        if self.compression == "lz4":
            payload, size = lz4.block.compress(data, store_size=False), len(data)
            head = (len(payload) | size << 17 | 1 << 34).to_bytes(5, "little")
        else:
            head = (len(payload) | 1 << 17).to_bytes(3, "little")
        sums = crc24(head).to_bytes(3, "little"), crc32(payload).to_bytes(4, "little")
        return head + sums[0] + payload + sums[1]

    def message(self, header, body):
        version, flags, stream, opcode = header
        if version > 5:
            self.send(4, stream, ERROR, struct.pack(">i", 10) + string("no such version"), False)
            raise EOFError
        if flags & 1 and version < 5:
            if self.compression == "lz4":
                (size,) = struct.unpack(">I", body[:4])
                body = lz4.block.decompress(body[4:], uncompressed_size=size)
            else:
                body = snappy.decompress(body)
        if opcode == OPTIONS:
            names = struct.pack(">H", 2) + string("lz4") + string("snappy")
            versions = struct.pack(">H", 1) + string("3.4.5")
            answered = struct.pack(">H", 2) + string("COMPRESSION") + names
            self.send(version, stream, SUPPORTED, answered + string("CQL_VERSION") + versions, False)
        elif opcode == STARTUP:
            for name in ("lz4", "snappy"):
                if string("COMPRESSION") + string(name) in body:
                    self.compression = name
            self.send(version, stream, READY, b"", False)
        elif opcode == REGISTER:
            self.send(version, stream, READY, b"", False)
        else:
            opcode, answered, warn = self.statement(version, opcode, body)
            self.send(version, stream, opcode, answered, warn)

    def statement(self, version, opcode, body):
        if opcode == BATCH:
            return RESULT, struct.pack(">i", 1), False
        if opcode == EXECUTE:
            (size,) = struct.unpack(">H", body[:2])
            return (*answer(prepared[body[2 : 2 + size]]), False)
        (size,) = struct.unpack(">i", body[:4])
        text = body[4 : 4 + size].decode()
        if opcode == QUERY:
            return (*answer(text), "warned" in text)
        return RESULT, self.prepare(version, text), False

    @staticmethod
    def prepare(version, text):
        number = hashlib.md5(text.encode()).digest()
        prepared[number] = text
        data = struct.pack(">iH", 4, 16) + number
        if version >= 5:
            data += struct.pack(">H", 16) + number
        count = text.count("?")
        data += struct.pack(">ii", 1, count)
        if version >= 4:
            data += struct.pack(">i", 0)
        data += string("shop") + string("orders")
        for index in range(count):
            data += string("v%d" % index) + struct.pack(">H", VARCHAR)
        return data + struct.pack(">ii", 4, 0)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    with Server(("127.0.0.1", PORT), Connection) as server:
        server.serve_forever()
