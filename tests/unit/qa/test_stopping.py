"""Whether the next vote is worth its cost."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.qa.domain.decisions import Arbitrate, AskMore, Finalize, decide
from services.qa.domain.stopping import DECISIVE, NextVote, StoppingCosts, StoppingStep, next_step
from services.qa.domain.votes import Consensus
from shared.contracts.policies import RedundancyPolicy, VotingCosts

ASK, FINALIZE, ARBITRATE = StoppingStep.ASK, StoppingStep.FINALIZE, StoppingStep.ARBITRATE
GOOD = NextVote(0.85, 0.15)
PRICES = StoppingCosts(vote=1.0, arbiter=10.0, error=50.0)


@pytest.mark.parametrize(
    ("chance", "votes_left", "expected"),
    [
        (0.999, 5, FINALIZE),  # an error of .1 % costs .05
        (0.9, 5, ASK),  # no single vote changes the answer, but two might
        (0.5, 5, ASK),
        (0.5, 0, ARBITRATE),
        (0.75, 0, ARBITRATE),
        (0.85, 0, FINALIZE),  # an arbiter costs more than the error to be expected
    ],
)
def test_what_is_worth_its_cost(chance: float, votes_left: int, expected: StoppingStep) -> None:
    assert next_step(chance, GOOD, votes_left=votes_left, costs=PRICES) is expected


@given(st.floats(0.0, 1.0), st.floats(0.51, 0.999), st.integers(0, 8))
def test_a_target_is_the_price_of_a_vote_that_settles_it(chance: float, target: float, votes_left: int) -> None:
    """target = 1 - vote / error."""
    found = next_step(chance, DECISIVE, votes_left=votes_left, costs=StoppingCosts.of_target(target))
    assert found is (FINALIZE if chance >= target else ASK if votes_left else ARBITRATE)


@pytest.mark.parametrize(
    ("chance", "coming"), list(product((0.5, 0.7, 0.9, 0.97), (GOOD, NextVote(0.6, 0.4), NextVote(0.9, 0.02))))
)
def test_the_expectation_is_that_of_every_course(chance: float, coming: NextVote) -> None:
    """Against plain recursion over all sequences of votes."""

    def cost(now: float, left: int) -> float:
        ending = min(PRICES.error * min(now, 1 - now), PRICES.arbiter)
        if left == 0:
            return ending
        (agrees, up), (differs, down) = coming.outcomes(now)
        return min(ending, PRICES.vote + agrees * cost(up, left - 1) + differs * cost(down, left - 1))

    (agrees, up), (differs, down) = coming.outcomes(chance)
    ask = PRICES.vote + agrees * cost(up, 3) + differs * cost(down, 3)
    ends = {FINALIZE: PRICES.error * (1 - chance), ASK: ask, ARBITRATE: PRICES.arbiter}
    assert ends[next_step(chance, coming, votes_left=4, costs=PRICES)] == pytest.approx(min(ends.values()))


def test_a_vote_that_says_nothing_is_not_asked_for() -> None:
    assert next_step(0.7, NextVote(0.5, 0.5), votes_left=5, costs=PRICES) is ARBITRATE
    assert next_step(0.9, NextVote(0.5, 0.5), votes_left=5, costs=PRICES) is FINALIZE


@given(st.floats(0.55, 0.99), st.floats(0.05, 0.5), st.floats(0.1, 1.0), st.floats(0.05, 0.95))
def test_a_tempered_vote_says_less_and_is_still_a_vote(right: float, wrong: float, rate: float, chance: float) -> None:
    whole = NextVote(right, wrong)
    part = whole.tempered(rate)
    assert part.if_right / part.if_wrong == pytest.approx((right / wrong) ** rate)
    (agrees, up), (differs, down) = part.outcomes(chance)
    assert agrees * up + differs * down == pytest.approx(chance)
    assert math.isclose(agrees + differs, 1.0)


POLICY = RedundancyPolicy(maximum=5, costs=VotingCosts(vote=1.0, arbiter=10.0, error=50.0))


def decided(confidence: float, counted: int, *, tied: bool = False) -> object:
    one = Consensus({"label": "a"}, confidence, tied, "dawid_skene", coming=GOOD)
    return decide({"q": one}, counted=counted, voided=0, slots_total=counted, policy=POLICY)


def test_a_policy_of_costs_decides_by_them() -> None:
    assert decided(0.9, 2) == AskMore(3, "unsure")
    assert decided(0.9, 5) == Finalize({"q": {"label": "a"}}, 0.9)
    assert decided(0.6, 5) == Arbitrate("unsure")
    assert decided(0.995, 2) == Finalize({"q": {"label": "a"}}, 0.995)


def test_a_tie_is_never_final_whatever_it_costs() -> None:
    assert decided(0.995, 2, tied=True) == AskMore(3, "tie")
    assert decided(0.995, 5, tied=True) == Arbitrate("tie")
