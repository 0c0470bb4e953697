"""flask_routes.py PORT FILE: a shop whose framework says which route each request had.

Every request is a line of FILE: method, path, status, and the rule of the framework or "-"."""
import sys

from flask import Flask, request

application = Flask(__name__, static_folder=None)
log = open(sys.argv[2], "a", buffering=1)


def answer(**values):
    return "ok"


RULES = (
    "/",
    "/users",
    "/users/<int:id>",
    "/users/<int:id>/orders",
    "/users/<int:id>/orders/<uuid:uuid>",
    "/search",
    "/people/<name>",
    "/people/<name>/friends",
    "/days/<date>",
    "/v1/objects/<hash>",
    "/static/<path:file>",
)
for rule in RULES:
    application.add_url_rule(rule, rule, answer, methods=["GET", "POST"])


@application.after_request
def tell(response):
    rule = request.url_rule.rule if request.url_rule else "-"
    print(request.method, request.environ["RAW_URI"], response.status_code, rule, file=log)
    return response


application.run(host="127.0.0.1", port=int(sys.argv[1]), threaded=True)
