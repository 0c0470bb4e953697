"""http_pipelined.py PORT THREADS COUNT FLAG DEPTH: a kept connection for each thread, DEPTH requests in
one write, each asking for the status that its number gives; then their answers.

With a FLAG file the requests go on until it exists, then COUNT more of each connection follow, which
say so; otherwise "-". The earlier ones are a millisecond apart."""
import os
import socket
import sys
import threading
import time

port, threads, count = (int(argument) for argument in sys.argv[1:4])
flag, depth = sys.argv[4], int(sys.argv[5])


def status_of(number):
    return 200 + number % 90


def numbers():
    number = 0
    while flag != "-" and not os.path.exists(flag):
        yield "early", number
        number += 1
        time.sleep(0.001)
    for late in range(count):
        yield "late", late


def groups():
    group = []
    for item in numbers():
        group.append(item)
        if len(group) == depth:
            yield group
            group = []
    if group:
        yield group


def work(thread):
    connection = socket.create_connection(("127.0.0.1", port))
    answers = connection.makefile("rb")
    for group in groups():
        requests = ""
        for name, number in group:
            target = f"/status/{status_of(number)}?n={name}-{thread}-{number}"
            requests += f"GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n"
        connection.sendall(requests.encode())
        for name, number in group:
            line = answers.readline()
            assert int(line.split()[1]) == status_of(number), (line, number)
            while answers.readline() != b"\r\n":
                pass
            if name == "early" and number == 100:
                print("busy", flush=True)
    connection.close()


workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print("done", flush=True)
