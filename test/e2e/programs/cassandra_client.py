"""What the Cassandra tests let cassandra-driver do.

usage: cassandra_client.py PORT VERSION COMPRESSION prepare
       cassandra_client.py PORT VERSION COMPRESSION session
       cassandra_client.py PORT VERSION COMPRESSION many THREADS COUNT
       cassandra_client.py PORT VERSION COMPRESSION until-told THREADS
"""

import itertools
import sys
import threading

from cassandra import ConsistencyLevel, InvalidRequest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import RoundRobinPolicy
from cassandra.protocol import SyntaxException
from cassandra.query import BatchStatement, BatchType, SimpleStatement

PORT, VERSION, COMPRESSION, MODE = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
SECRET = "hidden"


def connect(keyspace="shop"):
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=20)
    cluster = Cluster(
        ["127.0.0.1"],
        port=PORT,
        protocol_version=VERSION,
        compression=False if COMPRESSION == "none" else COMPRESSION,
        idle_heartbeat_interval=0,
        schema_metadata_enabled=False,
        token_metadata_enabled=False,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    )
    return cluster, cluster.connect(keyspace, wait_for_all_pools=True)


def prepare():
    """Partitions of so many rows as their ids say."""
    cluster, session = connect(None)
    single = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    session.execute("CREATE KEYSPACE shop WITH replication = " + single)
    session.execute("CREATE TABLE shop.orders (id text PRIMARY KEY, card text)")
    session.execute("CREATE TABLE shop.counted (id int, item int, PRIMARY KEY (id, item))")
    insert = session.prepare("INSERT INTO shop.counted (id, item) VALUES (?, ?)")
    for count in [*range(7), 40]:
        for item in range(count):
            session.execute(insert, (count, item))
    cluster.shutdown()


def failing(session, statement, kind):
    try:
        session.execute(statement)
    except kind:
        return
    raise AssertionError("it has to fail")


def run():
    cluster, session = connect()
    session.execute("INSERT INTO orders (id, card) VALUES ('1', '%s')" % SECRET)
    insert = session.prepare("INSERT INTO orders (id, card) VALUES (?, ?)")
    insert.consistency_level = ConsistencyLevel.QUORUM
    session.execute(insert, ("2", SECRET * 50))
    batch = BatchStatement(BatchType.UNLOGGED)
    for number in range(3):
        batch.add(insert, (str(number), SECRET))
    session.execute(batch)
    batch.add(SimpleStatement("UPDATE orders SET card = '%s' WHERE id = '1'" % SECRET))
    session.execute(batch)
    select = SimpleStatement("SELECT item FROM counted WHERE id = 40", fetch_size=16)
    assert len(list(session.execute(select))) == 40
    failing(session, "SELECT nosuch FROM orders", InvalidRequest)
    failing(session, "SELEC '%s'" % SECRET, SyntaxException)
    session.execute("SELECT count(*) FROM orders")
    cluster.shutdown()


def worker(session, thread, numbers):
    for number in numbers:
        count = (number + thread) % 7
        text = "SELECT item AS made_%d_%d_%d FROM counted WHERE id = %d"
        text %= (count, thread, number, count)
        assert len(list(session.execute(text))) == count


def started(session, threads, numbers):
    workers = [
        threading.Thread(target=worker, args=(session, thread, numbers()))
        for thread in range(threads)
    ]
    for one in workers:
        one.start()
    return workers


def until_told(threads):
    cluster, session = connect()
    going = True
    numbers = lambda: itertools.takewhile(lambda _: going, itertools.count())
    workers = started(session, threads, numbers)
    print("busy", flush=True)
    sys.stdin.readline()
    going = False
    for one in workers:
        one.join()
    session.execute("SELECT item AS last FROM counted WHERE id = 0")
    cluster.shutdown()


if MODE == "prepare":
    prepare()
elif MODE == "session":
    run()
elif MODE == "many":
    cluster, session = connect()
    for one in started(session, int(sys.argv[5]), lambda: range(int(sys.argv[6]))):
        one.join()
    cluster.shutdown()
else:
    until_told(int(sys.argv[5]))
