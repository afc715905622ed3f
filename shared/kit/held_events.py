"""Events that failed, kept apart from their lane with what comes after them of their keys, and tried again."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from shared.kit.event_processor import Abandoned, EventProcessor, Failed, pause_s
from shared.kit.progress import EventLane, Item, in_hand


class HeldEvents:
    """Tries what is held, key by key, while the lanes go on. `let_go` is awaited with what is held no more."""

    def __init__(
        self, processor: EventProcessor, tasks: asyncio.TaskGroup, let_go: Callable[[Sequence[Item]], Awaitable[None]]
    ) -> None:
        self._processor = processor
        self._tasks = tasks
        self._let_go = let_go
        self._retrying: set[asyncio.Task[None]] = set()

    def hold(self, lane: EventLane, failed: Sequence[Failed]) -> None:
        """Keep failed events, and those that come after them of their keys, apart from the lane."""
        for each in failed:
            behind = lane.held.get(each.item.message.key)
            if behind is None:
                behind = lane.held[each.item.message.key] = deque()
                task = self._tasks.create_task(self._retry(lane, behind, each), name="retry held events")
                self._retrying.add(task)
                task.add_done_callback(self._retrying.discard)
            behind.append(each.item)

    def cancel(self) -> None:
        """Stop trying; what is held stays unacknowledged."""
        for task in self._retrying:
            task.cancel()

    async def _retry(self, lane: EventLane, waiting: deque[Item], first: Failed) -> None:
        """Handle the events of one key singly, from the one that failed on, until none is left."""
        attempts, error = 1, first.error
        while waiting:
            item = waiting[0]
            if error is not None:
                await asyncio.sleep(pause_s(attempts, error))
            with in_hand([item]):
                try:
                    error = await self._processor.attempt(item, attempts) if item.progress.active else None
                except Abandoned:
                    error = None
            attempts += 1
            if error is None:
                waiting.popleft()
                attempts = 0
                await self._let_go([item])
        del lane.held[first.item.message.key]
