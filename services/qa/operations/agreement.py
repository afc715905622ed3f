"""How far annotators agree beyond chance, by question: coefficients with bootstrap intervals."""

import asyncio
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from uuid import UUID

import numpy as np
import orjson

from services.qa.domain import agreement, kinds
from services.qa.domain.agreement import Floats, Interval
from services.qa.domain.project import Project
from services.qa.exceptions import UnknownQuestion, UnknownSchemaVersion
from services.qa.storage import annotations
from shared.contracts.answers import Question
from shared.kit.database import Database

_SEED = 20_240_229
"""The intervals of the same answers are the same each time."""
_ROUNDS = 1000
_PAIR_ROUNDS = 200
_MOST_PAIRS = 50
_LEAST_COMMON = 10
"""Pairs of annotators with fewer records in common say nothing."""
_MOST_BETWEEN = 20_000


@dataclass(frozen=True, slots=True)
class Coefficient:
    """`value` None where it is not defined: nothing varies, or nobody answered the same record."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    annotators: tuple[UUID, UUID]
    records: int
    kappa: Coefficient


@dataclass(frozen=True, slots=True)
class Agreement:
    """`records`: those with at least two answers. Kappas only for questions that choose one class."""

    question: str
    kind: str
    schema_version: int
    records: int
    annotations: int
    percent_agreement: Coefficient | None
    fleiss_kappa: Coefficient | None
    krippendorff_alpha: Coefficient
    cohen_kappa: Sequence[Pair]


async def measure(
    database: Database, project: Project, schema_version: int | None, question: str | None, limit: int
) -> list[Agreement]:
    """Measure one question or all of a schema version, the active one by default; computed in a thread.

    Raises:
        UnknownSchemaVersion: there is no such version.
        UnknownQuestion: that version doesn't ask it.
    """
    version = schema_version or project.content.active_schema
    schema = None if version is None else project.schema(version)
    if version is None or schema is None:
        raise UnknownSchemaVersion(version)
    asked = [one for one in schema.questions if question in {None, one.name}]
    if not asked:
        raise UnknownQuestion(f"Schema {version} asks: {', '.join(one.name for one in schema.questions)}.")
    found = []
    for one in asked:
        async with database.transaction() as session:
            answered = await annotations.of_question(session, project.project_id, version, one.name, limit)
        found.append(await asyncio.to_thread(_of_question, one, version, answered))
    return found


def _of_question(question: Question, schema_version: int, answered: Sequence[Mapping[str, Any]]) -> Agreement:
    """CPU work, no I/O."""
    by_record: dict[UUID, list[tuple[UUID, dict[str, Any]]]] = {}
    for one in answered:
        by_record.setdefault(one["record_id"], []).append((one["annotator_id"], orjson.loads(one["answer"])))
    paired = [given for given in by_record.values() if len(given) > 1]
    single = question.kind == "choice"
    labels = sorted(question.may_carry()) if single else []
    counts = _counts(paired, labels) if single else None
    return Agreement(
        question=question.name,
        kind=question.kind,
        schema_version=schema_version,
        records=len(paired),
        annotations=sum(len(given) for given in paired),
        percent_agreement=None if counts is None else _coefficient(agreement.percent_agreement, counts),
        fleiss_kappa=None if counts is None else _coefficient(agreement.fleiss_kappa, counts),
        krippendorff_alpha=_structured_alpha(question, paired)
        if counts is None
        else _coefficient(agreement.krippendorff_alpha, counts),
        cohen_kappa=_pairs(paired, labels) if single else (),
    )


def _counts(paired: Sequence[Sequence[tuple[UUID, dict[str, Any]]]], labels: Sequence[str]) -> Floats:
    place = {label: at for at, label in enumerate(labels)}
    items = [item for item, given in enumerate(paired) for _ in given]
    classes = [place[answer["label"]] for given in paired for _, answer in given]
    shape = (len(paired), len(labels))
    return agreement.counts_of(np.array(items, np.int64), np.array(classes, np.int64), shape)


def _coefficient(statistic: Any, counts: Floats, rounds: int = _ROUNDS) -> Coefficient:
    if len(counts) == 0:
        return Coefficient(None, None, None)
    with np.errstate(all="ignore"):
        value = statistic(counts)
        interval = agreement.bootstrap_interval(statistic, counts, np.random.default_rng(_SEED), rounds=rounds)
    return _defined(value, interval)


def _defined(value: float, interval: Interval) -> Coefficient:
    return Coefficient(*(None if math.isnan(one) else one for one in (value, interval.low, interval.high)))


def _structured_alpha(question: Question, paired: Sequence[Sequence[tuple[UUID, dict[str, Any]]]]) -> Coefficient:
    """Alpha by the kind's distance; the interval draws records and holds the disagreement by chance fixed."""
    kind = kinds.of(question)
    items = [[answer for _, answer in given] for given in paired]
    value = agreement.alpha_of_answers(items, kind.distance, np.random.default_rng(_SEED), _MOST_BETWEEN)
    if math.isnan(value) or value == 1.0:
        return _defined(value, Interval(value, value))
    within = np.array(
        [
            [2.0 * sum(kind.distance(*pair) for pair in combinations(given, 2)) / (len(given) - 1), len(given)]
            for given in items
        ]
    )
    between = within[:, 0].sum() / within[:, 1].sum() / (1.0 - value)

    def alpha(rows: Floats) -> float:
        return float(1.0 - rows[:, 0].sum() / rows[:, 1].sum() / between)

    return _defined(value, agreement.bootstrap_interval(alpha, within, np.random.default_rng(_SEED), rounds=_ROUNDS))


def _pairs(paired: Sequence[Sequence[tuple[UUID, dict[str, Any]]]], labels: Sequence[str]) -> list[Pair]:
    """Cohen's kappa of the pairs with most records in common."""
    place = {label: at for at, label in enumerate(labels)}
    common: dict[tuple[UUID, UUID], list[tuple[int, int]]] = {}
    for given in paired:
        for (one, first), (other, second) in combinations(sorted(given, key=lambda each: each[0]), 2):
            common.setdefault((one, other), []).append((place[first["label"]], place[second["label"]]))
    sizes = Counter({pair: len(rows) for pair, rows in common.items() if len(rows) >= _LEAST_COMMON})

    def kappa(rows: Floats) -> float:
        confusion = np.zeros((len(labels), len(labels)))
        np.add.at(confusion, tuple(rows.astype(np.int64).T), 1.0)
        return agreement.cohen_kappa(confusion)

    return [
        Pair(pair, size, _coefficient(kappa, np.array(common[pair], np.float64), _PAIR_ROUNDS))
        for pair, size in sizes.most_common(_MOST_PAIRS)
    ]
