"""Sends the demo's requests to the shop and says what came back, one line each.

usage: visit.py SHOP_PORT. Exit code 1 when an answer has another status than expected.
"""

import http.client
import json
import sys

VISITS = [
    ("GET", "/orders/1", None, 200),
    ("GET", "/orders/2", None, 200),
    ("POST", "/orders", {"item": 1, "pieces": 3}, 201),
    ("POST", "/orders", {"item": 2, "pieces": 1}, 409),
    ("GET", "/stock/3", None, 200),
    ("GET", "/orders/99", None, 404),
    ("GET", "/error", None, 500),
]


def main():
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
