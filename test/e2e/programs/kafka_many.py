"""One request per message: kafka_many.py PORT THREADS MESSAGES, a topic for each thread.

Each message is a request of its own, and several are on their way at a time."""
import sys
import threading

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

servers = f"127.0.0.1:{sys.argv[1]}"
threads, messages = int(sys.argv[2]), int(sys.argv[3])
admin = AdminClient({"bootstrap.servers": servers, "client.id": "many-admin"})
topics = [f"many-{thread}" for thread in range(threads)]
for made in admin.create_topics([NewTopic(topic, 1, 1) for topic in topics]).values():
    made.result()


def work(topic):
    producer = Producer({
        "bootstrap.servers": servers, "client.id": topic, "linger.ms": 0,
        "batch.num.messages": 1, "acks": "1", "max.in.flight": 50,
    })
    for number in range(messages):
        producer.produce(topic, value=f"hidden {number}")
        if number % 100 == 99:
            producer.flush()
    producer.flush()


workers = [threading.Thread(target=work, args=(topic,)) for topic in topics]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print("done")
