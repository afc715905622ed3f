"""Who looks at what they answer."""

import numpy as np
import pytest

from services.qa.domain.attention import Attention, attentions
from services.qa.domain.estimates import Estimates, VoteArrays, estimate
from services.qa.domain.vote_scores import VoteScores

HONEST = 0.93


def crowd(seed: int, answers: dict[str, float | str], shares: list[float], items: int = 150) -> dict[str, Attention]:
    """Everybody answers every item: rightly with a probability, or by a habit, `constant` or `random`."""
    generator = np.random.default_rng(seed)
    classes = len(shares)
    truth = generator.choice(classes, items, p=shares)
    rows = []
    for who, how in enumerate(answers.values()):
        guess = generator.integers(0, classes, items)
        if how == "constant":
            given = np.zeros(items, np.int64)
        elif how == "random":
            given = guess
        elif how == "shares":
            given = generator.choice(classes, items, p=shares)
        elif isinstance(how, float):
            given = np.where(generator.random(items) < how, truth, guess)
        else:
            raise ValueError(how)
        rows += [(item, who, int(given[item])) for item in range(items)]
    rows.sort()
    of_item, voters, answered = np.array(rows).T
    votes = VoteArrays(of_item, voters, answered, items, tuple(answers))
    facet = estimate(Estimates.unknown([str(one) for one in range(classes)]), votes)
    scores = VoteScores.of(facet, votes)
    assert scores is not None
    return dict(attentions(scores))


@pytest.mark.parametrize("habit", ["constant", "random", "shares"])
@pytest.mark.parametrize("shares", [[0.9, 0.1], [0.5, 0.5], [0.25] * 4, [0.1] * 10])
def test_a_habit_is_told_from_looking(habit: str, shares: list[float]) -> None:
    found = crowd(0, {"a": HONEST, "b": HONEST, "c": HONEST, "spammer": habit}, shares)
    assert found["spammer"].high < 0.3
    assert min(found[name].low for name in "abc") > 0.4


def test_who_looks_half_of_the_time_has_a_share_of_a_half() -> None:
    found = crowd(1, {"a": HONEST, "b": HONEST, "c": HONEST, "half": 0.5}, [0.25] * 4, items=600)
    assert found["half"].low <= 0.5 <= found["half"].high
    assert found["half"].high - found["half"].low < 0.2


def test_where_nearly_all_items_are_of_one_class_little_is_likely_wrong() -> None:
    found = crowd(2, {"a": HONEST, "b": HONEST, "c": HONEST, "rare": "constant"}, [0.99, 0.01])
    assert found["rare"].likely_wrong < 5


def test_answers_beside_which_nothing_is_known_do_not_count() -> None:
    votes = VoteArrays(np.arange(30), np.zeros(30, np.int64), np.zeros(30, np.int64), 30, ("alone",))
    scores = VoteScores.of(Estimates.unknown(["0", "1"]), votes)
    assert scores is not None
    assert attentions(scores) == {}
