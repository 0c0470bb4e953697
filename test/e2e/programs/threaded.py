"""The judge's threaded service: one thread for each connection, three statements and two log
lines for each request, all of which carry the id in the path.

usage: threaded.py PORT DRIVER PG_PORT, where DRIVER is psycopg2, tinypg or none
GET /jobs/<id> does the work; GET /ready answers at once, without statements or log lines.
The id stands where olly may not look for it: in a column alias and in the text of the lines.
"""

import logging
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, DRIVER, PG_PORT = sys.argv[1:4]
_thread = threading.local()


def connect_psycopg2():
    import psycopg2

    connection = psycopg2.connect(
        host="127.0.0.1", port=int(PG_PORT), user="olly", dbname="postgres"
    )
    connection.autocommit = True
    cursor = connection.cursor()

    def ask(sql):
        cursor.execute(sql)
        return cursor.fetchall()

    return ask


def connect_tinypg():
    sys.path.insert(0, os.environ["TINYPG_DIRECTORY"])
    import tinypg

    connection = tinypg.Connection("127.0.0.1", int(PG_PORT), "olly", "postgres")
    return lambda sql: connection.execute(sql).rows


CONNECT = {"psycopg2": connect_psycopg2, "tinypg": connect_tinypg, "none": lambda: None}


def work(number):
    if not hasattr(_thread, "ask"):
        _thread.ask = CONNECT[DRIVER]()
    if _thread.ask is not None:
        for query in range(3):
            rows = _thread.ask(f"SELECT {query} AS id_{number}_{query}")
            assert int(rows[0][0]) == query
    print(f"printed for id {number}", flush=True)
    logging.info("logged for id %s", number)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.path.startswith("/jobs/"):
            work(self.path[len("/jobs/") :])
        body = b"done\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    Server(("127.0.0.1", int(PORT)), Handler).serve_forever()
