"""A project: versions of its schema, guidelines and policies, and which of them are active.

What becomes part of a project was made clean before, by `clean`: that takes long for long texts.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from services.ingest.domain.labels import with_composed_labels
from services.ingest.domain.personal_data import clean_schema
from services.ingest.exceptions import ImpossiblePurpose, PersonalDataInPolicies, UnknownVersion
from shared.contracts.answers import LabelSchema
from shared.contracts.events import GuidelineVersion, PolicyVersion, ProjectChanged, SchemaVersion
from shared.contracts.personal_data import mask
from shared.contracts.policies import DeidentificationPolicy, Policies
from shared.contracts.values import ProjectStatus
from shared.contracts.visible import is_blank, turns_writing

MAX_GUIDELINE_TEXT = 200_000
"""Characters of guidelines that travel with a project, so that its event stays below the size of one."""

MAX_PURPOSE = 200
"""Characters of a purpose."""

V = TypeVar("V", SchemaVersion, GuidelineVersion, PolicyVersion)


@dataclass(frozen=True, slots=True)
class ProjectParts:
    """What is to become part of a project; None where nothing is. `guideline` is Markdown."""

    name: str | None = None
    label_schema: LabelSchema | None = None
    guideline: str | None = None
    policies: Policies | None = None


def clean(parts: ProjectParts) -> ProjectParts:
    """The same with names, titles and guidelines masked, and labels in NFC.

    Raises:
        LabelsLookAlike, LabelShowsNothing, LabelTurnsWriting, PersonalDataInSchema: the schema can't be taken.
        ImpossiblePurpose, PersonalDataInPolicies: the policies can't be.
    """
    if parts.policies is not None:
        _check_purposes(parts.policies)
    schema = parts.label_schema
    return ProjectParts(
        name=None if parts.name is None else mask(parts.name),
        label_schema=None if schema is None else clean_schema(with_composed_labels(schema)),
        guideline=None if parts.guideline is None else mask(parts.guideline),
        policies=parts.policies,
    )


def _check_purposes(policies: Policies) -> None:
    for place, purpose in enumerate(policies.purposes_required):
        if is_blank(purpose) or turns_writing(purpose) or len(purpose) > MAX_PURPOSE:
            raise ImpossiblePurpose(place, MAX_PURPOSE)
        if mask(purpose) != purpose:
            raise PersonalDataInPolicies(place)


@dataclass(frozen=True, slots=True)
class Project:
    """The whole of a project. `draw_salt` keys its dice, `dedup_key` the hashes that find duplicates; both secret."""

    project_id: UUID
    name: str
    status: ProjectStatus
    draw_salt: str
    dedup_key: bytes
    revision: int
    created_at: datetime
    updated_at: datetime
    schemas: tuple[SchemaVersion, ...] = ()
    guidelines: tuple[GuidelineVersion, ...] = ()
    policies: tuple[PolicyVersion, ...] = ()
    active_schema: int | None = None
    active_guideline: int | None = None
    active_policy: int = 1

    @property
    def holds_personal_data(self) -> bool:
        """Whether some of it is not masked, or was not once: a change holds for what comes from then on."""
        return any(one.policies.deidentification.kept for one in self.policies)

    @property
    def masking(self) -> DeidentificationPolicy:
        """What is masked now."""
        return self.policies[self.active_policy - 1].policies.deidentification

    def masks_as(self, other: "Project") -> bool:
        """Whether the same is masked as in another state of it, and the same by every version that may be made active."""
        return self.masking == other.masking and self.holds_personal_data == other.holds_personal_data

    def changed(self, now: datetime) -> "Project":
        return replace(self, revision=self.revision + 1, updated_at=now)

    def with_name(self, name: str) -> "Project":
        return replace(self, name=name)

    def with_status(self, status: ProjectStatus) -> "Project":
        return replace(self, status=status)

    def with_schema(self, schema: LabelSchema, now: datetime, *, activate: bool) -> "Project":
        added = SchemaVersion(version=len(self.schemas) + 1, label_schema=schema, created_at=now)
        active = added.version if activate else self.active_schema
        return replace(self, schemas=(*self.schemas, added), active_schema=active)

    def with_guideline(self, markdown: str, now: datetime, *, activate: bool) -> "Project":
        added = GuidelineVersion(version=len(self.guidelines) + 1, markdown=markdown, created_at=now)
        active = added.version if activate else self.active_guideline
        return replace(self, guidelines=(*self.guidelines, added), active_guideline=active)

    def with_policies(self, policies: Policies, now: datetime, *, activate: bool) -> "Project":
        added = PolicyVersion(version=len(self.policies) + 1, policies=policies, created_at=now)
        active = added.version if activate else self.active_policy
        return replace(self, policies=(*self.policies, added), active_policy=active)

    def activated(self, schema: int | None, guideline: int | None, policy: int | None) -> "Project":
        """Make other versions the active ones; None leaves what is. Raises UnknownVersion."""
        for number, versions, name in (
            (schema, self.schemas, "active_schema"),
            (guideline, self.guidelines, "active_guideline"),
            (policy, self.policies, "active_policy"),
        ):
            if number is not None and not 1 <= number <= len(versions):
                raise UnknownVersion(f"there are {len(versions)} versions", f"/{name}")
        return replace(
            self,
            active_schema=self.active_schema if schema is None else schema,
            active_guideline=self.active_guideline if guideline is None else guideline,
            active_policy=self.active_policy if policy is None else policy,
        )

    def event(self) -> ProjectChanged:
        """The whole state; of guidelines that are too old and too long to travel only the version is published."""
        return ProjectChanged(
            name=self.name,
            status=self.status,
            draw_salt=self.draw_salt,
            schemas=list(self.schemas),
            guidelines=list(_fitting(self.guidelines, self.active_guideline)),
            policies=list(self.policies),
            active_schema=self.active_schema,
            active_guideline=self.active_guideline,
            active_policy=self.active_policy,
            holds_personal_data=self.holds_personal_data,
        )


def _fitting(guidelines: tuple[GuidelineVersion, ...], active: int | None) -> tuple[GuidelineVersion, ...]:
    """The active one first, then the newest, while there is room."""
    room, kept = MAX_GUIDELINE_TEXT, set[int]()
    for guideline in sorted(guidelines, key=lambda item: (item.version != active, -item.version)):
        room -= len(guideline.markdown.encode())
        if room < 0 and guideline.version != active:
            break
        kept.add(guideline.version)
    return tuple(
        guideline if guideline.version in kept else guideline.model_copy(update={"markdown": ""})
        for guideline in guidelines
    )
