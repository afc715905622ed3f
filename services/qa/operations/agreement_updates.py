"""Keeps the counts of agreement up as records change, and computes the results from them.

A record whose answers changed is marked in the statement that changed them. What it contributes is computed outside of any
transaction; then the difference to what it contributed before is added to the counts, under the project's lock, and the
mark is deleted. If another replica deleted one of the marks meanwhile, nothing is saved.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from prometheus_client import Counter

from services.qa.compute.agreement import (
    contributions_of_all,
    measure_classes,
    measure_distances,
    sampled_distances,
)
from services.qa.domain.agreement_counts import Contributions, CountChanges, CountedAnswer, chooses_one_class
from services.qa.domain.distance_agreement import SampledDistances
from services.qa.domain.project import Project
from services.qa.domain.votes import Answer
from services.qa.storage import agreement_counts, agreement_results, projects
from services.qa.storage.agreement_results import OutdatedResult
from shared.contracts.answers import Question
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Database

log = structlog.get_logger()
SET_ASIDE: Final = Counter(
    "touchstone_agreement_set_aside_total",
    "Records and samples that agreement leaves out, for they took too much.",
    ("reason",),
)

_RECORDS_AT_ONCE: Final = 2000
_MEASURED_AT_ONCE: Final = 100
"""Of records whose answers are compared by distances, which may be heavy."""
_SAMPLE_TIMEOUT_S: Final = 20.0
_SAMPLED_ANSWERS: Final = 200
_MOST_PAIRS: Final = 50
_LEAST_COMMON: Final = 10
"""Pairs of annotators with fewer records in common are left out: their kappa is mostly chance."""


class CountedElsewhere(Exception):
    """Another replica counted the same changes: this one's transaction is rolled back."""


async def count_changes(database: Database, compute: ComputePool, project_id: UUID) -> bool:
    """Count the records again that changed longest ago; whether more may wait."""
    async with database.transaction() as session:
        project = await projects.load(session, project_id)
        if project is None:
            return False
        limit = _RECORDS_AT_ONCE if _compares_classes_alone(project) else _MEASURED_AT_ONCE
        changes = await agreement_counts.waiting(session, project_id, limit)
        if not changes.seqs:
            return False
        answers = await agreement_counts.answers_of(session, changes.record_ids)
    changed = await contributions(compute, project, changes.record_ids, answers)
    async with database.transaction() as session:
        generation = await agreement_counts.lock(session, project_id)
        if generation.recounted_by is not None:
            return False
        before = await agreement_counts.contributions(session, project_id, generation.number, changes.record_ids)
        differences = CountChanges()
        different = {record_id: one for record_id, one in changed.items() if one != before.get(record_id, {})}
        for record_id, one in different.items():
            differences.add(before.get(record_id, {}), -1)
            differences.add(one, 1)
        if not await agreement_counts.delete_changes(session, changes):
            raise CountedElsewhere
        if different:
            await agreement_counts.save_contributions(session, project_id, generation.number, different)
            await agreement_counts.add_counts(session, project_id, generation.number, differences)
            await agreement_counts.outdate(session, project_id, differences.questions)
    return len(changes.seqs) == limit


async def contributions(
    compute: ComputePool, project: Project, record_ids: Sequence[UUID], answers: Mapping[UUID, Sequence[CountedAnswer]]
) -> dict[UUID, Contributions]:
    """Return what each record contributes: at once where only classes are compared, else in the pool."""
    schemas = {one.version: one.label_schema for one in project.content.schemas}
    given = [answers.get(record_id, ()) for record_id in record_ids]
    if _compares_classes_alone(project):
        return dict(zip(record_ids, contributions_of_all(schemas, given), strict=True))
    found: dict[UUID, Contributions] = {}
    waiting = [
        (record_ids[first : first + _MEASURED_AT_ONCE], given[first : first + _MEASURED_AT_ONCE])
        for first in range(0, len(given), _MEASURED_AT_ONCE)
    ]
    while waiting:
        ids, some = waiting.pop()
        try:
            computed = await compute.run(contributions_of_all, schemas, some, project_id=project.project_id)
        except ComputeFailed as failure:
            middle = len(some) // 2
            if middle:
                waiting += [(ids[:middle], some[:middle]), (ids[middle:], some[middle:])]
                continue
            computed = [{}]
            _set_aside(failure, project_id=project.project_id, record_id=ids[0])
        found |= zip(ids, computed, strict=True)
    return found


