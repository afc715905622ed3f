"""Agreement between annotators, by question: read as it was computed last.

`agreement_updates` keeps counts up as records change and computes the results from them; `agreement_recount` counts
everything anew. Which answers count is decided in `domain.agreement_counts`.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from services.qa.domain.agreement_coefficients import nothing_yet
from services.qa.domain.agreement_counts import chooses_one_class, scale_of
from services.qa.domain.project import Project
from services.qa.exceptions import UnknownQuestion, UnknownSchemaVersion
from services.qa.storage import agreement_results
from shared.contracts.answers import Question
from shared.kit.database import Session


@dataclass(frozen=True, slots=True)
class Agreement:
    """One question's agreement. `measured_at` None: no record has two answers yet, as far as was counted.

    `current`: every answer there is was counted.
    """

    question: str
    kind: str
    schema_version: int
    measured_at: datetime | None
    current: bool
    content: dict[str, Any]


async def of_project(
    session: Session, project: Project, schema_version: int | None, question: str | None
) -> list[Agreement]:
    """Return the agreement on one question or all of a schema version, the active one by default.

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
    names = [one.name for one in asked]
    results = await agreement_results.of_schema(session, project.project_id, version, names)
    return [
        Agreement(
            one.name,
            one.kind,
            version,
            result.measured_at,
            result.current,
            result.content or _nothing(one),
        )
        for one, result in zip(asked, results, strict=True)
    ]


def _nothing(question: Question) -> dict[str, Any]:
    classes = chooses_one_class(question)
    found = nothing_yet(classes=classes, ordered=classes and scale_of(question).ordered)
    return {**asdict(found), "cohen_kappa": []}
