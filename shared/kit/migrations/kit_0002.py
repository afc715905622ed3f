"""What is to be sent and what was sent apart from the events; the inbox by days; who of the replicas leads.

- `outbox_queue`: one narrow row for each event of the outbox that the bus doesn't have; `set_aside` says why the broker
  refused it for itself. Deleted when it is sent, so that the envelope is written once and never again.
- `outbox_positions`: one row for each batch and topic that was sent: the events (`seqs`, `created_at`, the key of the
  outbox) and the position of each. `projects` are those of the events, so that a reader of one project skips the rest.
- `relay.epoch`: of the relay that gave the last positions; one of an older epoch can give none.
- `inbox` is partitioned by the time in its UUIDv7, and is dropped by partitions. The rows of before stay where they were,
  as the partition of all that came until tomorrow.
- `leases`: who of the replicas does what only one may do, until when; `epoch` grows with each holder.

The relay of the first version doesn't know `outbox_queue`: for this one revision the replicas of a service are stopped
before it is migrated.
"""

from typing import Final

_OUTBOX: Final = (
    # They would hold every row now.
    "DROP INDEX outbox_unsent",
    "DROP INDEX outbox_set_aside",
    "DROP INDEX outbox_position",
    """
    CREATE TABLE outbox_queue (
        seq bigint PRIMARY KEY,
        created_at timestamptz NOT NULL,
        set_aside text
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)
    """,
    "CREATE INDEX outbox_queue_set_aside ON outbox_queue (seq) WHERE set_aside IS NOT NULL",
    """
    INSERT INTO outbox_queue (seq, created_at, set_aside)
    SELECT seq, created_at, set_aside FROM outbox WHERE position IS NULL
    """,
    """
    CREATE TABLE outbox_positions (
        topic text NOT NULL,
        last_position bigint NOT NULL,
        positions bigint[] NOT NULL,
        seqs bigint[] NOT NULL,
        created_at timestamptz[] NOT NULL,
        projects uuid[] NOT NULL,
        sent_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (topic, last_position)
    )
    """,
    """
    INSERT INTO outbox_positions (topic, last_position, positions, seqs, created_at, projects, sent_at)
    SELECT topic, max(position), array_agg(position ORDER BY position), array_agg(seq ORDER BY position),
        array_agg(created_at ORDER BY position),
        coalesce(array_agg(DISTINCT project_id) FILTER (WHERE project_id IS NOT NULL), '{}'), max(created_at)
    FROM outbox WHERE position IS NOT NULL GROUP BY topic, position / 500
    """,
    "ALTER TABLE relay ADD COLUMN epoch bigint NOT NULL DEFAULT 0",
)

_INBOX: Final = (
    "ALTER TABLE inbox RENAME TO inbox_before",
    "ALTER INDEX inbox_pkey RENAME TO inbox_before_pkey",
    """
    CREATE TABLE inbox (
        event_id uuid NOT NULL,
        consumer_group text NOT NULL,
        PRIMARY KEY (event_id, consumer_group)
    ) PARTITION BY RANGE (event_id)
    """,
    # Ids that are no UUIDv7, or of days without a partition.
    "CREATE TABLE inbox_default PARTITION OF inbox DEFAULT",
    """
    DO $$
    DECLARE
        day timestamp := (now() AT TIME ZONE 'UTC')::date + 2;
        begins uuid;
        ends uuid := (lpad(to_hex((extract(epoch FROM day AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid;
        days_begin uuid := ends;
    BEGIN
        FOR ahead IN 1..5 LOOP
            begins := ends;
            ends := (lpad(to_hex((extract(epoch FROM (day + interval '1 day') AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0')
                || repeat('0', 20))::uuid;
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF inbox FOR VALUES FROM (%L) TO (%L)',
                'inbox_' || to_char(day, 'YYYYMMDD'), begins, ends
            );
            day := day + interval '1 day';
        END LOOP;
        WITH moved AS (DELETE FROM inbox_before WHERE event_id >= days_begin RETURNING *)
        INSERT INTO inbox SELECT * FROM moved;
        EXECUTE format('ALTER TABLE inbox ATTACH PARTITION inbox_before FOR VALUES FROM (MINVALUE) TO (%L)', days_begin);
    END $$
    """,
)

_LEASES: Final = (
    """
    CREATE TABLE leases (
        name text PRIMARY KEY,
        holder uuid NOT NULL,
        epoch bigint NOT NULL,
        until timestamptz NOT NULL
    ) WITH (fillfactor = 50)
    """,
)

UPGRADE: Final = (*_OUTBOX, *_INBOX, *_LEASES)
