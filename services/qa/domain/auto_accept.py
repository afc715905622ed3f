"""Accept a model's answer without a person only where blind human labels show that its error stays in the budget.

Fixed-sequence testing (Bauer 1991; Angelopoulos et al. 2021, "Learn then Test", section 4.2): thresholds are tried
from strict to loose in an order that no label influences, each by an exact test at the same level (`two_phase`); the first
failure ends it. The chance that the chosen one breaks the budget is at most 1 - level. The sequence has a step where one
more mistake may pass and none in between, which could only fail.

The looks at all versions of the models that answer a question share one risk (`level_of_look`): alpha spending, with the
fallback procedure (Wiens & Dmitrienko 2005; online: Tian & Ramdas 2021). A look that passed every step of its sequence has
spent nothing: its risk returns to the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, betaincinv

from services.qa.domain import two_phase
from services.qa.domain.two_phase import Counts

Floats = NDArray[np.float64]

FIRST_STEP = 1.6
"""A model version is tested once there are so many times the least sample that could pass: room for an error."""

START = 0.25
"""The sequence starts at this share of the answers that may be accepted, or where a test can pass: a stricter step takes
fewer mistakes than a good model makes, and whoever fails it fails all."""

FIRST_LOOK = 0.7
"""The first look at a question spends this share of the risk; those after it share the rest, ever less of it."""

CHECKS = 6.0
"""Unless the policy says otherwise, an expert sees so many times the least sample of the agreements, or all of them."""

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
    """How far the evidence about a model version is; its arguments are those of `due`.

    `checkable`: there is an expert for labels that agree, or the policy wants none.
    """

    labelled: int
    waiting: int
    tested_before: int | None
    checkable: bool = True


@dataclass(frozen=True, slots=True)
class NoThreshold:
    """Why there is no threshold, as a code and in words."""

    reason: WhyNone
    detail: str


class Check(StrEnum):
    """What an expert has to do with a label.

    `KNOWN`: whether the answer is right is known whatever was drawn, since it differed from people's, or an expert or an
    arbiter had decided anyhow. The others are labels where people and the model agree: `CHECKED`, an expert labelled it
    since it was drawn; `MISSED`, it was drawn in vain; `UNDRAWN`.
    """

    KNOWN = "known"
    CHECKED = "checked"
    MISSED = "missed"
    UNDRAWN = "undrawn"


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
    check: Check = Check.KNOWN


@dataclass(frozen=True, slots=True)
class Threshold:
    """Accept from `value` up. `tested` labels at or above it, `errors` of them wrong.

    `upper_bound` of the error at the level asked for; `coverage`: the share of held-out records at or above it. Of the
    labels an expert `checked` some by chance, whose mistakes `shared` are among the errors; `missed` were drawn in vain.
    `share` is the probability of being drawn. `complete`: every step of the sequence passed.
    """

    value: float
    tested: int
    errors: int
    upper_bound: float
    coverage: float
    checked: int = 0
    shared: int = 0
    missed: int = 0
    share: float = 1.0
    complete: bool = False


def least_sample(error_budget: float, level: float = 0.95) -> int:
    """n0: how many labels without an error show that the error is within the budget."""
    return ceil(log(1.0 - level) / log(1.0 - error_budget))


def lowest_confidence(error_budget: float) -> float:
    """No threshold is set below this."""
    return max(0.0, 1.0 - WORST_RISK * error_budget)


def level_of_look(look: int, level: float = 0.95, *, returned: float = 0.0) -> float:
    """The level of the `look`-th test (from 1) of a question, so that all of them together keep `level`.

    Args:
        look: Counted over all model versions that answered the question.
        level: Of all looks together.
        returned: The risk of the look before that was not spent.
    """
    share = FIRST_LOOK if look == 1 else (1.0 - FIRST_LOOK) / (look * (look - 1))
    return 1.0 - (1.0 - level) * share - returned


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
        if not progress.checkable:
            detail = (
                f"{labelled} held-out labels are there, but no expert is, to label some of them again: people may share the"
                " model's mistakes."
            )
            return NoThreshold(WhyNone.RECORDS_OPEN, detail)
        return NoThreshold(WhyNone.TEST_IS_DUE, f"{labelled} held-out labels are there and are about to be tested.")
    needed = ceil(FIRST_STEP * least_sample(error_budget, level))
    if labelled < needed:
        return NoThreshold(WhyNone.TOO_FEW_LABELS, f"{labelled} of {needed} held-out labels are there.")
    return NoThreshold(
        WhyNone.RECORDS_OPEN,
        f"{waiting} of {labelled + waiting} held-out records are open, at an expert's or without the champion's answer; the"
        f" test waits until no more than {OPEN_SHARE:.0%} are.",
    )


def choose_threshold(
    audited: Sequence[Audited], *, error_budget: float, level: float = 0.95, share: float = 1.0
) -> Threshold | None:
    """The loosest threshold that the fixed sequence reaches; None is a legal answer.

    The sequence depends on confidences alone and ends at `lowest_confidence`. Audits count only at thresholds at or
    above their floor: below it they would stand for the sure ones too often.

    Args:
        audited: The evidence.
        error_budget: The largest error rate of what is accepted.
        level: The chance that the error rate is within the budget, at least.
        share: The probability with which an expert was to check a label that agrees; 0: these count as right.
    """
    columns = _Columns.of(audited)
    values = _sequence(columns, error_budget, level, share)
    best: Threshold | None = None
    for place, value in enumerate(values):
        counts = columns.counts(value)
        if two_phase.p_value(counts, error_budget, share) > 1.0 - level:
            break
        best = Threshold(
            value=value,
            tested=counts.tested,
            errors=counts.wrong,
            upper_bound=0.0,
            coverage=float((columns.held_out >= value).mean()),
            checked=counts.checked,
            shared=counts.shared,
            missed=counts.missed,
            share=share,
            complete=place == len(values) - 1,
        )
    if best is None:
        return None
    return replace(best, upper_bound=two_phase.upper_bound(_counts_of(best), level, share))


def counts_from(audited: Sequence[Audited], value: float) -> Counts:
    """What is known of the labels that count at a threshold."""
    return _Columns.of(audited).counts(value)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The evidence by column; `held_out`: its confidences, descending."""

    confidence: Floats
    floor: Floats
    right: NDArray[np.bool_]
    checked: NDArray[np.bool_]
    missed: NDArray[np.bool_]
    held_out: Floats

    @classmethod
    def of(cls, audited: Sequence[Audited]) -> "_Columns":
        confidence = np.array([item.confidence for item in audited], np.float64)
        floor = np.array([-np.inf if item.floor is None else item.floor for item in audited], np.float64)
        return cls(
            confidence=confidence,
            floor=floor,
            right=np.array([item.right for item in audited], np.bool_),
            checked=np.array([item.check is Check.CHECKED for item in audited], np.bool_),
            missed=np.array([item.check is Check.MISSED for item in audited], np.bool_),
            held_out=np.sort(confidence[np.isneginf(floor)])[::-1],
        )

    def counts(self, value: float) -> Counts:
        counted = (self.confidence >= value) & (self.floor <= value)
        wrong, checked = counted & ~self.right, counted & self.checked
        shared = int((wrong & checked).sum())
        return Counts(
            tested=int(counted.sum()),
            errors=int(wrong.sum()) - shared,
            checked=int(checked.sum()),
            shared=shared,
            missed=int((counted & self.missed).sum()),
        )

    def tested(self, values: Floats) -> NDArray[np.int64]:
        """How many labels count at each of these values, which are ascending."""
        audit = ~np.isneginf(self.floor)
        above = len(self.confidence) - np.searchsorted(np.sort(self.confidence), values, side="left")
        drawn_stricter = audit.sum() - np.searchsorted(np.sort(self.floor[audit]), values, side="right")
        found: NDArray[np.int64] = np.maximum(above - drawn_stricter, 0)
        return found


