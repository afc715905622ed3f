import asyncio

import pytest

from shared.kit.budgets import ByteBudget
from shared.kit.exceptions import TooMuchInHand


def budget(most: int = 100, wait_s: float = 0.02) -> ByteBudget:
    return ByteBudget("test", most, wait_s)


async def waits(taking: "asyncio.Task[None]") -> bool:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return not taking.done()


async def test_what_does_not_fit_waits_until_something_is_given_back() -> None:
    held = budget(wait_s=5)
    await held.take(50, "a")
    await held.take(40, "b")
    later = asyncio.create_task(held.take(20, "c"))
    assert await waits(later)
    held.give_back(40, "b")
    await later
    assert held.taken == 70


async def test_who_waits_in_vain_is_told_so_and_holds_nothing() -> None:
    held = budget()
    await held.take(100, "a")
    with pytest.raises(TooMuchInHand):
        await held.take(1, "b")
    held.give_back(100, "a")
    await held.take(50, "b")
    assert held.taken == 50


async def test_who_is_patient_waits_longer() -> None:
    held = budget(wait_s=0.001)
    await held.take(100, "a")
    later = asyncio.create_task(held.take(1, "b", patient=True))
    await asyncio.sleep(0.02)
    held.give_back(100, "a")
    await later


async def test_one_holder_has_half_of_it_at_most_and_keeps_nobody_else_waiting() -> None:
    held = budget(wait_s=5)
    await held.take(30, "a")
    more = asyncio.create_task(held.take(30, "a"))
    assert await waits(more)
    await held.take(40, "b")
    held.give_back(30, "a")
    await more


async def test_more_than_there_may_be_is_had_alone() -> None:
    held = budget(wait_s=5)
    await held.take(1, "a")
    all_of_it = asyncio.create_task(held.take(1000, "b"))
    behind = asyncio.create_task(held.take(1, "c"))
    assert await waits(all_of_it)
    assert await waits(behind)
    held.give_back(1, "a")
    await all_of_it
    assert await waits(behind)
    held.give_back(1000, "b")
    await behind


async def test_who_is_cancelled_holds_nothing() -> None:
    held = budget(wait_s=5)
    async with held.hold(100, "a"):
        waiting = asyncio.create_task(held.take(10, "b"))
        assert await waits(waiting)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert held.taken == 0


async def test_many_may_give_up_at_the_same_moment() -> None:
    held = budget(wait_s=0.01)
    await held.take(60, "a")
    ended = await asyncio.gather(
        *(held.take(60 - number, f"b{number}") for number in range(10)), return_exceptions=True
    )
    assert [type(one) for one in ended] == [TooMuchInHand] * 10
    held.give_back(60, "a")
    assert held.taken == 0


async def test_what_one_gives_back_in_giving_up_is_not_for_who_gives_up_too() -> None:
    held = budget(wait_s=5)
    await held.take(100, "a")
    one, other = asyncio.create_task(held.take(100, "b")), asyncio.create_task(held.take(50, "c"))
    assert await waits(other)
    held.give_back(100, "a")
    one.cancel()
    other.cancel()
    await asyncio.gather(one, other, return_exceptions=True)
    assert held.taken == 0
