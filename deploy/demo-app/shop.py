"""The demo's first service: a shop that knows orders and asks the inventory service for stock.

usage: shop.py PORT INVENTORY_PORT
GET /orders/<id>, POST /orders {"item": n, "pieces": n}, GET /stock/<item>, GET /error
"""

import http.client
import json
import logging
import sys
import threading

import service
import tinypg

ORDERS = {1: (1, 2), 2: (3, 40), 3: (2, 1)}
_orders_lock = threading.Lock()
_thread = threading.local()


def ask_inventory(item):
    """GET /stock/<item> of the inventory service, over this thread's kept-alive connection."""
    if not hasattr(_thread, "inventory"):
        port = int(sys.argv[2])
        _thread.inventory = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    _thread.inventory.request("GET", f"/stock/{item}")
    response = _thread.inventory.getresponse()
    return response.status, json.loads(response.read())


def find_order(order):
    connection = service.database()
    if connection is None:
        return ORDERS.get(order)
    result = connection.execute("SELECT item, pieces FROM orders WHERE id = $1", (order,))
    return tuple(int(value) for value in result.rows[0]) if result.rows else None


def add_order(item, pieces):
    """Stores an order and returns its number."""
    connection = service.database()
    if connection is None:
        with _orders_lock:
            order = max(ORDERS) + 1
            ORDERS[order] = (item, pieces)
        return order
    connection.query("BEGIN")
    try:
        result = connection.execute(
            "INSERT INTO orders (item, pieces) VALUES ($1, $2) RETURNING id", (item, pieces)
        )
        connection.execute(
            "UPDATE stock SET pieces = pieces - $2 WHERE item = $1", (item, pieces)
        )
    except tinypg.PgError:
        connection.query("ROLLBACK")
        raise
    connection.query("COMMIT")
    return int(result.rows[0][0])


class ShopHandler(service.Handler):
    def answer(self, path, body):
        parts = path.strip("/").split("/")
        if self.command == "POST" and parts == ["orders"]:
            return self.place_order(int(body["item"]), int(body["pieces"]))
        if parts == ["error"]:
            raise RuntimeError("this endpoint always fails")
        if len(parts) == 2 and parts[1].isdigit():
            if parts[0] == "orders":
                return self.show_order(int(parts[1]))
            if parts[0] == "stock":
                return ask_inventory(int(parts[1]))
        return 404, {"error": "no such resource"}

    def show_order(self, order):
        print(f"looking up order {order}", flush=True)
        found = find_order(order)
        if found is None:
            logging.warning("order %d is unknown", order)
            return 404, {"error": "no such order"}
        item, pieces = found
        status, stock = ask_inventory(item)
        available = stock.get("pieces", 0) if status == 200 else 0
        logging.info("order %d: %d of item %d, %d in stock", order, pieces, item, available)
        return 200, {"order": order, "item": item, "pieces": pieces, "ready": available >= pieces}

    def place_order(self, item, pieces):
        status, stock = ask_inventory(item)
        if status != 200 or stock["pieces"] < pieces:
            logging.error("item %d: %d pieces wanted, not in stock", item, pieces)
            return 409, {"error": "not in stock"}
        order = add_order(item, pieces)
        logging.info("order %d placed: %d of item %d", order, pieces, item)
        return 201, {"order": order}


if __name__ == "__main__":
    service.configure_logging("shop")
    service.serve(ShopHandler, int(sys.argv[1]))
