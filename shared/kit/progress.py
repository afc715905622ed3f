"""How far a consumer is: what it fetched of each partition, and what waits in its lanes."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
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


_FEWEST = 16
_MOST = 500
_MOST_BYTES = 1024 * 1024
"""To parse so much takes tens of milliseconds, for which the event loop is held."""
_LONG_S = 0.2


class Lane(deque[Item]):
    """What waits to be handled one after the other, `batch` of it at a time.

    A batch is as many as were handled in `_LONG_S`: each transaction has its cost, and a long one makes others wait for
    its locks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.filled = asyncio.Event()
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
