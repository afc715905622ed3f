"""A bias audit, from the texts of answers to the cells that are kept: for a worker process."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import orjson

from services.qa.domain.arrays import Flags
from services.qa.domain.bias import BiasCell, BiasMeasure, BiasPart, BiasSample, BiasSide, audit
from services.qa.domain.clustered_shares import ClusteredAnswers
from shared.contracts.answers import LabelSchema
from shared.contracts.answers.kinds.choice import ChoiceQuestion

MOST_CELLS: Final = 1_000
"""So many cells are kept: those that differ most clearly."""

_MOST_DIMENSIONS: Final = 20
_MOST_VALUES: Final = 20
_MOST_SLICES: Final = 80
_MOST_CLASSES: Final = 10


@dataclass(frozen=True, slots=True)
class BiasAnswer:
    """One annotator's answers to a record, as text; places count from 0. `gold`: they measure the annotator."""

    record: int
    annotator: int
    answers: str
    gold: bool
    first_round: bool


@dataclass(frozen=True, slots=True)
class BiasRecord:
    """A record's slice metadata, what is certain of it (and whether as gold, or by a decision) and its label, as texts."""

    slice: str | None
    truth: str | None
    truth_is_gold: bool
    label: str | None


@dataclass(frozen=True, slots=True)
class BiasWindow:
    """What an audit reads. `answers` in the order of their submission; `annotators`: the pool and languages of each."""

    schema: LabelSchema
    answers: Sequence[BiasAnswer]
    records: Sequence[BiasRecord]
    annotators: Sequence[tuple[str, Sequence[str]]]
    least_records: int


def audit_window(window: BiasWindow) -> dict[str, Any]:
    """What is kept of an audit."""
    samples = [sample for question in _questions(window.schema) for sample in _samples(window, question)]
    cells = audit(samples, [*_slices(window), *_groups(window)], window.least_records)
    cells.sort(key=_clarity)
    return {
        "answers": len(window.answers),
        "labels": sum(record.label is not None for record in window.records),
        "comparisons": sum(cell.q_value is not None for cell in cells),
        "hidden": sum(cell.hidden for cell in cells),
        "left_out": max(len(cells) - MOST_CELLS, 0),
        "cells": [_shown(cell) for cell in cells[:MOST_CELLS]],
    }


def _clarity(cell: BiasCell) -> tuple[Any, ...]:
    """What differs most clearly comes first, what is hidden last."""
    p_value = 2.0 if cell.difference is None else cell.difference.p_value
    return cell.hidden, p_value, cell.side, cell.dimension, cell.value, cell.measure, cell.question, cell.label or ""


def _shown(cell: BiasCell) -> dict[str, Any]:
    shown = asdict(cell) | {
        "share": None if cell.share is None else cell.share._asdict(),
        "difference": None if cell.difference is None else cell.difference._asdict(),
    }
    return shown | {"differs": cell.differs}


def _questions(schema: LabelSchema) -> Iterator[ChoiceQuestion]:
    return (one for one in schema.questions if isinstance(one, ChoiceQuestion))


def _samples(window: BiasWindow, question: ChoiceQuestion) -> Iterator[BiasSample]:
    """One sample a measure; the shares of the most common classes, each one."""
    name = question.name
    given = [_class_of(one.answers, name) for one in window.answers]
    places = np.array([(one.record, one.annotator) for one in window.answers], dtype=np.int64).reshape(-1, 2)
    labels = [_class_of(record.label, name) for record in window.records]
    yield from _label_shares(name, labels)
    answered = [place for place, one in enumerate(window.answers) if one.first_round and given[place] is not None]
    for label in _common(given[place] for place in answered):
        values = [given[place] == label for place in answered]
        yield BiasSample(BiasMeasure.ANSWER_SHARE, name, label, _clustered(values, places[answered]))
    yield from _errors(window, name, given, places)
    pairs = _first_pairs(window.answers, answered)
    flat = [place for pair in pairs for place in pair]
    differ = [given[one] != given[other] for one, other in pairs for _ in range(2)]
    yield BiasSample(BiasMeasure.DISAGREEMENT, name, None, _clustered(differ, places[flat]))


def _label_shares(name: str, labels: Sequence[str | None]) -> Iterator[BiasSample]:
    labelled = np.array([place for place, label in enumerate(labels) if label is not None], dtype=np.int64)
    for label in _common(labels):
        values = np.array([labels[place] == label for place in labelled], dtype=np.float64)
        yield BiasSample(BiasMeasure.LABEL_SHARE, name, label, ClusteredAnswers(values, labelled))


