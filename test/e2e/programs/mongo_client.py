"""What the MongoDB tests let pymongo do.

usage: mongo_client.py PORT session [OPTION=VALUE...]
       mongo_client.py PORT many THREADS COUNT
       mongo_client.py PORT until-told THREADS
"""

import itertools
import sys
import threading
import time

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


def worker(shop, thread, numbers):
    for number in numbers:
        count = (number + thread) % 7
        name = "made_%d_%d_%d" % (count, thread, number)
        assert len(list(shop[name].find())) == count


def started(threads, numbers):
    shop = connect(maxPoolSize=threads).shop
    workers = [
        threading.Thread(target=worker, args=(shop, thread, numbers())) for thread in range(threads)
    ]
    for one in workers:
        one.start()
    return workers


def until_told(threads):
    going = True
    workers = started(threads, lambda: itertools.takewhile(lambda _: going, itertools.count()))
    print("busy", flush=True)
    sys.stdin.readline()
    going = False
    for one in workers:
        one.join()


if MODE == "session":
    session(dict(option.split("=", 1) for option in sys.argv[3:]))
elif MODE == "many":
    count = int(sys.argv[4])
    for one in started(int(sys.argv[3]), lambda: range(count)):
        one.join()
else:
    until_told(int(sys.argv[3]))
