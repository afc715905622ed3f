"""The demo's simulated people behave as the demo describes them."""

import random
import statistics
from collections import Counter

from deploy.demo.people import CROWD, LOOK_ALIKES, error_on, make_crowd, misread


def test_a_seed_makes_the_same_crowd() -> None:
    answers = [[person.answer(7) for person in make_crowd(3).everyone for _ in range(20)] for _ in range(2)]
    assert answers[0] == answers[1]


def test_a_crowd_has_one_guesser_and_one_drifter() -> None:
    crowd = make_crowd(1)
    assert len(crowd.annotators) == CROWD
    assert crowd.spammer is not crowd.drifter
    assert sum(crowd.spammer.answer(5) == 5 for _ in range(1000)) < 150


def test_the_drifter_falls_after_40_answers() -> None:
    before, after = [], []
    for seed in range(40):
        drifter = make_crowd(seed).drifter
        before.append(statistics.mean(drifter.answer(truth % 10) == truth % 10 for truth in range(40)))
        after.append(statistics.mean(drifter.answer(truth % 10) == truth % 10 for truth in range(40)))
    assert abs(statistics.mean(before) - 0.95) < 0.02
    assert abs(statistics.mean(after) - 0.60) < 0.04


def test_mean_error_over_all_digits_is_the_persons_own() -> None:
    assert abs(statistics.mean(error_on(truth, 0.1) for truth in range(10)) - 0.1) < 1e-9


def test_look_alikes_take_most_errors() -> None:
    dice = random.Random(1)
    errors = Counter(truth for truth in range(10) for _ in range(2000) if dice.random() < error_on(truth, 0.1))
    assert sum(errors[truth] for truth in LOOK_ALIKES) > 0.75 * errors.total()
    assert sum(misread(4, dice) == 9 for _ in range(1000)) > 750


def test_three_people_and_a_majority_vote_reach_94_percent() -> None:
    reached = []
    for seed in range(12):
        crowd = make_crowd(seed)
        dice = random.Random(seed)
        right = 0
        for place in range(1797):
            truth = place % 10
            votes = Counter(person.answer(truth) for person in dice.sample(crowd.annotators, 3))
            best = max(votes.values())
            right += dice.choice([value for value, count in votes.items() if count == best]) == truth
        reached.append(right / 1797)
    assert 0.93 < statistics.mean(reached) < 0.95
