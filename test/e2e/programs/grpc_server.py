"""A gRPC server whose messages are plain bytes. argv: port.

test.Echo/Item<n>: unary; the request names the status ("0" answers). Stream<n> answers with as many
messages as its request says; Collect counts; Talk echoes; Slow answers after a second.
"""

import sys
import time
from concurrent import futures

import grpc

CODES = {code.value[0]: code for code in grpc.StatusCode}


def item(request, context):
    code = int(request[:9])
    if code:
        context.abort(CODES[code], "as asked")
    return b"answer"


def stream(request, context):
    for index in range(int(request)):
        yield b"%d" % index


def collect(messages, context):
    return b"%d" % sum(1 for _ in messages)


def talk(messages, context):
    for message in messages:
        yield message


def slow(request, context):
    time.sleep(1)
    return request


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        name = details.method.split("/")[-1]
        if name.startswith("Item"):
            return grpc.unary_unary_rpc_method_handler(item)
        if name.startswith("Stream"):
            return grpc.unary_stream_rpc_method_handler(stream)
        if name == "Collect":
            return grpc.stream_unary_rpc_method_handler(collect)
        if name == "Talk":
            return grpc.stream_stream_rpc_method_handler(talk)
        if name == "Slow":
            return grpc.unary_unary_rpc_method_handler(slow)
        return None


server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[Handler()])
server.add_insecure_port("127.0.0.1:" + sys.argv[1])
server.start()
server.wait_for_termination()
