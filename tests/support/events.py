"""Events, parsed as a service parses them that subscribes to all of them."""

from typing import Any

from shared.contracts.envelope import Event
from shared.contracts.topics import TOPIC_OF
from shared.kit.database import Session
from shared.kit.handlers import EventSet, Handlers, Subscription


async def _ignore(_: Session, __: EventSet[Any]) -> None:
    """Have no effect."""


EVERY_EVENT = Handlers("tests", [Subscription(payload, _ignore) for payload in TOPIC_OF])


def parse_event(raw: bytes | str) -> Event[Any]:
    """Parse the envelope of an event that is in the registry."""
    event = EVERY_EVENT.parse(raw.encode() if isinstance(raw, str) else raw)
    assert event is not None, "no such event type and version"
    return event
