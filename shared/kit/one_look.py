"""One look for all who ask while it is under way."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class OneLook(Generic[T]):
    """Runs one look at a time, whose result everybody gets who asked meanwhile."""

    def __init__(self) -> None:
        self._looking: asyncio.Task[T] | None = None

    async def take(self, look: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the look that is under way, or of a new one. Who is cancelled leaves it to the others."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(look())
        return await asyncio.shield(self._looking)
