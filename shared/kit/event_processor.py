"""Gives what a consumer fetched its effect, and gives up what has none after bounded attempts.

While the database is away nothing is tried and nothing is given up; a connection that is lost while the database answers
is an attempt.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import structlog
from pydantic import ValidationError

from shared.contracts.envelope import Event
from shared.kit import event_metrics as metrics
from shared.kit.bus import Inbound, Partition
from shared.kit.consuming import Delivery, Handlers, bury, consume, consume_batch, is_transient
from shared.kit.database import Database, DatabaseErrorKind, database_error_kind
from shared.kit.event_attempts import ProcessEnded
from shared.kit.progress import Item

log = structlog.get_logger()

ResultT = TypeVar("ResultT")

LONGEST_PAUSE_S: Final = 5.0
_ATTEMPTS: Final = 4  # of an event whose handler fails: about two seconds
_PATIENCE: Final = 60  # attempts against locks and timeouts: some minutes
_LOSSES: Final = 3  # connections that a batch may lose, one after the other, while the database answers


class Abandoned(Exception):
    """The partition went to another member: what is not done here is done there."""


class _ConnectionLost(Exception):
    """The database answers, but the connection was lost each time that these events were handled."""


class Failed(NamedTuple):
    """An event that had no effect: what made it fail, None where it only comes after such a one of its key."""

    item: Item
    error: Exception | None


class EventProcessor:
    """Handles the items of one consumer group. `done` is called with those for which nothing is left to do."""

    def __init__(self, database: Database, handlers: Handlers, done: Callable[[Iterable[Item]], None]) -> None:
        self._database = database
        self._handlers = handlers
        self._group = handlers.group
        self._done = done
        self._taking = asyncio.Lock()

    async def handle(self, items: Sequence[Item]) -> list[Failed]:
        """Give each event its effect, or park it; return those that failed or come after such a one.

        Raises Abandoned when none of them is ours any more.
        """
        await self._take_partitions(items)
        deliveries: list[Delivery] = []
        taken: list[Item] = []
        for item in items:
            message = item.message
            topic = _topic_of(message)
            try:
                event = self._handlers.parse(message.value)
            except ValidationError as error:
                await self._give_up(item, topic, None, error)
                continue
            if event is None:
                metrics.IGNORED.labels(self._group).inc()
                self._done([item])
                continue
            deliveries.append(Delivery(topic, message.key, message.value, event))
            taken.append(item)
        if not deliveries:
            return []
        try:
            aside = await self._while_database_is_there(
                taken, lambda: consume_batch(self._database, self._handlers, deliveries)
            )
        except _ConnectionLost as error:
            return await self._handle_halves(taken, error)
        if not aside:
            self._done(taken)
            return []
        item_of = {id(delivery): item for delivery, item in zip(deliveries, taken, strict=True)}
        failed: list[Failed] = []
        for each in aside:
            item = item_of.pop(id(each.delivery))
            if isinstance(each.error, ProcessEnded):
                await self._give_up(item, each.delivery.topic, each.delivery, each.error)
            else:
                failed.append(Failed(item, each.error))
        self._done(item_of.values())
        return failed

    async def _take_partitions(self, items: Sequence[Item]) -> None:
        """Write down that we hold the items' partitions, before the first of their events is handled."""
        if all(item.progress.taken for item in items):
            return
        async with self._taking:
            new = {
                Partition(item.message.topic, item.message.partition): item.progress
                for item in items
                if not item.progress.taken
            }
            if new:
                await self._while_database_is_there(items, lambda: self._handlers.attempts.take(self._database, new))
            for progress in new.values():
                progress.taken = True

    async def attempt(self, item: Item, attempts: int) -> Exception | None:
        """Handle one event that failed so often; return what made it fail, None when nothing is left to do for it.

        Raises Abandoned.
        """
        message = item.message
        delivery = Delivery(_topic_of(message), message.key, message.value, self._parsed(message))
        try:
            await self._while_database_is_there([item], lambda: consume(self._database, self._handlers, delivery))
        except Abandoned:
            raise
        except Exception as error:
            most = _PATIENCE if is_transient(error) else _ATTEMPTS
            if attempts + 1 >= most or isinstance(error, ProcessEnded):
                await self._give_up(item, delivery.topic, delivery, error)
                return None
            metrics.RETRIED.labels(self._group).inc()
            log.warning("event_failed", group=self._group, event_id=str(delivery.event.id), exc_info=error)
            return error
        self._done([item])
        return None

    def _parsed(self, message: Inbound) -> Event[Any]:
        event = self._handlers.parse(message.value)
        assert event is not None
        return event

    async def _handle_halves(self, items: Sequence[Item], error: Exception) -> list[Failed]:
        """Find the event that ends connections; return what `handle` returns."""
        if len(items) == 1:
            return [Failed(items[0], error)]
        middle = len(items) // 2
        failed = await self.handle(items[:middle])
        keys = {each.item.message.key for each in failed}
        behind = [Failed(item, None) for item in items[middle:] if item.message.key in keys]
        others = [item for item in items[middle:] if item.message.key not in keys]
        return [*failed, *behind, *(await self.handle(others) if others else [])]

    async def _give_up(self, item: Item, topic: str, delivery: Delivery | None, error: Exception) -> None:
        message = item.message
        event_id = None if delivery is None else delivery.event.id
        with contextlib.suppress(Abandoned):
            await self._while_database_is_there(
                [item], lambda: bury(self._database, self._group, topic, message.key, message.value, event_id, error)
            )
            self._done([item])

    async def _while_database_is_there(self, items: Sequence[Item], doing: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Do it; while the database is away, wait and do it again.

        Raises Abandoned when the work is nobody's here, and _ConnectionLost when it is the work that ends connections.
        """
        lost = 0
        while True:
            try:
                return await doing()
            except Exception as error:
                if database_error_kind(error) is not DatabaseErrorKind.AWAY:
                    raise
                log.warning("consumer_lost_its_connection", group=self._group, exc_info=error)
                waited = await self._wait_for_database(items)
                lost = 0 if waited else lost + 1
                if lost >= _LOSSES:
                    raise _ConnectionLost(f"{lost} connections were lost") from error

    async def _wait_for_database(self, items: Sequence[Item]) -> bool:
        """Wait until the database answers; return whether it was away. Raises Abandoned when the work isn't ours."""
        failures = 0
        try:
            while True:
                if not any(item.progress.active for item in items):
                    raise Abandoned
                await asyncio.sleep(min(LONGEST_PAUSE_S, 0.1 * 2.0 ** min(failures, 10)) * random.uniform(0.5, 1.0))  # noqa: S311  jitter
                try:
                    async with self._database.transaction() as session:
                        await session.raw.fetchval("SELECT 1")
                except Exception as error:
                    if database_error_kind(error) is not DatabaseErrorKind.AWAY:
                        raise
                    failures += 1
                    metrics.PAUSED.labels(self._group).set(1)
                else:
                    return failures > 0
        finally:
            if failures:
                metrics.PAUSED.labels(self._group).set(0)


def pause_s(attempt: int, error: Exception) -> float:
    """How long to wait before the next attempt: exponential, with jitter; short where the next one may well succeed."""
    base = 0.02 if database_error_kind(error) is DatabaseErrorKind.RETRY else 0.1
    return min(LONGEST_PAUSE_S, base * 4.0 ** min(attempt - 1, 10)) * random.uniform(0.5, 1.0)  # noqa: S311  jitter


def _topic_of(message: Inbound) -> str:
    """The topic that the event was published to; a replayed one comes through the group's retry topic."""
    return message.topic if message.headers is None else message.headers.get("topic", message.topic)
