"""What agreement counts: changes that wait, what each record contributes, counts of patterns and pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.qa.domain.agreement_counts import (
    Contributions,
    CountChanges,
    CountedAnswer,
    GivenAnswer,
    PairCell,
    QuestionKey,
    counted_answers,
)
from services.qa.domain.class_tables import CountedPattern
from services.qa.domain.record import Record
from services.qa.storage.record_order import KNOWN, UNKNOWN, in_order
from shared.contracts.values import Split
from shared.kit.database import Session
from shared.kit.jsonb import dump, load

_HELD_OUT = [one.value for one in Split if one.held_out]

# LATERAL with a limit: a look into an index for each project, however many rows wait.
_CHANGED_PROJECTS = """
SELECT project_id FROM projects, LATERAL (
    SELECT FROM agreement_changes WHERE agreement_changes.project_id = projects.project_id ORDER BY change_seq LIMIT 1
) AS waiting
UNION
SELECT projects.project_id FROM projects, LATERAL (
    SELECT FROM agreement_results
    WHERE agreement_results.project_id = projects.project_id AND measured_changes < changes
    ORDER BY agreement_results.project_id LIMIT 1
) AS outdated
"""
_WAITING = """
SELECT change_seq, record_id FROM agreement_changes WHERE project_id = $1 ORDER BY change_seq LIMIT $2
"""
_DELETE_CHANGES = """
WITH deleted AS (DELETE FROM agreement_changes WHERE change_seq = ANY($1::bigint[]) RETURNING change_seq)
SELECT count(*) FROM deleted
"""
# The newest revision of each annotation has its place by when the first one was submitted. A correction's role is
# `superseded` for all revisions but the newest.
_ANSWERS = """
SELECT record_id, annotator_id, role, round, schema_version, answers, due_total FROM (
    SELECT *, min(submitted_at) OVER (PARTITION BY record_id, annotation_id) AS first_submitted_at
    FROM annotations WHERE record_id = ANY($1::uuid[])
) AS given JOIN (
    SELECT record_id, CASE WHEN due_without_model OR split = ANY($2::text[]) THEN due_total ELSE 0 END AS due_total
    FROM records WHERE record_id = ANY($1::uuid[])
) AS basis USING (record_id)
WHERE role <> 'superseded'
ORDER BY record_id, first_submitted_at, annotation_id
"""
_MARK = "INSERT INTO agreement_changes (project_id, record_id) SELECT * FROM unnest($1::uuid[], $2::uuid[])"

_BEGIN = "INSERT INTO agreement_generations (project_id) VALUES ($1) ON CONFLICT DO NOTHING"
_LOCK = "SELECT generation, recounted_by FROM agreement_generations WHERE project_id = $1 FOR UPDATE"
_SET_GENERATION = "UPDATE agreement_generations SET generation = $2, recounted_by = $3 WHERE project_id = $1"
_RECOUNTING_JOB = "SELECT recounted_by FROM agreement_generations WHERE project_id = $1"
_RECOUNTED = "SELECT project_id, recounted_by FROM agreement_generations WHERE recounted_by IS NOT NULL"
# Locked in one order; a project that another job recounts by then is left alone.
_END_RECOUNTS = """
WITH abandoned AS MATERIALIZED (
    SELECT g.project_id FROM unnest($1::uuid[], $2::uuid[]) AS ended (project_id, job_id)
    JOIN agreement_generations g ON g.project_id = ended.project_id AND g.recounted_by = ended.job_id
    ORDER BY g.project_id FOR UPDATE OF g
)
UPDATE agreement_generations g SET recounted_by = NULL FROM abandoned WHERE g.project_id = abandoned.project_id
"""

_CONTRIBUTIONS = """
SELECT record_id, contributions FROM agreement_records
WHERE project_id = $1 AND generation = $2 AND record_id = ANY($3::uuid[])
"""
_SAVE_CONTRIBUTIONS = """
INSERT INTO agreement_records (project_id, generation, record_id, draw, contributions)
SELECT $1, $2, * FROM unnest($3::uuid[], $4::bigint[], $5::jsonb[])
ON CONFLICT (project_id, generation, record_id)
DO UPDATE SET draw = excluded.draw, contributions = excluded.contributions
"""
_DELETE_CONTRIBUTIONS = """
DELETE FROM agreement_records WHERE project_id = $1 AND generation = $2 AND record_id = ANY($3::uuid[])
"""
_ADD_PATTERNS = """
INSERT INTO agreement_patterns (project_id, generation, schema_version, question, pattern, records, units)
SELECT $1, $2, * FROM unnest($3::integer[], $4::text[], $5::text[], $6::bigint[], $7::numeric[])
ON CONFLICT (project_id, generation, schema_version, question, pattern)
DO UPDATE SET records = agreement_patterns.records + excluded.records, units = agreement_patterns.units + excluded.units
"""
_ADD_PAIRS = """
INSERT INTO agreement_pairs (project_id, generation, schema_version, question, first_id, second_id, first_label,
    second_label, records)
