"""Which method weighs the votes: Dawid-Skene unless another predicts unseen votes better beyond chance."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from services.qa.domain import kinds
from services.qa.domain.class_votes import posteriors
from services.qa.domain.consensus_methods import Basis, Method
from services.qa.domain.estimates import Estimates, VoteArrays
from services.qa.domain.method_choice import MethodCandidate, estimate_by_evidence
from services.qa.domain.stored_estimates import StoredEstimates
from services.qa.domain.votes import ItemVotes, Vote
from shared.contracts.answers.kinds.choice import ChoiceQuestion

Array = np.ndarray
YES_NO = ("no", "yes")


def votes_by(rows: Array, *, seed: int, items: int, each: int, truth: Array | None = None) -> tuple[VoteArrays, Array]:
    """Votes of annotators with confusions `rows` (W, latent, K) on items of latent classes, evenly drawn unless given."""
    generator = np.random.default_rng(seed)
    people, latent, classes = rows.shape
    hidden = generator.integers(latent, size=items) if truth is None else truth
    item = np.repeat(np.arange(items), each)
    voter = np.concatenate([generator.choice(people, each, replace=False) for _ in range(items)])
    edges = rows[voter, hidden[item]].cumsum(axis=1)
    answered = np.minimum((generator.random(len(item))[:, None] > edges).sum(axis=1), classes - 1)
    return VoteArrays(item, voter, answered, items, tuple(f"p{at}" for at in range(people))), hidden


def coins(accuracies: list[float], classes: int) -> Array:
    right = np.array(accuracies)[:, None, None]
    return np.asarray(right * np.eye(classes) + (1 - right) / (classes - 1) * (1 - np.eye(classes)))


@cache
def people_who_err_together() -> tuple[VoteArrays, Array]:
    """Class 0 has hard items, which seven of ten people mostly take for class 1 and three see through."""
    rows = np.empty((10, 3, 2))
    for person in range(10):
        rows[person] = [[0.95, 0.05], [0.9, 0.1] if person < 3 else [0.3, 0.7], [0.05, 0.95]]
    latent = np.random.default_rng(0).choice(3, size=400, p=[0.35, 0.25, 0.4])
    votes, _ = votes_by(rows, seed=4, items=400, each=8, truth=latent)
    return votes, latent // 2


def right(facet: Estimates, votes: VoteArrays, truth: Array) -> float:
    return float((facet.by_class(posteriors(facet, votes)).argmax(axis=1) == truth).mean())


def unknown(classes: int) -> Estimates:
    return Estimates.unknown([f"c{at}" for at in range(classes)])


def test_with_few_votes_nothing_is_compared() -> None:
    votes, _ = votes_by(coins([0.8] * 8, 3), seed=0, items=200, each=3)
    selection = estimate_by_evidence(unknown(3), votes).selection
    assert (selection.method, selection.basis, selection.margin) == (Method.DAWID_SKENE, Basis.DEFAULT, None)


def test_where_all_answer_alike_nothing_is_lost_to_the_majority() -> None:
    votes, truth = votes_by(coins([0.75] * 40, 3), seed=1, items=400, each=4)
    found = estimate_by_evidence(unknown(3), votes)
    assert found.selection.basis is Basis.VOTES
    assert set(found.selection.evidence) == {"majority", "one_coin", "dawid_skene"}
    alike = MethodCandidate(Method.MAJORITY).estimate(unknown(3), votes)
    assert right(found, votes, truth) >= right(alike, votes, truth) - 0.02


def test_each_method_weighs_by_its_own_model() -> None:
    votes, truth = votes_by(coins([0.4, 0.95] * 20, 4), seed=2, items=300, each=4)
    alike, by_coin = (MethodCandidate(one).estimate(unknown(4), votes) for one in (Method.MAJORITY, Method.ONE_COIN))
    assert right(by_coin, votes, truth) > right(alike, votes, truth) + 0.03
    given = [("p0", "c0"), ("p2", "c0"), ("p1", "c1")]
    assert alike.posterior(given).argmax() == 0
    assert by_coin.posterior(given).argmax() == 1


def test_where_errors_depend_on_the_class_each_has_a_confusion() -> None:
    biased = np.array([[[0.95, 0.05], [0.45, 0.55]], [[0.55, 0.45], [0.05, 0.95]]] * 5)
    votes, _ = votes_by(biased, seed=3, items=500, each=5)
    selection = estimate_by_evidence(unknown(2), votes).selection
    assert selection.method is Method.DAWID_SKENE
    assert selection.margin is not None
    assert selection.margin_error is not None
    assert selection.margin > 2 * selection.margin_error


def test_where_people_err_together_a_class_has_subtypes() -> None:
    votes, truth = people_who_err_together()
    found = estimate_by_evidence(unknown(2), votes)
    assert found.selection.method is Method.EBCC
    classic = MethodCandidate(Method.DAWID_SKENE).estimate(unknown(2), votes)
    assert right(found, votes, truth) > right(classic, votes, truth) + 0.1
    assert estimate_by_evidence(unknown(2), votes).to_json() == found.to_json()  # no chance from outside


def test_known_answers_overrule_the_votes() -> None:
    """Most people take class 1 for class 0 together: to the votes they look right, the known answers know better."""
    rows = coins([0.97] * 7 + [0.75] * 2, 2)
    votes, seen = votes_by(rows, seed=5, items=220, each=5)
    generator = np.random.default_rng(0)
    truth = np.where(generator.random(220) < 0.5, seen, 1 - seen)
    told = replace(votes, clamps=np.where(np.arange(220) < 120, truth, -1))
    by_votes, by_gold = (estimate_by_evidence(unknown(2), one).selection for one in (votes, told))
    assert by_votes.basis is Basis.VOTES
    assert by_gold.basis is Basis.GOLD
    assert by_gold.evidence[by_gold.method] == max(by_gold.evidence.values())


def question() -> kinds.Kind:
    return kinds.of(ChoiceQuestion(name="q", kind="choice", labels=list(YES_NO)))


def items_of(votes: VoteArrays) -> list[ItemVotes]:
    given: list[list[Vote]] = [[] for _ in range(votes.item_count)]
    for item, voter, answered in zip(votes.items, votes.voters, votes.classes, strict=True):
        given[item].append(Vote(votes.voter_names[voter], {"label": YES_NO[answered]}))
    return [ItemVotes(one) for one in given]


def through_json(parts: StoredEstimates) -> StoredEstimates:
    return StoredEstimates(*json.loads(json.dumps([parts.shared, parts.voters])))


@cache
def under_ebcc() -> tuple[kinds.Kind, list[ItemVotes], Any]:
    kind, items = question(), items_of(people_who_err_together()[0])
    return kind, items, kind.estimate(items)


def test_subtypes_survive_storage_and_weigh_one_record() -> None:
    votes, _ = people_who_err_together()
    kind, items, known = under_ebcc()
    again = kind.from_stored(through_json(kind.to_stored(known)))
    assert again[""].selection.method is Method.EBCC
    in_one = known[""].by_class(posteriors(known[""], votes))
    for at in (0, 1, 2):
        found = kind.consensus(items[at].votes, again)
        assert found.method == "ebcc"
        given = [(vote.voter, str(vote.answer["label"])) for vote in items[at].votes]
        assert again[""].posterior(given)[1] == pytest.approx(in_one[at, 1], abs=1e-3)
    assert kind.consensus(items[0].votes, again, {"yes": 0.5, "no": 0.5}).method == "ebcc_with_model"


def test_confusions_of_other_subtypes_than_the_present_are_not_used() -> None:
    kind, _, known = under_ebcc()
    parts = through_json(kind.to_stored(known))
    former: dict[str, Any] = {"p0": {"": [*parts.voters["p0"][""][:3], {**parts.voters["p0"][""][3], "of": "another"}]}}
    oldest: dict[str, Any] = {"p0": {"": parts.voters["p0"][""][:3]}}
    stranger = kind.consensus([Vote("nobody", {"label": "yes"})], kind.from_stored(parts))
    for voters in (former, oldest):
        found = kind.from_stored(StoredEstimates(parts.shared, voters))
        assert kind.consensus([Vote("p0", {"label": "yes"})], found).distribution == stranger.distribution


def test_what_was_stored_before_there_was_a_choice_is_dawid_skene() -> None:
    kind = question()
    votes, _ = votes_by(coins([0.8] * 6, 2), seed=6, items=100, each=4)
    parts = through_json(kind.to_stored(kind.estimate(items_of(votes))))
    shared = parts.shared["content"][""]
    old = {name: value for name, value in shared.items() if name not in {"selection", "subtypes"}}
    voters: dict[str, Any] = {name: {"": content[""][:3]} for name, content in parts.voters.items()}
    found = kind.from_stored(StoredEstimates({**parts.shared, "content": {"": old}}, voters))
    given = [Vote("p0", {"label": "yes"}), Vote("p1", {"label": "no"})]
    assert found[""].selection.basis is Basis.DEFAULT
    assert kind.consensus(given, found) == kind.consensus(given, kind.from_stored(parts))


def test_a_vote_is_judged_by_the_chosen_method() -> None:
    kind, items, known = under_ebcc()
    [outcomes] = kind.outcomes(items[:1], known)
    for at, vote in enumerate(items[0].votes):
        nameless = [
            ("" if place == at else one.voter, str(one.answer["label"])) for place, one in enumerate(items[0].votes)
        ]
        label = known[""].index(vote.answer["label"])
        assert label is not None
        assert outcomes[at].right == pytest.approx(known[""].posterior(nameless)[label])
