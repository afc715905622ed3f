"""Bias: whether labels, errors and disagreement differ between slices of the records, or between groups of annotators.

Every slice, and every group, is compared with all others of its dimension on every measure; all comparisons of a report are
tested together, and the share of false findings among those reported is held at 5 % (`clustered_shares.adjusted`). What rests
on few records, or would show few annotators, is hidden, and where one cell alone would be hidden so is the next smallest: else
it would follow from the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from services.qa.domain.arrays import Flags, Integers
from services.qa.domain.clustered_shares import (
    ClusteredAnswers,
    Correlations,
    Difference,
    ShareInterval,
    adjusted,
    correlations,
    difference,
    share_interval,
)

FALSE_SHARE: Final = 0.05
"""Of what is reported as a difference, this share is none on average."""

LEAST_RECORDS: Final = 10
"""A cell of fewer records is hidden, whatever the policy says."""

LEAST_ANNOTATORS: Final = 5
"""A cell that shows a group of fewer annotators is hidden."""


class BiasMeasure(StrEnum):
    """What is compared.

    `label_share`: of the labels, those of a class. `answer_share`: the same of people's answers. `gold_error`: answers to gold
    that are wrong. `decision_error`: answers that an arbiter decided against, where people disagreed. `disagreement`: records of
    which the first two answers differ.
    """

    LABEL_SHARE = "label_share"
    ANSWER_SHARE = "answer_share"
    GOLD_ERROR = "gold_error"
    DECISION_ERROR = "decision_error"
    DISAGREEMENT = "disagreement"


class BiasSide(StrEnum):
    """Whose parts are compared: of the records, by their slice metadata, or of the annotators."""

    RECORDS = "records"
    ANNOTATORS = "annotators"


@dataclass(frozen=True, slots=True, eq=False)
class BiasSample:
    """The answers that one measure of one question rests on; `label` is the class, where the measure has one."""

    measure: BiasMeasure
    question: str
    label: str | None
    answers: ClusteredAnswers


@dataclass(frozen=True, slots=True, eq=False)
class BiasPart:
    """Some of the records or annotators: those whose `value` of `dimension` is this. `members`: of all of them, shape [count]."""

    side: BiasSide
    dimension: str
    value: str
    members: Flags


@dataclass(frozen=True, slots=True)
class BiasCell:
    """One part on one measure, compared with the others of its dimension. Hidden: nothing is known of it."""

    side: BiasSide
    dimension: str
    value: str
    measure: BiasMeasure
    question: str
    label: str | None
    hidden: bool = True
    records: int | None = None
    answers: int | None = None
    share: ShareInterval | None = None
    others: float | None = None
    difference: Difference | None = None
    q_value: float | None = None

    @property
    def differs(self) -> bool:
        """Whether it is reported as different."""
        return self.q_value is not None and self.q_value <= FALSE_SHARE


@dataclass(slots=True)
class _Draft:
    part: BiasPart
    sample: BiasSample
    inside: Flags
    known: Flags
    records: int
    annotators: int
    hidden: bool = False


def audit(
    samples: Sequence[BiasSample], parts: Sequence[BiasPart], least_records: int = LEAST_RECORDS
) -> list[BiasCell]:
    """Compare every part on every measure that has answers of it and of others."""
    drafts: list[_Draft] = []
    for sample in samples:
        for dimension in _dimensions(parts):
            drafts += _drafts(sample, dimension, max(least_records, LEAST_RECORDS))
    alike = {id(sample): correlations(sample.answers) for sample in samples}
    cells = [_cell(draft, alike[id(draft.sample)]) for draft in drafts]
    tested = [number for number, cell in enumerate(cells) if cell.difference is not None]
    p_values = np.array([cell.difference.p_value for cell in cells if cell.difference is not None])
    for number, q_value in zip(tested, adjusted(p_values), strict=True):
        cells[number] = replace(cells[number], q_value=float(q_value))
    return cells


def _dimensions(parts: Sequence[BiasPart]) -> list[list[BiasPart]]:
    found: dict[tuple[BiasSide, str], list[BiasPart]] = {}
    for part in parts:
        found.setdefault((part.side, part.dimension), []).append(part)
    return list(found.values())


def _drafts(sample: BiasSample, parts: Sequence[BiasPart], least_records: int) -> list[_Draft]:
    """The cells of one dimension on one measure; no more than the answers whose record or annotator has a value count."""
    answers = sample.answers
    of_each = answers.records if parts[0].side is BiasSide.RECORDS else answers.annotators
    if of_each is None or len(of_each) == 0:
        return []
    insides = [part.members[of_each] for part in parts]
    known = np.logical_or.reduce(insides)
    drafts = [_draft(sample, part, inside, known) for part, inside in zip(parts, insides, strict=True) if inside.any()]
    for draft in drafts:
        few_people = draft.part.side is BiasSide.ANNOTATORS and draft.annotators < LEAST_ANNOTATORS
        draft.hidden = draft.records < least_records or few_people
    hidden = [draft for draft in drafts if draft.hidden]
    shown = [draft for draft in drafts if not draft.hidden]
    if len(hidden) == 1 and shown:
        min(shown, key=lambda draft: (draft.records, draft.part.value)).hidden = True
    return drafts


def _draft(sample: BiasSample, part: BiasPart, inside: Flags, known: Flags) -> _Draft:
    records = _distinct(sample.answers.records[inside])
    return _Draft(part, sample, inside, known, records, _annotators(sample, inside))


def _annotators(sample: BiasSample, inside: Flags) -> int:
    given_by = sample.answers.annotators
    return 0 if given_by is None else _distinct(given_by[inside])


def _distinct(clusters: Integers) -> int:
    return int(np.count_nonzero(np.bincount(clusters)))


def _cell(draft: _Draft, alike: Correlations) -> BiasCell:
    part, sample = draft.part, draft.sample
    named = (part.side, part.dimension, part.value, sample.measure, sample.question, sample.label)
    if draft.hidden:
        return BiasCell(*named)
    ours = sample.answers.part(draft.inside)
    rest = draft.known & ~draft.inside
    compared = _distinct(sample.answers.records[rest]) >= LEAST_RECORDS and (
        part.side is BiasSide.RECORDS or _annotators(sample, rest) >= LEAST_ANNOTATORS
    )
    found = None
    if compared:
        found = difference(sample.answers.part(draft.known), draft.inside[draft.known], alike)
    return BiasCell(
        *named,
        hidden=False,
        records=draft.records,
        answers=len(ours.values),
        share=share_interval(ours, alike),
        others=float(sample.answers.values[rest].mean()) if compared else None,
        difference=found,
    )
