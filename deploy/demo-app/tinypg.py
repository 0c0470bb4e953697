"""A PostgreSQL client in pure standard library, as small as the demo needs it.

It speaks protocol 3.0 (PostgreSQL documentation, chapter "Frontend/Backend Protocol"): start-up,
trust, cleartext, MD5 and SCRAM-SHA-256 authentication, simple queries, and the extended protocol
with named and unnamed statements. Values travel as text. One connection belongs to one thread.

Invariant: after every public call, also one that raised PgError, the connection has read
ReadyForQuery and can be used again.
"""

import base64
import hashlib
import hmac
import os
import socket
import struct

MESSAGE_BYTES_MAX = 64 * 1024 * 1024
PROTOCOL_3_0 = 196608


class PgError(Exception):
    """An ErrorResponse of the server. `sqlstate` is its five-character code."""

    def __init__(self, fields):
        super().__init__(fields.get("M", "unknown error"))
        self.sqlstate = fields.get("C", "")
        self.severity = fields.get("S", "")


class Result:
    """What one statement gave: column names, rows of strings or None, and the command tag."""

    def __init__(self):
        self.columns = []
        self.rows = []
        self.tag = ""


class Connection:
    """A connection over TCP, or over a Unix socket when `host` begins with a slash."""

    def __init__(self, host, port, user, database, password=""):
        if host.startswith("/"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.connect(f"{host}/.s.PGSQL.{port}")
        else:
            self._socket = socket.create_connection((host, port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self._start(user, database, password)

    def query(self, sql):
        """Runs the text as a simple query; gives one Result for each statement in it."""
        self._socket.sendall(_message(b"Q", _text(sql)))
        return self._read_results()

    def execute(self, sql, parameters=(), statement=""):
        """Runs one statement by the extended protocol; `$1`, `$2` stand for the parameters.

        A statement name that prepare() has made leaves out Parse; `sql` is not sent then.
        """
        parse = b"" if statement else _parse("", sql)
        self._socket.sendall(
            parse
            + _bind(statement, parameters)
            + _message(b"D", b"P\0")
            + _message(b"E", b"\0" + struct.pack("!i", 0))
            + _message(b"S", b"")
        )
        return self._read_results()[0]

    def prepare(self, statement, sql):
        """Makes a named statement for execute()."""
        self._socket.sendall(_parse(statement, sql) + _message(b"S", b""))
        self._read_results()

    def close(self):
        try:
            self._socket.sendall(_message(b"X", b""))
        finally:
            self._socket.close()

    def _start(self, user, database, password):
        settings = {"user": user, "database": database, "client_encoding": "UTF8"}
        body = b"".join(_text(key) + _text(value) for key, value in settings.items())
        body = struct.pack("!i", PROTOCOL_3_0) + body + b"\0"
        self._socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self._authenticate(user, password)
        self._read_results()

    def _authenticate(self, user, password):
        while True:
            kind, body = self._read_message()
            if kind == b"E":
                raise PgError(_error_fields(body))
            if kind != b"R":
                raise ConnectionError(f"unexpected message {kind!r} during authentication")
            method = struct.unpack_from("!i", body)[0]
            if method == 0:
                return
            if method == 3:
                self._socket.sendall(_message(b"p", _text(password)))
            elif method == 5:
                self._socket.sendall(_message(b"p", _text(_md5(user, password, body[4:8]))))
            elif method == 10:
                self._scram(password)
                return
            else:
                raise ConnectionError(f"authentication method {method} is not supported")

    def _scram(self, password):
        """SCRAM-SHA-256 of RFC 7677 without channel binding."""
        nonce = base64.b64encode(os.urandom(18)).decode()
        first_bare = f"n=,r={nonce}"
        first = f"n,,{first_bare}".encode()
        body = _text("SCRAM-SHA-256") + struct.pack("!i", len(first)) + first
        self._socket.sendall(_message(b"p", body))
        challenge = self._read_authentication(11).decode()
        given = dict(part.split("=", 1) for part in challenge.split(","))
        if not given["r"].startswith(nonce):
            raise ConnectionError("the server answered with a foreign nonce")
        salt = base64.b64decode(given["s"])
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, int(given["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        final_bare = f"c=biws,r={given['r']}"
        signed = f"{first_bare},{challenge},{final_bare}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        final = f"{final_bare},p={base64.b64encode(proof).decode()}".encode()
        self._socket.sendall(_message(b"p", final))
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        expected = base64.b64encode(hmac.digest(server_key, signed, "sha256")).decode()
        if self._read_authentication(12).decode() != f"v={expected}":
            raise ConnectionError("the server's signature is wrong")
        self._read_authentication(0)

    def _read_authentication(self, method):
        kind, body = self._read_message()
        if kind == b"E":
            raise PgError(_error_fields(body))
        if kind != b"R" or struct.unpack_from("!i", body)[0] != method:
            raise ConnectionError("unexpected authentication message")
        return bytes(body[4:])

    def _read_results(self):
        """Reads until ReadyForQuery; raises the first error after that."""
        results = []
        current = Result()
        error = None
        while True:
            kind, body = self._read_message()
            if kind == b"T":
                current.columns = _column_names(body)
            elif kind == b"D":
                current.rows.append(_row(body))
            elif kind == b"C":
                current.tag = bytes(body[:-1]).decode()
                results.append(current)
                current = Result()
            elif kind == b"I":
                results.append(current)
                current = Result()
            elif kind == b"E":
                error = error or PgError(_error_fields(body))
            elif kind == b"Z":
                if error:
                    raise error
                return results

    def _read_message(self):
        head = self._read_bytes(5)
        length = struct.unpack_from("!i", head, 1)[0] - 4
        if not 0 <= length <= MESSAGE_BYTES_MAX:
            raise ConnectionError(f"message of {length} bytes")
        return bytes(head[:1]), self._read_bytes(length)

    def _read_bytes(self, count):
        while len(self._buffer) < count:
            received = self._socket.recv(65536)
            if not received:
                raise ConnectionError("the server closed the connection")
            self._buffer += received
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


def _text(value):
    return value.encode() + b"\0"


def _message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def _parse(statement, sql):
    return _message(b"P", _text(statement) + _text(sql) + struct.pack("!h", 0))


def _bind(statement, parameters):
    body = b"\0" + _text(statement) + struct.pack("!hh", 0, len(parameters))
    for value in parameters:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            encoded = str(value).encode()
            body += struct.pack("!i", len(encoded)) + encoded
    return _message(b"B", body + struct.pack("!h", 0))


def _column_names(body):
    names = []
    offset = 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        end = body.index(b"\0", offset)
        names.append(body[offset:end].decode())
        offset = end + 1 + 18
    return names


def _row(body):
    values = []
    offset = 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        length = struct.unpack_from("!i", body, offset)[0]
        offset += 4
        if length < 0:
            values.append(None)
        else:
            values.append(body[offset : offset + length].decode())
            offset += length
    return values


def _error_fields(body):
    parts = bytes(body).split(b"\0")
    return {part[:1].decode(): part[1:].decode(errors="replace") for part in parts if part}


def _md5(user, password, salt):
    inner = hashlib.md5((password + user).encode()).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt).hexdigest()
