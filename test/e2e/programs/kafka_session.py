"""What a service does with Kafka: kafka_session.py PORT, by librdkafka."""
import sys

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

servers = f"127.0.0.1:{sys.argv[1]}"
admin = AdminClient({"bootstrap.servers": servers, "client.id": "session-admin"})
admin.create_topics([NewTopic("orders", 2, 1)])["orders"].result()
try:
    admin.create_topics([NewTopic("orders", 2, 1)])["orders"].result()
except Exception:
    print("exists")

for acks in ("all", "1", "0"):
    # Nothing is sent before flush(): five messages in one request, however long five calls take.
    producer = Producer({
        "bootstrap.servers": servers, "client.id": "session-shop", "acks": acks,
        "linger.ms": 60_000,
    })
    for number in range(5):
        producer.produce("orders", key=f"hidden{number}", value="hidden" * 20, partition=0)
    producer.flush(120)

for protocol in ("classic", "consumer"):
    consumer = Consumer({
        "bootstrap.servers": servers, "client.id": f"session-{protocol}",
        "group.id": f"group-{protocol}", "group.protocol": protocol,
        "auto.offset.reset": "earliest", "enable.auto.commit": False, "fetch.wait.max.ms": 100,
    })
    consumer.subscribe(["orders"])
    read = 0
    while read < 15:
        message = consumer.poll(10)
        if message is not None and message.error() is None:
            read += 1
    consumer.commit(offsets=[TopicPartition("orders", 0, read)], asynchronous=False)
    consumer.close()
print("done")
