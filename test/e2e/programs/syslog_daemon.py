"""Receives on /dev/log what a command sends there and prints it: syslog_daemon.py CMD ARG..."""

import re
import socket
import subprocess
import sys
import threading

END = b"end of syslog_daemon"


def main():
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    received = []

    def receive():
        while (message := log.recv(65536)) != END:
            received.append(message)

    thread = threading.Thread(target=receive)
    thread.start()
    code = subprocess.run(sys.argv[1:], check=False).returncode
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(END, "/dev/log")
    thread.join()
    for message in received:
        text = message.decode(errors="replace")
        # Times and process ids differ from run to run.
        text = re.sub(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d", "TIME", text)
        print(re.sub(r"\[\d+\]", "[PID]", text).rstrip("\n\0"))
    return code


sys.exit(main())
