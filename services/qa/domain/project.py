"""A project as qa keeps it: the newest `ProjectChanged`, asked by version."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from shared.contracts.answers import LabelSchema
from shared.contracts.events import ProjectChanged
from shared.contracts.policies import Policies


@dataclass(frozen=True)
class Project:
    """The project at `revision`; `content` has all of its versions."""

    project_id: UUID
    revision: int
    content: ProjectChanged

    def schema(self, version: int) -> LabelSchema | None:
        """The schema of that version, None when this copy of the project is older than it."""
        return self.label_schemas.get(version)

    @cached_property
    def label_schemas(self) -> Mapping[int, LabelSchema]:
        """The schemas by version."""
        return {one.version: one.label_schema for one in self.content.schemas}

    @cached_property
    def policies(self) -> Policies:
        """What holds now."""
        return next(one.policies for one in self.content.policies if one.version == self.content.active_policy)
