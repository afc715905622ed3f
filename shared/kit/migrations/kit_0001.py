"""The kit's tables of the first version. Frozen: a change of them is a `kit_NNNN` after this.

- `outbox`: what the service publishes. Partitioned by the day of `created_at`, so that what is sent and old goes by
  dropping a partition. `position` is null until the relay has sent the row, then gapless from 1 per service.
  `envelope` is JSON as it is sent, `headers` a JSON object of strings, which only dead letters have. `set_aside` says why
  the broker refused the row for itself.
- `relay`: one row, the last position given. It outlives the outbox rows.
- `inbox`: which events had their effect, per consumer group. Event ids are UUIDv7, so old rows are a range of the key.
- `parked`: events that came before what they need, `kind` and `key` (a record and its id). `event_key` is the event's
  own key: parked events are applied in its order.
- `parked_releases`: needs that have come, and how far their many parked events are released: `after_key` and `after_seq`
  are the last parked event that was looked at.
- `jobs`: long work, with its progress and its checkpoint.
- `idempotency_keys`: the first answer to a request that may be sent again.
"""

from typing import Final

# A sequence and not an identity: partitions inherit a default on every supported PostgreSQL.
_OUTBOX: Final = (
    "CREATE SEQUENCE outbox_seq START WITH 1 CACHE 1",
    """
    CREATE TABLE outbox (
        seq bigint DEFAULT nextval('outbox_seq') NOT NULL,
        id uuid NOT NULL,
        topic text NOT NULL,
        type text NOT NULL,
        key uuid NOT NULL,
        project_id uuid,
        envelope bytea NOT NULL,
        headers text,
        position bigint,
        set_aside text,
        created_at timestamptz DEFAULT now() NOT NULL,
        PRIMARY KEY (created_at, seq)
    ) PARTITION BY RANGE (created_at)
    """,
    "CREATE INDEX outbox_unsent ON outbox (seq) WHERE position IS NULL",
    # Rows of a key wait behind one that was set aside.
    "CREATE INDEX outbox_set_aside ON outbox (topic, key) WHERE set_aside IS NOT NULL",
    # A unique index of a partitioned table must hold the partition key; positions come from `relay`, so they are unique.
    "CREATE INDEX outbox_position ON outbox (position) WHERE position IS NOT NULL",
    "CREATE TABLE outbox_default PARTITION OF outbox DEFAULT",
    # The days to come are made by the relay; these are for its first week.
    """
    DO $$
    DECLARE
        today date := (now() AT TIME ZONE 'UTC')::date;
        day date;
    BEGIN
        FOR ahead IN 0..6 LOOP
            day := today + ahead;
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF outbox FOR VALUES FROM (%L) TO (%L)',
                'outbox_' || to_char(day, 'YYYYMMDD'),
                day::timestamp AT TIME ZONE 'UTC',
                (day + 1)::timestamp AT TIME ZONE 'UTC'
            );
        END LOOP;
    END $$
    """,
    """
    CREATE TABLE relay (
        one boolean DEFAULT true PRIMARY KEY CHECK (one),
        position bigint DEFAULT 0 NOT NULL
    )
    """,
    "INSERT INTO relay DEFAULT VALUES",
)

_INBOX: Final = (
    """
    CREATE TABLE inbox (
        event_id uuid NOT NULL,
        consumer_group text NOT NULL,
        PRIMARY KEY (event_id, consumer_group)
    )
    """,
    """
    CREATE TABLE parked (
        seq bigint GENERATED ALWAYS AS IDENTITY,
        consumer_group text NOT NULL,
        event_id uuid NOT NULL,
        kind text NOT NULL,
        key uuid NOT NULL,
        topic text NOT NULL,
        event_key bytea NOT NULL,
        envelope bytea NOT NULL,
        parked_at timestamptz DEFAULT now() NOT NULL,
        PRIMARY KEY (event_id, consumer_group)
    )
    """,
    "CREATE INDEX parked_by_need ON parked (kind, key, event_key, seq)",
    "CREATE INDEX parked_by_event_key ON parked (event_key)",
    """
    CREATE TABLE parked_releases (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        consumer_group text NOT NULL,
        kind text NOT NULL,
        key uuid NOT NULL,
        after_key bytea DEFAULT '' NOT NULL,
        after_seq bigint DEFAULT 0 NOT NULL
    )
    """,
    "CREATE INDEX parked_releases_by_need ON parked_releases (consumer_group, kind, key)",
)

_REQUESTS: Final = (
    """
    CREATE TABLE jobs (
        id uuid PRIMARY KEY,
        kind text NOT NULL,
        project_id uuid,
        arguments jsonb NOT NULL,
        subject text NOT NULL,
        state text DEFAULT 'queued' NOT NULL,
        done bigint DEFAULT 0 NOT NULL,
        total bigint,
        errors bigint DEFAULT 0 NOT NULL,
        checkpoint jsonb,
        result jsonb,
        failure text,
        attempts integer DEFAULT 0 NOT NULL,
        run_at timestamptz DEFAULT now() NOT NULL,
        lease uuid,
        lease_until timestamptz,
        created_at timestamptz DEFAULT now() NOT NULL,
        started_at timestamptz,
        finished_at timestamptz,
        CONSTRAINT jobs_state CHECK (state IN ('queued', 'running', 'succeeded', 'failed'))
    )
    """,
    "CREATE INDEX jobs_waiting ON jobs (run_at) WHERE state IN ('queued', 'running')",
    "CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL",
    """
    CREATE TABLE idempotency_keys (
        subject text NOT NULL,
        key text NOT NULL,
        request_hash bytea NOT NULL,
        status integer,
        body bytea,
        created_at timestamptz DEFAULT now() NOT NULL,
        PRIMARY KEY (subject, key)
    )
    """,
    "CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at)",
)

UPGRADE: Final = (*_OUTBOX, *_INBOX, *_REQUESTS)
