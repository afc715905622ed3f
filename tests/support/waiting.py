"""Wait for what another task or process does."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def until(true: Callable[[], bool | Awaitable[bool]], timeout_s: float = 20.0) -> None:
    """Return once it is true; fail when it doesn't get true in time."""
    end = time.monotonic() + timeout_s
    while True:
        found = true()
        if await found if inspect.isawaitable(found) else found:
            return
        assert time.monotonic() < end, f"not true within {timeout_s} s"
        await asyncio.sleep(0.02)
