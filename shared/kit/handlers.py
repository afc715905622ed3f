"""Which function handles which event, and how it is called: with its cause and its trace in place."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar
from uuid import UUID

from opentelemetry.trace import SpanKind
from pydantic import BaseModel

from shared.contracts.envelope import Event, Payload
from shared.contracts.topics import TOPIC_OF
from shared.kit import telemetry
from shared.kit.database import Session
from shared.kit.outbox import event_model, handled_event

PayloadT = TypeVar("PayloadT", bound=Payload)


class NotYet(Exception):
    """The event needs something that is not here yet: it is parked until `release_parked` is called for that."""

    def __init__(self, kind: str, key: UUID) -> None:
        super().__init__(f"needs {kind} {key}, which is not here yet")
        self.kind = kind
        self.key = key


@dataclass(frozen=True)
class Subscription(Generic[PayloadT]):
    """Which function handles which payload."""

    payload: type[PayloadT]
    handle: Callable[[Session, Event[PayloadT]], Awaitable[None]]


class Delivery(NamedTuple):
    """An event as it came: `raw` is its envelope in JSON, `event` the same, parsed."""

    topic: str
    key: bytes
    raw: bytes
    event: Event[Any]


class _Head(BaseModel):
    type: str
    version: int


# Our own envelopes begin like this, so type and version are read without parsing the JSON twice.
_HEAD: Final = re.compile(rb'\{"id":"[0-9a-f-]{36}","type":"(\w+)","version":(\d+),')


class Handlers:
    """The subscriptions of one consumer group, which is one service."""

    def __init__(self, group: str, subscriptions: Iterable[Subscription[Any]]) -> None:
        self.group = group
        self._of: dict[tuple[bytes, bytes], tuple[type[Event[Any]], Callable[..., Awaitable[None]]]] = {}
        topics = set()
        for subscription in subscriptions:
            payload = subscription.payload
            head = (payload.event_type().encode(), b"%d" % payload.event_version)
            if head in self._of:
                raise ValueError(f"{group} subscribes twice to {payload.event_type()} {payload.event_version}")
            self._of[head] = (event_model(payload), subscription.handle)
            topics.add(TOPIC_OF[payload].name)
        self.topics = frozenset(topics)
        self.releasing = asyncio.Event()  # parked events are to be released by this process's runner

    def parse(self, raw: bytes) -> Event[Any] | None:
        """Parse an envelope; None when this group doesn't listen to its type and version.

        Raises:
            pydantic.ValidationError: the envelope or its payload is malformed.
        """
        match = _HEAD.match(raw)
        if match:
            head = (match[1], match[2])
        else:
            parsed = _Head.model_validate_json(raw)
            head = (parsed.type.encode(), b"%d" % parsed.version)
        found = self._of.get(head)
        return None if found is None else found[0].model_validate_json(raw, extra="ignore")

    async def apply(self, session: Session, event: Event[Any]) -> None:
        """Call the event's handler. What it publishes has this event as its cause."""
        handle = self._of[event.type.encode(), b"%d" % event.version][1]
        token = handled_event.set(event.id)
        try:
            if event.traceparent is None:
                await handle(session, event)
                return
            with telemetry.span(f"handle {event.type}", SpanKind.CONSUMER, event.traceparent) as span:
                span.set_attribute("messaging.message.id", str(event.id))
                span.set_attribute("messaging.consumer.group.name", self.group)
                await handle(session, event)
        finally:
            handled_event.reset(token)
