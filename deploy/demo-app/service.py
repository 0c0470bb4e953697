"""What both demo services share: a threaded HTTP/1.1 server and their database, if there is one.

Nothing here knows of tracing. Each thread of the server keeps its own database connection.
"""

import json
import logging
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import tinypg

_thread = threading.local()


def configure_logging(name):
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=f"%(asctime)s %(levelname)s {name}: %(message)s",
    )


def database():
    """This thread's connection, or None when the demo goes without a database."""
    host = os.environ.get("DEMO_PG_HOST")
    if not host:
        return None
    if not hasattr(_thread, "connection"):
        port = int(os.environ["DEMO_PG_PORT"])
        _thread.connection = tinypg.Connection(host, port, os.environ["DEMO_PG_USER"], "postgres")
    return _thread.connection


class Handler(BaseHTTPRequestHandler):
    """Keep-alive handler: a subclass maps a path to (status, value) in answer()."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self._respond(None)

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        self._respond(json.loads(self.rfile.read(length) or b"null"))

    def answer(self, path, body):
        raise NotImplementedError

    def log_message(self, format, *args):
        """The handlers write their own log lines."""

    def _respond(self, body):
        try:
            status, value = self.answer(self.path, body)
        except Exception:
            logging.exception("%s %s failed", self.command, self.path)
            status, value = 500, {"error": "internal error"}
        payload = json.dumps(value).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def serve(handler, port):
    """Serves on a loopback port until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    server.serve_forever()
