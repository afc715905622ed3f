"""Pieces of one work run at a time, and none is left behind."""

import asyncio

import pytest

from shared.kit.concurrency import side_by_side


async def test_results_come_in_the_order_of_the_pieces() -> None:
    async def piece(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    assert await side_by_side(piece(seconds) for seconds in (0.02, 0.0, 0.01)) == [0.02, 0.0, 0.01]


async def test_a_failure_is_raised_when_the_other_pieces_have_ended() -> None:
    ended = []

    async def fails() -> None:
        raise ValueError("a piece")

    async def works() -> None:
        await asyncio.sleep(0.01)
        ended.append("works")

    with pytest.raises(ValueError, match="a piece"):
        await side_by_side([fails(), works()])
    assert ended == ["works"]
