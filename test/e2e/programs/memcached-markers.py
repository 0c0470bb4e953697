"""Gets from several threads: the one with marker n asks for a key of its own and for n % 4 keys
that exist, so that the number of values shows whose answer it is. memcached-markers.py PORT THREADS
COMMANDS"""

import sys
import threading

from pymemcache.client.base import Client

port, threads, commands = (int(argument) for argument in sys.argv[1:4])
LETTERS = "abcdefghij"
KNOWN = ["one", "two", "three"]


def letters(number):
    return "m" + "".join(LETTERS[int(digit)] for digit in str(number))


def work(index):
    client = Client(("127.0.0.1", port), no_delay=True)
    for turn in range(commands):
        marker = index * commands + turn
        found = client.get_many([letters(marker), *KNOWN[: marker % 4]])
        if len(found) != marker % 4:
            raise SystemExit("the server does not hold what it should")
    client.close()


first = Client(("127.0.0.1", port))
for name in KNOWN:
    first.set(name, "hidden")
workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
