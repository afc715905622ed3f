"""Which function handles which event, and how events are put together into sets."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar, overload
from uuid import UUID

from opentelemetry.trace import SpanKind
from pydantic import BaseModel

from shared.contracts.envelope import Event, Payload
from shared.contracts.topics import TOPIC_OF
from shared.kit import telemetry
from shared.kit.database import Session
from shared.kit.event_attempts import EventAttempts
from shared.kit.outbox import event_model

PayloadT = TypeVar("PayloadT", bound=Payload)


class Need(NamedTuple):
    """What an early event waits for: `("record", record_id)`."""

    kind: str
    key: UUID


class EventSet(Sequence[Event[PayloadT]]):
    """Events of one type that are handled in one transaction. Those of one key stand in their order.

    An event that needs something that is not here yet is parked: the handler calls `park` and leaves it out.
    """

    def __init__(self, events: Sequence[Event[PayloadT]]) -> None:
        self._events = events
        self.needs: dict[UUID, Need] = {}  # by the id of the event that is parked

    @overload
    def __getitem__(self, index: int) -> Event[PayloadT]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event[PayloadT]]: ...
    def __getitem__(self, index: int | slice) -> Event[PayloadT] | Sequence[Event[PayloadT]]:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event[PayloadT]]:
        return iter(self._events)

    def park(self, event: Event[PayloadT], kind: str, key: UUID) -> None:
        """Have the event wait until `release_parked(session, kind, [key])` is called. It must have had no effect."""
        self.needs[event.id] = Need(kind, key)


SetHandler = Callable[[Session, EventSet[PayloadT]], Awaitable[None]]


@dataclass(frozen=True)
class Subscription(Generic[PayloadT]):
    """Which function handles the events of one payload type, a set at a time.

    An `idempotent` handler knows an event that it had before by the rows that it wrote, under their locks, however late
    that one comes again: its events leave no rows in the inbox.
    """

    payload: type[PayloadT]
    handle: SetHandler[PayloadT]
    idempotent: bool = False


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


class _Subscribed(NamedTuple):
    """What is known of a type and version: its envelope's model, and its subscription."""

    model: type[Event[Any]]
    subscription: Subscription[Any]


class Handlers:
    """The subscriptions of one consumer group, which is one service."""

    def __init__(self, group: str, subscriptions: Iterable[Subscription[Any]]) -> None:
        self.group = group
        self._of: dict[tuple[bytes, bytes], _Subscribed] = {}
        topics = set()
        for subscription in subscriptions:
            payload = subscription.payload
            head = (payload.event_type().encode(), b"%d" % payload.event_version)
            if head in self._of:
                raise ValueError(f"{group} subscribes twice to {payload.event_type()} {payload.event_version}")
            self._of[head] = _Subscribed(event_model(payload), subscription)
            topics.add(TOPIC_OF[payload].name)
        self.topics = frozenset(topics)
        self.attempts = EventAttempts(group)
        self.releasing = asyncio.Event()  # parked events are to be released by this process's runner

    def parse(self, raw: bytes) -> Event[Any] | None:
        """Parse an envelope; None when this group has no subscription for its type and version.

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
        return None if found is None else found.model.model_validate_json(raw, extra="ignore")

    def is_idempotent(self, event: Event[Any]) -> bool:
        """Whether the handler of this event knows by itself that it had it before."""
        return self._subscription(event).idempotent

    def _subscription(self, event: Event[Any]) -> Subscription[Any]:
        return self._of[event.type.encode(), b"%d" % event.version].subscription

    async def apply(self, session: Session, events: EventSet[Any]) -> None:
        """Call the handler of the set, whose events are of one type and version."""
        first = events[0]
        handle = self._subscription(first).handle
        # A trace goes on through the events that the handler publishes; the set's own span belongs to its first event.
        with telemetry.span(f"handle {first.type}", SpanKind.CONSUMER, first.traceparent) as span:
            span.set_attribute("messaging.batch.message_count", len(events))
            span.set_attribute("messaging.consumer.group.name", self.group)
            await handle(session, events)


def sets_of(deliveries: Iterable[Delivery]) -> list[list[Delivery]]:
    """Divide deliveries into sets of one event type each, to be handled one after the other.

    The order of each key is kept: an event goes into the first set of its type that comes no earlier than the set of
    the event before it of its key.
    """
    sets: list[list[Delivery]] = []
    types: list[tuple[str, int]] = []
    first_for: dict[bytes, int] = {}
    for delivery in deliveries:
        kind = (delivery.event.type, delivery.event.version)
        place = first_for.get(delivery.key, 0)
        while place < len(sets) and types[place] != kind:
            place += 1
        if place == len(sets):
            sets.append([])
            types.append(kind)
        sets[place].append(delivery)
        first_for[delivery.key] = place
    return sets
