"""What there may be any amount of is done some at a time."""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import pytest

from shared.kit.rounds import until_done


@pytest.mark.parametrize(("waiting", "steps"), [(0, [0]), (4, [4]), (5, [5, 0]), (12, [5, 5, 2])])
async def test_steps_are_taken_until_one_has_less_to_do_than_it_may(waiting: int, steps: list[int]) -> None:
    left, taken = waiting, list[int]()
    opened: list[AbstractAsyncContextManager[Any]] = []

    def open_session() -> Any:
        opened.append(nullcontext())
        return opened[-1]

    async def step(_: Any, limit: int) -> int:
        nonlocal left
        taken.append(min(left, limit))
        left -= taken[-1]
        return taken[-1]

    await until_done(open_session, step, 5)
    assert (taken, len(opened)) == (steps, len(steps))
