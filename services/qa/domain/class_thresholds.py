"""Thresholds of each class that a model answers, whose errors together stay within the budget.

A look divides the classes into groups by how often the model gives them, which no label influences: as many classes as
can be tested alone are, the rest are tested together, and of a class that was hardly ever given nothing is accepted. Beside
these groups all classes are tested together, at a risk of its own, and what accepts more is taken. Each group has its own fixed sequence (`auto_accept`), at a level that shares the risk of the look equally among them
(Bonferroni; Dunn 1961). If no group breaks the budget, neither does what is accepted as a whole, whatever the shares of
the classes: it is their weighted mean. So the chance that it does is at most the risk of the look.

Classes that were tested together answer for each other. One that its own labels show to be above the budget is taken out
afterwards: what is left of the group can't be worse than the group was. The tests for that have `CONTRADICTION_SHARE` of
the risk.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from scipy.special import bdtrc

from services.qa.domain.auto_accept import (
    CHECKS,
    FIRST_STEP,
    Audited,
    Threshold,
    choose_threshold,
    counts_from,
    least_sample,
    lowest_confidence,
)
from services.qa.domain.two_phase import Counts

CONTRADICTION_SHARE = 0.01
"""The share of a look's risk that is spent on taking single classes out of a group that passed."""

FINE_SHARE = 1.0 / 3.0
"""The share of a look's risk that is spent on testing classes apart, where that can be done; the rest goes to one sequence
of all together, which reaches further unless the model is much worse at some class."""

FEWEST_OF_CLASS = 5
"""A class must have been given so often, or nothing of it is accepted: so many labels without an error show at 95 % that
less than half of its answers are wrong."""

Label = str | None
"""A class; None where the kind of the question has none: all answers are one class then."""


class ClassOutcome(StrEnum):
    """What a look found of a class."""

    PASSED = "fixed_sequence_test"
    NOTHING_PASSES = "no_threshold_passes"
    TOO_FEW = "too_few_of_class"
    EXCEEDS_BUDGET = "class_exceeds_budget"


@dataclass(frozen=True, slots=True)
class TestedGroup:
    """Classes that were tested together, the `level` of their sequence, and what it found."""

    __test__ = False

    labels: tuple[Label, ...]
    level: float
    found: Threshold | None


@dataclass(frozen=True, slots=True)
class ClassThreshold:
    """What a look found of a class: `value` None, nothing of it is accepted.

    `counts` are of its own answers: those from `value` up, or from the lowest confidence that could ever be accepted.
    `group` is None of a class that was not tested.
    """

    label: Label
    value: float | None
    outcome: ClassOutcome
    counts: Counts
    group: TestedGroup | None


@dataclass(frozen=True, slots=True)
class ThresholdSet:
    """What a look found; it holds as a whole, as its groups were tested side by side. `share`: of agreements checked."""

    level: float
    share: float
    groups: Sequence[TestedGroup]
    classes: Sequence[ClassThreshold]

    @property
    def returned(self) -> float:
        """The risk that was not spent: of groups of which every step passed, or all where nothing could be tested."""
        if not self.groups:
            return 1.0 - self.level
        return sum(1.0 - one.level for one in self.groups if one.found is not None and one.found.complete)

    @property
    def values(self) -> dict[Label, float | None]:
        return {one.label: one.value for one in self.classes}

    @property
    def passed(self) -> dict[Label, float]:
        """The loosest value that any group of a class passed, whether that is what holds or not."""
        loosest: dict[Label, float] = {}
        for group in self.groups:
            if group.found is not None:
                for label in group.labels:
                    loosest[label] = min(group.found.value, loosest.get(label, group.found.value))
        return loosest


def level_of_group(groups: int, level: float) -> float:
    """The level of each of so many sequences, so that all of them together keep `level`."""
    return 1.0 - (1.0 - level) * (1.0 - CONTRADICTION_SHARE) / groups


def divide(
    given: Mapping[Label, int], *, error_budget: float, level: float, share: float = 1.0
) -> list[tuple[Label, ...]]:
    """Return the classes to be tested alone and those to be tested together: the finest division with enough labels.

    Empty when there are too few answers for any test.

    Args:
        given: How often the model gave each class, as surely as may be accepted.
        error_budget: As for `choose_threshold`.
        level: Of all groups together.
        share: As for `choose_threshold`: the fewer agreements are checked, the more labels a test takes.
    """
    frequent = sorted(
        (label for label in given if given[label] >= FEWEST_OF_CLASS), key=lambda label: (-given[label], label or "")
    )
    for alone in range(len(frequent), -1, -1):
        groups: list[tuple[Label, ...]] = [(label,) for label in frequent[:alone]]
        if alone < len(frequent):
            groups.append(tuple(frequent[alone:]))
        if not groups:
            return []
        needed = FIRST_STEP * least_sample(error_budget, level_of_group(len(groups), level)) / (share or 1.0)
        if all(sum(given[label] for label in group) >= needed for group in groups):
            return groups
    return []


