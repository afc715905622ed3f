"""The kit's own tables. Every service has them in its own database; its first migration calls `create(op)`.

- `outbox`: what the service says. Partitioned by the day of `created_at`, so that what is sent and old goes by dropping
  a partition. `position` is null until the relay has sent the row, then gapless from 1 per service.
- `relay`: one row, the last position given. It outlives the outbox rows.
- `inbox`: which events had their effect, per consumer group. Event ids are UUIDv7, so old rows are a range of the key.
- `parked`: events that came before what they need.
- `parked_releases`: needs that have come, and how far their many parked events are released.
- `jobs`: long work, with its progress and its checkpoint.
- `idempotency_keys`: the first answer to a request that may be sent again.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, TEXT, TIMESTAMP, UUID

metadata = sa.MetaData()

_now = sa.text("now()")
_timestamp = TIMESTAMP(timezone=True)

outbox_seq = sa.Sequence("outbox_seq", metadata=metadata, start=1, cache=1)

outbox = sa.Table(
    "outbox",
    metadata,
    # A sequence and not an identity: partitions inherit a default on every supported PostgreSQL.
    sa.Column("seq", sa.BigInteger, outbox_seq, server_default=outbox_seq.next_value(), nullable=False),
    sa.Column("id", UUID, nullable=False),
    sa.Column("topic", TEXT, nullable=False),
    sa.Column("type", TEXT, nullable=False),
    sa.Column("key", UUID, nullable=False),
    sa.Column("project_id", UUID),
    sa.Column("envelope", BYTEA, nullable=False),  # JSON, as it is sent
    sa.Column("headers", TEXT),  # a JSON object of strings; only dead letters have any
    sa.Column("position", sa.BigInteger),
    sa.Column("set_aside", TEXT),  # why the broker refused this row for itself
    sa.Column("created_at", _timestamp, nullable=False, server_default=_now),
    sa.PrimaryKeyConstraint("created_at", "seq", name="outbox_pkey"),
    postgresql_partition_by="RANGE (created_at)",
)
sa.Index("outbox_unsent", outbox.c.seq, postgresql_where=outbox.c.position.is_(None))
# Rows of a key wait behind one that was set aside.
sa.Index("outbox_set_aside", outbox.c.topic, outbox.c.key, postgresql_where=outbox.c.set_aside.is_not(None))
# A unique index of a partitioned table must hold the partition key; positions come from `relay`, so they are unique.
sa.Index("outbox_position", outbox.c.position, postgresql_where=outbox.c.position.is_not(None))

relay = sa.Table(
    "relay",
    metadata,
    sa.Column("one", sa.Boolean, sa.CheckConstraint("one"), primary_key=True, server_default=sa.true()),
    sa.Column("position", sa.BigInteger, nullable=False, server_default="0"),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("event_id", UUID, nullable=False),
    sa.Column("consumer_group", TEXT, nullable=False),
    sa.PrimaryKeyConstraint("event_id", "consumer_group", name="inbox_pkey"),
)

parked = sa.Table(
    "parked",
    metadata,
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.Column("consumer_group", TEXT, nullable=False),
    sa.Column("event_id", UUID, nullable=False),
    sa.Column("kind", TEXT, nullable=False),  # what it waits for: ("record", record_id)
    sa.Column("key", UUID, nullable=False),
    sa.Column("topic", TEXT, nullable=False),
    sa.Column("event_key", BYTEA, nullable=False),  # the event's own key: parked events are applied in its order
    sa.Column("envelope", BYTEA, nullable=False),
    sa.Column("parked_at", _timestamp, nullable=False, server_default=_now),
    sa.PrimaryKeyConstraint("event_id", "consumer_group", name="parked_pkey"),
)
sa.Index("parked_by_need", parked.c.kind, parked.c.key, parked.c.event_key, parked.c.seq)
sa.Index("parked_by_event_key", parked.c.event_key)

parked_releases = sa.Table(
    "parked_releases",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("consumer_group", TEXT, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("key", UUID, nullable=False),
    # The last parked event that was looked at; what is after it has yet to be released.
    sa.Column("after_key", BYTEA, nullable=False, server_default=sa.text("''")),
    sa.Column("after_seq", sa.BigInteger, nullable=False, server_default="0"),
)
sa.Index("parked_releases_by_need", parked_releases.c.consumer_group, parked_releases.c.kind, parked_releases.c.key)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("project_id", UUID),
    sa.Column("arguments", JSONB, nullable=False),
    sa.Column("subject", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False, server_default="queued"),
    sa.Column("done", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("total", sa.BigInteger),
    sa.Column("errors", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("checkpoint", JSONB),
    sa.Column("result", JSONB),
    sa.Column("failure", TEXT),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("run_at", _timestamp, nullable=False, server_default=_now),
    sa.Column("lease", UUID),
    sa.Column("lease_until", _timestamp),
    sa.Column("created_at", _timestamp, nullable=False, server_default=_now),
    sa.Column("started_at", _timestamp),
    sa.Column("finished_at", _timestamp),
    sa.CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed')", name="jobs_state"),
)
sa.Index("jobs_waiting", jobs.c.run_at, postgresql_where=jobs.c.state.in_(("queued", "running")))
sa.Index("jobs_finished", jobs.c.finished_at, postgresql_where=jobs.c.finished_at.is_not(None))

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("subject", TEXT, nullable=False),
    sa.Column("key", TEXT, nullable=False),
    sa.Column("request_hash", BYTEA, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("body", BYTEA),
    sa.Column("created_at", _timestamp, nullable=False, server_default=_now),
    sa.PrimaryKeyConstraint("subject", "key", name="idempotency_keys_pkey"),
)
sa.Index("idempotency_keys_age", idempotency_keys.c.created_at)

DAYS_AHEAD = 7
"""For how many days to come the outbox has partitions; a default partition catches what falls outside."""


class Operations(Protocol):
    """What this module needs of Alembic's `op`."""

    def get_bind(self) -> sa.Connection: ...


def create(op: Operations) -> None:
    """Create the kit's tables. For the first migration of a service."""
    connection = op.get_bind()
    metadata.create_all(connection, checkfirst=False)
    connection.execute(sa.text("INSERT INTO relay DEFAULT VALUES"))
    connection.execute(sa.text("CREATE TABLE outbox_default PARTITION OF outbox DEFAULT"))
    for statement in day_partitions(datetime.now(UTC).date(), DAYS_AHEAD):
        connection.execute(sa.text(statement))


def drop(op: Operations) -> None:
    """Drop the kit's tables and all that is in them."""
    metadata.drop_all(op.get_bind())


def partition_name(day: date) -> str:
    return f"outbox_{day:%Y%m%d}"


def day_partitions(first: date, days: int) -> Sequence[str]:
    """Statements that make sure that the outbox has a partition for each of `days` days from `first` on (UTC)."""
    return [
        f"CREATE TABLE IF NOT EXISTS {partition_name(day)} PARTITION OF outbox"
        f" FOR VALUES FROM ('{day.isoformat()} 00:00:00+00') TO ('{(day + timedelta(days=1)).isoformat()} 00:00:00+00')"
        for day in (first + timedelta(days=offset) for offset in range(days))
    ]
