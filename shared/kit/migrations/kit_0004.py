"""The outbox by sets: a row has all events that one statement publishes of one topic and project.

- `outbox.frame` has the events (`shared.kit.frames`), `events` says how many. Rows of before have one event each, in `id`,
  `type`, `key`, `envelope` and `headers`, which are null now; they are read as sets of one until their retention is over.
- `outbox_queue` has a row for each range of a set that is to be sent: `events` from number `first` on. It is the whole
  set but where the bus took a part of it: then each event that is left has its own, with its `key`, and its `event_id`
  where it was set aside.
- `outbox_positions` has a range of positions for each range of a set: `positions` has the first of each, `firsts` and
  `counts` say which events of the set they are; null where each is one event.

What a replica of before writes meanwhile is read as a set of one. Its relay can't read a set and sends nothing more: the
next one goes on where it stopped.
"""

from typing import Final

UPGRADE: Final = (
    """
    ALTER TABLE outbox
        ALTER COLUMN id DROP NOT NULL,
        ALTER COLUMN "type" DROP NOT NULL,
        ALTER COLUMN key DROP NOT NULL,
        ALTER COLUMN envelope DROP NOT NULL,
        ADD COLUMN events integer NOT NULL DEFAULT 1,
        ADD COLUMN frame bytea
    """,
    # It is compressed already.
    "ALTER TABLE outbox ALTER COLUMN frame SET STORAGE EXTERNAL",
    """
    ALTER TABLE outbox_queue
        ADD COLUMN first integer NOT NULL DEFAULT 0,
        ADD COLUMN events integer NOT NULL DEFAULT 1,
        ADD COLUMN key uuid,
        ADD COLUMN event_id uuid,
        DROP CONSTRAINT outbox_queue_pkey,
        ADD PRIMARY KEY (seq, first)
    """,
    """
    UPDATE outbox_queue AS q SET key = o.key, event_id = o.id
    FROM outbox AS o WHERE o.created_at = q.created_at AND o.seq = q.seq
    """,
    "ALTER TABLE outbox_positions ADD COLUMN firsts integer[], ADD COLUMN counts integer[]",
)
