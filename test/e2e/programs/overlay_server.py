"""A server with a small part of each API that is spoken on top of HTTP.

python3 overlay_server.py PORT [CERTIFICATE KEY]
"""
import gzip
import http.server
import json
import ssl
import sys
import time

import graphql

SCHEMA = graphql.build_schema(
    "type Query { order(id: Int): String fail: String } type Mutation { add(name: String): Int }"
)


def fail(_info):
    raise graphql.GraphQLError("no", extensions={"code": "FORBIDDEN"})


ROOT = {"order": lambda _info, id: f"order {id}", "fail": fail, "add": lambda _info, name: 1}
S3_ERROR = "<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>%s</Code><Message>no</Message></Error>"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, content, kind="application/json", fields=()):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        if len(body) > 100 and "gzip" in self.headers.get("X-Want-Coding", ""):
            body = gzip.compress(body)
            fields = [*fields, ("Content-Encoding", "gzip")]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in fields:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def stream(self, kind, texts):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for text in texts:
            data = text.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
            time.sleep(0.02)
        self.wfile.write(b"0\r\n\r\n")

    def do_any(self):
        path = self.path.split("?")[0]
        body = self.body()
        agent = self.headers.get("User-Agent", "").lower()
        if "authorization" in self.headers and "/s3/" in self.headers["authorization"]:
            return self.s3(path)
        if agent.startswith(("elasticsearch", "opensearch")):
            return self.search(path, body)
        document = json.loads(body) if body else None
        if path.endswith("/graphql"):
            return self.graphql(document)
        if path.endswith("/rpc"):
            return self.rpc(document)
        for end, how in MODELS:
            if path.endswith(end):
                return how(self, document)
        return self.answer(404, {"message": "no such path"})

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_any

    def search(self, path, _body):
        fields = [("X-Elastic-Product", "Elasticsearch"), ("X-Found-Handling-Cluster", "shop")]
        if "opensearch" in self.headers["User-Agent"].lower():
            fields = []
        if "missing" in path:
            return self.answer(404, {"error": {"root_cause": [], "type": "x"}, "status": 404}, fields=fields)
        if path.endswith("_bulk"):
            return self.answer(200, {"took": 1, "errors": False, "items": []}, fields=fields)
        hits = {"total": {"value": 0, "relation": "eq"}, "hits": []}
        return self.answer(200, {"took": 1, "_shards": {"total": 1}, "hits": hits, "count": 1}, fields=fields)

    def s3(self, path):
        fields = [("x-amz-request-id", "C9ER4AJX75574TDJ"), ("x-amz-id-2", "wzHcyEWfmOGDIE5QOhTA")]
        if "missing" in path:
            return self.answer(404, (S3_ERROR % "NoSuchKey").encode(), "application/xml", fields)
        if self.command == "POST" and self.path.endswith("?uploads"):
            upload = "<InitiateMultipartUploadResult><UploadId>up1</UploadId></InitiateMultipartUploadResult>"
            return self.answer(200, upload.encode(), "application/xml", fields)
        if self.command == "DELETE":
            return self.answer(204, b"", fields=fields)
        if self.command == "GET" and path.count("/") > 1:
            return self.answer(200, b"x" * 3000, "application/octet-stream", fields)
        return self.answer(200, b"<Result></Result>" if self.command == "GET" else b"", "application/xml", fields)

    def graphql(self, document):
        many = document if isinstance(document, list) else [document]
        results = []
        for one in many:
            made = graphql.graphql_sync(
                SCHEMA, one["query"], ROOT,
                variable_values=one.get("variables"), operation_name=one.get("operationName"),
            )
            results.append(made.formatted)
        self.answer(200, results if isinstance(document, list) else results[0])

    def rpc(self, document):
        many = document if isinstance(document, list) else [document]
        answers = []
        for one in many:
            if "id" not in one:
                continue
            known = one["method"].startswith("math.")
            told = {"result": 3} if known else {"error": {"code": -32601, "message": "Method not found"}}
            answers.append({"jsonrpc": "2.0", **told, "id": one["id"]})
        if not answers:
            return self.answer(204, b"")
        return self.answer(200, answers if isinstance(document, list) else answers[0])

    def openai_chat(self, asked):
        if asked["model"] == "busy":
            error = {"message": "slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
            return self.answer(429, {"error": error})
        base = {"id": "chatcmpl-1", "created": 1, "model": asked["model"] + "-2026", "system_fingerprint": "fp_1"}
        usage = {
            "prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 5},
        }
        if not asked.get("stream"):
            message = {"role": "assistant", "content": "a \"secret\" answer " * 10}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return self.answer(200, {**base, "object": "chat.completion", "choices": [choice], "usage": usage})
        chunk = {**base, "object": "chat.completion.chunk"}
        parts = [{"index": 0, "delta": {"content": "part"}, "finish_reason": None}] * 3
        parts.append({"index": 0, "delta": {}, "finish_reason": "length"})
        texts = [json.dumps({**chunk, "choices": [part]}) for part in parts]
        texts.append(json.dumps({**chunk, "choices": [], "usage": usage}))
        return self.stream("text/event-stream", [f"data: {text}\n\n" for text in [*texts, "[DONE]"]])

    def openai_responses(self, asked):
        usage = {
            "input_tokens": 7, "output_tokens": 8, "total_tokens": 15,
            "input_tokens_details": {"cached_tokens": 2}, "output_tokens_details": {"reasoning_tokens": 3},
        }
        made = {
            "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "error": None,
            "incomplete_details": None, "model": asked["model"], "output": [], "usage": usage,
            "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        }
        if not asked.get("stream"):
            return self.answer(200, made)
        begun = {**made, "status": "in_progress", "usage": None}
        events = [("response.created", begun), ("response.completed", made)]
        return self.stream("text/event-stream", [
            f"event: {kind}\ndata: {json.dumps({'type': kind, 'response': one, 'sequence_number': 0})}\n\n"
            for kind, one in events
        ])

    def openai_embeddings(self, asked):
        item = {"object": "embedding", "index": 0, "embedding": [0.5] * 20}
        usage = {"prompt_tokens": 6, "total_tokens": 6}
        self.answer(200, {"object": "list", "data": [item], "model": asked["model"], "usage": usage})

    def anthropic(self, asked):
        usage = {
            "input_tokens": 10, "output_tokens": 20,
            "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2,
        }
        made = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"],
            "content": [{"type": "text", "text": "a secret"}], "stop_reason": "end_turn",
            "stop_sequence": None, "usage": usage,
        }
        if not asked.get("stream"):
            return self.answer(200, made)
        started = {**made, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
        text = {"type": "text_delta", "text": "a secret"}
        events = [
            {"type": "message_start", "message": started},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": text},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
             "usage": {"output_tokens": 15}},
            {"type": "message_stop"},
        ]
        return self.stream("text/event-stream", [
            f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events
        ])

    def ollama(self, asked):
        base = {"model": asked["model"], "created_at": "2026-11-21T00:00:00Z"}
        message = {"role": "assistant", "content": "a secret"}
        last = {
            **base, "message": message, "done": True, "done_reason": "stop",
            "prompt_eval_count": 11, "eval_count": 13,
        }
        if asked.get("stream") is False:
            return self.answer(200, last)
        first = {**base, "message": message, "done": False}
        return self.stream("application/x-ndjson", [json.dumps(one) + "\n" for one in [first, first, last]])


MODELS = [
    ("/v1/chat/completions", Handler.openai_chat),
    ("/v1/responses", Handler.openai_responses),
    ("/v1/embeddings", Handler.openai_embeddings),
    ("/v1/messages", Handler.anthropic),
    ("/api/chat", Handler.ollama),
]

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
