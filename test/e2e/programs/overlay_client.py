"""Real client libraries against overlay_server.py.

python3 overlay_client.py URL WHAT...
"""
import json
import ssl
import sys
import urllib.request

url = sys.argv[1]


def elasticsearch():
    from elasticsearch import Elasticsearch, NotFoundError

    with Elasticsearch(url, verify_certs=False, ssl_show_warn=False) as client:
        client.search(index="orders", query={"term": {"user": "secret"}})
        client.index(index="orders", id="7", document={"a": 1})
        client.bulk(operations=[{"index": {"_index": "a"}}, {"x": 1}, {"index": {"_index": "a"}}, {"x": 2}])
        client.count(index="a,b")
        try:
            client.get(index="orders", id="missing")
        except NotFoundError:
            pass


def opensearch():
    from opensearchpy import OpenSearch

    client = OpenSearch([url], verify_certs=False, ssl_show_warn=False)
    client.search(index="orders", body={"query": {"match_all": {}}})
    client.bulk(body='{"index":{"_index":"a"}}\n{"x":1}\n{"delete":{"_index":"a","_id":"1"}}\n')
    client.close()


def s3():
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    client = boto3.client(
        "s3", endpoint_url=url, region_name="eu-west-1", verify=False,
        aws_access_key_id="AKID", aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 0}),
    )
    client.list_buckets()
    client.put_object(Bucket="photos", Key="a/b c.jpg", Body=b"x" * 2000)
    client.get_object(Bucket="photos", Key="a/b c.jpg")["Body"].read()
    client.list_objects_v2(Bucket="photos")
    client.create_multipart_upload(Bucket="photos", Key="large")
    client.delete_object(Bucket="photos", Key="a")
    try:
        client.get_object(Bucket="photos", Key="missing")
    except ClientError:
        pass


def openai():
    from openai import DefaultHttpxClient, OpenAI, RateLimitError

    ask = [{"role": "user", "content": "a secret question"}]
    client = OpenAI(base_url=url + "/v1", api_key="secret", max_retries=0, http_client=DefaultHttpxClient(verify=False))
    client.chat.completions.create(model="gpt-4o", messages=ask, temperature=0.5, max_tokens=100, stop=["END"])
    stream = client.chat.completions.create(
        model="gpt-4o", messages=ask, stream=True, stream_options={"include_usage": True}
    )
    list(stream)
    client.chat.completions.create(model="zip", messages=ask, extra_headers={"X-Want-Coding": "gzip"})
    client.responses.create(model="gpt-5", input="a secret question")
    list(client.responses.create(model="gpt-5", input="a secret question", stream=True))
    client.embeddings.create(model="embed-3", input="a secret", encoding_format="float")
    try:
        client.chat.completions.create(model="busy", messages=ask)
    except RateLimitError:
        pass
    client.close()


def anthropic():
    from anthropic import Anthropic, DefaultHttpxClient

    ask = [{"role": "user", "content": "a secret question"}]
    client = Anthropic(base_url=url, api_key="secret", max_retries=0, http_client=DefaultHttpxClient(verify=False))
    client.messages.create(model="claude-x", max_tokens=64, messages=ask)
    list(client.messages.create(model="claude-x", max_tokens=64, messages=ask, stream=True))
    client.close()


def ollama():
    from ollama import Client

    ask = [{"role": "user", "content": "a secret question"}]
    client = Client(url, verify=False)
    client.chat(model="llama3", messages=ask, options={"temperature": 0.25})
    list(client.chat(model="llama3", messages=ask, stream=True))


def post(path, document):
    context = ssl._create_unverified_context()
    request = urllib.request.Request(
        url + path, json.dumps(document).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, context=context if url.startswith("https") else None) as answer:
        answer.read()


def graphql():
    query = "# a remark\nquery Find($id: Int) { order(id: $id) }\nmutation Add { add(name: \"secret\") }"
    post("/graphql", {"query": query, "operationName": "Find", "variables": {"id": 5}})
    post("/graphql", {"operationName": "Add", "query": query})
    post("/graphql", {"query": "{ fail }"})
    post("/graphql", [{"query": "{ order(id: 1) }"}, {"query": "{ order(id: 2) }"}])


def jsonrpc():
    post("/rpc", {"jsonrpc": "2.0", "method": "math.add", "params": [1, 2], "id": 1})
    post("/rpc", {"jsonrpc": "2.0", "method": "nothing", "id": "x"})
    post("/rpc", [{"jsonrpc": "2.0", "method": "math.add", "id": n} for n in range(3)])
    post("/rpc", {"jsonrpc": "2.0", "method": "math.log"})


for what in sys.argv[2:]:
    globals()[what]()