def _sequence(columns: _Columns, error_budget: float, level: float, share: float) -> list[float]:
    """Thresholds from strict to loose: the strictest with so many labels as a step takes, and the loosest that may be."""
    lowest = lowest_confidence(error_budget)
    values = np.unique(columns.held_out[columns.held_out >= lowest])
    if len(values) == 0:
        return []
    tested = columns.tested(values)
    sizes = two_phase.step_sizes(int(tested.max()), error_budget, level, share)
    if not sizes:
        return []
    first = next((size for size in sizes if size >= START * tested.max()), sizes[-1])
    descending = tested[::-1]
    places = [int(np.argmax(descending >= size)) for size in sizes if size >= first]
    chosen = [float(values[::-1][place]) for place in dict.fromkeys(places)]
    loosest = lowest if len(values) < len(np.unique(columns.held_out)) else float(values[0])
    if chosen[-1] == values[0]:
        chosen.pop()
    return [*chosen, loosest]


def upper_bound(errors: int, tested: int, level: float = 0.95) -> float:
    """One-sided Clopper-Pearson upper bound of an error rate; 1 when nothing was tested."""
    if errors >= tested:
        return 1.0
    return float(betaincinv(errors + 1.0, tested - errors, level))


def _counts_of(evidence: Threshold) -> Counts:
    known = evidence.errors - evidence.shared
    return Counts(evidence.tested, known, evidence.checked, evidence.shared, evidence.missed)


def withdrawal(
    evidence: Threshold, *, errors: int, audited: int, error_budget: float, level: float = 0.95
) -> str | None:
    """Why a threshold must be withdrawn, None when it may stay.

    `errors` of the `audited` blind labels of records that would have been accepted under it. Together with the labels
    it was chosen on they must still show what it promises; alone they must not contradict it.
    """
    if errors > 1 and 1.0 - float(bdtr(errors - 1, audited, error_budget)) <= 1.0 - level:
        return "audits_exceed_budget"
    seen = _counts_of(evidence)
    together = replace(seen, tested=seen.tested + audited, errors=seen.errors + errors)
    if two_phase.p_value(together, error_budget, evidence.share) > 1.0 - level:
        return "bound_exceeds_budget"
    return None
