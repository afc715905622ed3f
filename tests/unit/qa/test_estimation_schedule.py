"""Votes are read again seldom enough that a vote costs the same however many there are."""

import pytest

from services.qa.domain.estimation_schedule import GROWTH, LONGEST_WAIT_S, due_in_s


@pytest.mark.parametrize(
    ("new", "read_before", "waited_s", "expected"),
    [
        (1, 0, 0.0, 0.0),  # never estimated since the service started
        (1, 40, 0.0, 0.0),
        (1, 10_000, 0.0, LONGEST_WAIT_S),
        (1, 10_000, 10.0, LONGEST_WAIT_S - 10.0),
        (200, 10_000, 0.0, 0.0),
        (1, 10_000, LONGEST_WAIT_S, 0.0),
    ],
)
def test_annotators_are_estimated_again_when_votes_have_grown(
    new: int, read_before: int, waited_s: float, expected: float
) -> None:
    assert due_in_s(new=new, read_before=read_before, waited_s=waited_s) == expected


def test_a_vote_is_read_a_bounded_number_of_times() -> None:
    window, votes = 5_000, 50_000
    held = read = new = 0
    for vote in range(1, votes + 1):
        new += 1
        if due_in_s(new=new, read_before=held, waited_s=0.0) <= 0.0:
            held, new = min(vote, window), 0
            read += held
    assert read <= votes * (1.0 / GROWTH + 1.0)
