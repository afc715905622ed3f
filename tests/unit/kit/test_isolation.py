"""What fails for one holds up nobody else."""

import asyncpg
import pytest

from shared.kit.isolation import isolated


def test_every_item_is_tried_and_the_first_failure_is_raised() -> None:
    done: list[int] = []

    def work() -> None:
        with isolated("count") as item:
            for number in range(5):
                with item(number=number):
                    if number in {1, 3}:
                        raise KeyError(number)
                    done.append(number)

    with pytest.raises(KeyError, match="1"):
        work()
    assert done == [0, 2, 4]


def test_a_database_that_is_away_ends_the_round() -> None:
    done: list[int] = []

    def work() -> None:
        with isolated("count") as item:
            for number in range(3):
                with item(number=number):
                    done.append(number)
                    raise asyncpg.CannotConnectNowError

    with pytest.raises(asyncpg.CannotConnectNowError):
        work()
    assert done == [0]