def _errors(window: BiasWindow, name: str, given: Sequence[str | None], places: Any) -> Iterator[BiasSample]:
    truths = [_class_of(record.truth, name) for record in window.records]

    def wrong(measure: BiasMeasure, counts: Callable[[BiasAnswer, BiasRecord], bool]) -> BiasSample:
        judged = [
            place
            for place, one in enumerate(window.answers)
            if given[place] is not None and truths[one.record] is not None and counts(one, window.records[one.record])
        ]
        values = [given[place] != truths[window.answers[place].record] for place in judged]
        return BiasSample(measure, name, None, _clustered(values, places[judged]))

    yield wrong(BiasMeasure.GOLD_ERROR, lambda answer, record: answer.gold and record.truth_is_gold)
    yield wrong(BiasMeasure.DECISION_ERROR, lambda answer, record: not answer.gold and not record.truth_is_gold)


def _clustered(values: Sequence[bool], places: Any) -> ClusteredAnswers:
    return ClusteredAnswers(np.array(values, dtype=np.float64), places[:, 0], places[:, 1])


def _first_pairs(answers: Sequence[BiasAnswer], answered: Sequence[int]) -> list[tuple[int, int]]:
    """The places of the first two answers to each record: the second was asked for before the first could differ from it."""
    first: dict[int, int] = {}
    pairs: dict[int, tuple[int, int]] = {}
    for place in answered:
        record = answers[place].record
        if record not in first:
            first[record] = place
        elif record not in pairs:
            pairs[record] = (first[record], place)
    return list(pairs.values())


def _class_of(text: str | None, question: str) -> str | None:
    if text is None:
        return None
    answer = orjson.loads(text).get(question)
    label = None if answer is None else answer.get("label")
    return label if isinstance(label, str) else None


def _common(labels: Any) -> list[str]:
    counted = Counter(label for label in labels if label is not None)
    return [label for label, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:_MOST_CLASSES]]


def _slices(window: BiasWindow) -> list[BiasPart]:
    """The values of the slice metadata, of the names that most records have; numbers of many values are cut at quartiles."""
    loaded: list[Mapping[str, Any]] = [orjson.loads(one.slice) if one.slice else {} for one in window.records]
    names = Counter(name for values in loaded for name in values)
    parts: list[BiasPart] = []
    for name, _ in sorted(names.items(), key=lambda one: (-one[1], one[0]))[:_MOST_DIMENSIONS]:
        of_name = _parts(BiasSide.RECORDS, name, _by_value([values.get(name) for values in loaded]))
        if len(parts) + len(of_name) <= _MOST_SLICES:
            parts += of_name
    return parts


def _groups(window: BiasWindow) -> list[BiasPart]:
    pools = [pool for pool, _ in window.annotators]
    spoken = Counter(language for _, languages in window.annotators for language in languages)
    by_language = {
        language: np.array([language in languages for _, languages in window.annotators], dtype=bool)
        for language, _ in sorted(spoken.items(), key=lambda one: (-one[1], one[0]))[:_MOST_VALUES]
    }
    return [
        *_parts(BiasSide.ANNOTATORS, "pool", _by_value(pools)),
        *_parts(BiasSide.ANNOTATORS, "language", by_language),
    ]


def _parts(side: BiasSide, dimension: str, members: Mapping[str, Flags]) -> list[BiasPart]:
    return [BiasPart(side, dimension, value, of_value) for value, of_value in members.items()]


def _by_value(values: Sequence[Any]) -> dict[str, Flags]:
    """Which have each of the most common values."""
    numbers = [float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool)]
    names = [None if one is None else str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    if len(numbers) > 0 and len(set(numbers)) > _MOST_VALUES:
        names = _quartiles(values, numbers)
    counted = Counter(name for name in names if name is not None)
    common = [name for name, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:_MOST_VALUES]]
    return {name: np.array([one == name for one in names], dtype=bool) for name in common}


def _quartiles(values: Sequence[Any], numbers: Sequence[float]) -> list[str | None]:
    edges = [float(edge) for edge in np.quantile(numbers, [0.25, 0.5, 0.75])]
    bounds = [-math.inf, *edges, math.inf]
    names = [f"{low:g} to {high:g}" for low, high in pairwise(bounds)]
    return [
        names[int(np.searchsorted(edges, one, side="right"))]
        if isinstance(one, int | float) and not isinstance(one, bool)
        else None
        for one in values
    ]
