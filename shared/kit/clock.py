"""Time and identity enter the system here, at the edge."""

from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A UUIDv7: ids made later sort later (to the millisecond), so indexes grow at one end."""
    return uuid_utils.compat.uuid7()
