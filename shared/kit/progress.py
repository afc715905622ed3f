"""How far a consumer is: what it fetched of each partition, and what waits in its lanes."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from shared.kit.bus import Inbound


class Progress:
    """What is fetched and what is done of one partition, as long as this member owns it."""

    __slots__ = ("acknowledged", "active", "done", "in_hand", "taken", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()  # positions fetched, in order, from the first that is not done
        self.done: set[int] = set()
        self.in_hand = 0  # how many a lane works on
        self.acknowledged = -1
        self.active = True
        self.taken = False  # it is written down that we hold it

    def finish(self, position: int) -> None:
        self.done.add(position)

    def watermark(self) -> int | None:
        """The last position before which all is done, if it is not acknowledged yet."""
        last = None
        while self.waiting and self.waiting[0] in self.done:
            last = self.waiting.popleft()
            self.done.remove(last)
        if last is not None:
            self.acknowledged = last
        return last


class Item(NamedTuple):
    message: Inbound
    progress: Progress


@contextmanager
def in_hand(items: Sequence[Item]) -> Iterator[None]:
    """Count the items as worked on: their partitions are not given to other members before it is over."""
    for item in items:
        item.progress.in_hand += 1
    try:
        yield
    finally:
        for item in items:
            item.progress.in_hand -= 1


_FEWEST = 64
_MOST = 500
_MOST_BYTES = 1024 * 1024
"""To parse so much takes tens of milliseconds, for which the event loop is held."""
_LONG_S = 0.5
_TOGETHER = 256
"""So many new keys go to one lane before the next lane gets some: little work is one set, not one for each lane."""


class EventLane(deque[Item]):
    """What waits to be handled one after the other, `batch` of it at a time.

    A batch is as many as were handled in `_LONG_S`: each transaction has its cost, and a long one makes others wait for
    its locks. No fewer than `_FEWEST`: on a busy machine everything takes long, and more transactions make it busier.
    """

    def __init__(self) -> None:
        super().__init__()
        self.filled = asyncio.Event()
        self.unfinished = 0  # events that wait, are in hand or are held
        self.batch = 64
        self.held: dict[bytes, deque[Item]] = {}  # by key: an event that failed and what came after it

    def take(self) -> list[Item]:
        """Remove the next batch; what comes after a failed event of its key is held with that and not returned."""
        items: list[Item] = []
        size = 0
        while self and len(items) < self.batch and size < _MOST_BYTES:
            item = self.popleft()
            behind = self.held.get(item.message.key)
            if behind is None:
                items.append(item)
                size += len(item.message.value)
            else:
                behind.append(item)
        return items

    def took(self, count: int, seconds: float) -> None:
        """Learn from a batch how many the next one should have: grow step by step, shrink at once."""
        fitting = int(count * _LONG_S / max(seconds, 1e-6))
        self.batch = max(_FEWEST, min(_MOST, fitting, self.batch * 2))


class Lanes:
    """The lanes of a consumer. As long as an event of a key is unfinished, those that follow go to its lane.

    Other keys go to the lane with the least to do, so a lane that takes long holds up nothing but its own keys.
    """

    def __init__(self, count: int) -> None:
        self._lanes = [EventLane() for _ in range(count)]
        self._of: dict[bytes, tuple[EventLane, int]] = {}  # with how many unfinished events

    def __iter__(self) -> Iterator[EventLane]:
        return iter(self._lanes)

    def put(self, items: Iterable[Item]) -> None:
        """Let items wait in their lanes."""
        lane, room = self._least_busy(), _TOGETHER
        for item in items:
            key = item.message.key
            known = self._of.get(key)
            if known is None:
                if room == 0:
                    lane, room = self._least_busy(), _TOGETHER
                room -= 1
            in_lane, count = known or (lane, 0)
            self._of[key] = in_lane, count + 1
            in_lane.unfinished += 1
            in_lane.append(item)
            in_lane.filled.set()

    def finish(self, items: Iterable[Item]) -> None:
        """Nothing is left to do for these items here."""
        for item in items:
            key = item.message.key
            lane, count = self._of[key]
            lane.unfinished -= 1
            if count == 1:
                del self._of[key]
            else:
                self._of[key] = lane, count - 1

    def clear(self) -> None:
        """Forget everything; nothing may be in hand."""
        self._of.clear()
        for lane in self._lanes:
            lane.clear()
            lane.held.clear()
            lane.unfinished = 0

    def _least_busy(self) -> EventLane:
        return min(self._lanes, key=lambda lane: lane.unfinished)
