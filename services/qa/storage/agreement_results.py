"""Agreement as it was computed last, by question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.domain.agreement_counts import QuestionKey
from services.qa.domain.distance_agreement import SampledDistances
from shared.kit.database import Session
from shared.kit.jsonb import dump, load

_OUTDATED = """
SELECT schema_version, question, changes, sample, content->'sampled_distances' AS distances FROM agreement_results
WHERE project_id = $1 AND measured_changes < changes ORDER BY schema_version, question
"""
_SAVE = """
UPDATE agreement_results SET measured_changes = $4, content = $5, sample = $6, sample_units = $7, sample_pairs = $8,
    measured_at = $9
WHERE project_id = $1 AND schema_version = $2 AND question = $3 AND measured_changes < $4
"""
_OF_SCHEMA = """
SELECT question, content, measured_at, measured_changes < changes AS outdated, change_seq IS NOT NULL AS waiting
FROM (VALUES (1)) AS always
LEFT JOIN (SELECT change_seq FROM agreement_changes WHERE project_id = $1 ORDER BY change_seq LIMIT 1) AS waiting ON true
LEFT JOIN agreement_results ON project_id = $1 AND schema_version = $2
"""


@dataclass(frozen=True, slots=True)
class OutdatedResult:
    """`changes`: what a result computed now covers. `sample`: of which answers `distances` were measured last."""

    key: QuestionKey
    changes: int
    sample: str | None
    distances: SampledDistances | None


@dataclass(frozen=True, slots=True)
class StoredResult:
    """`content`, `measured_at` None: it was not computed yet. `current`: it covers every answer there is."""

    content: dict[str, Any] | None = None
    measured_at: datetime | None = None
    current: bool = True


async def outdated(session: Session, project_id: UUID) -> list[OutdatedResult]:
    """Return what is to be computed again."""
    return [
        OutdatedResult(
            QuestionKey(row["schema_version"], row["question"]),
            row["changes"],
            row["sample"],
            None if row["distances"] is None else SampledDistances(**load(row["distances"])),
        )
        for row in await session.raw.fetch(_OUTDATED, project_id)
    ]


async def save(
    session: Session,
    project_id: UUID,
    outdated: OutdatedResult,
    content: dict[str, Any],
    sample: str | None,
    distances: SampledDistances | None,
    now: datetime,
) -> None:
    """Keep a result unless one that covers as much is kept."""
    await session.raw.execute(
        _SAVE,
        project_id,
        *outdated.key,
        outdated.changes,
        dump(content),
        sample,
        None if distances is None else distances.units,
        None if distances is None else distances.pairs,
        now,
    )


async def of_schema(
    session: Session, project_id: UUID, schema_version: int, questions: Sequence[str]
) -> list[StoredResult]:
    """Return the result of each of these questions of a schema version."""
    rows: Sequence[Any] = await session.raw.fetch(_OF_SCHEMA, project_id, schema_version)
    waiting: bool = rows[0]["waiting"]
    found = {
        row["question"]: StoredResult(
            None if row["content"] is None else load(row["content"]),
            row["measured_at"],
            current=not (waiting or row["outdated"]),
        )
        for row in rows
    }
    return [found.get(question, StoredResult(current=not waiting)) for question in questions]
