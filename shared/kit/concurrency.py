"""Several pieces of one work at a time."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def side_by_side(pieces: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all of them at a time and return their results in order; the first failure is raised when all have ended."""
    ended = await asyncio.gather(*pieces, return_exceptions=True)
    results: list[T] = []
    for one in ended:
        if isinstance(one, BaseException):
            raise one
        results.append(one)
    return results
