"""Pieces of one work run at a time, and none is left behind."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from shared.kit.concurrency import one_ahead, side_by_side


async def test_results_come_in_the_order_of_the_pieces() -> None:
    async def piece(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    assert await side_by_side((piece(seconds) for seconds in (0.02, 0.0, 0.01)), at_once=3) == [0.02, 0.0, 0.01]


async def test_a_failure_is_raised_when_the_other_pieces_have_ended() -> None:
    ended = []

    async def fails() -> None:
        raise ValueError("a piece")

    async def works() -> None:
        await asyncio.sleep(0.01)
        ended.append("works")

    with pytest.raises(ValueError, match="a piece"):
        await side_by_side([fails(), works()], at_once=2)
    assert ended == ["works"]


async def test_no_more_pieces_run_at_a_time_than_may() -> None:
    running = most = 0

    async def piece() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1

    await side_by_side((piece() for _ in range(10)), at_once=3)
    assert most == 3


async def test_pieces_that_have_not_begun_end_with_the_others() -> None:
    begun = []

    async def piece(number: int) -> None:
        begun.append(number)
        await asyncio.sleep(60)

    work = asyncio.create_task(side_by_side((piece(number) for number in range(3)), at_once=1))
    await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert begun == [0]


class Source:
    """Yields numbers, one after another event; knows which it has begun, and whether it was closed."""

    def __init__(self, failing_at: int | None = None) -> None:
        self.begun: list[int] = []
        self.closed = False
        self._failing_at = failing_at

    async def numbers(self) -> AsyncGenerator[int]:
        try:
            for number in range(3):
                self.begun.append(number)
                if number == self._failing_at:
                    raise ValueError("the source")
                await asyncio.sleep(0)
                yield number
        finally:
            self.closed = True


async def test_a_source_works_on_the_next_item_while_one_is_used() -> None:
    source, found = Source(), []
    async for number in one_ahead(source.numbers()):
        await asyncio.sleep(0.01)
        assert max(source.begun) == min(number + 1, 2)
        found.append(number)
    assert (found, source.closed) == ([0, 1, 2], True)


async def test_what_fails_in_a_source_comes_after_what_it_had_yielded() -> None:
    source = Source(failing_at=2)
    ahead = one_ahead(source.numbers())
    assert [await anext(ahead), await anext(ahead)] == [0, 1]
    with pytest.raises(ValueError, match="the source"):
        await anext(ahead)
    assert source.closed


async def test_a_source_is_closed_when_nobody_wants_more_of_it() -> None:
    source = Source()
    ahead = one_ahead(source.numbers())
    assert await anext(ahead) == 0
    await ahead.aclose()
    assert source.closed
