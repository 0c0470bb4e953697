"""Sends the demo's requests to the shop and says what came back, one line each.

usage: visit.py SHOP_PORT INVENTORY_PORT, once both services are starting.
Exit code 1 when one does not come up or an answer has another status than expected.
"""

import http.client
import json
import socket
import sys
import time

READY_SECONDS_MAX = 10
RETRY_SECONDS = 0.05

VISITS = [
    ("GET", "/orders/1", None, 200),
    ("GET", "/orders/2", None, 200),
    ("POST", "/orders", {"item": 1, "pieces": 3}, 201),
    ("POST", "/orders", {"item": 2, "pieces": 1}, 409),
    ("GET", "/stock/3", None, 200),
    ("GET", "/orders/99", None, 404),
    ("GET", "/error", None, 500),
]


def wait_for(port):
    deadline = time.monotonic() + READY_SECONDS_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)


def main():
    for port in sys.argv[1:]:
        wait_for(int(port))
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
    wrong = 0
    for method, path, body, expected in VISITS:
        connection.request(method, path, json.dumps(body) if body else None)
        response = connection.getresponse()
        text = response.read().decode().strip()
        print(f"demo: {method} {path} -> {response.status} {text}", flush=True)
        wrong += response.status != expected
    connection.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
