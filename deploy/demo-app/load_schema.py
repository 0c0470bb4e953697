"""Waits until a PostgreSQL server takes connections, then runs a file of statements.

usage: load_schema.py HOST PORT USER FILE. Exit code 1 when the server does not come up.
"""

import sys
import time

import tinypg

READY_SECONDS_MAX = 10
RETRY_SECONDS = 0.05


def connect(host, port, user):
    deadline = time.monotonic() + READY_SECONDS_MAX
    while True:
        try:
            return tinypg.Connection(host, port, user, "postgres")
        except (OSError, tinypg.PgError):
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)


def main():
    host, port, user, path = sys.argv[1:]
    try:
        connection = connect(host, int(port), user)
    except (OSError, tinypg.PgError) as error:
        print(f"demo: PostgreSQL did not come up: {error}", file=sys.stderr)
        return 1
    with open(path, encoding="utf-8") as file:
        connection.query(file.read())
    connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
