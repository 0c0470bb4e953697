"""Runs tests of CPython's own suite and tells what became of each.

usage: suite.py RESULTS SECONDS LEFT_OUT NAME...

NAME is a module, a class or a method, as unittest has it; tests whose id matches the expression
LEFT_OUT are not run. RESULTS gets a line for each test, its id and its outcome, as soon as it has
ended: a run that dies, or that hangs and is ended after SECONDS, shows by what is missing. The
process has to be in a network namespace of its own, in which it may bring up the loopback
interface: some tests want to reach the internet, and find there is none.
"""

import faulthandler
import fcntl
import json
import os
import re
import socket
import struct
import sys
import tempfile
import unittest

from test import support

# "network" is asked for by tests of loopback sockets, too.
RESOURCES = ["cpu", "network", "subprocess", "walltime"]
SIOCSIFFLAGS = 0x8914
IFF_UP_AND_RUNNING = 0x41


class Recorder(unittest.TextTestResult):
    path = ""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.outcome = None

    def startTest(self, test):
        super().startTest(test)
        self.outcome = "ok"

    def stopTest(self, test):
        super().stopTest(test)
        self.tell(test, self.outcome)
        self.outcome = None

    def tell(self, test, outcome):
        # Opened anew each time: tests look at the descriptors of their process.
        with open(self.path, "a") as file:
            file.write(json.dumps([test.id(), outcome]) + "\n")

    def record(self, test, outcome):
        # What happens outside of a test belongs to a class or a module.
        if self.outcome is None:
            self.tell(test, outcome)
        else:
            self.outcome = outcome

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.record(test, "skip")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.record(test, "fail")

    def addError(self, test, error):
        super().addError(test, error)
        self.record(test, "error")

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.record(test, "fail")

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self.record(test, "expected failure")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.record(test, "unexpected success")


def bring_up_loopback():
    with socket.socket() as probe:
        request = struct.pack("16sh", b"lo", IFF_UP_AND_RUNNING)
        fcntl.ioctl(probe, SIOCSIFFLAGS, request)


def without(left_out, suite):
    kept = unittest.TestSuite()
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            kept.addTest(without(left_out, test))
        elif not left_out.search(test.id()):
            kept.addTest(test)
    return kept


def main():
    results, seconds, left_out, *names = sys.argv[1:]
    Recorder.path = os.path.abspath(results)
    bring_up_loopback()
    support.use_resources = RESOURCES
    # On a busy machine what has to happen soon happens late.
    support.LOOPBACK_TIMEOUT = support.SHORT_TIMEOUT = support.LONG_TIMEOUT
    faulthandler.dump_traceback_later(float(seconds), exit=True)
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        suite = unittest.defaultTestLoader.loadTestsFromNames(names)
        chosen = without(re.compile(left_out), suite)
        unittest.TextTestRunner(resultclass=Recorder).run(chosen)
        os.chdir("/")


if __name__ == "__main__":
    main()
