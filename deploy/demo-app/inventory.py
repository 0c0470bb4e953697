"""The demo's second service: how many pieces of an item are in stock.

usage: inventory.py PORT
"""

import logging
import sys

import service

STOCK = {1: 12, 2: 0, 3: 140}


def pieces_in_stock(item):
    connection = service.database()
    if connection is None:
        return STOCK.get(item)
    result = connection.execute("SELECT pieces FROM stock WHERE item = $1", (item,))
    return int(result.rows[0][0]) if result.rows else None


class InventoryHandler(service.Handler):
    def answer(self, path, body):
        parts = path.strip("/").split("/")
        if len(parts) != 2 or parts[0] != "stock" or not parts[1].isdigit():
            return 404, {"error": "no such resource"}
        pieces = pieces_in_stock(int(parts[1]))
        if pieces is None:
            logging.warning("item %s is unknown", parts[1])
            return 404, {"error": "no such item"}
        print(f"item {parts[1]}: {pieces} pieces in stock", flush=True)
        return 200, {"item": int(parts[1]), "pieces": pieces}


if __name__ == "__main__":
    service.configure_logging("inventory")
    service.serve(InventoryHandler, int(sys.argv[1]))
