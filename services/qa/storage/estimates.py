"""What the last estimation concluded: by question what holds for everybody, by annotator and era what holds for them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.qa.domain.stored_estimates import StoredEstimates
from shared.kit.clock import new_id
from shared.kit.database import Session
from shared.kit.jsonb import dump, load

# Each voter is sought by the whole key: there are as many rows as votes, however many annotators a project has.
_OF_VOTERS = """
WITH asked AS (
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[]) AS one (project_id, schema_version, voter)
), heads AS MATERIALIZED (
    SELECT estimates.* FROM (SELECT DISTINCT project_id, schema_version FROM asked) AS version
    JOIN estimates USING (project_id, schema_version)
)
SELECT project_id, schema_version, question, NULL AS voter, content FROM heads
UNION ALL
SELECT asked.project_id, asked.schema_version, heads.question, asked.voter, found.content
FROM asked JOIN heads USING (project_id, schema_version)
JOIN annotator_estimates AS found USING (project_id, schema_version, question, voter)
"""
_SAVE_HEADS = """
INSERT INTO estimates (project_id, schema_version, question, estimate_id, votes, content, estimated_at)
SELECT $1, $2, one.question, one.estimate_id, $6, one.content, $7
FROM unnest($3::text[], $4::uuid[], $5::jsonb[]) AS one (question, estimate_id, content) ORDER BY one.question
ON CONFLICT (project_id, schema_version, question) DO UPDATE SET estimate_id = excluded.estimate_id,
    votes = excluded.votes, content = excluded.content, estimated_at = excluded.estimated_at
"""
_SAVE_VOTERS = """
INSERT INTO annotator_estimates (project_id, schema_version, question, voter, content)
SELECT $1, $2, question, voter, content FROM unnest($3::text[], $4::text[], $5::jsonb[])
    AS one (question, voter, content) ORDER BY question, voter
ON CONFLICT (project_id, schema_version, question, voter) DO UPDATE SET content = excluded.content
WHERE annotator_estimates.content <> excluded.content
"""


_OF_SCHEMA = """
SELECT question, votes, content, estimated_at FROM estimates WHERE project_id = $1 AND schema_version = $2
"""

_VOTERS_AT_ONCE = 1_000


class SchemaKey(NamedTuple):
    """A schema version of a project."""

    project_id: UUID
    schema_version: int


async def of_voters(
    session: Session, voters: Collection[tuple[SchemaKey, str]]
) -> dict[SchemaKey, dict[str, StoredEstimates]]:
    """By schema version and question, for these voters alone."""
    found: dict[SchemaKey, dict[str, StoredEstimates]] = {}
    parts: list[tuple[SchemaKey, str, str, Mapping[str, Any]]] = []
    rows = await session.raw.fetch(
        _OF_VOTERS,
        [key.project_id for key, _ in voters],
        [key.schema_version for key, _ in voters],
        [voter for _, voter in voters],
    )
    for row in rows:
        key, content = SchemaKey(row["project_id"], row["schema_version"]), load(row["content"])
        if row["voter"] is None:
            found.setdefault(key, {})[row["question"]] = StoredEstimates(content, {})
        else:
            parts.append((key, row["question"], row["voter"], content))
    for key, question, voter, content in parts:
        found[key][question].voters[voter] = content
    return found


@dataclass(frozen=True, slots=True)
class EstimatesHead:
    """What holds for all annotators of a question, with the number of votes of its window; `estimates` has no voters."""

    estimates: StoredEstimates
    votes: int
    estimated_at: datetime


async def of_schema(session: Session, key: SchemaKey) -> dict[str, EstimatesHead]:
    """By question, those of a schema version."""
    return {
        row["question"]: EstimatesHead(StoredEstimates(load(row["content"]), {}), row["votes"], row["estimated_at"])
        for row in await session.raw.fetch(_OF_SCHEMA, *key)
    }


async def save(
    session: Session,
    key: SchemaKey,
    estimates: Mapping[str, StoredEstimates],
    *,
    votes: int,
    now: datetime,
) -> None:
    """Replace the estimates of a schema version, given by question."""
    await session.raw.execute(
        _SAVE_HEADS,
        *key,
        list(estimates),
        [new_id() for _ in estimates],
        [dump(one.shared) for one in estimates.values()],
        votes,
        now,
    )
    rows = [(question, voter, content) for question, one in estimates.items() for voter, content in one.voters.items()]
    for start in range(0, len(rows), _VOTERS_AT_ONCE):
        some = rows[start : start + _VOTERS_AT_ONCE]
        await session.raw.execute(
            _SAVE_VOTERS,
            *key,
            [question for question, _, _ in some],
            [voter for _, voter, _ in some],
            [dump(content) for _, _, content in some],
        )
