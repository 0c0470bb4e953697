"""overlay_judged.py URL VERSION: client libraries against overlay_load_server.mjs, over HTTP/1 or,
without an upgrade, HTTP/2. The numbers are those of overlay_calls.mjs, whose kind is number % 11."""
import sys

import httpx
from openai import OpenAI

url, version = sys.argv[1:3]
http = httpx.Client(http1=version == "1.1", http2=version == "2")
client = OpenAI(base_url=url + "/v1", api_key="secret", max_retries=0, http_client=http)
ask = [{"role": "user", "content": "a secret question"}]


def models(turn):
    number = 11 * turn
    model = {"model": f"m-{number}", "extra_query": {"n": str(number)}}
    client.chat.completions.create(messages=ask, **model)
    number += 1
    model = {"model": f"m-{number}", "extra_query": {"n": str(number)}}
    list(client.chat.completions.create(messages=ask, stream=True, **model))
    number += 3
    model = {"model": f"m-{number}", "extra_query": {"n": str(number)}}
    client.embeddings.create(input="a secret", encoding_format="float", **model)


def post(path, document):
    answer = http.post(url + path, json=document)
    assert answer.http_version == "HTTP/" + version, answer.http_version
    assert answer.status_code == 200, answer.status_code


def graphql(turn):
    number = 11 * turn + 7
    query = f"query Q{number} {{ order(id: 5) }}"
    post(f"/graphql?n={number}", {"query": query, "operationName": f"Q{number}"})


def jsonrpc(turn):
    number = 11 * turn + 8
    document = {"jsonrpc": "2.0", "method": "math.add", "params": ["secret"], "id": number}
    post(f"/rpc?n={number}", document)


for turn in range(5):
    models(turn)
    graphql(turn)
    jsonrpc(turn)
http.close()
