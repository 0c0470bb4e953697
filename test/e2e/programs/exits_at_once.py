"""Sends requests, writes a log line, and is gone: os._exit() right after the last answer.

usage: exits_at_once.py PORT COUNT; exit code 7
"""

import http.client
import os
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for number in range(int(sys.argv[2])):
    connection.request("GET", f"/last/{number}")
    connection.getresponse().read()
os.write(1, b"the last line\n")
os._exit(7)
