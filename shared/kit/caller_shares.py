"""Connections are shared out among callers: one has half of them at most, or two, so that the others find one."""

import asyncio
from collections import Counter, deque
from contextvars import ContextVar
from typing import Final

current_caller: Final[ContextVar[str | None]] = ContextVar("current_caller", default=None)
"""The subject whose request is being answered; None where the service works for itself, which has no share."""


_FEWEST: Final = 2


class CallerShares:
    """How many connections each caller has, and who waits for another one: in order, behind those of the same caller."""

    def __init__(self, connections: int) -> None:
        self._most = max(_FEWEST, connections // 2)
        self._taken: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, caller: str | None) -> None:
        """Wait until the caller has less than its share; `give_back` what is taken."""
        if caller is None:
            return
        if self._taken[caller] < self._most:
            self._taken[caller] += 1
            return
        granted = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(granted)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.give_back(caller)
            raise

    def give_back(self, caller: str | None) -> None:
        """Let who waits longest of the same caller have it."""
        if caller is None:
            return
        waiting = self._waiting.get(caller, deque())
        while waiting:
            granted = waiting.popleft()
            if not granted.done():
                granted.set_result(None)
                return
        self._waiting.pop(caller, None)
        self._taken[caller] -= 1
        if not self._taken[caller]:
            del self._taken[caller]
