"""Pieces of one work run at a time, and none is left behind."""

import asyncio

import pytest

from shared.kit.concurrency import side_by_side


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
