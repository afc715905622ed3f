"""Waiting for what the suite does, without costing it more than a tenth of the time."""

import asyncio
import time
from collections.abc import Awaitable, Callable

_SHARE = 10


async def until(done: Callable[[], Awaitable[bool]], *, most_s: float, look_s: float = 0.1) -> float:
    """Wait until something is done; returns the seconds that took. A look that takes long is taken seldom."""
    began = time.perf_counter()
    while True:
        looked = time.perf_counter()
        if await done():
            return time.perf_counter() - began
        assert time.perf_counter() - began < most_s, f"it has not ended after {most_s} s"
        await asyncio.sleep(max(look_s, _SHARE * (time.perf_counter() - looked)))
