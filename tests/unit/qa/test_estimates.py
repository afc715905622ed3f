"""What is known of annotators between two refreshes, and how one record's votes are weighed by it."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain import kinds
from services.qa.domain.estimates import Estimates
from services.qa.domain.stored_estimates import StoredEstimates
from services.qa.domain.votes import ItemVotes, Vote
from shared.contracts.answers.kinds.choice import ChoiceQuestion

DIGITS = tuple("0123456789")


def digits() -> kinds.Kind:
    return kinds.of(ChoiceQuestion(name="digit", kind="choice", labels=list(DIGITS)))


def kept_and_read(kind: kinds.Kind, known: Any) -> Any:
    parts = kind.to_stored(known)
    return kind.from_stored(StoredEstimates(*json.loads(json.dumps([parts.shared, parts.voters]))))


def votes(*pairs: tuple[str, str]) -> list[Vote]:
    return [Vote(name, {"label": label}) for name, label in pairs]


def crowd(seed: int = 0, size: int = 300) -> list[ItemVotes]:
    """Nine who are right nine times in ten, and a spammer."""
    generator = np.random.default_rng(seed)
    items = []
    for _ in range(size):
        truth = DIGITS[generator.integers(10)]
        given = []
        for who in generator.choice(10, 3, replace=False):
            right = who < 9 and generator.random() < 0.9
            given.append((f"p{who}" if who < 9 else "spammer", truth if right else DIGITS[generator.integers(10)]))
        items.append(ItemVotes(votes(*given)))
    return items


def confidence_of_agreeing(kind: kinds.Kind, label: str, count: int) -> float:
    return float(kind.consensus(votes(*((f"p{at}", label) for at in range(count))), kind.unknown()).confidence)


def test_strangers_who_agree_are_believed_the_more_classes_there_are() -> None:
    of_ten = [confidence_of_agreeing(digits(), "3", count) for count in (1, 2, 3)]
    assert of_ten[0] == pytest.approx(0.835)
    assert of_ten[1] < 0.98 < of_ten[2]
    yes_or_no = kinds.of(ChoiceQuestion(name="q", kind="choice", labels=["yes", "no"]))
    of_two = [confidence_of_agreeing(yes_or_no, "yes", count) for count in (2, 3, 4, 5)]
    assert of_two[0] > 0.9
    assert of_two == sorted(of_two)
    assert of_two[-1] < 0.98


def test_two_strangers_who_differ_are_a_tie() -> None:
    kind = digits()
    found = kind.consensus(votes(("a", "3"), ("b", "8")), kind.unknown())
    assert found.tied
    assert found.confidence < 0.5


def test_the_model_makes_one_answer_enough_when_they_agree_and_not_when_they_differ() -> None:
    kind = digits()
    sure = dict.fromkeys(DIGITS, 0.005) | {"3": 0.955}
    assert kind.consensus(votes(("a", "3")), kind.unknown(), sure).confidence > 0.98
    assert kind.consensus(votes(("a", "8")), kind.unknown(), sure).confidence < 0.9


def test_estimates_expose_the_spammer() -> None:
    found = digits().estimate(crowd())[""]
    assert found.diagonal("spammer") < 0.4
    assert found.diagonal("p0") > 0.8
    assert found.diagonal("nobody") == found.pool_accuracy
    assert found.answered("p0") > 50
    assert found.answered("nobody") == 0


def test_a_good_annotator_outweighs_a_spammer() -> None:
    kind = digits()
    known = kind.estimate(crowd())
    found = kind.consensus(votes(("p0", "3"), ("spammer", "8")), known)
    assert found.answer == {"label": "3"}
    assert found.confidence > 0.6


def test_too_little_overlap_leaves_the_unknown() -> None:
    kind = digits()
    single = [ItemVotes(votes(("a", "3")))] * 100
    assert kind.estimate(single)[""].voters == {}
    assert kind.estimate([])[""].voters == {}


def test_answers_to_known_items_need_no_overlap() -> None:
    kind = digits()
    gold = [ItemVotes(votes(("a", "3")), truth={"label": "3"})] * 20
    assert kind.estimate(gold)[""].diagonal("a") > 0.85


def test_no_single_answer_proves_anything() -> None:
    perfect = Estimates.unknown(("a", "b"), accuracy=1.0)
    assert perfect.posterior([("x", "a")])[0] < 0.995


def test_labels_that_are_no_class_are_ignored() -> None:
    known = Estimates.unknown(DIGITS)
    assert known.posterior([("a", "x")]) == pytest.approx(known.class_prior)


def test_estimates_survive_storage() -> None:
    kind = digits()
    known = kind.estimate(crowd())
    again = kept_and_read(kind, known)
    given = votes(("p0", "3"), ("spammer", "3"), ("new", "8"))
    assert kind.consensus(given, again).confidence == pytest.approx(kind.consensus(given, known).confidence, abs=1e-4)


def test_what_was_kept_before_documents_had_a_version_is_read() -> None:
    kind = digits()
    known = kind.estimate(crowd())
    parts = kind.to_stored(known)
    old = StoredEstimates(parts.shared["content"], parts.voters)
    assert kind.from_stored(old)[""].diagonal("p0") == pytest.approx(known[""].diagonal("p0"), abs=1e-5)


def test_what_another_version_or_kind_kept_counts_as_unknown() -> None:
    kind = digits()
    parts = kind.to_stored(kind.estimate(crowd()))
    for change in ({"version": 2}, {"kind": "boxes"}):
        assert kind.from_stored(StoredEstimates({**parts.shared, **change}, parts.voters))[""].voters == {}


def test_many_classes_are_estimated_by_one_number_each() -> None:
    labels = [f"intent-{at}" for at in range(300)]
    kind = kinds.of(ChoiceQuestion(name="q", kind="choice", labels=labels))
    generator = np.random.default_rng(0)
    items = []
    for _ in range(200):
        truth = labels[generator.integers(300)]
        given = [("good", truth), ("fair", truth if generator.random() < 0.8 else labels[0]), ("bad", labels[1])]
        items.append(ItemVotes(votes(*given)))
    known = kind.estimate(items)
    assert known[""].confusions is None
    assert known[""].diagonal("good") > known[""].diagonal("fair") > known[""].diagonal("bad")
    again = kept_and_read(kind, known)
    found = kind.consensus(votes(("good", "intent-7"), ("bad", "intent-9")), again)
    assert found.answer == {"label": "intent-7"}
    agreed, known_truth = kind.outcomes(
        [
            ItemVotes(votes(("good", "intent-7"), ("fair", "intent-7"), ("bad", "intent-9"))),
            ItemVotes(votes(("good", "intent-7"), ("bad", "intent-9")), truth={"label": "intent-9"}),
        ],
        again,
    )
    assert [round(one.right) for one in agreed] == [1, 1, 0]
    assert [one.right for one in known_truth] == [0.0, 1.0]


def test_a_vote_is_judged_as_a_strangers_by_the_others() -> None:
    """The vectorised outcome is the posterior of the same votes with the annotator's name taken away."""
    kind = digits()
    known = kind.estimate(crowd())
    given = votes(("p0", "3"), ("spammer", "8"), ("p1", "3"))
    prior = dict.fromkeys(DIGITS, 0.05) | {"3": 0.55}
    [with_model], [without] = (kind.outcomes([ItemVotes(given, prior=one)], known) for one in (prior, None))
    for at, vote in enumerate(given):
        nameless = [("" if place == at else one.voter, str(one.answer["label"])) for place, one in enumerate(given)]
        for outcomes, given_prior in ((with_model, prior), (without, None)):
            expected = known[""].posterior(nameless, given_prior)[DIGITS.index(str(vote.answer["label"]))]
            assert outcomes[at].right == pytest.approx(expected)


people = st.lists(
    st.tuples(st.sampled_from(["p0", "p1", "p2", "spammer", "new"]), st.sampled_from(DIGITS)), min_size=1, max_size=5
)
KNOWN = digits().estimate(crowd())[""]


@given(people, st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_of_votes_does_not_matter(given: list[tuple[str, str]], random: object) -> None:
    shuffled = given.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert KNOWN.posterior(given).tolist() == KNOWN.posterior(shuffled).tolist()


@given(people, st.sampled_from(DIGITS))
@settings(max_examples=30)
def test_a_further_vote_of_somebody_useful_never_lowers_its_class(given: list[tuple[str, str]], label: str) -> None:
    at = DIGITS.index(label)
    before, after = KNOWN.posterior(given), KNOWN.posterior([*given, ("p5", label)])
    assert after[at] >= before[at] - 1e-12
    assert after.sum() == pytest.approx(1.0)
