"""A kind whose answers are no classes fits the port: it estimates, keeps and weighs what it likes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from services.qa.domain import kinds
from services.qa.domain.kinds.kind import QuestionKind
from services.qa.domain.record_consensus import consensus_of, hits
from services.qa.domain.stored_estimates import Reliability, StoredEstimates
from services.qa.domain.votes import Answer, Consensus, Distribution, ItemVotes, Vote, VoteOutcome


@dataclass(frozen=True)
class Spreads:
    """Each annotator's standard deviation about the median of a record's answers."""

    of: dict[str, float]


class Number:
    """`{"value": 3.2}`: the mean, weighted by precision."""

    def __init__(self, question: Any) -> None:
        self._near = question.near

    def distance(self, one: Answer, other: Answer) -> float:
        return min(abs(value(one) - value(other)) / 10.0, 1.0)

    def hit(self, answer: Answer, truth: Answer) -> bool:
        return bool(abs(value(answer) - value(truth)) <= self._near)

    def work_us(self, answers: Sequence[Answer]) -> float:
        return 10.0 * len(answers)

    def unknown(self) -> Spreads:
        return Spreads({})

    def estimate(self, items: Sequence[ItemVotes]) -> Spreads:
        apart: dict[str, list[float]] = {}
        for item in items:
            middle = float(np.median([value(vote.answer) for vote in item.votes]))
            for vote in item.votes:
                apart.setdefault(vote.voter, []).append(value(vote.answer) - middle)
        return Spreads({voter: float(np.std(differences)) + 0.1 for voter, differences in apart.items()})

    def to_stored(self, estimates: Spreads) -> StoredEstimates:
        return StoredEstimates.of("number", 3, {}, {voter: {"sd": spread} for voter, spread in estimates.of.items()})

    def from_stored(self, parts: StoredEstimates) -> Spreads:
        if parts.content("number", 3) is None:
            return self.unknown()
        return Spreads({voter: one["sd"] for voter, one in parts.voters.items()})

    def moved(self, before: StoredEstimates | None, after: StoredEstimates) -> bool:
        return before is not None and before.shared != after.shared

    def reliability(self, estimates: Spreads, voter: str) -> Reliability:
        return Reliability(1.0 / (1.0 + estimates.of.get(voter, 1.0)), 1)

    def consensus(self, votes: Sequence[Vote], estimates: Spreads, prior: Distribution | None = None) -> Consensus:
        weights = [estimates.of.get(vote.voter, 1.0) ** -2 for vote in votes]
        mean = float(np.average([value(vote.answer) for vote in votes], weights=weights))
        return Consensus({"value": mean}, 1.0 - 1.0 / (1.0 + sum(weights)), False, "weighted_mean")

    def outcomes(self, items: Sequence[ItemVotes], estimates: Spreads) -> list[list[VoteOutcome]]:
        return [[VoteOutcome(1.0, 0.0) for _ in item.votes] for item in items]

    def vote_scores(self, items: Sequence[ItemVotes], estimates: Spreads) -> None:
        del items, estimates


def value(answer: Answer) -> float:
    number: Any = answer["value"]
    return float(number)


def test_it_is_found_by_its_name_and_used_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds._KINDS, "number", Number)
    question: Any = SimpleNamespace(name="weight", kind="number", near=0.5, visible_when=None, required=True)
    schema: Any = SimpleNamespace(questions=[question])
    kind: QuestionKind[Spreads] = Number(question)
    items = [
        ItemVotes(
            [Vote("steady", {"value": at}), Vote("also", {"value": at}), Vote("wild", {"value": at + 5 * (-1) ** at})]
        )
        for at in range(20)
    ]
    parts = kind.to_stored(kind.estimate(items))
    kept = StoredEstimates(*json.loads(json.dumps([parts.shared, parts.voters])))
    annotations: Any = [("steady", {"weight": {"value": 10.0}}), ("wild", {"weight": {"value": 20.0}})]
    found = consensus_of(schema, annotations, {"weight": kept})["weight"]
    assert value(found.answer) == pytest.approx(10.0, abs=0.1)
    assert value(consensus_of(schema, annotations, {})["weight"].answer) == pytest.approx(15.0)
    assert hits(schema, {"weight": {"value": 10.2}}, {"weight": {"value": 10.0}}) == {"weight": True}
    assert kind.reliability(kind.from_stored(kept), "steady") > kind.reliability(kind.from_stored(kept), "wild")
