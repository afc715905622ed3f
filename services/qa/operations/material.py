"""What one estimation reads: a window of votes, what is certain of their records, what a model said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.qa.domain.project import Project
from services.qa.storage import annotations, annotators
from shared.contracts.answers import LabelSchema
from shared.contracts.values import Answers, RecordState
from shared.kit.database import Session


@dataclass(frozen=True, slots=True)
class Given:
    """One annotation as the estimation reads it."""

    record_id: UUID
    annotation_id: UUID
    annotator_id: UUID
    role: str
    answers: Answers
    submitted_at: datetime
    era: int
    by_people_alone: bool
    closed: bool


@dataclass(frozen=True, slots=True)
class Material:
    """All that one estimation reads, of one schema version."""

    schema: LabelSchema
    schema_version: int
    given: Sequence[Given]
    truths: Mapping[UUID, tuple[Answers, bool]]
    priors: Mapping[UUID, Mapping[str, Mapping[str, float]]]
    experts: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Rows:
    """What the database said, the newest annotation first; content is still text."""

    annotations: Sequence[Any]
    truths: Sequence[Any]
    priors: Sequence[Any]
    experts: frozenset[UUID]


async def read_material(session: Session, project_id: UUID, version: int, most_votes: int) -> Rows:
    """The newest annotations of a schema version, and what else is known of the records they are of."""
    rows = await annotations.for_estimation(session, project_id, version, most_votes)
    records = list({row["record_id"] for row in rows})
    return Rows(
        annotations=rows,
        truths=await annotations.truths(session, records, version),
        priors=await annotations.priors(session, records, version),
        experts=await annotators.experts(session),
    )


def parse_material(project: Project, version: int, rows: Rows) -> Material:
    """CPU work, no I/O: run it in a thread."""
    schema = project.schema(version)
    assert schema is not None
    return Material(
        schema=schema,
        schema_version=version,
        given=[
            Given(
                record_id=row["record_id"],
                annotation_id=row["annotation_id"],
                annotator_id=row["annotator_id"],
                role=row["role"],
                answers=orjson.loads(row["answers"]),
                submitted_at=row["submitted_at"],
                era=row["era"],
                by_people_alone=row["by_people_alone"],
                closed=row["state"] in {RecordState.FINALIZED, RecordState.GOLD},
            )
            for row in reversed(rows.annotations)
        ],
        truths={row["record_id"]: (orjson.loads(row["answers"]), row["gold"]) for row in rows.truths},
        priors={row["record_id"]: orjson.loads(row["distributions"]) for row in rows.priors},
        experts=rows.experts,
    )
