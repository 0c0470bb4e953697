"""A server that speaks MongoDB's wire protocol well enough for pymongo: collections of documents in
memory, cursors, streamed answers, compression, and, with "old", the opcodes before OP_MSG. The
collection made_COUNT_ANYTHING holds COUNT documents.

usage: mongo_server.py PORT [old] [tls CERTIFICATE KEY]
"""

import itertools
import socketserver
import ssl
import struct
import sys
import threading
import time
import zlib

import bson
import snappy
import zstandard

REPLY, UPDATE, INSERT, QUERY, GET_MORE, DELETE = 1, 2001, 2002, 2004, 2005, 2006
KILL_CURSORS, COMPRESSED, MESSAGE = 2007, 2012, 2013
MORE_TO_COME, EXHAUST_ALLOWED, QUERY_EXHAUST = 2, 1 << 16, 64
PROCESS = bson.ObjectId()
OLD = "old" in sys.argv

COMPRESSORS = {
    1: (snappy.compress, snappy.decompress),
    2: (zlib.compress, zlib.decompress),
    3: (
        lambda data: zstandard.ZstdCompressor().compress(data),
        lambda data: zstandard.ZstdDecompressor().decompress(data),
    ),
}
NUMBERS = {"snappy": 1, "zlib": 2, "zstd": 3}

lock = threading.Lock()
collections = {}
cursors = {}
ids = itertools.count(1)


