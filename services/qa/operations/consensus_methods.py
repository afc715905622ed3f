"""By which method the votes on each question are weighed, as the last estimation chose it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.qa.domain.agreement_counts import chooses_one_class
from services.qa.domain.calibration import Calibration
from services.qa.domain.consensus_methods import MethodSelection
from services.qa.domain.kinds.choice import FACET, ChoiceKind
from services.qa.domain.project import Project
from services.qa.exceptions import UnknownSchemaVersion
from services.qa.storage import estimates
from services.qa.storage.estimates import SchemaKey
from shared.contracts.answers.kinds.choice import ChoiceQuestion
from shared.kit.database import Session


@dataclass(frozen=True, slots=True)
class ChosenMethod:
    """The method of one question. `estimated_at` None: nothing was estimated yet, `votes` is 0."""

    question: str
    schema_version: int
    selection: MethodSelection
    calibration: Calibration
    votes: int
    estimated_at: datetime | None


async def of_project(session: Session, project: Project, schema_version: int | None) -> Sequence[ChosenMethod]:
    """Return the method of every question of a schema version that chooses one class, the active one by default.

    Raises:
        UnknownSchemaVersion: there is no such version.
    """
    version = schema_version or project.content.active_schema
    schema = None if version is None else project.schema(version)
    if version is None or schema is None:
        raise UnknownSchemaVersion(version)
    heads = await estimates.of_schema(session, SchemaKey(project.project_id, version))
    found = []
    for question in schema.questions:
        if chooses_one_class(question) and isinstance(question, ChoiceQuestion):
            head = heads.get(question.name)
            kind = ChoiceKind(question)
            facet = kind.unknown()[FACET] if head is None else kind.facet(head.estimates)
            votes, estimated_at = (0, None) if head is None else (head.votes, head.estimated_at)
            found.append(ChosenMethod(question.name, version, facet.selection, facet.calibration, votes, estimated_at))
    return found
