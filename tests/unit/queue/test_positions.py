"""Positions in line: a long walk is gone on with, what is more urgent is still seen, and nothing is lost."""

from uuid import UUID

from services.queue.domain.routing import Lane
from services.queue.domain.serving import Want
from services.queue.storage.positions import FIRST_RANK, LAST_RANK, Positions, Stretch

ANN, PROJECT = UUID(int=1), UUID(int=2)
LEARNING, RANDOM = Want("any", Lane.LEARNING, 1, 1), Want("any", Lane.RANDOM, 1, 1)
WANTS = (LEARNING, RANDOM)
WHOLE = [Stretch(LEARNING), Stretch(RANDOM)]


def test_a_short_walk_is_not_remembered() -> None:
    positions = Positions(long_s=0.02)
    positions.remember(ANN, PROJECT, 0.001, "any", "learning", 0, 0.5)
    assert positions.stretches(ANN, PROJECT, WANTS) == (WHOLE, False)


def test_after_a_long_walk_only_the_urgent_is_looked_for_in_front() -> None:
    positions = Positions(long_s=0.02)
    positions.remember(ANN, PROJECT, 0.1, "any", "learning", 0, 0.5)
    found, cut = positions.stretches(ANN, PROJECT, WANTS)
    assert cut
    assert found == [
        Stretch(LEARNING, FIRST_RANK, 0.0, 0),
        Stretch(LEARNING, 0, 0.5, LAST_RANK),
        Stretch(RANDOM),
    ]
    assert positions.stretches(UUID(int=3), PROJECT, WANTS) == (WHOLE, False)


def test_a_remembered_walk_moves_on_and_ends() -> None:
    positions = Positions(long_s=0.02)
    positions.remember(ANN, PROJECT, 0.1, "any", "learning", 0, 0.5)
    walks = 0
    while positions.stretches(ANN, PROJECT, WANTS)[1]:
        walks += 1
        positions.remember(ANN, PROJECT, 0.001, "any", "learning", 0, 0.5 + walks / 1000)
        assert walks < 100
    assert walks > 10


def test_what_is_forgotten_begins_at_the_front() -> None:
    positions = Positions(long_s=0.0)
    positions.remember(ANN, PROJECT, 0.1, "any", "learning", 0, 0.5)
    positions.forget(ANN, PROJECT)
    assert positions.stretches(ANN, PROJECT, WANTS) == (WHOLE, False)