def _compares_classes_alone(project: Project) -> bool:
    return all(
        chooses_one_class(question) for one in project.content.schemas for question in one.label_schema.questions
    )


def _set_aside(failure: ComputeFailed, **ids: Any) -> None:
    reason = type(failure).__name__
    SET_ASIDE.labels(reason).inc()
    log.warning("agreement_set_aside", reason=reason, **ids)


async def measure_outdated(database: Database, compute: ComputePool, project_id: UUID, now: datetime) -> int:
    """Compute the results again whose counts changed; return how many."""
    async with database.transaction() as session:
        outdated = await agreement_results.outdated(session, project_id)
        project = await projects.load(session, project_id)
    for one in outdated:
        schema = None if project is None else project.schema(one.key.schema_version)
        question = None if schema is None else schema.question_by_name.get(one.key.question)
        if question is not None:
            await _measure(database, compute, project_id, question, one, now)
    return len(outdated)


async def _measure(
    database: Database,
    compute: ComputePool,
    project_id: UUID,
    question: Question,
    outdated: OutdatedResult,
    now: datetime,
) -> None:
    key = outdated.key
    sample, distances = outdated.sample, outdated.distances
    async with database.transaction() as session:
        generation = (await agreement_counts.lock(session, project_id)).number
        patterns = await agreement_counts.patterns(session, project_id, generation, key)
        if chooses_one_class(question):
            cells = await agreement_counts.pairs(
                session, project_id, generation, key, least=_LEAST_COMMON, most=_MOST_PAIRS
            )
        else:
            drawn = await agreement_counts.drawn(session, project_id, generation, key, _SAMPLED_ANSWERS // 2)
            answers = await agreement_counts.answers_of(session, drawn)
    if chooses_one_class(question):
        content = await compute.run(measure_classes, question, patterns, cells, project_id=project_id)
    else:
        chosen = _chosen(question, key.schema_version, [answers.get(record_id, ()) for record_id in drawn])
        taken = hashlib.sha256(orjson.dumps(chosen)).hexdigest()
        if taken != sample or distances is None:
            sample, distances = taken, await _distances(compute, project_id, question, chosen)
        content = await compute.run(measure_distances, patterns, distances, project_id=project_id)
    async with database.transaction() as session:
        await agreement_results.save(session, project_id, outdated, content, sample, distances, now)


async def _distances(
    compute: ComputePool, project_id: UUID, question: Question, chosen: Sequence[Sequence[Answer]]
) -> SampledDistances:
    """The distances of a sample, or of a part of it that doesn't take too long."""
    while True:
        try:
            return await compute.run(
                sampled_distances, question, chosen, project_id=project_id, timeout_s=_SAMPLE_TIMEOUT_S
            )
        except ComputeFailed as failure:
            _set_aside(failure, project_id=project_id, question=question.name, records=len(chosen))
            chosen = chosen[: len(chosen) // 4]
            if not chosen:
                return SampledDistances(0, 0)


def _chosen(question: Question, version: int, given: Sequence[Sequence[CountedAnswer]]) -> list[list[Answer]]:
    """The answers to the question of as many records as have some hundreds together."""
    chosen: list[list[Answer]] = []
    answers = 0
    for one in given:
        if answers >= _SAMPLED_ANSWERS:
            break
        chosen.append(
            [
                each.answers[question.name]
                for each in one
                if each.due and each.schema_version == version and question.name in each.answers
            ]
        )
        answers += len(chosen[-1])
    return chosen
