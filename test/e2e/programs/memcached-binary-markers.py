"""Gets by the binary protocol from several threads: the one with marker n asks for a key of its own,
which exists when n is even, so that the number of values shows whose answer it is.
memcached-binary-markers.py PORT THREADS REQUESTS"""

import sys
import threading

import pylibmc

port, threads, requests = (int(argument) for argument in sys.argv[1:4])
LETTERS = "abcdefghij"


def letters(number):
    return "m" + "".join(LETTERS[int(digit)] for digit in str(number))


def connect():
    return pylibmc.Client([f"127.0.0.1:{port}"], binary=True)


def work(index):
    client = connect()
    for turn in range(requests):
        marker = index * requests + turn
        key = letters(marker)
        if marker % 2 == 0:
            client.set(key, "hidden")
        if (client.get(key) is not None) != (marker % 2 == 0):
            raise SystemExit("the server does not hold what it should")
    client.disconnect_all()


workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
