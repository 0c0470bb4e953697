"""get_paths.py PORT: a GET for each line of stdin, on one connection as long as it is kept."""
import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
for line in sys.stdin:
    connection.request("GET", line.strip())
    connection.getresponse().read()
