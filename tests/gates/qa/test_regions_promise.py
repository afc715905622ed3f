"""Consensus of spans and boxes against truth: better than no estimation and than the usual baselines, and as sure as it is right.

Twelve settings a kind: clean, ordinary, middling people, and 30 % bad ones, with two, three and five votes a record.
`TOUCHSTONE_GATE_RECORDS` makes the crowds larger.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from services.qa.domain import kinds
from services.qa.domain.votes import ItemVotes, Vote
from shared.contracts.answers.kinds.boxes import BoxesQuestion
from shared.contracts.answers.kinds.spans import SpansQuestion
from tests.support.region_crowds import (
    CrowdSetting,
    Drawn,
    Scored,
    draw_boxes,
    draw_spans,
    matched_boxes,
    matched_spans,
    score,
    settings_of,
    token_majority,
    weighted_box_fusion,
)

RECORDS = int(os.environ.get("TOUCHSTONE_GATE_RECORDS", "200"))
WORSE = 0.005
"""F1 that estimation may lose in a setting against no estimation, or against the baseline."""

NOISE = 0.01
"""What chance adds to a difference in F1 of two answers to the same records."""

LABELS = [f"l{at}" for at in range(CrowdSetting([], 2).labels)]


@dataclass(frozen=True)
class Regions:
    kind: kinds.Kind
    draw: Callable[[CrowdSetting, int], Drawn]
    baseline: Callable[[Sequence[Vote]], dict[str, Any]]
    matched: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[int, int, int]]


SORTS = {
    "spans": Regions(
        kinds.of(SpansQuestion(name="q", kind="spans", field="text", labels=LABELS)),
        draw_spans,
        token_majority,
        matched_spans,
    ),
    "boxes": Regions(
        kinds.of(BoxesQuestion(name="q", kind="boxes", field="image", labels=LABELS)),
        draw_boxes,
        weighted_box_fusion,
        matched_boxes,
    ),
}


def consensus(sort: Regions, drawn: Drawn, estimates: Any) -> Scored:
    found = [sort.kind.consensus(item.votes, estimates) for item in drawn.items]
    return score([one.answer for one in found], drawn.truths, sort.matched, [one.confidence for one in found])


@cache
def measured(name: str) -> dict[str, tuple[float, float, Scored]]:
    """By setting: the F1 of the baseline and of no estimation, and the estimated consensus."""
    sort = SORTS[name]
    found = {}
    for votes in (2, 3, 5):
        for quality, setting in settings_of(votes, records=RECORDS).items():
            drawn = sort.draw(setting, votes)
            baseline = score([sort.baseline(item.votes) for item in drawn.items], drawn.truths, sort.matched)
            cold = consensus(sort, drawn, sort.kind.unknown())
            found[f"{quality}, {votes} votes"] = (
                baseline.f1,
                cold.f1,
                consensus(sort, drawn, sort.kind.estimate(drawn.items)),
            )
    return found


@pytest.mark.parametrize("name", sorted(SORTS))
def test_estimation_makes_no_setting_worse_and_the_mean_better(name: str) -> None:
    f1 = np.array([(baseline, cold, estimated.f1) for baseline, cold, estimated in measured(name).values()])
    assert (f1[:, 2] - f1[:, 0]).min() > -WORSE - NOISE, list(measured(name))
    assert (f1[:, 2] - f1[:, 1]).min() > -WORSE - NOISE, list(measured(name))
    assert f1[:, 2].mean() > f1[:, 0].mean() + 0.003
    assert f1[:, 2].mean() > f1[:, 1].mean() + 0.003


@pytest.mark.parametrize("name", sorted(SORTS))
def test_an_answer_is_as_often_right_in_all_its_parts_as_its_confidence_says(name: str) -> None:
    confidence = np.concatenate([one.confidence for _, _, one in measured(name).values()])
    right = np.concatenate([one.right for _, _, one in measured(name).values()])
    for decile in np.array_split(np.argsort(confidence, kind="stable"), 10):
        gap = confidence[decile].mean() - right[decile].mean()
        noise = 2.0 * np.sqrt(0.25 / len(decile))
        assert abs(gap) < 0.05 + noise, (confidence[decile].mean(), right[decile].mean())
    for target in (0.9, 0.95, 0.98):
        final = confidence >= target
        assert final.mean() > 0.1
        assert right[final].mean() > target - 0.05
        assert right[final].mean() > confidence[final].mean() - 0.02


@pytest.mark.parametrize("name", sorted(SORTS))
def test_clean_people_are_found_clean_by_two_votes_alone(name: str) -> None:
    sort = SORTS[name]
    drawn = sort.draw(settings_of(2, records=RECORDS)["clean"], 11)
    known = sort.kind.estimate(drawn.items)
    assert np.all(known.rates.sensitivity > 0.85)
    assert np.all(known.rates.spurious < 0.4)
    found = consensus(sort, drawn, known)
    final = found.confidence >= 0.98
    assert 0.2 < final.mean() < 0.8
    assert found.right[final].mean() > 0.95


@pytest.mark.parametrize("name", sorted(SORTS))
def test_known_truth_shows_what_everybody_overlooks(name: str) -> None:
    """One object in ten is overlooked by three of four: only truth tells, and the confidence follows it."""
    sort = SORTS[name]
    setting = replace(settings_of(3, records=RECORDS)["ordinary"], hard=0.1)
    drawn = sort.draw(setting, 5)
    known = [
        ItemVotes(item.votes, truth=truth if at % 3 == 0 else None)
        for at, (item, truth) in enumerate(zip(drawn.items, drawn.truths, strict=True))
    ]
    rest = [at for at in range(len(known)) if at % 3]
    others = Drawn([drawn.items[at] for at in rest], [drawn.truths[at] for at in rest])
    untaught = consensus(sort, others, sort.kind.estimate(drawn.items))
    taught = consensus(sort, others, sort.kind.estimate(known))
    excess = untaught.confidence.mean() - untaught.right.mean()
    assert abs(taught.confidence.mean() - taught.right.mean()) < 0.6 * excess
