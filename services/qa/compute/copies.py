"""Whose answers to a question look copied: from another annotator, or from the predictions that they were shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.copying import Copying, CopyingRule, copying, pair_items, prediction_items
from services.qa.domain.vote_scores import VoteScores

_FEWEST_BLIND = 50
"""So many answers without a prediction show how often people and model agree by themselves; with fewer nothing is tested."""


@dataclass(frozen=True, slots=True)
class CopyFinding:
    """That a share of an annotator's answers to a question is copied, and what it stands on.

    `other`: the name of the other voter, None if the source are predictions. `share` with its 95 % interval, of the
    `records` that both answered; `agreed`: equal answers, `expected`: how many independent people would have given;
    `ordinary`: the share that common difficulty makes of honest people. `answered_later`: how often this annotator
    answered after the other, None for predictions.
    """

    question: str
    source: Literal["annotator", "prediction"]
    other: str | None
    share: float
    low: float
    high: float
    ordinary: float
    p_value: float
    records: int
    agreed: int
    expected: float
    answered_later: float | None


def copied_from_others(
    question: str, scores: VoteScores, rule: CopyingRule | None = None
) -> list[tuple[str, CopyFinding]]:
    """The findings on pairs, one for each of the two, by the voter whose finding it is."""
    seen = pair_items(scores)
    tested = copying(seen.items, len(seen.pairs), rule)
    later = np.bincount(seen.items.groups, weights=seen.second_later, minlength=len(seen.pairs))
    findings = []
    for at in np.flatnonzero(tested.found).tolist():
        first, second = (scores.voter_names[place] for place in seen.pairs[at].tolist())
        share_later = float(later[at] / tested.items[at])
        findings.append((first, _finding(question, tested, at, second, 1.0 - share_later)))
        findings.append((second, _finding(question, tested, at, first, share_later)))
    return findings


def copied_from_predictions(
    question: str, scores: VoteScores, predicted: Integers, shown: Flags, rule: CopyingRule | None = None
) -> list[tuple[str, CopyFinding]]:
    """The findings on predictions. `predicted` (V): the class predicted for the item of each vote, -1 where there is none;
    `shown` (V): whether its annotator saw it.
    """
    votes, blind = np.flatnonzero((predicted >= 0) & shown), np.flatnonzero((predicted >= 0) & ~shown)
    if len(blind) < _FEWEST_BLIND or not len(votes):
        return []
    seen = prediction_items(scores, predicted, votes, blind)
    control: Floats = prediction_items(scores, predicted, blind, blind).ratios
    tested = copying(seen, len(scores.voter_names), rule, control)
    return [
        (scores.voter_names[at], _finding(question, tested, at, None, None))
        for at in np.flatnonzero(tested.found).tolist()
    ]


def _finding(question: str, tested: Copying, at: int, other: str | None, answered_later: float | None) -> CopyFinding:
    return CopyFinding(
        question=question,
        source="prediction" if other is None else "annotator",
        other=other,
        share=float(tested.share[at]),
        low=float(tested.low[at]),
        high=float(tested.high[at]),
        ordinary=tested.ordinary,
        p_value=float(tested.p_value[at]),
        records=int(tested.items[at]),
        agreed=int(tested.agreed[at]),
        expected=float(tested.expected[at]),
        answered_later=answered_later,
    )


def predicted_classes(classes: Sequence[str], distributions: Sequence[dict[str, float] | None]) -> Integers:
    """The likeliest class of each distribution, -1 where there is none or it is no class."""
    index = {name: at for at, name in enumerate(classes)}
    best = (max(one, key=lambda name: one[name]) if one else "" for one in distributions)
    return np.array([index.get(name, -1) for name in best], np.int64)
