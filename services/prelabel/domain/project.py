"""What prelabel knows of a project."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.prelabel.domain.objective import Objective, objective_of
from services.prelabel.exceptions import ProjectArchived
from shared.contracts.answers import LabelSchema
from shared.contracts.draws import Purpose, draw
from shared.contracts.events import ProjectChanged
from shared.contracts.policies import LearningPolicy, Policies
from shared.contracts.values import ProjectStatus


@dataclass(frozen=True, slots=True)
class Project:
    """One revision of a project. `salt` keys its dice."""

    project_id: UUID
    revision: int
    status: ProjectStatus
    salt: str
    schemas: Mapping[int, LabelSchema]
    active_schema: int | None
    policies: Policies
    objective: Objective | None

    @property
    def learning(self) -> LearningPolicy:
        return self.policies.learning

    @property
    def active(self) -> bool:
        return self.status is ProjectStatus.ACTIVE and self.active_schema is not None

    def check_open(self) -> None:
        """Raises ProjectArchived."""
        if self.status is ProjectStatus.ARCHIVED:
            raise ProjectArchived

    def draw(self, purpose: Purpose, subject: UUID, nonce: int = 0) -> float:
        return draw(self.salt, purpose, subject, nonce)

    @classmethod
    def of(cls, project_id: UUID, revision: int, state: ProjectChanged) -> "Project":
        schemas = {each.version: each.label_schema for each in state.schemas}
        policies = next(each.policies for each in state.policies if each.version == state.active_policy)
        objective = None
        if state.active_schema is not None:
            objective = objective_of(schemas[state.active_schema], state.active_schema)
        return cls(
            project_id, revision, state.status, state.draw_salt, schemas, state.active_schema, policies, objective
        )
