"""A project as queue keeps it: the newest `ProjectChanged`, by version, and the thresholds of its models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

import orjson

from services.queue.domain.routing import Thresholds, terms_of
from shared.contracts.answers import LabelSchema
from shared.contracts.answers.free_text import words_of
from shared.contracts.events import ProjectChanged
from shared.contracts.policies import Policies
from shared.contracts.values import ProjectStatus


@dataclass(frozen=True)
class Project:
    """`thresholds` by model and schema version; `thresholds_revision` counts their changes."""

    project_id: UUID
    revision: int
    content: ProjectChanged
    thresholds_revision: int = 0
    thresholds: Mapping[tuple[UUID, int], Thresholds] = field(default_factory=dict)

    @cached_property
    def schemas(self) -> dict[int, LabelSchema]:
        return {one.version: one.label_schema for one in self.content.schemas}

    @cached_property
    def words(self) -> dict[int, frozenset[str]]:
        """By schema version, the strings that an answer may hold without being free text."""
        return {version: words_of(schema) for version, schema in self.schemas.items()}

    @cached_property
    def questions(self) -> dict[int, bytes]:
        """By schema version, its questions as JSON: what every lease of it shows."""
        return {
            version: orjson.dumps(schema.model_dump(mode="json", include={"questions"}, exclude_none=True)["questions"])
            for version, schema in self.schemas.items()
        }

    @cached_property
    def policies(self) -> Policies:
        """What holds now."""
        return next(one.policies for one in self.content.policies if one.version == self.content.active_policy)

    @cached_property
    def routing_policy(self) -> int:
        """The earliest version of the policies from which on records are routed as they are now."""
        found = self.content.active_policy
        for one in sorted(self.content.policies, key=lambda one: -one.version):
            if one.version >= found:
                continue
            if terms_of(one.policies) != terms_of(self.policies):
                break
            found = one.version
        return found

    def routes_as(self, other: "Project") -> bool:
        """Whether an untouched record has the same task by the other, as far as its thresholds are the same."""
        mine, theirs = self.content, other.content
        return (mine.active_schema, mine.active_guideline, terms_of(self.policies)) == (
            theirs.active_schema,
            theirs.active_guideline,
            terms_of(other.policies),
        )

    @property
    def servable(self) -> bool:
        """Without an active schema and guideline there is nothing to pin a task to."""
        return self.content.active_schema is not None and self.content.active_guideline is not None

    @property
    def active(self) -> bool:
        return self.content.status is ProjectStatus.ACTIVE

    @property
    def holds(self) -> bool:
        """Records wait until learning selects them."""
        return self.policies.learning.enabled

    @property
    def salt(self) -> str:
        return self.content.draw_salt
