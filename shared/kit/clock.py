"""Time and identity enter the system here, at the edge."""

import asyncio
import functools
import time
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Final
from uuid import UUID

import uuid_utils.compat

TICK_S: Final = 2.5


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def to_tick(seconds: float) -> float:
    """`seconds` from now, moved to the nearest tick of the event loop's clock: half of `TICK_S` sooner or later at most.

    For what looks now and then: an idle process, and with it its database, wakes once a tick for all of it. Less than a
    tick stays as it is.
    """
    if seconds < TICK_S:
        return seconds
    now = asyncio.get_running_loop().time()
    return round((now + seconds) / TICK_S) * TICK_S - now


def http_date() -> bytes:
    """The present second as HTTP's `Date` header has it."""
    return _http_date(int(time.time()))


@functools.lru_cache(maxsize=1)
def _http_date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


def new_id() -> UUID:
    """A UUIDv7: ids made later sort later (to the millisecond), so indexes grow at one end."""
    return uuid_utils.compat.uuid7()
