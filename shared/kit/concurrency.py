"""Several pieces of one work at a time, and work beside the event loop."""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_BESIDE: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside the loop")
"""One thread for all: several would take the interpreter in turns, and the event loop would wait for each of them."""


async def beside_the_loop(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What the function returns, which takes milliseconds of CPU: in a thread, one piece after the other.

    A single call in C of more than that holds the event loop up all the same: it needs a process (`shared.kit.compute`).
    """
    call = partial(contextvars.copy_context().run, function, *arguments, **named)
    return await asyncio.get_running_loop().run_in_executor(_BESIDE, call)


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


async def one_ahead(source: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """Yield what the source yields, while it works on the next item already; the source is closed at the end.

    Several of them, one behind the other, are a pipeline: each stage works on another item at the same time.
    """

    async def step() -> tuple[T] | None:
        try:
            return (await anext(source),)
        except StopAsyncIteration:
            return None

    coming = asyncio.create_task(step())
    try:
        while (found := await coming) is not None:
            coming = asyncio.create_task(step())
            yield found[0]
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await source.aclose()
