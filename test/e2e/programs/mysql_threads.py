"""THREADS connections, each with COUNT queries whose text says how many rows they return.

Arguments: PORT THREADS COUNT FLAG; with a FLAG file the queries go on until it exists, then COUNT
more follow on the same connections.
"""
import os
import sys
import threading

import MySQLdb

port, threads, count, flag = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def connect():
    return MySQLdb.connect(
        host="127.0.0.1", port=port, user="app", passwd="correct horse", db="shop"
    )


def ask(cursor, name, number):
    rows = number % 7 + 1
    cursor.execute("select seq as %s_%d from seq_1_to_%d" % (name, number, rows))
    assert len(cursor.fetchall()) == rows


def work(thread):
    connection = connect()
    cursor = connection.cursor()
    number = 0
    while flag != "-" and not os.path.exists(flag):
        ask(cursor, "early%d" % thread, number)
        number += 1
    for late in range(count):
        ask(cursor, "late%d" % thread, late)
    connection.close()


workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
for worker in workers:
    worker.start()
print("running", flush=True)
for worker in workers:
    worker.join()
print("done", flush=True)
