"""Commands from several threads, each with a marker in its key and, for half of them, another in
the error that a script answers with: redis-markers.py PORT THREADS COMMANDS [WAIT]

With WAIT it tells "busy" when every connection has answered a command, and goes on until its
standard input ends."""

import sys
import threading

import redis

port, threads, commands = (int(argument) for argument in sys.argv[1:4])
waits = len(sys.argv) > 4
stop = threading.Event()
ready = threading.Barrier(threads + 1)
LETTERS = "abcdefghij"
FAIL = "return redis.error_reply(ARGV[1] .. ' hidden')"


def letters(number):
    return "".join(LETTERS[int(digit)] for digit in str(number))


def ask(client, marker):
    name = letters(marker)
    if marker % 2 == 0:
        client.set(f"m{name}", f"hidden-{marker}")
        return
    try:
        client.eval(FAIL, 1, f"m{name}", f"M{name.upper()}")
        raise SystemExit("an error was due")
    except redis.exceptions.ResponseError:
        pass


def work(index):
    client = redis.Redis(port=port, single_connection_client=True)
    client.ping()
    ready.wait()
    for turn in range(commands):
        ask(client, index * commands + turn)
        if waits and stop.is_set():
            break


workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
for worker in workers:
    worker.start()
ready.wait()
if waits:
    print("busy", flush=True)
    sys.stdin.read()
    stop.set()
for worker in workers:
    worker.join()
