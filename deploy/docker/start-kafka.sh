#!/bin/bash
# The broker's entry point: an empty volume is formatted with the users that may sign in.
set -eu
if [ ! -e /var/lib/kafka/data/meta.properties ]; then
  arguments=()
  while read -r user; do
    arguments+=(--add-scram "$user")
  done < /run/secrets/kafka_users
  /opt/kafka/bin/kafka-storage.sh format --cluster-id "$(/opt/kafka/bin/kafka-storage.sh random-uuid)" \
    --config /run/secrets/kafka_properties "${arguments[@]}"
fi
exec /opt/kafka/bin/kafka-server-start.sh /run/secrets/kafka_properties
