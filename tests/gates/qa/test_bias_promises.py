"""The intervals of a bias audit hold the truth, and false findings are as rare as promised, by simulation.

Answers come in clusters: annotators differ in how they answer, and so do records. Truth is the share over all records and
annotators of the kind.
"""

import os
from typing import NamedTuple

import numpy as np
import pytest

from services.qa.domain.bias import BiasMeasure, BiasPart, BiasSample, BiasSide, audit
from services.qa.domain.clustered_shares import ClusteredAnswers, correlations, share_interval

ROUNDS = int(os.environ.get("BIAS_ROUNDS", "100"))


class Crowd(NamedTuple):
    """How answers come about: `annotator_spread`, `record_spread` are correlations within each, by beta-distributed chances."""

    records: int
    annotators: int
    per_record: int
    share: float
    annotator_spread: float
    record_spread: float


def spread_around(share: float, correlation: float, count: int, random: np.random.Generator) -> np.ndarray:
    if correlation == 0.0:
        return np.full(count, share)
    strength = 1.0 / correlation - 1.0
    return random.beta(share * strength, (1.0 - share) * strength, count)


def drawn(crowd: Crowd, random: np.random.Generator, records_of: int | None = None) -> ClusteredAnswers:
    """Answers with that share on average; an annotator answers a record at most once."""
    people = spread_around(crowd.share, crowd.annotator_spread, crowd.annotators, random)
    items = spread_around(crowd.share, crowd.record_spread, crowd.records, random)
    records = np.repeat(np.arange(crowd.records), crowd.per_record)
    annotators = np.concatenate(
        [random.permutation(crowd.annotators)[: crowd.per_record] for _ in range(crowd.records)]
    )
    # The chance of a hit is additive in both, and within [0, 1]; its mean is the share.
    chance = people[annotators] + items[records] - crowd.share
    low = np.clip(chance, 0.0, 1.0)
    return ClusteredAnswers((random.random(len(records)) < low).astype(float), records, annotators)


def mean_of(crowd: Crowd) -> float:
    """The share that the clipped chances come to, by many draws."""
    random = np.random.default_rng(99)
    people = spread_around(crowd.share, crowd.annotator_spread, 200_000, random)
    items = spread_around(crowd.share, crowd.record_spread, 200_000, random)
    return float(np.clip(people + items - crowd.share, 0.0, 1.0).mean())


CROWDS = [
    Crowd(100, 20, 2, 0.2, 0.0, 0.0),
    Crowd(100, 20, 2, 0.2, 0.05, 0.1),
    Crowd(300, 12, 3, 0.1, 0.1, 0.0),
    Crowd(300, 40, 2, 0.05, 0.05, 0.2),
    Crowd(60, 30, 3, 0.4, 0.02, 0.3),
    Crowd(1000, 8, 2, 0.15, 0.1, 0.1),
]


@pytest.mark.parametrize("crowd", CROWDS, ids=lambda crowd: "-".join(map(str, crowd)))
def test_intervals_hold_the_truth(crowd: Crowd) -> None:
    """Of the whole, and of a slice of a fifth of the records."""
    truth = mean_of(crowd)
    random = np.random.default_rng(5)
    whole = part = 0
    for _ in range(ROUNDS):
        answers = drawn(crowd, random)
        like = correlations(answers)
        interval = share_interval(answers, like)
        whole += interval.low <= truth <= interval.high
        slice_of = share_interval(answers.part(answers.records < crowd.records // 5), like)
        part += slice_of.low <= truth <= slice_of.high
    assert whole / ROUNDS >= 0.9
    assert part / ROUNDS >= 0.91


def sides(crowd: Crowd, slices: int, random: np.random.Generator) -> list[BiasPart]:
    of_records = random.integers(0, slices, crowd.records)
    of_people = random.integers(0, 2, crowd.annotators)
    return [
        *(BiasPart(BiasSide.RECORDS, "slice", str(one), of_records == one) for one in range(slices)),
        *(BiasPart(BiasSide.ANNOTATORS, "pool", str(one), of_people == one) for one in range(2)),
    ]


@pytest.mark.parametrize("crowd", CROWDS, ids=lambda crowd: "-".join(map(str, crowd)))
def test_where_nothing_differs_hardly_anything_is_reported(crowd: Crowd) -> None:
    """All findings are false then, so the share of audits with any is the false discovery rate. Three measures that depend on
    each other are tested together: of the same answers, of these turned round, and of part of them.
    """
    random = np.random.default_rng(6)
    false = 0
    for _ in range(ROUNDS):
        answers = drawn(crowd, random)
        turned = ClusteredAnswers(1.0 - answers.values, answers.records, answers.annotators)
        part = answers.part(random.random(len(answers.values)) < 0.5)
        samples = [
            BiasSample(BiasMeasure.GOLD_ERROR, "q", str(at), one) for at, one in enumerate((answers, turned, part))
        ]
        false += any(cell.differs for cell in audit(samples, sides(crowd, 6, random)))
    assert false / ROUNDS <= 0.09


@pytest.mark.parametrize("crowd", [CROWDS[0], CROWDS[1], CROWDS[5]], ids=lambda crowd: "-".join(map(str, crowd)))
def test_where_some_slices_differ_few_findings_are_false_and_most_of_these_are_found(crowd: Crowd) -> None:
    """Two of ten slices have a share that is larger by .3. Another slice lies below the others by a
    little, for these are among them: reported as raised it is a false finding.
    """
    random = np.random.default_rng(7)
    shares, found, held = [], 0, 0
    truth = 0.3 * (1.0 - mean_of(crowd)) * 8.0 / 9.0  # one of the nine others is raised, too
    rounds = ROUNDS // 2
    for _ in range(rounds):
        answers = drawn(crowd._replace(records=crowd.records * 4), random)
        of_records = np.arange(crowd.records * 4) % 10
        raised = np.isin(of_records[answers.records], [0, 1]) & (random.random(len(answers.values)) < 0.3)
        values = np.maximum(answers.values, raised)
        parts = [BiasPart(BiasSide.RECORDS, "slice", str(one), of_records == one) for one in range(10)]
        cells = audit(
            [
                BiasSample(
                    BiasMeasure.GOLD_ERROR, "q", None, ClusteredAnswers(values, answers.records, answers.annotators)
                )
            ],
            parts,
        )
        reported = [cell for cell in cells if cell.differs]
        true = [cell for cell in reported if cell.value in {"0", "1"}]
        below = [cell for cell in reported if cell.difference is not None and cell.difference.value < 0.0]
        shares.append((len(reported) - len(true) - len(below)) / max(len(reported), 1))
        found += len(true)
        held += sum(
            cell.difference.low <= truth <= cell.difference.high
            for cell in cells
            if cell.value in {"0", "1"} and cell.difference is not None
        )
    assert np.mean(shares) <= 0.07
    assert found / rounds / 2 >= 0.5
    assert held / rounds / 2 >= 0.9
