"""A gRPC client whose messages are plain bytes.

argv: port kinds             one call of each kind, errors, a deadline, a cancel
      port many COUNT        Item0 to Item(COUNT-1) by 8 threads on two channels
      port busy              Item0, Item1, ... one after another, until its input ends
"""

import sys
import threading
import time

import grpc

port, mode = sys.argv[1], sys.argv[2]
BUSY_AFTER = 50


def channel():
    # Channels of equal options would share one connection.
    options = [("grpc.use_local_subchannel_pool", 1)]
    return grpc.insecure_channel("127.0.0.1:" + port, options)


def unary(over, name, request, **options):
    try:
        return over.unary_unary("/test.Echo/" + name)(request, **options)
    except grpc.RpcError as error:
        return error.code()


def code_of(index):
    return b"%d" % (index % 17)


def kinds():
    over = channel()
    unary(over, "Item1", b"0")
    unary(over, "Item2", b"5")
    unary(over, "Item3", b"13")
    unary(over, "Nothing", b"")
    unary(over, "Slow", b"late", timeout=0.3)
    list(over.unary_stream("/test.Echo/Stream1")(b"3"))
    over.stream_unary("/test.Echo/Collect")(iter([b"a", b"b"]))
    list(over.stream_stream("/test.Echo/Talk")(iter([b"a", b"b", b"c", b"d"])))
    call = over.unary_unary("/test.Echo/Slow").future(b"gone")
    time.sleep(0.2)
    call.cancel()
    time.sleep(0.2)
    unary(over, "Item4", b"0" * 300_000)
    unary(over, "Item5", b"0")
    over.close()


def many(count):
    channels = [channel(), channel()]

    def work(first):
        for index in range(first, count, 8):
            unary(channels[first % 2], "Item%d" % index, code_of(index))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def busy():
    """Until its input ends."""
    over = channel()
    ending = threading.Event()

    def wait():
        sys.stdin.read()
        ending.set()

    threading.Thread(target=wait).start()
    index = 0
    while not ending.is_set():
        unary(over, "Item%d" % index, code_of(index))
        index += 1
        if index == BUSY_AFTER:
            print("busy", flush=True)


if mode == "kinds":
    kinds()
elif mode == "many":
    many(int(sys.argv[3]))
else:
    busy()
