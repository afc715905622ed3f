"""Parked events by their age, in an index that serves nothing else.

The one before began with the consumer group, which every statement on parked events names and which is the same in all of
them. Whatever PostgreSQL planned while the table was empty took that index, and then read all parked events for each look.
"""

from typing import Final

UPGRADE: Final = (
    "DROP INDEX parked_by_age",
    "CREATE INDEX parked_by_age ON parked (kind, parked_at)",
)
