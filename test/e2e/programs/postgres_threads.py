"""THREADS connections, each with COUNT queries whose column's name says how many rows they return.

Arguments: DSN THREADS COUNT FLAG; with a FLAG file the queries go on, a millisecond apart, until it
exists, then COUNT more follow on the same connections.
"""
import os
import sys
import threading
import time

import psycopg2

dsn, threads, count, flag = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def ask(cursor, name, number):
    rows = number % 7 + 1
    cursor.execute(f"select g as r{rows}_{name}_{number} from generate_series(1, {rows}) g")
    assert len(cursor.fetchall()) == rows


def work(thread):
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    number = 0
    while flag != "-" and not os.path.exists(flag):
        ask(cursor, f"early{thread}", number)
        number += 1
        time.sleep(0.001)
    for late in range(count):
        ask(cursor, f"late{thread}", late)
    connection.close()


workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
for worker in workers:
    worker.start()
print("running", flush=True)
for worker in workers:
    worker.join()