class Failure(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.answer = {"ok": 0.0, "errmsg": text, "code": code, "codeName": "Failure"}


def matching(namespace, wanted):
    wanted = wanted.get("$query", wanted)
    if any(key.startswith("$") for key in wanted):
        raise Failure(2, "unknown operator in %r" % wanted)
    collection = namespace.split(".", 1)[1]
    if collection.startswith("made_"):
        return [{"_id": number} for number in range(int(collection.split("_")[1]))]
    with lock:
        documents = list(collections.get(namespace, {}).values())
    return [
        document
        for document in documents
        if all(document.get(key) == value for key, value in wanted.items())
    ]


def insert(namespace, documents):
    errors = []
    with lock:
        held = collections.setdefault(namespace, {})
        for index, document in enumerate(documents):
            if document["_id"] in held:
                text = "duplicate key: %r" % document["_id"]
                errors.append({"index": index, "code": 11000, "errmsg": text})
                break
            held[document["_id"]] = document
    answer = {"n": len(documents) - len(errors), "ok": 1.0}
    if errors:
        answer["writeErrors"] = errors
    return answer


def update(namespace, statements):
    count = 0
    for statement in statements:
        for document in matching(namespace, statement["q"]):
            document.update(statement["u"].get("$set", {}))
            count += 1
    return {"n": count, "nModified": count, "ok": 1.0}


def delete(namespace, statements):
    count = 0
    for statement in statements:
        for document in matching(namespace, statement["q"]):
            with lock:
                count += collections[namespace].pop(document["_id"], None) is not None
    return {"n": count, "ok": 1.0}


def first_batch(namespace, documents, size):
    """The first documents, and a cursor for the others or 0."""
    size = abs(size) or 101
    cursor = 0
    if len(documents) > size:
        cursor = next(ids) + (1 << 40)
        with lock:
            cursors[cursor] = (namespace, documents[size:])
    return documents[:size], cursor


def next_batch(cursor, size):
    with lock:
        if cursor not in cursors:
            raise Failure(43, "cursor not found")
        namespace, documents = cursors.pop(cursor)
        size = abs(size) or 101
        if len(documents) > size:
            cursors[cursor] = (namespace, documents[size:])
        else:
            cursor = 0
    return documents[:size], cursor, namespace


def hello(command):
    answer = {
        "helloOk": True,
        "ismaster": True,
        "isWritablePrimary": True,
        "maxBsonObjectSize": 16777216,
        "maxMessageSizeBytes": 48000000,
        "maxWriteBatchSize": 100000,
        "minWireVersion": 0,
        "maxWireVersion": 3 if OLD else 9,
        "readOnly": False,
        "ok": 1.0,
    }
    if not OLD:
        answer["topologyVersion"] = {"processId": PROCESS, "counter": bson.Int64(0)}
        answer["compression"] = command.get("compression", [])
    return answer


def run(database, command):
    """The answer to a command."""
    name, value = next(iter(command.items()))
    namespace = "%s.%s" % (database, value)
    if name in ("hello", "isMaster", "ismaster"):
        return hello(command)
    if name == "insert":
        return insert(namespace, command["documents"])
    if name == "update":
        return update(namespace, command["updates"])
    if name == "delete":
        return delete(namespace, command["deletes"])
    if name in ("find", "aggregate"):
        if name == "find":
            wanted = command.get("filter", {})
        else:
            wanted = command["pipeline"][0]["$match"]
        size = command.get("batchSize", command.get("cursor", {}).get("batchSize", 0))
        found = matching(namespace, wanted)
        if command.get("limit"):
            found = found[: command["limit"]]
        batch, cursor = first_batch(namespace, found, size)
        place = {"firstBatch": batch, "id": bson.Int64(cursor), "ns": namespace}
        return {"cursor": place, "ok": 1.0}
    if name == "getMore":
        batch, cursor, namespace = next_batch(value, command.get("batchSize", 0))
        place = {"nextBatch": batch, "id": bson.Int64(cursor), "ns": namespace}
        return {"cursor": place, "ok": 1.0}
    if name == "killCursors":
        with lock:
            gone = [cursor for cursor in command["cursors"] if cursors.pop(cursor, None)]
        return {"cursorsKilled": gone, "ok": 1.0}
    if name == "drop":
        with lock:
            collections.pop(namespace, None)
        return {"ok": 1.0}
    if name == "saslStart":
        raise Failure(18, "Authentication failed.")
    if name == "sleep":
        time.sleep(value)
        return {"ok": 1.0}
    if name in ("ping", "endSessions", "createUser"):
        return {"ok": 1.0}
    if name == "concern":
        return {"n": 1, "ok": 1.0, "writeConcernError": {"code": 64, "errmsg": "timed out"}}
    raise Failure(59, "no such command: %r" % name)


def answer_to(database, command):
    try:
        return run(database, command)
    except Failure as failure:
        return failure.answer


class Connection(socketserver.BaseRequestHandler):
    def setup(self):
        if TLS is not None:
            self.request = TLS.wrap_socket(self.request, server_side=True)

    def handle(self):
        self.compressor = None
        self.request.setsockopt(6, 1, 1)
        try:
            while True:
                header = self.exactly(16)
                size, request, _, opcode = struct.unpack("<iiii", header)
                self.message(request, opcode, self.exactly(size - 16))
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

    def send(self, answered, opcode, body):
        number = next(ids)
        if self.compressor is not None:
            compress, _ = COMPRESSORS[self.compressor]
            body = struct.pack("<iiB", opcode, len(body), self.compressor) + compress(body)
            opcode = COMPRESSED
        header = struct.pack("<iiii", 16 + len(body), number, answered, opcode)
        self.request.sendall(header + body)
        return number

    def message(self, request, opcode, body):
        self.compressor = None
        if opcode == COMPRESSED:
            opcode, _, self.compressor = struct.unpack("<iiB", body[:9])
            body = COMPRESSORS[self.compressor][1](body[9:])
        if opcode == MESSAGE:
            self.op_msg(request, body)
        elif opcode == QUERY:
            self.op_query(request, body)
        elif opcode == GET_MORE:
            self.op_get_more(request, body)
        else:
            self.op_write(opcode, body)

    def op_msg(self, request, body):
        (flags,) = struct.unpack("<I", body[:4])
        command = {}
        at = 4
        while at < len(body):
            kind = body[at]
            (size,) = struct.unpack("<i", body[at + 1 : at + 5])
            section = body[at + 1 : at + 1 + size]
            if kind == 0:
                command.update(bson.decode(section))
            else:
                end = section.index(0, 4)
                command[section[4:end].decode()] = bson.decode_all(section[end + 1 :])
            at += 1 + size
        answer = answer_to(command["$db"], command)
        if flags & MORE_TO_COME:
            return
        more = flags & EXHAUST_ALLOWED and self.goes_on(command, answer)
        request = self.send_answer(request, answer, more)
        while more:
            answer = self.following(command, answer)
            more = self.goes_on(command, answer)
            request = self.send_answer(request, answer, more)

    def send_answer(self, request, answer, more):
        flags = MORE_TO_COME if more else 0
        return self.send(request, MESSAGE, struct.pack("<IB", flags, 0) + bson.encode(answer))

    @staticmethod
    def goes_on(command, answer):
        if "getMore" in command:
            return answer["ok"] and answer["cursor"]["id"] != 0
        return "topologyVersion" in command

    @staticmethod
    def following(command, answer):
        if "getMore" in command:
            return answer_to(command["$db"], {**command, "getMore": answer["cursor"]["id"]})
        time.sleep(min(command["maxAwaitTimeMS"], 200) / 1000)
        return hello(command)

    def op_query(self, request, body):
        flags = struct.unpack("<i", body[:4])[0]
        end = body.index(0, 4)
        namespace = body[4:end].decode()
        _, size = struct.unpack("<ii", body[end + 1 : end + 9])
        (length,) = struct.unpack("<i", body[end + 9 : end + 13])
        query = bson.decode(body[end + 9 : end + 9 + length])
        database, collection = namespace.split(".", 1)
        if collection == "$cmd":
            answer = answer_to(database, query.get("$query", query))
            self.reply(request, [answer], 0)
            return
        try:
            batch, cursor = first_batch(namespace, matching(namespace, query), size)
        except Failure as failure:
            self.reply(request, [{"$err": failure.answer["errmsg"], "code": 2}], 0, 2)
            return
        request = self.reply(request, batch, cursor)
        while flags & QUERY_EXHAUST and cursor:
            batch, cursor, _ = next_batch(cursor, size)
            request = self.reply(request, batch, cursor)

    def op_get_more(self, request, body):
        end = body.index(0, 4)
        size, cursor = struct.unpack("<iq", body[end + 1 : end + 13])
        try:
            batch, cursor, _ = next_batch(cursor, size)
            self.reply(request, batch, cursor)
        except Failure:
            self.reply(request, [], 0, 1)

    def reply(self, request, documents, cursor, flags=8):
        head = struct.pack("<iqii", flags, cursor, 0, len(documents))
        return self.send(request, REPLY, head + b"".join(map(bson.encode, documents)))

    @staticmethod
    def op_write(opcode, body):
        if opcode == KILL_CURSORS:
            for (cursor,) in struct.iter_unpack("<q", body[8:]):
                with lock:
                    cursors.pop(cursor, None)
            return
        end = body.index(0, 4)
        namespace = body[4:end].decode()
        if opcode == INSERT:
            insert(namespace, bson.decode_all(body[end + 1 :]))
            return
        documents = bson.decode_all(body[end + 5 :])
        if opcode == UPDATE:
            update(namespace, [{"q": documents[0], "u": documents[1]}])
        else:
            delete(namespace, [{"q": documents[0]}])


def tls_context():
    if "tls" not in sys.argv:
        return None
    at = sys.argv.index("tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[at + 1], sys.argv[at + 2])
    return context


TLS = tls_context()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[1])), Connection) as server:
        server.serve_forever()
