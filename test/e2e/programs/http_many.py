"""http_many.py PORT THREADS REQUESTS: a kept connection for each thread, a number for each request.

"busy" is printed for each thread when 51 of its requests have been answered."""
import http.client
import sys
import threading

port, threads, requests = (int(argument) for argument in sys.argv[1:4])


def work(thread):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for number in range(thread * requests, (thread + 1) * requests):
        connection.request("GET", f"/page.php?do=echo&n={number}", headers={"Host": "a.test"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200 + number % 90, (answer.status, number)
        if number % requests == 50:
            print("busy", flush=True)
    connection.close()


workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
