"""What is estimated of people who draw regions, how it is kept, and what a record's own marks add."""

import json
from typing import Any

import numpy as np
import pytest

from services.qa.domain import kinds
from services.qa.domain.geometry import INTERVALS
from services.qa.domain.region_edges import SPAN_EDGES, box_chances, span_edges
from services.qa.domain.region_estimates import RegionEstimates
from services.qa.domain.region_names import named
from services.qa.domain.region_votes import RecordRegions, RegionVotes
from services.qa.domain.regions import Regions, cluster
from services.qa.domain.stored_estimates import StoredEstimates
from services.qa.domain.votes import ItemVotes, Vote
from shared.contracts.answers.kinds.spans import SpansQuestion

SPANS = kinds.of(SpansQuestion(name="q", kind="spans", field="text", labels=["a", "b", "c"]))


def spans(*given: tuple[int, int, str]) -> dict[str, Any]:
    return {"spans": [{"start": start, "end": end, "label": label} for start, end, label in given]}


def flat(*answers: list[tuple[int, int, str]]) -> RegionVotes:
    regions = [
        Regions([label for *_, label in one], np.array([edges for *edges, _ in one], np.float64).reshape(-1, 2))
        for one in answers
    ]
    clusters = cluster(regions, INTERVALS, 0.5)
    return RegionVotes.of([RecordRegions(clusters, np.arange(len(answers)))], len(answers))


def crowd(size: int = 40, *, with_truth: bool = False) -> list[ItemVotes]:
    """`keen` and `fair` see both spans, `blind` one of them, `ghosts` sees both and another one."""
    both = spans((0, 9, "a"), (20, 29, "b"))
    votes = {
        "keen": both,
        "fair": both,
        "blind": spans((0, 9, "a")),
        "ghosts": spans((0, 9, "a"), (20, 29, "b"), (50, 55, "c")),
    }
    given = [Vote(name, answer) for name, answer in votes.items()]
    return [ItemVotes(given, truth=both if with_truth else None) for _ in range(size)]


@pytest.mark.parametrize("with_truth", [False, True])
def test_who_misses_and_who_invents_are_told_apart(with_truth: bool) -> None:
    known = SPANS.estimate(crowd(with_truth=with_truth))
    rates = known.of(["keen", "fair", "blind", "ghosts"])
    assert rates.sensitivity[2] < 0.75
    assert rates.sensitivity[[0, 1, 3]].min() > 0.9
    assert rates.spurious[3] > 0.5
    assert rates.spurious[:3].max() < 0.3
    assert known.objects == pytest.approx(2.0, abs=0.2)


def test_estimates_survive_storage_and_serve_those_who_are_asked_for() -> None:
    known = SPANS.estimate(crowd())
    kept = SPANS.to_stored(known)
    shared, voters = json.loads(json.dumps([kept.shared, kept.voters]))
    some = SPANS.from_stored(StoredEstimates(shared, {"blind": voters["blind"]}))
    assert SPANS.reliability(some, "blind") == pytest.approx(SPANS.reliability(known, "blind"), abs=1e-5)
    assert SPANS.reliability(some, "keen").answers == 0  # a stranger now


def test_what_the_first_version_kept_counts_as_unknown() -> None:
    old = {"kind": "spans", "version": 1, "content": {"": {"classes": ["absent", "present"]}}}
    for shared in (old, {"": {"classes": ["absent", "present"]}}):
        read = SPANS.from_stored(StoredEstimates(shared, {"keen": {"": [3, 0.9, None]}}))
        assert json.dumps(SPANS.to_stored(read).shared) == json.dumps(SPANS.to_stored(SPANS.unknown()).shared)


def test_too_few_records_teach_nothing() -> None:
    assert SPANS.estimate(crowd(9)).voters == {}


def test_who_draws_nothing_right_is_hardly_reliable() -> None:
    items = [
        ItemVotes([*item.votes[:2], Vote("spammer", spans((100 + 10 * at, 105 + 10 * at, "c")))])
        for at, item in enumerate(crowd())
    ]
    known = SPANS.estimate(items)
    assert SPANS.reliability(known, "spammer").accuracy < 0.5
    assert SPANS.reliability(known, "keen").accuracy > 0.8


def test_the_start_and_the_end_are_voted_on_apart() -> None:
    votes = flat([(0, 8, "a")], [(0, 7, "a")], [(1, 8, "a")])
    found = span_edges(votes, np.full(3, 0.8), 0.5)
    assert found.values.tolist() == [[0.0, 8.0]]
    assert not found.tied[0]
    assert 0.7 < found.chances[0] < 0.99


def test_edges_that_differ_are_decided_by_who_is_exact() -> None:
    votes = flat([(0, 8, "a")], [(2, 9, "a")])
    exact, careless = span_edges(votes, np.array([0.95, 0.5]), 0.5), span_edges(votes, np.array([0.5, 0.95]), 0.5)
    assert exact.values.tolist() == [[0.0, 8.0]]
    assert careless.values.tolist() == [[2.0, 9.0]]
    assert span_edges(votes, np.full(2, 0.8), 0.5).tied[0]


def test_exactness_is_learnt_from_agreement_on_edges() -> None:
    votes = flat(
        [(at, at + 9, "a") for at in range(0, 400, 20)],
        [(at, at + 9, "a") for at in range(0, 400, 20)],
        [(at + 1, at + 8, "a") for at in range(0, 400, 20)],
    )
    before = np.full(3, 0.8)
    learnt, _ = SPAN_EDGES.learnt(votes, votes.member_weights, before, before, np.full(3, 5.0), 0.5)
    assert learnt[2] < 0.5
    assert learnt[:2].min() > 0.9


def test_a_label_is_the_surer_the_more_labels_it_could_have_been() -> None:
    votes = flat([(0, 8, "a")], [(0, 8, "a")])
    two, ten = (named(votes, np.full(2, 0.8), count).chances[0] for count in (2, 10))
    assert two == pytest.approx(0.64 / 0.68)
    assert two < ten
    assert named(votes, np.full(2, 0.8), 1).chances[0] == pytest.approx(1.0)


def test_a_box_that_more_draw_lies_more_surely_where_it_is() -> None:
    one, two = flat([(0, 8, "a")]), flat([(0, 8, "a")], [(0, 8, "a")])
    assert box_chances(one, np.full(1, 0.15))[0] < box_chances(two, np.full(2, 0.15))[0]


def test_a_record_teaches_how_careful_its_strangers_are() -> None:
    many = spans(*((at, at + 5, "a") for at in range(0, 8000, 10)))
    agreed = SPANS.consensus([Vote("p", many), Vote("q", many), Vote("r", many)], RegionEstimates.unknown(0.94))
    assert agreed.confidence > 0.98


def test_careless_drawings_of_one_place_are_one_object_when_nothing_lies_nearer() -> None:
    near = flat([(0, 10, "a")], [(4, 14, "a")])
    apart = flat([(0, 10, "a"), (4, 14, "a")], [(4, 14, "a")])
    assert (near.object_count, apart.object_count) == (1, 2)
