#!/bin/sh
# A Kafka broker and two client libraries: kafka-broker.sh DIRECTORY
# DIRECTORY/jars gets the broker with everything it needs, by Maven; DIRECTORY/python is a Python
# with librdkafka's and Kafka-Python's clients, by pip. What is complete is kept.
set -eu
directory=$1
here=$(cd "$(dirname "$0")" && pwd)
draft=$directory/draft
python=/usr/bin/python3
[ -x "$python" ] || python=python3

rm -rf "$draft"
mkdir -p "$draft"
if [ ! -d "$directory/jars" ]; then
    mvn -q -B -f "$here/kafka-broker.xml" dependency:copy-dependencies \
        -DoutputDirectory="$(cd "$draft" && pwd)/jars"
    if ! (cd "$draft/jars" && sha256sum --quiet --strict -c "$here/kafka-broker.sha256"); then
        echo "kafka-broker: the files are not those of test/kafka-broker.sha256" >&2
        exit 1
    fi
    mv "$draft/jars" "$directory/jars"
fi
if [ ! -e "$directory/python/complete" ]; then
    rm -rf "$directory/python"
    "$python" -m venv "$directory/python"
    "$directory/python/bin/pip" install -q --disable-pip-version-check \
        confluent-kafka==2.16.1 kafka-python==3.0.12
    : >"$directory/python/complete"
fi
rm -rf "$draft"
