"""Keeps the counts of agreement up as records change, and computes the results from them.

A record whose answers changed is marked in the statement that changed them. What it contributes is computed outside of any
transaction; then the difference to what it contributed before is added to the counts, under the project's lock, and the
mark is deleted. If another replica deleted one of the marks meanwhile, nothing is saved.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from services.qa.compute.agreement import contributions_of_all, measure_classes, measure_distances
from services.qa.domain.agreement_counts import Contributions, CountChanges, CountedAnswer, chooses_one_class
from services.qa.domain.project import Project
from services.qa.domain.voting import Answer
from services.qa.storage import agreement_counts, agreement_results, projects
from services.qa.storage.agreement_results import OutdatedResult
from shared.contracts.answers import Question
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Database

_RECORDS_AT_ONCE: Final = 2000
_SAMPLED_ANSWERS: Final = 200
_MOST_PAIRS: Final = 50
_LEAST_COMMON: Final = 10
"""Pairs of annotators with fewer records in common are left out: their kappa is mostly chance."""


class CountedElsewhere(Exception):
    """Another replica counted the same changes: this one's transaction is rolled back."""


async def count_changes(database: Database, compute: ComputePool, project_id: UUID) -> bool:
    """Count the records again that changed longest ago; whether more may wait."""
    async with database.transaction() as session:
        changes = await agreement_counts.waiting(session, project_id, _RECORDS_AT_ONCE)
        project = await projects.load(session, project_id)
        if not changes.seqs or project is None:
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
    return len(changes.seqs) == _RECORDS_AT_ONCE


async def contributions(
    compute: ComputePool, project: Project, record_ids: Sequence[UUID], answers: Mapping[UUID, Sequence[CountedAnswer]]
) -> dict[UUID, Contributions]:
    """Return what each record contributes: at once where only classes are compared, else in the pool."""
    schemas = {one.version: one.label_schema for one in project.content.schemas}
    given = [answers.get(record_id, ()) for record_id in record_ids]
    if all(chooses_one_class(question) for schema in schemas.values() for question in schema.questions):
        return dict(zip(record_ids, contributions_of_all(schemas, given), strict=True))
    return dict(
        zip(
            record_ids,
            await compute.run(contributions_of_all, schemas, given, project_id=project.project_id),
            strict=True,
        )
    )


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
        content = await compute.run(measure_classes, patterns, cells, project_id=project_id)
    else:
        chosen = _chosen(question, key.schema_version, [answers.get(record_id, ()) for record_id in drawn])
        taken = hashlib.sha256(orjson.dumps(chosen)).hexdigest()
        content, distances = await compute.run(
            measure_distances,
            question,
            patterns,
            chosen,
            distances if taken == sample else None,
            project_id=project_id,
        )
        sample = taken
    async with database.transaction() as session:
        await agreement_results.save(session, project_id, outdated, content, sample, distances, now)


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
                if each.schema_version == version and question.name in each.answers
            ]
        )
        answers += len(chosen[-1])
    return chosen
