"""Consumes a service's topics: in order for each key, concurrently across keys, acknowledged when done.

Messages go to lanes by the hash of their key, whatever their topic, so one record's events are handled one after the
other. A lane takes what waits for it as one batch. An event that fails is held, with what comes after it of its key,
while the lane goes on; it is tried again some times and then given up. While the database is away nothing is tried and
nothing is given up.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import structlog
from pydantic import ValidationError

from shared.contracts.envelope import Event
from shared.kit import event_metrics as metrics
from shared.kit import parking
from shared.kit.batches import BatchSize
from shared.kit.bus import Bus, Consumer, Inbound, Partition, service_topics
from shared.kit.consuming import Delivery, Handlers, bury, consume, consume_batch, is_transient
from shared.kit.database import Database, DatabaseErrorKind, database_error_kind
from shared.kit.dead_letters import retry_topic
from shared.kit.exceptions import BusUnavailable
from shared.kit.progress import Item, Lane, Progress

log = structlog.get_logger()

ResultT = TypeVar("ResultT")

_ROOM: Final = 1_000  # how many messages for each lane may be fetched and not done
_FETCH: Final = 1_000
_FETCH_BYTES: Final = 16 * 1024 * 1024
_FETCH_WAIT_S: Final = 1.0
_FILL_S: Final = 0.1  # between two fetches that did not bring as much as was asked for
_ACKNOWLEDGE_EVERY_S: Final = 0.05
_MEASURE_EVERY_S: Final = 15.0
_ATTEMPTS: Final = 4  # of an event whose handler fails: about two seconds
_PATIENCE: Final = 60  # attempts against locks and timeouts: some minutes
_LOSSES: Final = 3  # connections that a batch may lose, one after the other, while the database answers
_LONGEST_PAUSE_S: Final = 5.0
_LONG_RUN_S: Final = 60.0


class _ConnectionLost(Exception):
    """The database answers, but the connection was lost each time that these events were handled."""


class _Abandoned(Exception):
    """The partition went to another member: what is not done here is done there."""


class Failed(NamedTuple):
    """An event that had no effect: what made it fail, None where it only comes after such a one of its key."""

    item: Item
    error: Exception | None


class Runner:
    """The consumer of one service: `run` it in every replica."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        handlers: Handlers,
        *,
        lanes: int = 4,
        retention_days: int = 30,
        handled: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._bus = bus
        self._handlers = handlers
        self._group = handlers.group
        self._retention_days = retention_days
        self._handled = handled  # called whenever events had their effect
        self._topics = sorted({*handlers.topics, retry_topic(handlers.group)})
        self._consumer: Consumer | None = None
        self._progress: dict[Partition, Progress] = {}
        self._lanes = [Lane() for _ in range(lanes)]
        self._room = lanes * _ROOM
        self._fetched = 0
        self._ask = BatchSize(_FETCH, _FETCH_BYTES)
        self._changed = asyncio.Condition()
        self._to_acknowledge = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._retrying: set[asyncio.Task[None]] = set()
        self._unacknowledged: dict[Partition, int] = {}
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()  # the last fetch found nothing

    async def run(self) -> None:
        """Consume until `stop`, or until cancelled."""
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                await self._consume()
            except* BusUnavailable as group:
                log.warning("consumer_interrupted", group=self._group, exc_info=group.exceptions[0])
            except* Exception as group:
                log.error("consumer_failed", group=self._group, exc_info=group.exceptions[0])  # noqa: TRY400  the message may hold a record's text
            failures = 0 if time.monotonic() - started > _LONG_RUN_S else failures + 1
            await self._sleep_unless_stopping(min(_LONGEST_PAUSE_S, 0.2 * 2.0 ** min(failures, 10)))

    async def stop(self) -> None:
        """Finish what is in hand, acknowledge it and leave the group; `run` returns then."""
        self._stopping.set()
        async with self._changed:
            self._changed.notify_all()

    async def drain(self) -> None:
        """Wait until everything that the topics hold for this member is done. For tests and tools."""
        while True:
            self._idle.clear()
            await self._idle.wait()
            async with self._changed:
                await self._changed.wait_for(lambda: self._fetched == 0)
            if self._consumer is not None and not any((await self._consumer.lag()).values()):
                return

    async def lag(self) -> dict[str, int]:
        """About how many events of each topic this member has yet to handle."""
        return {} if self._consumer is None else dict(await self._consumer.lag())

    async def _consume(self) -> None:
        await self._bus.ensure_topics(service_topics(self._group, self._retention_days))
        self._consumer = consumer = self._bus.consumer(self._group, self._topics, self._revoked)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                background = [
                    *(tasks.create_task(self._work(lane), name=f"lane-{self._group}") for lane in self._lanes),
                    tasks.create_task(self._acknowledge(), name=f"acknowledge-{self._group}"),
                    tasks.create_task(self._measure(), name=f"measure-{self._group}"),
                    tasks.create_task(self._release(), name=f"release-{self._group}"),
                ]
                try:
                    await consumer.start()
                    await self._fetch(consumer)
                finally:
                    # The lanes still run: leaving the group waits for what they have in hand.
                    await asyncio.shield(consumer.stop())
                    for task in (*background, *self._retrying):
                        task.cancel()
        finally:
            self._consumer = None
            self._forget_all()

    async def _fetch(self, consumer: Consumer) -> None:
        failures = 0
        fetched_at = float("-inf")
        while not self._stopping.is_set():
            async with self._changed:
                await self._changed.wait_for(self._has_room)
            # At once after a pause, and not too often when events come all the time: then they are handled in sets.
            await self._sleep_unless_stopping(fetched_at + _FILL_S - time.monotonic())
            try:
                messages = await self._unless_stopping(consumer.fetch(self._ask.rows, _FETCH_WAIT_S))
            except BusUnavailable as error:
                failures += 1
                log.warning("fetch_interrupted", group=self._group, exc_info=error)
                await self._sleep_unless_stopping(min(_LONGEST_PAUSE_S, 0.1 * 2.0 ** min(failures, 10)))
                continue
            failures = 0
            if not messages:
                self._idle.set()
                continue
            fetched_at = time.monotonic() if len(messages) < self._ask.rows else float("-inf")
            self._ask.saw(len(messages), sum(len(message.value) for message in messages))
            for message in messages:
                partition = Partition(message.topic, message.partition)
                progress = self._progress.get(partition)
                if progress is None:
                    progress = self._progress[partition] = Progress()
                progress.waiting.append(message.position)
                self._lanes[hash(message.key) % len(self._lanes)].append(Item(message, progress))
            self._fetched += len(messages)
            for lane in self._lanes:
                if lane:
                    lane.filled.set()

    def _has_room(self) -> bool:
        return self._stopping.is_set() or self._fetched < min(self._room, 2 * self._ask.rows)

    async def _work(self, lane: Lane) -> None:
        while True:
            if not lane:
                lane.filled.clear()
                await lane.filled.wait()
            items = lane.take()
            began = time.monotonic()
            ours = [item for item in items if item.progress.active]
            failed: list[Failed] = []
            with self._in_hand(ours):
                try:
                    if ours:
                        failed = await self._handle(ours)
                        lane.took(len(ours), time.monotonic() - began)
                except _Abandoned:
                    pass
                finally:
                    self._hold(lane, failed)
                    await self._let_go(len(items) - len(failed))

    @contextlib.contextmanager
    def _in_hand(self, items: Sequence[Item]) -> Iterator[None]:
        for item in items:
            item.progress.in_hand += 1
        try:
            yield
        finally:
            for item in items:
                item.progress.in_hand -= 1

    async def _let_go(self, count: int) -> None:
        """Make room for so many messages, whatever became of them."""
        self._fetched -= count
        async with self._changed:
            self._changed.notify_all()

    def _hold(self, lane: Lane, failed: Sequence[Failed]) -> None:
        """Keep failed events, and those that come after them of their keys, apart from the lane."""
        for each in failed:
            behind = lane.held.get(each.item.message.key)
            if behind is None:
                behind = lane.held[each.item.message.key] = deque()
                assert self._tasks is not None
                task = self._tasks.create_task(self._retry_held(lane, behind, each), name=f"retry-{self._group}")
                self._retrying.add(task)
                task.add_done_callback(self._retrying.discard)
            behind.append(each.item)

    async def _retry_held(self, lane: Lane, waiting: deque[Item], first: Failed) -> None:
        """Handle the events of one key singly, from the one that failed on, until none is left."""
        attempts, error = 1, first.error
        while waiting:
            item = waiting[0]
            if error is not None:
                await asyncio.sleep(_pause_s(attempts, error))
            with self._in_hand([item]):
                try:
                    error = await self._attempt(item, attempts) if item.progress.active else None
                except _Abandoned:
                    error = None
            attempts += 1
            if error is None:
                waiting.popleft()
                attempts = 0
                await self._let_go(1)
        del lane.held[first.item.message.key]

    async def _attempt(self, item: Item, attempts: int) -> Exception | None:
        """Handle one event; return what made it fail, None when nothing is left to do for it."""
        message = item.message
        delivery = Delivery(_topic_of(message), message.key, message.value, self._parsed(message))
        try:
            await self._while_database_is_there([item], lambda: consume(self._database, self._handlers, delivery))
        except _Abandoned:
            raise
        except Exception as error:
            if attempts + 1 >= (_PATIENCE if is_transient(error) else _ATTEMPTS):
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

    async def _handle(self, items: Sequence[Item]) -> list[Failed]:
        """Give each event its effect, or park it; return those that failed or come after such a one.

        Raises _Abandoned when none of them is ours any more.
        """
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
        failed = [Failed(item_of.pop(id(each.delivery)), each.error) for each in aside]
        self._done(item_of.values())
        return failed

    async def _handle_halves(self, items: Sequence[Item], error: Exception) -> list[Failed]:
        """Find the event that ends connections; return what `_handle` returns."""
        if len(items) == 1:
            return [Failed(items[0], error)]
        middle = len(items) // 2
        failed = await self._handle(items[:middle])
        keys = {each.item.message.key for each in failed}
        behind = [Failed(item, None) for item in items[middle:] if item.message.key in keys]
        others = [item for item in items[middle:] if item.message.key not in keys]
        return [*failed, *behind, *(await self._handle(others) if others else [])]

    async def _give_up(self, item: Item, topic: str, delivery: Delivery | None, error: Exception) -> None:
        message = item.message
        event_id = None if delivery is None else delivery.event.id
        with contextlib.suppress(_Abandoned):
            await self._while_database_is_there(
                [item], lambda: bury(self._database, self._group, topic, message.key, message.value, event_id, error)
            )
            self._done([item])

    async def _while_database_is_there(self, items: Sequence[Item], doing: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Do it; while the database is away, wait and do it again.

        Raises _Abandoned when the work is nobody's here, and _ConnectionLost when it is the work that ends connections.
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
        """Wait until the database answers; return whether it was away. Raises _Abandoned when the work isn't ours."""
        failures = 0
        try:
            while True:
                if not any(item.progress.active for item in items):
                    raise _Abandoned
                await asyncio.sleep(min(_LONGEST_PAUSE_S, 0.1 * 2.0 ** min(failures, 10)) * random.uniform(0.5, 1.0))  # noqa: S311  jitter
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

    def _done(self, items: Iterable[Item]) -> None:
        for item in items:
            item.progress.finish(item.message.position)
        self._handled()
        self._to_acknowledge.set()

    def _collect(self) -> None:
        for partition, progress in self._progress.items():
            position = progress.watermark()
            if position is not None:
                self._unacknowledged[partition] = position

    async def _acknowledge(self) -> None:
        """Acknowledge now and then what is done from the beginning of each partition on."""
        while True:
            await self._to_acknowledge.wait()
            self._to_acknowledge.clear()
            self._collect()
            try:
                await self._acknowledge_collected(self._unacknowledged)
            except BusUnavailable as error:
                log.warning("acknowledgement_interrupted", group=self._group, exc_info=error)
                self._to_acknowledge.set()
                await asyncio.sleep(_pause_s(3, error))
            await asyncio.sleep(_ACKNOWLEDGE_EVERY_S)

    async def _acknowledge_collected(self, wanted: dict[Partition, int]) -> None:
        if not wanted or self._consumer is None:
            return
        sent = dict(wanted)
        refused = await self._consumer.acknowledge(sent)
        for partition, position in sent.items():
            if self._unacknowledged.get(partition) == position:
                del self._unacknowledged[partition]
        for partition in refused:
            self._forget(partition)
        if refused:
            log.warning("acknowledgement_refused", group=self._group, partitions=len(refused))

    async def _revoked(self, partitions: frozenset[Partition]) -> None:
        """Other members get these: finish what is in hand, drop what waits, acknowledge what is done."""
        affected = {each: self._progress[each] for each in partitions if each in self._progress}
        for progress in affected.values():
            progress.active = False
        async with self._changed:
            await self._changed.wait_for(lambda: not any(progress.in_hand for progress in affected.values()))
        self._collect()
        mine = {each: position for each, position in self._unacknowledged.items() if each in partitions}
        with contextlib.suppress(BusUnavailable):
            await self._acknowledge_collected(mine)
        for partition in partitions:
            self._forget(partition)

    def _forget(self, partition: Partition) -> None:
        progress = self._progress.pop(partition, None)
        if progress is not None:
            progress.active = False
        self._unacknowledged.pop(partition, None)

    def _forget_all(self) -> None:
        for partition in tuple(self._progress):
            self._forget(partition)
        for lane in self._lanes:
            lane.clear()
            lane.held.clear()
        self._fetched = 0

    async def _release(self) -> None:
        """Release parked events where there are more than one transaction should."""
        attempt = 0
        while True:
            self._handlers.releasing.clear()
            try:
                while await parking.release_some(self._database, self._handlers):
                    attempt = 0
            except Exception as error:
                attempt += 1
                log.warning("release_interrupted", group=self._group, exc_info=error)
                await asyncio.sleep(_pause_s(attempt, error))
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(parking.POLL_S):
                    await self._handlers.releasing.wait()

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(_MEASURE_EVERY_S)
            with contextlib.suppress(BusUnavailable):
                for topic, messages in (await self.lag()).items():
                    metrics.LAG.labels(self._group, topic).set(messages)

    async def _unless_stopping(self, fetching: Awaitable[list[Inbound]]) -> list[Inbound]:
        """The answer, or nothing as soon as the runner is to stop."""
        fetch = asyncio.ensure_future(fetching)
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({fetch, stop}, return_when=asyncio.FIRST_COMPLETED)
            return fetch.result() if fetch.done() else []
        finally:
            stop.cancel()
            if not fetch.done():
                fetch.cancel()
                await asyncio.gather(fetch, return_exceptions=True)

    async def _sleep_unless_stopping(self, delay_s: float) -> None:
        if delay_s <= 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()


def _topic_of(message: Inbound) -> str:
    """The topic that the event was published to; a replayed one comes through the group's retry topic."""
    return message.topic if message.headers is None else message.headers.get("topic", message.topic)


def _pause_s(attempt: int, error: Exception) -> float:
    """How long to wait before the next attempt: exponential, with jitter; short where the next one may well succeed."""
    base = 0.02 if database_error_kind(error) is DatabaseErrorKind.RETRY else 0.1
    return min(_LONGEST_PAUSE_S, base * 4.0 ** min(attempt - 1, 10)) * random.uniform(0.5, 1.0)  # noqa: S311  jitter
