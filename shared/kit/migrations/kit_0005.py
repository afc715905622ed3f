"""Erased records, and how far what was published of them is taken out of the outbox and the bus.

- `erasures`: `outbox_at` and `bus_at` say when nothing was left there; `report` is what was published last of all the
  service's places, `revision` counts the reports, and at `look_at` the next is due: null once all is done.
"""

from typing import Final

UPGRADE: Final = (
    """
    CREATE TABLE erasures (
        record_id uuid PRIMARY KEY,
        project_id uuid NOT NULL,
        erased_at timestamptz NOT NULL,
        outbox_at timestamptz,
        bus_at timestamptz,
        report jsonb,
        revision integer NOT NULL DEFAULT 0,
        look_at timestamptz
    )
    """,
    "CREATE INDEX erasures_due ON erasures (look_at) WHERE look_at IS NOT NULL",
    "CREATE INDEX erasures_pending ON erasures (project_id) WHERE look_at IS NOT NULL",
)

TOMBSTONES: Final = """
INSERT INTO erasures (record_id, project_id, erased_at, look_at)
SELECT record_id, project_id, {erased_at}, now() FROM records WHERE state = 'erased'
"""
"""Notes what was erased before; `erased_at` is the service's column or now."""
