"""Thresholds of each class that a model answers, whose errors together stay within the budget.

A look divides the classes into groups by how often the model gives them, which no label influences: as many classes as
can be tested alone are, the rest are tested together, and of a class that was hardly ever given nothing is accepted. Each
group has its own fixed sequence (`auto_accept`), at a level that shares the risk of the look equally among them
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
    FIRST_STEP,
    WORST_RISK,
    Audited,
    Threshold,
    choose_threshold,
    least_sample,
    lowest_confidence,
)

CONTRADICTION_SHARE = 0.01
"""The share of a look's risk that is spent on taking single classes out of a group that passed."""

MOST_RISK = 0.5
"""A class must have been given so often that labels without an error show its error to be below this at least."""

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

    `tested` and `errors` are of its own answers: those from `value` up, or from the lowest confidence that could ever be
    accepted. `group` is None of a class that was not tested.
    """

    label: Label
    value: float | None
    outcome: ClassOutcome
    tested: int
    errors: int
    group: TestedGroup | None


@dataclass(frozen=True, slots=True)
class ThresholdSet:
    """What a look found; it holds as a whole, as its groups were tested side by side."""

    level: float
    groups: Sequence[TestedGroup]
    classes: Sequence[ClassThreshold]

    @property
    def values(self) -> dict[Label, float | None]:
        return {one.label: one.value for one in self.classes}


def fewest_of_class(error_budget: float, level: float) -> int:
    """How often a class must have been given to be tested at all, alone or with others."""
    return least_sample(min(WORST_RISK * error_budget, MOST_RISK), level)


def level_of_group(groups: int, level: float) -> float:
    """The level of each of so many sequences, so that all of them together keep `level`."""
    return 1.0 - (1.0 - level) * (1.0 - CONTRADICTION_SHARE) / groups


def divide(given: Mapping[Label, int], *, error_budget: float, level: float) -> list[tuple[Label, ...]]:
    """Return the classes to be tested alone and those to be tested together: the finest division that can be tested.

    Empty when there are too few answers for any test.

    Args:
        given: How often the model gave each class, as surely as may be accepted.
        error_budget: As for `choose_threshold`.
        level: Of the look.
    """
    fewest = fewest_of_class(error_budget, level)
    frequent = sorted(
        (label for label in given if given[label] >= fewest), key=lambda label: (-given[label], label or "")
    )
    for alone in range(len(frequent), -1, -1):
        groups: list[tuple[Label, ...]] = [(label,) for label in frequent[:alone]]
        if alone < len(frequent):
            groups.append(tuple(frequent[alone:]))
        if not groups:
            return []
        needed = FIRST_STEP * least_sample(error_budget, level_of_group(len(groups), level))
        if all(sum(given[label] for label in group) >= needed for group in groups):
            return groups
    return []


def choose_thresholds(
    audited: Sequence[Audited], labels: Collection[Label], *, error_budget: float, level: float
) -> ThresholdSet:
    """Look for a threshold of each class; none of any class is a legal outcome.

    Args:
        audited: The evidence.
        labels: The classes there are, given or not.
        error_budget: As for `choose_threshold`.
        level: Of the look as a whole.
    """
    lowest = lowest_confidence(error_budget)
    given = Counter(one.label for one in audited if one.confidence >= lowest)
    division = divide(given, error_budget=error_budget, level=level)
    group_of: dict[Label, TestedGroup] = {}
    answers_of: dict[Label, list[Audited]] = defaultdict(list)
    for one in audited:
        answers_of[one.label].append(one)
    group_level = level_of_group(max(1, len(division)), level)
    for members in division:
        answers = [one for label in members for one in answers_of[label]]
        found = choose_threshold(answers, error_budget=error_budget, level=group_level)
        group_of |= dict.fromkeys(members, TestedGroup(members, group_level, found))
    doubt = (1.0 - level) * CONTRADICTION_SHARE / max(1, len(group_of))
    everything = sorted({*labels, *given}, key=lambda label: label or "")
    fewest = fewest_of_class(error_budget, level)
    classes = [
        _class(label, group_of.get(label), answers_of[label], error_budget, doubt, rare=given[label] < fewest)
        for label in everything
    ]
    groups = list({group.labels: group for group in group_of.values()}.values())
    return ThresholdSet(level, groups, classes)


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
    own = [one.right for one in answers if one.confidence >= value and (one.floor is None or one.floor <= value)]
    tested, errors = len(own), own.count(False)
    if found is None:
        outcome = ClassOutcome.TOO_FEW if rare else ClassOutcome.NOTHING_PASSES
        return ClassThreshold(label, None, outcome, tested, errors, group)
    if exceeds(errors, tested, error_budget, doubt):
        return ClassThreshold(label, None, ClassOutcome.EXCEEDS_BUDGET, tested, errors, group)
    return ClassThreshold(label, found.value, ClassOutcome.PASSED, tested, errors, group)


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
