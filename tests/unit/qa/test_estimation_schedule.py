"""Votes are read again seldom enough that a vote costs the same however many there are."""

import pytest

from services.qa.domain.estimation_schedule import GROWTH, LONGEST_WAIT_S, due


@pytest.mark.parametrize(
    ("new", "read_before", "waited_s", "expected"),
    [
        (1, 0, 0.0, True),  # never estimated since the service started
        (1, 40, 0.0, True),
        (1, 10_000, 0.0, False),
        (200, 10_000, 0.0, True),
        (1, 10_000, LONGEST_WAIT_S, True),
    ],
)
def test_annotators_are_estimated_again_when_votes_have_grown(
    new: int, read_before: int, waited_s: float, *, expected: bool
) -> None:
    assert due(new=new, read_before=read_before, waited_s=waited_s) is expected


def test_a_vote_is_read_a_bounded_number_of_times() -> None:
    window, votes = 5_000, 50_000
    held = read = new = 0
    for vote in range(1, votes + 1):
        new += 1
        if due(new=new, read_before=held, waited_s=0.0):
            held, new = min(vote, window), 0
            read += held
    assert read <= votes * (1.0 / GROWTH + 1.0)
