"""Accept a model's answer without a person only where blind human labels show that its error stays in the budget.

Fixed-sequence testing (Bauer 1991; Angelopoulos et al. 2021, "Learn then Test", section 4.2): thresholds are tried
from strict to loose in an order that no label influences, each by an exact binomial test at the same level; the first
failure ends it. The chance that the chosen one breaks the budget is at most 1 - level.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, betaincinv

Floats = NDArray[np.float64]

FIRST_STEP = 1.6
"""The first step that counts tests so many times the least sample that could pass: room for an error."""

COVERAGE_STEP = 0.05
"""The sequence loosens by this share of the held-out records."""

FIRST_LOOK = 0.8
"""The first test of a model version spends this share of the risk, each later one this share of what is left."""

GROWTH = 1.5
"""A model version is tested again once its labels have grown by this factor: few looks, each with real news."""

OPEN_SHARE = 0.01
"""Held-out records count as all there once no more than this share of them is open: the last ones are the hardest."""

CHECK_SHARE = 0.1
"""An expert sees where a sure model differs from people once no more than this share of the held-out records is open: the
answers are there when the look is due. Sooner, experts would look at what weak first models differ on, and slip."""

WORST_RISK = 10.0
"""No record is accepted whose own risk, 1 - confidence, is above so many times the budget: the budget is a mean, and an
easy crowd of records would else pay for a few that the model guesses."""

STREAM_STEP = 4.0
"""Where held-out records never cease to come, the first test is made at so many times the least sample."""


class WhyNone(StrEnum):
    """Why nothing is accepted of a question, or of one of its classes."""

    DISABLED = "disabled"
    NO_MODEL = "no_model"
    OTHER_SCHEMA = "other_schema_version"
    TOO_FEW_LABELS = "too_few_labels"
    RECORDS_OPEN = "records_open"
    WITHDRAWN = "withdrawn"
    NOTHING_PASSES = "no_threshold_passes"
    TEST_IS_DUE = "test_is_due"
    TOO_FEW_OF_CLASS = "too_few_of_class"
    CLASS_EXCEEDS_BUDGET = "class_exceeds_budget"


@dataclass(frozen=True, slots=True)
class EvidenceProgress:
    """How far the evidence about a model version is; its arguments are those of `due`."""

    labelled: int
    waiting: int
    tested_before: int | None


@dataclass(frozen=True, slots=True)
class NoThreshold:
    """Why there is no threshold, as a code and in words."""

    reason: WhyNone
    detail: str


@dataclass(frozen=True, slots=True)
class Audited:
    """One blind human label beside the model's answer for the same record.

    `confidence` of that model version's prediction, which was made without this label; `right`: they agree.
    `floor`: None for held out (drawn from everything); for an audit the threshold above which it was drawn. `label`: the
    class that the model gave, None where the kind of the question has none.
    """

    confidence: float
    right: bool
    floor: float | None = None
    label: str | None = None


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


def lowest_confidence(error_budget: float) -> float:
    """No threshold is set below this."""
    return max(0.0, 1.0 - WORST_RISK * error_budget)


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
    return _due(labelled, waiting, tested_before, error_budget, level, OPEN_SHARE)


def check_due(
    *, labelled: int, waiting: int, tested_before: int | None, error_budget: float, level: float = 0.95
) -> bool:
    """Whether experts should see by now where this version differs: a look is due, or near.

    As for `due`, but records at an expert's have a label and count as `labelled`.
    """
    return _due(labelled, waiting, tested_before, error_budget, level, CHECK_SHARE)


def _due(
    labelled: int, waiting: int, tested_before: int | None, error_budget: float, level: float, open_share: float
) -> bool:
    start = FIRST_STEP * least_sample(error_budget, level)
    if labelled < start:
        return False
    if tested_before is not None:
        return labelled >= GROWTH * tested_before
    return waiting <= open_share * (labelled + waiting) or labelled >= STREAM_STEP * least_sample(error_budget, level)


def why_none_of_class(
    label: str | None, outcome: str, given: int, progress: EvidenceProgress, *, needed: int
) -> NoThreshold:
    """Return why a class of the champion's question has no threshold, though it was looked for.

    Args:
        label: The class.
        outcome: Why its newest row has none: a `ClassOutcome`, or why it was withdrawn.
        given: How many labels there were of answers of this class that were sure enough.
        progress: Of the evidence about the champion.
        needed: How many of them a test takes at least, alone or with other classes.
    """
    following = ""
    if progress.tested_before is not None:
        at = ceil(GROWTH * progress.tested_before)
        following = f" The next test is made at {at} held-out labels, {progress.labelled} are there."
    of_class = "held-out labels are there" if label is None else f"held-out labels of answers {label} are there"
    match outcome:
        case WhyNone.TOO_FEW_OF_CLASS:
            return NoThreshold(WhyNone.TOO_FEW_OF_CLASS, f"{given} of {needed} {of_class}.{following}")
        case WhyNone.CLASS_EXCEEDS_BUDGET:
            detail = f"The {given} {of_class} show that its error is above the budget.{following}"
            return NoThreshold(WhyNone.CLASS_EXCEEDS_BUDGET, detail)
        case WhyNone.NOTHING_PASSES:
            detail = (
                f"{given} {of_class}: alone, or with the classes tested with it, they show no threshold.{following}"
            )
            return NoThreshold(WhyNone.NOTHING_PASSES, detail)
        case _:
            return NoThreshold(WhyNone.WITHDRAWN, f"The last one was withdrawn ({outcome}).{following}")


def why_none(
    *,
    enabled: bool,
    model_question: str | None,
    question: str,
    same_schema: bool,
    progress: EvidenceProgress,
    error_budget: float,
    level: float = 0.95,
) -> NoThreshold:
    """Return why no threshold of a question was looked for.

    Args:
        enabled: Whether the policy wants any record to be accepted.
        model_question: The question that the champion answers, None without a champion.
        question: The question that is asked about.
        same_schema: Whether the champion answers the active schema version.
        progress: Of the evidence about the champion.
        error_budget: As for `choose_threshold`.
        level: As for `choose_threshold`.
    """
    if not enabled:
        return NoThreshold(WhyNone.DISABLED, "The policy accepts nothing without a person.")
    if model_question is None:
        return NoThreshold(WhyNone.NO_MODEL, "There is no champion.")
    if not same_schema:
        return NoThreshold(WhyNone.OTHER_SCHEMA, "The champion answers another schema version than the active one.")
    if question != model_question:
        detail = f"No model answers it: the champion answers {model_question}. A record is accepted only where every question is."
        return NoThreshold(WhyNone.NO_MODEL, detail)
    return _why_not_yet(progress, error_budget, level)


def _why_not_yet(progress: EvidenceProgress, error_budget: float, level: float) -> NoThreshold:
    """Return why the evidence about a champion was not tested."""
    labelled, waiting, tested_before = progress.labelled, progress.waiting, progress.tested_before
    if due(labelled=labelled, waiting=waiting, tested_before=tested_before, error_budget=error_budget, level=level):
        return NoThreshold(WhyNone.TEST_IS_DUE, f"{labelled} held-out labels are there and are about to be tested.")
    needed = ceil(FIRST_STEP * least_sample(error_budget, level))
    if labelled < needed:
        return NoThreshold(WhyNone.TOO_FEW_LABELS, f"{labelled} of {needed} held-out labels are there.")
    return NoThreshold(
        WhyNone.RECORDS_OPEN,
        f"{waiting} of {labelled + waiting} held-out records are open, at an expert's or without the champion's answer; the"
        f" test waits until no more than {OPEN_SHARE:.0%} are.",
    )


def choose_threshold(audited: Sequence[Audited], *, error_budget: float, level: float = 0.95) -> Threshold | None:
    """The loosest threshold that the fixed sequence reaches; None is a legal answer.

    The sequence depends on confidences alone and ends at `lowest_confidence`. Audits count only at thresholds at or
    above their floor: below it they would stand for the sure ones too often.
    """
    confidence = np.array([item.confidence for item in audited], np.float64)
    right = np.array([item.right for item in audited], np.bool_)
    floor = np.array([-np.inf if item.floor is None else item.floor for item in audited], np.float64)
    held_out = np.sort(confidence[np.isneginf(floor)])[::-1]
    best: Threshold | None = None
    for value in _sequence(held_out, lowest_confidence(error_budget)):
        counts = (confidence >= value) & (floor <= value)
        tested = int(counts.sum())
        if tested < FIRST_STEP * least_sample(error_budget, level):
            continue
        errors = int((~right[counts]).sum())
        if float(bdtr(errors, tested, error_budget)) > 1.0 - level:
            break
        coverage = float((held_out >= value).mean())
        best = Threshold(value, tested, errors, upper_bound(errors, tested, level), coverage)
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


def _sequence(held_out: Floats, lowest: float) -> list[float]:
    """Thresholds from strict to loose, each `COVERAGE_STEP` of the (sorted) held-out records further, down to `lowest`."""
    size = len(held_out)
    ranks = np.unique(np.ceil(np.arange(COVERAGE_STEP, 1.0 + COVERAGE_STEP / 2, COVERAGE_STEP) * size).astype(int))
    steps = [float(held_out[min(rank, size) - 1]) for rank in ranks if rank > 0]
    above = [value for value in steps if value >= lowest]
    return above if len(above) == len(steps) else [*above, lowest]
