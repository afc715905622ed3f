"""The tables of the log, made by whoever connects first, and the log of the first version brought into them."""

from typing import Final

_SCHEMA_LOCK: Final = 0x7363686D

# - `topics.position` is the last position given in the topic: whoever appends holds its row to the end of the transaction.
# - `log` has a row for each batch and topic. `position` is that of its last message, those before count down from it.
#   `body` is the values one after the other, compressed (`shared.kit.compression`); a compacted topic has one message a row.
# - `writers`: who may append in a service's name; see `PostgresBus.take_over`.
# One simple query is one transaction: the lock lasts until all of it is committed.
SCHEMA: Final = f"""
SELECT pg_advisory_xact_lock({_SCHEMA_LOCK});
CREATE SCHEMA IF NOT EXISTS bus;
CREATE TABLE IF NOT EXISTS bus.topics (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    partitions integer NOT NULL,
    kept text NOT NULL,
    retention_s bigint NOT NULL
);
ALTER TABLE bus.topics ADD COLUMN IF NOT EXISTS position bigint NOT NULL DEFAULT 0;
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM information_schema.columns
        WHERE table_schema = 'bus' AND table_name = 'log' AND column_name = 'value'
    ) THEN
        ALTER TABLE bus.log RENAME TO log_of_messages;
    END IF;
END $$;
CREATE TABLE IF NOT EXISTS bus.log (
    topic integer NOT NULL,
    position bigint NOT NULL,
    messages integer NOT NULL,
    partitions smallint[] NOT NULL,
    keys bytea[] NOT NULL,
    headers text[],
    lengths integer[] NOT NULL,
    body bytea NOT NULL,
    compressed boolean NOT NULL DEFAULT true,
    appended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT log_of_batches_pkey PRIMARY KEY (topic, position)
);
ALTER TABLE bus.log ALTER COLUMN body SET STORAGE EXTERNAL;
DO $$
BEGIN
    IF to_regclass('bus.log_of_messages') IS NOT NULL THEN
        INSERT INTO bus.log
            (topic, position, messages, partitions, keys, headers, lengths, body, compressed, appended_at)
        SELECT topic, position, 1, ARRAY[partition], ARRAY[key], CASE WHEN headers IS NOT NULL THEN ARRAY[headers] END,
            ARRAY[length(value)], value, false, appended_at
        FROM bus.log_of_messages;
        UPDATE bus.topics AS t SET position = last.position
        FROM (SELECT topic, max(position) AS position FROM bus.log GROUP BY topic) AS last WHERE last.topic = t.id;
        DROP TABLE bus.log_of_messages;
    END IF;
END $$;
CREATE TABLE IF NOT EXISTS bus.writers (
    name text PRIMARY KEY,
    writer uuid NOT NULL
);
CREATE TABLE IF NOT EXISTS bus.members (
    consumer_group text NOT NULL,
    member uuid NOT NULL,
    topics integer[] NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (consumer_group, member)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS bus.leases (
    consumer_group text NOT NULL,
    topic integer NOT NULL,
    partition integer NOT NULL,
    member uuid,
    epoch bigint NOT NULL DEFAULT 0,
    position bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer_group, topic, partition)
) WITH (fillfactor = 50);
"""  # noqa: S608  constants
