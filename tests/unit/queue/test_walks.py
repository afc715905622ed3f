"""Walks in line: a long walk is gone on with, what is more urgent is still seen, and nothing is lost."""

from uuid import UUID

from services.queue.domain.routing import Lane
from services.queue.domain.serving_plan import Want
from services.queue.storage.walks import FIRST_RANK, LAST_RANK, Stretch, Walks

ANN, PROJECT = UUID(int=1), UUID(int=2)
LEARNING, RANDOM = Want("any", Lane.LEARNING, 1, 1), Want("any", Lane.RANDOM, 1, 1)
WANTS = (LEARNING, RANDOM)
WHOLE = [Stretch(LEARNING), Stretch(RANDOM)]


def test_a_short_walk_is_not_remembered() -> None:
    walks = Walks(long_s=0.02)
    walks.remember(ANN, PROJECT, 0.001, "any", "learning", 0, 0.5)
    assert walks.stretches(ANN, PROJECT, WANTS) == (WHOLE, False)


def test_after_a_long_walk_only_the_urgent_is_looked_for_in_front() -> None:
    walks = Walks(long_s=0.02)
    walks.remember(ANN, PROJECT, 0.1, "any", "learning", 0, 0.5)
    found, cut = walks.stretches(ANN, PROJECT, WANTS)
    assert cut
    assert found == [
        Stretch(LEARNING, FIRST_RANK, 0.0, 0),
        Stretch(LEARNING, 0, 0.5, LAST_RANK),
        Stretch(RANDOM),
    ]
    assert walks.stretches(UUID(int=3), PROJECT, WANTS) == (WHOLE, False)


def test_a_remembered_walk_moves_on_and_ends() -> None:
    walks = Walks(long_s=0.02)
    walks.remember(ANN, PROJECT, 0.1, "any", "learning", 0, 0.5)
    leases = 0
    while walks.stretches(ANN, PROJECT, WANTS)[1]:
        leases += 1
        walks.remember(ANN, PROJECT, 0.001, "any", "learning", 0, 0.5 + leases / 1000)
        assert leases < 100
    assert leases > 10


def test_what_is_forgotten_begins_at_the_front() -> None:
    walks = Walks(long_s=0.0)
    walks.remember(ANN, PROJECT, 0.1, "any", "learning", 0, 0.5)
    walks.forget(ANN, PROJECT)
    assert walks.stretches(ANN, PROJECT, WANTS) == (WHOLE, False)
