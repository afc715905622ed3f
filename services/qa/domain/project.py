"""A project as qa keeps it: the newest `ProjectChanged`, asked by version."""

from dataclasses import dataclass
from uuid import UUID

from shared.contracts.answers import LabelSchema
from shared.contracts.events import ProjectChanged
from shared.contracts.policies import Policies


@dataclass(frozen=True, slots=True)
class Project:
    project_id: UUID
    revision: int
    content: ProjectChanged

    def schema(self, version: int) -> LabelSchema | None:
        """The schema of that version, None when this copy of the project is older than it."""
        for schema in self.content.schemas:
            if schema.version == version:
                return schema.label_schema
        return None

    @property
    def policies(self) -> Policies:
        """What holds now."""
        return next(one.policies for one in self.content.policies if one.version == self.content.active_policy)
