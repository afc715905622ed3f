"""Accept a model's answer without a person only where blind human labels show that its error stays in the budget.

Fixed-sequence testing (Bauer 1991; Angelopoulos et al. 2021, "Learn then Test", section 4.2): thresholds are tried
from strict to loose in an order that no label has a say in, each by an exact binomial test at the same level; the first
failure ends it. The chance that the chosen one breaks the budget is at most 1 - level.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log

import numpy as np
from scipy.special import bdtr, betaincinv

FIRST_STEP = 1.6
"""The sequence starts where it tests so many times the least sample that could pass: room for an error."""

COVERAGE_STEP = 0.05
"""The sequence loosens by this share of the held-out records."""

FIRST_LOOK = 0.8
"""The first test of a model version spends this share of the risk, each later one this share of what is left."""

GROWTH = 1.5
"""A model version is tested again once its labels have grown by this factor: few looks, each with real news."""

OPEN_SHARE = 0.01
"""Held-out records count as all there once no more than this share of them is open: the last ones are the hardest."""

STREAM_STEP = 4.0
"""Where held-out records never cease to come, the first test is made at so many times the least sample."""


@dataclass(frozen=True, slots=True)
class Audited:
    """One blind human label beside the model's answer for the same record.

    `confidence` of that model version's prediction, which was made without this label; `right`: they agree.
    `floor`: None for held out (drawn from everything); for an audit the threshold above which it was drawn.
    """

    confidence: float
    right: bool
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """Accept from `value` up. `tested` labels at or above it, `errors` of them wrong.

    `upper_bound` of the error at the level asked for; `coverage`: the share of held-out records at or above it.
    """

    value: float
    tested: int
    errors: int
    upper_bound: float
    coverage: float


def least_sample(error_budget: float, level: float = 0.95) -> int:
    """n0: how many labels without an error show that the error is within the budget."""
    return ceil(log(1.0 - level) / log(1.0 - error_budget))


def level_of_look(look: int, level: float = 0.95) -> float:
    """The level of the `look`-th test (from 1) of one model version, so that all of them together keep `level`."""
    risk = 1.0 - level
    return 1.0 - risk * FIRST_LOOK * (1.0 - FIRST_LOOK) ** (look - 1)


def due(*, labelled: int, waiting: int, tested_before: int | None, error_budget: float, level: float = 0.95) -> bool:
    """Whether a model version should be tested now.

    Args:
        labelled: Held-out records with a final label and this version's prediction.
        waiting: Held-out records that are still open, at an expert's, or without this version's prediction.
        tested_before: How many labels the last test of this version had, None before the first.
        error_budget: As for `choose_threshold`.
        level: As for `choose_threshold`.
    """
    start = FIRST_STEP * least_sample(error_budget, level)
    if labelled < start:
        return False
    if tested_before is not None:
        return labelled >= GROWTH * tested_before
    return waiting <= OPEN_SHARE * (labelled + waiting) or labelled >= STREAM_STEP * least_sample(error_budget, level)


def choose_threshold(
    audited: Sequence[Audited], *, error_budget: float, level: float = 0.95, lowest: float = 0.0
) -> Threshold | None:
    """The loosest threshold that the fixed sequence reaches; None is a legal answer.

    Audits count only at thresholds at or above their floor: below it they would stand for the sure ones too often.
    `lowest`: no threshold below it, whatever the evidence; the budget is a mean and says nothing of the least sure.
    """
    held_out = np.sort([item.confidence for item in audited if item.floor is None])[::-1]
    start = FIRST_STEP * least_sample(error_budget, level)
    best: Threshold | None = None
    for value, coverage in _sequence(audited, held_out, start):
        if value < lowest:
            break
        right = [item.right for item in audited if _counts(item, value)]
        errors = len(right) - sum(right)
        if float(bdtr(errors, len(right), error_budget)) > 1.0 - level:
            break
        best = Threshold(value, len(right), errors, upper_bound(errors, len(right), level), coverage)
    return best


def upper_bound(errors: int, tested: int, level: float = 0.95) -> float:
    """One-sided Clopper-Pearson upper bound of an error rate; 1 when nothing was tested."""
    if errors >= tested:
        return 1.0
    return float(betaincinv(errors + 1.0, tested - errors, level))


def withdrawal(
    evidence: Threshold, *, errors: int, audited: int, error_budget: float, level: float = 0.95
) -> str | None:
    """Why a threshold must be withdrawn, None when it may stay.

    `errors` of the `audited` blind labels of records that would have been accepted under it. Together with the labels
    it was chosen on they must still show what it promises; alone they must not contradict it.
    """
    if errors > 1 and 1.0 - float(bdtr(errors - 1, audited, error_budget)) <= 1.0 - level:
        return "audits_exceed_budget"
    if upper_bound(evidence.errors + errors, evidence.tested + audited, level) > error_budget:
        return "bound_exceeds_budget"
    return None


def _counts(item: Audited, value: float) -> bool:
    return item.confidence >= value and (item.floor is None or item.floor <= value)


def _sequence(audited: Sequence[Audited], held_out: np.ndarray, start: float) -> list[tuple[float, float]]:
    """(threshold, coverage) from strict to loose, by the held-out records' confidences alone."""
    size = len(held_out)
    audits = [item for item in audited if item.floor is not None]
    steps: list[tuple[float, float]] = []
    following = 0.0
    for rank in range(1, size + 1):
        if rank < following * size and rank < size:
            continue
        value = float(held_out[rank - 1])
        if not steps and rank + sum(_counts(item, value) for item in audits) < start:
            continue
        coverage = float((held_out >= value).mean())
        steps.append((value, coverage))
        following = rank / size + COVERAGE_STEP
    return steps