def check_share(wanted: float | None, given: Mapping[Label, int], *, error_budget: float, level: float) -> float:
    """Return the share of agreements that an expert should check: what the policy says, else what a test needs.

    No label influences it.

    Args:
        wanted: By the policy; None: as a test of all classes together needs.
        given: As for `divide`.
        error_budget: As for `choose_threshold`.
        level: Of the look.
    """
    if wanted is not None:
        return wanted
    return min(1.0, CHECKS * least_sample(error_budget, level) / max(1, sum(given.values())))


def _divisions(
    given: Mapping[Label, int], error_budget: float, level: float, share: float
) -> list[tuple[list[tuple[Label, ...]], float]]:
    """Return what is tested side by side, each with its level: classes apart, where that can be done, and all together."""
    risk = 1.0 - level
    apart = divide(given, error_budget=error_budget, level=1.0 - risk * FINE_SHARE, share=share)
    if len(apart) > 1:
        together = [tuple(label for group in apart for label in group)]
        return [(apart, 1.0 - risk * FINE_SHARE), (together, 1.0 - risk * (1.0 - FINE_SHARE))]
    frequent = tuple(
        sorted((one for one in given if given[one] >= FEWEST_OF_CLASS), key=lambda one: (-given[one], one or ""))
    )
    needed = FIRST_STEP * least_sample(error_budget, level_of_group(1, level)) / (share or 1.0)
    return [([frequent], level)] if sum(given[one] for one in frequent) >= needed else []


def how_often_given(audited: Sequence[Audited], error_budget: float) -> Mapping[Label, int]:
    """Return how often the model gave each class, as surely as may be accepted."""
    lowest = lowest_confidence(error_budget)
    return Counter(one.label for one in audited if one.confidence >= lowest)


def choose_thresholds(
    audited: Sequence[Audited],
    labels: Collection[Label],
    *,
    error_budget: float,
    level: float,
    share: float = 1.0,
) -> ThresholdSet:
    """Look for a threshold of each class; none of any class is a legal outcome.

    Args:
        audited: The evidence.
        labels: The classes there are, given or not.
        error_budget: As for `choose_threshold`.
        level: Of the look as a whole.
        share: As for `choose_threshold`.
    """
    given = how_often_given(audited, error_budget)
    answers_of: dict[Label, list[Audited]] = defaultdict(list)
    for one in audited:
        answers_of[one.label].append(one)
    divisions = []
    for groups, level_of_division in _divisions(given, error_budget, level, share):
        group_level = level_of_group(len(groups), level_of_division)
        divisions.append([_test(group, answers_of, error_budget, group_level, share) for group in groups])
    best = max(divisions, key=lambda groups: _accepts(groups, answers_of), default=[])
    group_of = {label: group for group in best for label in group.labels}
    doubt = (1.0 - level) * CONTRADICTION_SHARE / max(1, len(group_of))
    everything = sorted({*labels, *given}, key=lambda label: label or "")
    classes = [
        _class(
            label,
            group_of.get(label),
            answers_of[label],
            error_budget,
            doubt,
            rare=given.get(label, 0) < FEWEST_OF_CLASS,
        )
        for label in everything
    ]
    return ThresholdSet(level, share, [group for groups in divisions for group in groups], classes)


def _test(
    labels: tuple[Label, ...],
    answers_of: Mapping[Label, Sequence[Audited]],
    error_budget: float,
    level: float,
    share: float,
) -> TestedGroup:
    answers = [one for label in labels for one in answers_of[label]]
    return TestedGroup(labels, level, choose_threshold(answers, error_budget=error_budget, level=level, share=share))


def _accepts(groups: Sequence[TestedGroup], answers_of: Mapping[Label, Sequence[Audited]]) -> int:
    """How many of the held-out answers these groups would have accepted."""
    return accepted(
        [one for group in groups for label in group.labels for one in answers_of[label]],
        {label: None if group.found is None else group.found.value for group in groups for label in group.labels},
    )


def _class(
    label: Label,
    group: TestedGroup | None,
    answers: Sequence[Audited],
    error_budget: float,
    doubt: float,
    *,
    rare: bool,
) -> ClassThreshold:
    found = None if group is None else group.found
    value = lowest_confidence(error_budget) if found is None else found.value
    own = counts_from(answers, value)
    if found is None:
        outcome = ClassOutcome.TOO_FEW if rare else ClassOutcome.NOTHING_PASSES
        return ClassThreshold(label, None, outcome, own, group)
    if exceeds(own.wrong, own.tested, error_budget, doubt):
        return ClassThreshold(label, None, ClassOutcome.EXCEEDS_BUDGET, own, group)
    return ClassThreshold(label, found.value, ClassOutcome.PASSED, own, group)


def exceeds(errors: int, tested: int, error_budget: float, doubt: float) -> bool:
    """Whether so many errors show that the rate is above the budget: were it not, their chance is at most `doubt`."""
    return errors > 0 and float(bdtrc(errors - 1, tested, error_budget)) <= doubt


def accepted(audited: Sequence[Audited], values: Mapping[Label, float | None]) -> int:
    """How many of the held-out answers these thresholds accept; a class without its own goes by that of None."""
    count = 0
    for one in audited:
        value = values[one.label] if one.label in values else values.get(None)
        count += one.floor is None and value is not None and one.confidence >= value
    return count