SELECT $1, $2, * FROM unnest($3::integer[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::bigint[])
ON CONFLICT (project_id, generation, schema_version, question, first_id, second_id, first_label, second_label)
DO UPDATE SET records = agreement_pairs.records + excluded.records
"""
_OUTDATE = """
INSERT INTO agreement_results (project_id, schema_version, question) SELECT $1, * FROM unnest($2::integer[], $3::text[])
ON CONFLICT (project_id, schema_version, question) DO UPDATE SET changes = agreement_results.changes + 1
"""
_OUTDATE_ALL = """
INSERT INTO agreement_results (project_id, schema_version, question)
SELECT DISTINCT project_id, schema_version, question FROM agreement_patterns WHERE project_id = $1 AND generation = $2
UNION
SELECT project_id, schema_version, question FROM agreement_results WHERE project_id = $1
ON CONFLICT (project_id, schema_version, question) DO UPDATE SET changes = agreement_results.changes + 1
"""

_PATTERNS = """
SELECT pattern, records, units FROM agreement_patterns
WHERE project_id = $1 AND generation = $2 AND schema_version = $3 AND question = $4
    AND (records <> 0 OR units <> 0)
"""
_PAIRS = """
WITH most AS (
    SELECT first_id, second_id, sum(records) AS common FROM agreement_pairs
    WHERE project_id = $1 AND generation = $2 AND schema_version = $3 AND question = $4
    GROUP BY first_id, second_id HAVING sum(records) >= $5
    ORDER BY common DESC, first_id, second_id LIMIT $6
)
SELECT first_id, second_id, first_label, second_label, records
FROM most JOIN agreement_pairs USING (first_id, second_id)
WHERE project_id = $1 AND generation = $2 AND schema_version = $3 AND question = $4 AND records <> 0
ORDER BY common DESC, first_id, second_id, first_label, second_label
"""
_DRAWN = """
SELECT record_id FROM agreement_records
WHERE project_id = $1 AND generation = $2 AND draw IS NOT NULL AND contributions->($3::text)->($4::text) ? 'units'
ORDER BY draw LIMIT $5
"""

_RECORDS_IN_ORDER = in_order("record_id", (*KNOWN, UNKNOWN))
_FORGET_RECORDS = """
DELETE FROM agreement_records WHERE (project_id, generation, record_id) IN (
    SELECT project_id, generation, record_id FROM agreement_records
    WHERE project_id = $1 AND generation = $2 ORDER BY record_id LIMIT $3
)
"""
_FORGET_PATTERNS = "DELETE FROM agreement_patterns WHERE project_id = $1 AND generation = $2"
_FORGET_PAIRS = "DELETE FROM agreement_pairs WHERE project_id = $1 AND generation = $2"

_DRAWS = 2**62


@dataclass(frozen=True, slots=True)
class WaitingChanges:
    """Records to count again, and the changes to delete with it."""

    seqs: list[int]
    record_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class Generation:
    """Which counts are in use; `recounted_by`: the job that makes the next ones."""

    number: int
    recounted_by: UUID | None


async def changed_projects(session: Session) -> list[UUID]:
    """Return the projects in which anything is to be counted or measured."""
    return [row["project_id"] for row in await session.raw.fetch(_CHANGED_PROJECTS)]


async def waiting(session: Session, project_id: UUID, limit: int) -> WaitingChanges:
    """Return the oldest changes."""
    rows = await session.raw.fetch(_WAITING, project_id, limit)
    return WaitingChanges([row["change_seq"] for row in rows], list({row["record_id"]: None for row in rows}))


async def delete_changes(session: Session, changes: WaitingChanges) -> bool:
    """Delete changes that are counted; return False when another replica deleted one of them."""
    deleted: int = await session.raw.fetchval(_DELETE_CHANGES, changes.seqs)
    return deleted == len(changes.seqs)


async def answers_of(session: Session, record_ids: Sequence[UUID]) -> dict[UUID, list[CountedAnswer]]:
    """Return the answers that agreement may count, by record, in the order of their submission."""
    given: dict[UUID, list[GivenAnswer]] = {}
    due_totals: dict[UUID, int] = {}
    for row in await session.raw.fetch(_ANSWERS, record_ids, _HELD_OUT):
        answers = load(row["answers"])
        one = GivenAnswer(row["annotator_id"], row["role"], row["round"], row["schema_version"], answers)
        given.setdefault(row["record_id"], []).append(one)
        due_totals[row["record_id"]] = row["due_total"]
    return {record_id: counted_answers(due_totals[record_id], ones) for record_id, ones in given.items()}


async def mark(session: Session, records: Sequence[Record]) -> None:
    """Have records counted again, for which of their answers were due has changed."""
    if records:
        await session.raw.execute(_MARK, [one.project_id for one in records], [one.record_id for one in records])


async def lock(session: Session, project_id: UUID) -> Generation:
    """Lock a project's counts until the transaction ends."""
    row = await session.raw.fetchrow(_LOCK, project_id)
    if row is None:
        await session.raw.execute(_BEGIN, project_id)
        row = await session.raw.fetchrow(_LOCK, project_id)
    return Generation(*row)


async def set_generation(session: Session, project_id: UUID, generation: Generation) -> None:
    await session.raw.execute(_SET_GENERATION, project_id, generation.number, generation.recounted_by)


async def recounting_job(session: Session, project_id: UUID) -> UUID | None:
    """Return the job that recounts the project, if there is one."""
    job_id: UUID | None = await session.raw.fetchval(_RECOUNTING_JOB, project_id)
    return job_id


async def recounted(session: Session) -> dict[UUID, UUID]:
    """Return the projects that are being recounted, each with its job."""
    return dict(await session.raw.fetch(_RECOUNTED))


async def end_recounts(session: Session, abandoned: Mapping[UUID, UUID]) -> None:
    """Let changes of these projects be counted again, unless another job than this one recounts them by now."""
    if abandoned:
        await session.raw.execute(_END_RECOUNTS, list(abandoned), list(abandoned.values()))


async def contributions(
    session: Session, project_id: UUID, generation: int, record_ids: Sequence[UUID]
) -> dict[UUID, Contributions]:
    rows = await session.raw.fetch(_CONTRIBUTIONS, project_id, generation, record_ids)
    return {record_id: load(content) for record_id, content in rows}


async def save_contributions(
    session: Session, project_id: UUID, generation: int, changed: Mapping[UUID, Contributions]
) -> None:
    """Keep what records contribute from now on; nothing is kept of those that contribute nothing."""
    kept = {record_id: one for record_id, one in changed.items() if one}
    if kept:
        await session.raw.execute(
            _SAVE_CONTRIBUTIONS,
            project_id,
            generation,
            list(kept),
            [_draw(record_id, one) for record_id, one in kept.items()],
            [dump(one) for one in kept.values()],
        )
    if len(kept) < len(changed):
        await session.raw.execute(_DELETE_CONTRIBUTIONS, project_id, generation, [*(changed.keys() - kept.keys())])


def _draw(record_id: UUID, contributions: Contributions) -> int | None:
    """The random end of the id, where anything is measured by distances."""
    measured = any("units" in one for of_questions in contributions.values() for one in of_questions.values())
    return record_id.int % _DRAWS if measured else None


async def add_counts(session: Session, project_id: UUID, generation: int, changes: CountChanges) -> None:
    """Add to the counts of patterns and pairs, in the order of their keys."""
    patterns = sorted(pattern for pattern, times in changes.records.items() if times or changes.units[pattern])
    if patterns:
        await session.raw.execute(
            _ADD_PATTERNS,
            project_id,
            generation,
            [one.key.schema_version for one in patterns],
            [one.key.question for one in patterns],
            [one.text for one in patterns],
            [changes.records[one] for one in patterns],
            [changes.units[one] for one in patterns],
        )
    pairs = sorted(pair for pair, times in changes.pairs.items() if times)
    if pairs:
        await session.raw.execute(
            _ADD_PAIRS,
            project_id,
            generation,
            [one.key.schema_version for one in pairs],
            [one.key.question for one in pairs],
            [one.first_id for one in pairs],
            [one.second_id for one in pairs],
            [one.first_label for one in pairs],
            [one.second_label for one in pairs],
            [changes.pairs[one] for one in pairs],
        )


async def outdate(session: Session, project_id: UUID, questions: set[QuestionKey]) -> None:
    """Note that the results of these questions are to be computed again."""
    keys = sorted(questions)
    await session.raw.execute(
        _OUTDATE, project_id, [key.schema_version for key in keys], [key.question for key in keys]
    )


async def outdate_all(session: Session, project_id: UUID, generation: int) -> None:
    """Note that every result of a project is to be computed again."""
    await session.raw.execute(_OUTDATE_ALL, project_id, generation)


async def patterns(session: Session, project_id: UUID, generation: int, key: QuestionKey) -> list[CountedPattern]:
    rows = await session.raw.fetch(_PATTERNS, project_id, generation, *key)
    return [CountedPattern(pattern, records, int(units)) for pattern, records, units in rows]


async def pairs(
    session: Session, project_id: UUID, generation: int, key: QuestionKey, *, least: int, most: int
) -> list[tuple[PairCell, int]]:
    """Return the cells of the pairs of annotators with most records in common, the largest first."""
    rows = await session.raw.fetch(_PAIRS, project_id, generation, *key, least, most)
    return [
        (PairCell(key, str(first_id), str(second_id), first, second), records)
        for first_id, second_id, first, second, records in rows
    ]


async def drawn(session: Session, project_id: UUID, generation: int, key: QuestionKey, limit: int) -> list[UUID]:
    """Return a random choice of the records that contribute to a question; the same until they change."""
    rows = await session.raw.fetch(_DRAWN, project_id, generation, str(key.schema_version), key.question, limit)
    return [row["record_id"] for row in rows]


async def records_in_order(session: Session, project_id: UUID, after: UUID, limit: int) -> list[UUID]:
    return [row["record_id"] for row in await session.raw.fetch(_RECORDS_IN_ORDER, project_id, after, limit)]


async def forget(session: Session, project_id: UUID, generation: int, limit: int) -> bool:
    """Delete some of the counts of a generation; whether that was all."""
    deleted = await session.raw.execute(_FORGET_RECORDS, project_id, generation, limit)
    if deleted == f"DELETE {limit}":
        return False
    await session.raw.execute(_FORGET_PATTERNS, project_id, generation)
    await session.raw.execute(_FORGET_PAIRS, project_id, generation)
    return True
