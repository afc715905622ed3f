"""Several pieces of one work at a time."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def side_by_side(pieces: Iterable[Coroutine[Any, Any, T]], at_once: int) -> list[T]:
    """Run them, so many at a time, and return their results in order; the first failure is raised when all have ended."""
    room = asyncio.Semaphore(at_once)

    async def run(piece: Coroutine[Any, Any, T]) -> T:
        try:
            async with room:
                return await piece
        finally:
            piece.close()  # cancelled while it waited, it has not begun

    ended = await asyncio.gather(*map(run, pieces), return_exceptions=True)
    results: list[T] = []
    for one in ended:
        if isinstance(one, BaseException):
            raise one
        results.append(one)
    return results
