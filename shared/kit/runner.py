"""Consumes a service's topics: in order for each key, concurrently across keys, acknowledged when done.

Messages go to lanes by their key, whatever their topic, so one record's events are handled one after the other. A lane
takes what waits for it as one batch (`shared.kit.event_processor`). An event that fails is held, with what comes after it
of its key, while the lane goes on (`shared.kit.held_events`).
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Final, TypeVar

import structlog

from shared.kit import event_metrics as metrics
from shared.kit import parking
from shared.kit.batches import BatchSize, FetchPause
from shared.kit.bus import Bus, Consumer, Inbound, Partition, service_topics
from shared.kit.clock import to_tick
from shared.kit.consuming import Handlers
from shared.kit.database import Database
from shared.kit.dead_letters import retry_topic
from shared.kit.event_attempts import IN_HAND
from shared.kit.event_processor import LONGEST_PAUSE_S, Abandoned, EventProcessor, Failed, pause_s
from shared.kit.exceptions import BusUnavailable, MemberLost
from shared.kit.held_events import HeldEvents
from shared.kit.progress import EventLane, Item, Lanes, Progress, in_hand

log = structlog.get_logger()

ResultT = TypeVar("ResultT")

_ROOM: Final = 1_000  # how many messages for each lane may be fetched and not done
_FETCH: Final = 1_000
_FETCH_BYTES: Final = 16 * 1024 * 1024
_FETCH_WAIT_S: Final = 1.0  # after messages; the longer nothing comes, the longer a fetch waits
_LONGEST_FETCH_WAIT_S: Final = 30.0
_ACKNOWLEDGE_EVERY_S: Final = 0.5
_MEASURE_EVERY_S: Final = 15.0
_LONG_RUN_S: Final = 60.0


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
        working: AbstractContextManager[None] = contextlib.nullcontext(),  # noqa: B008  it holds nothing
    ) -> None:
        """`handled` is called whenever events had their effect, `working` entered while they get it."""
        self._database = database
        self._bus = bus
        self._handlers = handlers
        self._group = handlers.group
        self._retention_days = retention_days
        self._handled = handled
        self._working = working
        self._topics = sorted({*handlers.topics, retry_topic(handlers.group)})
        self._consumer: Consumer | None = None
        self._progress: dict[Partition, Progress] = {}
        self._lanes = Lanes(lanes)
        self._room = min(IN_HAND, lanes * _ROOM)
        self._fetched = 0
        self._ask = BatchSize(_FETCH, _FETCH_BYTES)
        self._changed = asyncio.Condition()
        self._to_acknowledge = asyncio.Event()
        self._processor = EventProcessor(database, handlers, self._done)
        self._unacknowledged: dict[Partition, int] = {}
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()  # the last fetch found nothing
        self._released = False  # what was to be released when we came

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
            await self._sleep_unless_stopping(min(LONGEST_PAUSE_S, 0.2 * 2.0 ** min(failures, 10)))

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
                held = HeldEvents(self._processor, tasks, self._let_go)
                background = [
                    *(tasks.create_task(self._work(lane, held), name=f"lane-{self._group}") for lane in self._lanes),
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
                    held.cancel()
                    for task in background:
                        task.cancel()
        finally:
            self._consumer = None
            self._forget_all()
            await self._handlers.attempts.end_releases(self._database)

    async def _fetch(self, consumer: Consumer) -> None:
        failures = 0
        pause = FetchPause()
        wait_s = _FETCH_WAIT_S
        while not self._stopping.is_set():
            async with self._changed:
                await self._changed.wait_for(self._has_room)
            await self._sleep_unless_stopping(pause.until - time.monotonic())
            try:
                messages = await self._unless_stopping(consumer.fetch(self._ask.rows, to_tick(wait_s)))
            except MemberLost:
                raise  # `run` has another member join
            except BusUnavailable as error:
                failures += 1
                log.warning("fetch_interrupted", group=self._group, exc_info=error)
                await self._sleep_unless_stopping(min(LONGEST_PAUSE_S, 0.1 * 2.0 ** min(failures, 10)))
                continue
            failures = 0
            if not messages:
                self._idle.set()
                if self._fetched == 0 and self._released:
                    self._handlers.attempts.end_care()
                wait_s = min(2.0 * wait_s, _LONGEST_FETCH_WAIT_S)
                continue
            wait_s = _FETCH_WAIT_S
            full = len(messages) >= self._ask.rows
            pause.fetched(time.monotonic(), len(messages), full=full, share=consumer.share())
            self._ask.saw(len(messages), sum(len(message.value) for message in messages))
            items = []
            for message in messages:
                partition = Partition(message.topic, message.partition)
                progress = self._progress.get(partition)
                if progress is None:
                    progress = self._progress[partition] = Progress()
                progress.waiting.append(message.position)
                items.append(Item(message, progress))
            self._lanes.put(items)
            self._fetched += len(messages)

    def _has_room(self) -> bool:
        return self._stopping.is_set() or self._fetched < min(self._room, 2 * self._ask.rows)

    async def _work(self, lane: EventLane, held: HeldEvents) -> None:
        while True:
            if not lane:
                lane.filled.clear()
                await lane.filled.wait()
            items = lane.take()
            began = time.monotonic()
            ours = [item for item in items if item.progress.active]
            failed: list[Failed] = []
            with self._working, in_hand(ours):
                try:
                    if ours:
                        failed = await self._processor.handle(ours)
                        lane.took(len(ours), time.monotonic() - began)
                except Abandoned:
                    pass
                finally:
                    held.hold(lane, failed)
                    kept = {id(each.item) for each in failed}
                    await self._let_go([item for item in items if id(item) not in kept])

    async def _let_go(self, items: Sequence[Item]) -> None:
        """Make room for others, whatever became of these."""
        self._lanes.finish(items)
        self._fetched -= len(items)
        async with self._changed:
            self._changed.notify_all()

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
                await asyncio.sleep(pause_s(3, error))
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
        await self._handlers.attempts.give_back(self._database, partitions)
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
        self._lanes.clear()
        self._fetched = 0

    async def _release(self) -> None:
        """Release parked events where there are more than one transaction should."""
        attempt = 0
        while True:
            self._handlers.releasing.clear()
            try:
                while await parking.release_some(self._database, self._handlers):
                    attempt = 0
                self._released = True
            except Exception as error:
                attempt += 1
                log.warning("release_interrupted", group=self._group, exc_info=error)
                await asyncio.sleep(pause_s(attempt, error))
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(to_tick(parking.POLL_S)):
                    await self._handlers.releasing.wait()

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(to_tick(_MEASURE_EVERY_S))
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
