"""kafka_python_loop.py PORT CERTIFICATE TOPIC: sends and reads by kafka-python until it is told.

CERTIFICATE "-" = no TLS. After "ready", a line on standard input ends it."""
import select
import sys

from kafka import KafkaConsumer, KafkaProducer

port, certificate, topic = sys.argv[1:4]
common = {"bootstrap_servers": f"127.0.0.1:{port}", "client_id": topic}
if certificate != "-":
    common.update(security_protocol="SSL", ssl_cafile=certificate)
producer = KafkaProducer(acks=1, linger_ms=0, **common)
consumer = KafkaConsumer(
    topic, auto_offset_reset="earliest", group_id=None, fetch_max_wait_ms=20, **common
)
sent = read = 0
while True:
    producer.send(topic, value=b"hidden %d" % sent).get(10)
    sent += 1
    for messages in consumer.poll(timeout_ms=20).values():
        read += len(messages)
    if sent == 20:
        print("ready", flush=True)
    if sent >= 20 and select.select([sys.stdin], [], [], 0)[0]:
        break
print(f"sent {sent}", flush=True)
producer.close()
consumer.close()
