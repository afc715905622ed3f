"""Topic `projects`: the whole state of a project, latest per key."""

from typing import ClassVar

from pydantic import AwareDatetime

from shared.contracts.answers import LabelSchema
from shared.contracts.envelope import Payload, Secret
from shared.contracts.policies import Policies
from shared.contracts.values import Frozen, ProjectStatus, Role, Version


class SchemaVersion(Frozen):
    version: Version
    label_schema: LabelSchema
    created_at: AwareDatetime


class GuidelineVersion(Frozen):
    version: Version
    markdown: str
    created_at: AwareDatetime


class PolicyVersion(Frozen):
    version: Version
    policies: Policies
    created_at: AwareDatetime


class ProjectChanged(Payload):
    """Every schema, guideline and policy version, and which of them are active.

    `draw_salt` keys every die of the project (split, audit, blind, exploration): see `shared.contracts.draws`.
    A project without an active schema or guideline is not served. `holds_personal_data`: some kinds of it are, or were once,
    not masked in its records and answers, so its content is only for who has the role for that.
    """

    secrets: ClassVar = (
        Secret(("draw_salt",)),
        Secret(("policies", "*", "policies", "gold"), frozenset({Role.MANAGER})),
    )

    name: str
    status: ProjectStatus
    draw_salt: str
    schemas: list[SchemaVersion]
    guidelines: list[GuidelineVersion]
    policies: list[PolicyVersion]
    active_schema: Version | None
    active_guideline: Version | None
    active_policy: Version
    holds_personal_data: bool = False
