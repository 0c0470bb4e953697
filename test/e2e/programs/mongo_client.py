"""What the MongoDB tests let pymongo do.

usage: mongo_client.py PORT session [OPTION=VALUE...]
       mongo_client.py PORT shop
       mongo_client.py PORT many KIND THREADS COUNT
       mongo_client.py PORT until-told KIND THREADS

KIND: rows, of mongo_server.py, which gives as many documents as a collection's name says; codes,
of any server, which refuses in the way that the collection's name says.
"""

import itertools
import socket
import struct
import sys
import threading
import time

import bson
import pymongo
from pymongo.cursor import CursorType

PORT, MODE = int(sys.argv[1]), sys.argv[2]
SECRET = "hidden"


def connect(**options):
    return pymongo.MongoClient("127.0.0.1", PORT, appname="shop-app", **options)


def failing(operation):
    try:
        operation()
    except pymongo.errors.PyMongoError:
        return
    raise AssertionError("it has to fail")


def session(options):
    client = connect(maxPoolSize=1, **options)
    shop = client.shop
    orders = shop.orders
    orders.drop()
    orders.insert_one({"_id": 0, "card": SECRET})
    orders.insert_many([{"_id": number, "text": SECRET * 40} for number in range(1, 8)])
    failing(lambda: orders.insert_one({"_id": 0, "card": SECRET}))
    orders.bulk_write(
        [
            pymongo.UpdateOne({"_id": 1}, {"$set": {"card": SECRET}}),
            pymongo.UpdateOne({"_id": 2}, {"$set": {"card": SECRET}}),
            pymongo.DeleteOne({"_id": 3}),
        ]
    )
    assert len(list(orders.find(batch_size=3))) == 7
    cursor = orders.find(batch_size=2)
    next(cursor)
    cursor.close()
    assert len(list(orders.find(batch_size=3, cursor_type=CursorType.EXHAUST))) == 7
    failing(lambda: orders.find_one({"$bad": SECRET}))
    failing(lambda: shop.command("nosuch", 1))
    shop.command("concern", 1)
    failing(lambda: shop.command("saslStart", 1, payload=SECRET.encode()))
    shop.command("createUser", SECRET, pwd=SECRET)
    quiet = shop.get_collection("orders", write_concern=pymongo.WriteConcern(w=0))
    for write in (
        lambda: quiet.insert_one({"_id": 90, "card": SECRET}),
        lambda: quiet.update_one({"_id": 90}, {"$set": {"card": SECRET}}),
        lambda: quiet.delete_one({"_id": 90}),
    ):
        write()
        time.sleep(0.05)
    assert orders.delete_many({}).deleted_count in (1, 7)


def checksummed():
    """One ping whose checksum the server verifies: no client library sends any."""
    body = bson.encode({"ping": 1, "$db": "checked"})
    head = struct.pack("<iiiiI", 20 + 1 + len(body) + 4, 77, 0, 2013, 1)
    message = head + b"\0" + body
    with socket.create_connection(("127.0.0.1", PORT), timeout=30) as connection:
        connection.sendall(message + struct.pack("<I", crc32c(message)))
        length = struct.unpack("<i", connection.recv(4, socket.MSG_WAITALL))[0]
        answer = connection.recv(length - 4, socket.MSG_WAITALL)
    # Header, flags and the kind of the section come before the document.
    end = len(answer) - (4 if answer[12] & 1 else 0)
    assert bson.decode(answer[17:end])["ok"] == 1


def crc32c(message):
    value = 0xFFFFFFFF
    for byte in message:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def shop_session():
    """What every server of MongoDB's protocol does."""
    orders = connect(maxPoolSize=1).shop.orders
    orders.drop()
    orders.insert_one({"_id": 1, "card": SECRET})
    orders.insert_many([{"_id": number, "card": SECRET} for number in range(2, 8)])
    assert len(list(orders.find({"_id": {"$gt": 1}}, batch_size=2))) == 6
    orders.update_many({"_id": {"$gt": 5}}, {"$set": {"card": SECRET}})
    orders.bulk_write(
        [
            pymongo.UpdateOne({"_id": 1}, {"$set": {"card": SECRET}}),
            pymongo.UpdateOne({"_id": 2}, {"$set": {"card": SECRET}}),
            pymongo.DeleteOne({"_id": 3}),
        ]
    )
    failing(lambda: orders.insert_one({"_id": 1, "card": SECRET}))
    failing(lambda: orders.database.command("nosuch", 1))
    failing(lambda: orders.find_one({"_id": {"$bad": SECRET}}))
    assert len(list(orders.aggregate([{"$match": {"card": SECRET}}]))) == 6
    orders.distinct("card")
    orders.database.list_collection_names()
    cursor = orders.find(batch_size=2)
    next(cursor)
    cursor.close()
    orders.find_one_and_update({"_id": 1}, {"$set": {"card": SECRET}})
    checksummed()
    assert orders.delete_many({}).deleted_count == 6


# Code, or none, by what is asked of a collection that is not there.
REFUSED = (
    (None, lambda name: {"find": name, "filter": {}}),
    (51024, lambda name: {"find": name, "skip": -1}),
    (14, lambda name: {"find": name, "limit": SECRET}),
    (2, lambda name: {"find": name, "maxTimeMS": -1}),
    (40234, lambda name: {"aggregate": name, "pipeline": [{"$bad": 1}], "cursor": {}}),
    (26, lambda name: {"listIndexes": name}),
    (9, lambda name: {"aggregate": name, "pipeline": []}),
)


def codes(shop, thread, numbers):
    for number in numbers:
        code, asked = REFUSED[(number + thread) % len(REFUSED)]
        try:
            shop.command(asked("made_%d_%d_%d" % (code or 0, thread, number)))
        except pymongo.errors.OperationFailure as error:
            assert error.code == code
        else:
            assert code is None


def rows(shop, thread, numbers):
    for number in numbers:
        count = (number + thread) % 7
        name = "made_%d_%d_%d" % (count, thread, number)
        assert len(list(shop[name].find())) == count


def started(worker, threads, numbers):
    shop = connect(maxPoolSize=threads).shop
    workers = [
        threading.Thread(target=worker, args=(shop, thread, numbers())) for thread in range(threads)
    ]
    for one in workers:
        one.start()
    return workers


def until_told(worker, threads):
    going = True
    workers = started(worker, threads, lambda: itertools.takewhile(lambda _: going, itertools.count()))
    print("busy", flush=True)
    sys.stdin.readline()
    going = False
    for one in workers:
        one.join()


if MODE == "session":
    session(dict(option.split("=", 1) for option in sys.argv[3:]))
elif MODE == "shop":
    shop_session()
else:
    kind = {"rows": rows, "codes": codes}[sys.argv[3]]
    if MODE == "many":
        count = int(sys.argv[5])
        for one in started(kind, int(sys.argv[4]), lambda: range(count)):
            one.join()
    else:
        until_told(kind, int(sys.argv[4]))
