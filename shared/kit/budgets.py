"""How many bytes a process has in hand at a time."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import prometheus_client

from shared.kit.exceptions import TooMuchInHand

IN_HAND: Final = prometheus_client.Gauge("touchstone_in_hand", "What is taken of a budget of the process.", ("budget",))


@dataclass(eq=False, slots=True)
class _Waiter:
    amount: int
    holder: Hashable
    granted: "asyncio.Future[None]" = field(repr=False)


class ByteBudget:
    """`most` bytes at a time, in the order in which they are asked for; one holder has half of them at most.

    Who asks for more than there may be gets it when nobody else has any: it stands alone. `wait_s` is the longest that
    anybody waits who does not wait patiently.
    """

    def __init__(self, name: str, most: int, wait_s: float) -> None:
        self._most = most
        self._share = max(1, most // 2)
        self._wait_s = wait_s
        self._taken = 0
        self._held: Counter[Hashable] = Counter()
        self._waiting: deque[_Waiter] = deque()
        self._gauge = IN_HAND.labels(name)

    @property
    def taken(self) -> int:
        return self._taken

    async def take(self, amount: int, holder: Hashable, *, patient: bool = False) -> None:
        """Wait until there is room; `give_back` what is taken.

        Raises:
            TooMuchInHand: there was none for `wait_s`, and the caller is not patient.
        """
        if not self._waiting and self._fits(amount, holder):
            self._grant(amount, holder)
            return
        waiter = _Waiter(amount, holder, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._grant_those_that_fit()
        try:
            async with asyncio.timeout(None if patient else self._wait_s):
                await waiter.granted
        except TimeoutError:
            self._forget(waiter)
            raise TooMuchInHand from None
        except asyncio.CancelledError:
            self._forget(waiter)
            raise

    def give_back(self, amount: int, holder: Hashable) -> None:
        self._taken -= amount
        self._held[holder] -= amount
        if self._held[holder] <= 0:
            del self._held[holder]
        self._gauge.set(self._taken)
        self._grant_those_that_fit()

    @asynccontextmanager
    async def hold(self, amount: int, holder: Hashable, *, patient: bool = False) -> AsyncIterator[None]:
        """Take it for a block; raises what `take` does."""
        await self.take(amount, holder, patient=patient)
        try:
            yield
        finally:
            self.give_back(amount, holder)

    def _fits(self, amount: int, holder: Hashable) -> bool:
        whole = self._taken + amount <= self._most or not self._taken
        return whole and not self._has_its_share(amount, holder)

    def _has_its_share(self, amount: int, holder: Hashable) -> bool:
        held = self._held[holder]
        return held > 0 and held + amount > self._share

    def _grant(self, amount: int, holder: Hashable) -> None:
        self._taken += amount
        self._held[holder] += amount
        self._gauge.set(self._taken)

    def _grant_those_that_fit(self) -> None:
        """In order; whose holder has its half waits alone, whom the whole has no room for keeps those behind waiting."""
        for waiter in list(self._waiting):
            if waiter.granted.cancelled():  # its time is over, and it forgets itself
                continue
            if self._fits(waiter.amount, waiter.holder):
                self._waiting.remove(waiter)
                self._grant(waiter.amount, waiter.holder)
                waiter.granted.set_result(None)
            elif not self._has_its_share(waiter.amount, waiter.holder):
                return

    def _forget(self, waiter: _Waiter) -> None:
        """Who waits no more: what it was granted in the last moment goes back."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            self._grant_those_that_fit()
        elif waiter.granted.done() and not waiter.granted.cancelled():
            self.give_back(waiter.amount, waiter.holder)
