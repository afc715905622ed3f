"""What ingest's endpoints take and answer."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from services.ingest.domain.projects import Project
from services.ingest.domain.schema_fit import OpenRecordsFit
from services.ingest.operations.erasures import ErasureReceipt
from services.ingest.operations.imports import Rejected
from services.ingest.operations.record_imports import TakenLine
from services.ingest.operations.reports import KeptReport
from services.ingest.storage.assets import Asset
from services.ingest.storage.records import StoredRecord
from shared.contracts.answers import LabelSchema
from shared.contracts.erasure import ErasedPlace, PlaceState
from shared.contracts.events import GuidelineVersion, PolicyVersion, SchemaVersion
from shared.contracts.personal_data import Kind
from shared.contracts.policies import GoldPolicy, Policies, PresetName, from_preset
from shared.contracts.values import BrokenRule, Frozen, Origin, ProjectStatus, RecordState, Split, Verdict, Version
from shared.contracts.visible import DisplayName, Visible
from shared.kit.images.changes import ImageChange

Markdown = Annotated[str, StringConstraints(min_length=1, max_length=100_000), Visible]

SCHEMA_EXAMPLE: dict[str, Any] = {
    "fields": [{"name": "message", "kind": "text", "title": "Message"}],
    "questions": [
        {"name": "topic", "kind": "choice", "title": "What is it about?", "labels": ["billing", "delivery", "other"]}
    ],
}
PROJECT_EXAMPLE: dict[str, Any] = {
    "name": "Support messages",
    "schema": SCHEMA_EXAMPLE,
    "guideline": "Choose what the customer wants settled first.",
    "policies": {"purposes_required": ["quality"]},
}


def self_contained(model: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON schema with its definitions put in where they are named: for bodies that are read by hand."""
    schema = model.model_json_schema()
    definitions: dict[str, Any] = schema.pop("$defs", {})

    def resolve(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return resolve(definitions[value["$ref"].rpartition("/")[2]])
            return {key: resolve(item) for key, item in value.items()}
        return [resolve(item) for item in value] if isinstance(value, list) else value

    resolved: dict[str, Any] = resolve(schema)
    return resolved


class NewProject(Frozen):
    """A project; what is left out may be added later. A project without a schema takes no records, and without a guideline
    nobody is served any: asking for work gets the reason `no_guideline`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [PROJECT_EXAMPLE]})

    name: DisplayName
    label_schema: LabelSchema | None = Field(default=None, alias="schema")
    guideline: Markdown | None = Field(default=None, description="Markdown.")
    preset: PresetName | None = Field(default=None, description="What is not set in `policies` is as in this preset.")
    policies: Policies | None = None

    @model_validator(mode="after")
    def _fits_preset(self) -> Self:
        try:
            from_preset(self.preset, self.policies)
        except BrokenRule as broken:
            raise broken.under("policies") from None
        return self


class PoliciesIn(Policies):
    """Policies, as a whole: what is left out is as in the preset, or has its default where none is named."""

    preset: PresetName | None = None

    @model_validator(mode="after")
    def _fits_preset(self) -> Self:
        self.whole()
        return self

    def whole(self) -> Policies:
        given = Policies.model_construct(
            self.model_fields_set - {"preset"}, **{name: getattr(self, name) for name in Policies.model_fields}
        )
        return from_preset(self.preset, given)


class ProjectChange(Frozen):
    """What is to be another; what is left out or null stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "paused"}, {"active_schema": 1}]})

    name: DisplayName | None = None
    status: ProjectStatus | None = None
    active_schema: Version | None = None
    active_guideline: Version | None = None
    active_policy: Version | None = None


class NewGuideline(Frozen):
    model_config = ConfigDict(json_schema_extra={"examples": [{"markdown": "# Topics\n\nChoose the first."}]})

    markdown: Markdown


class ProjectSummary(BaseModel):
    project_id: UUID
    name: str
    status: ProjectStatus
    revision: int
    active_schema: int | None
    active_guideline: int | None
    active_policy: int
    created_at: AwareDatetime
    updated_at: AwareDatetime
    holds_personal_data: bool = Field(
        description="Its content is only for tokens with the role `personal_data`, besides the role that is needed anyway."
    )


def _is_none(value: Any) -> bool:
    return value is None


class PoliciesOut(Policies):
    """A project's policies; managers alone see how gold is mixed in."""

    gold: GoldPolicy | SkipJsonSchema[None] = Field(default=None, exclude_if=_is_none)  # type: ignore[assignment]


class PolicyVersionOut(Frozen):
    version: Version
    policies: PoliciesOut
    created_at: AwareDatetime

    @classmethod
    def of(cls, version: PolicyVersion, *, gold: bool) -> "PolicyVersionOut":
        shown = {name: getattr(version.policies, name) for name in Policies.model_fields if gold or name != "gold"}
        return cls(version=version.version, policies=PoliciesOut(**shown), created_at=version.created_at)


class ProjectForWork(ProjectSummary):
    """What annotators and arbiters see of a project: its active schema and guideline, and none of its policies."""

    schemas: list[SchemaVersion]
    guidelines: list[GuidelineVersion]
    policies: list[PolicyVersionOut] = Field(max_length=0, description="Always empty.")

    @classmethod
    def of_active(cls, project: Project) -> "ProjectForWork":
        whole = ProjectOut.of(project)
        return cls(
            **whole.model_dump(include=set(ProjectSummary.model_fields)),
            schemas=[each for each in whole.schemas if each.version == whole.active_schema],
            guidelines=[each for each in whole.guidelines if each.version == whole.active_guideline],
            policies=[],
        )


class OpenRecordsOut(BaseModel):
    """How many of the open records have the fields that the schema needs which is active now.

    It is told from the schema versions that they came under: `may_fit` are those that have them if they have some that their
    version leaves open. With many records the newest are counted; then `all_counted` is false.
    """

    open: int
    fit: int
    may_fit: int
    all_counted: bool
    warning: str | None = Field(default=None, exclude_if=_is_none, description="Given where some don't fit.")

    @classmethod
    def of(cls, fit: OpenRecordsFit) -> "OpenRecordsOut":
        lack = (
            f"{fit.lack} open records lack a field that the schema needs: people get them without it, and questions about"
            " a missing field are not asked of them."
        )
        return cls(
            open=fit.open,
            fit=fit.fit,
            may_fit=fit.may_fit,
            all_counted=fit.all_counted,
            warning=lack if fit.lack else None,
        )


class ProjectOut(ProjectSummary):
    """A project with all its versions. Its revision is its ETag."""

    not_recognised: list[Kind] = Field(
        description="Kinds of personal data that nothing looks for in its texts: they stay, until the policy "
        "`deidentification` names a recogniser of them."
    )

    schemas: list[SchemaVersion]
    guidelines: list[GuidelineVersion]
    policies: list[PolicyVersionOut]

    open_records: OpenRecordsOut | SkipJsonSchema[None] = Field(
        default=None, exclude_if=_is_none, description="In the answer to a change that made another schema active."
    )

    @classmethod
    def of(cls, project: Project, *, gold: bool = True, fit: OpenRecordsFit | None = None) -> "ProjectOut":
        """`gold`: whether to show the gold policy. `fit`: of what is open under a schema that has become active."""
        return cls(
            project_id=project.project_id,
            name=project.name,
            status=project.status,
            revision=project.revision,
            active_schema=project.active_schema,
            active_guideline=project.active_guideline,
            active_policy=project.active_policy,
            created_at=project.created_at,
            updated_at=project.updated_at,
            holds_personal_data=project.holds_personal_data,
            not_recognised=project.masking.not_recognised,
            schemas=list(project.schemas),
            guidelines=list(project.guidelines),
            policies=[PolicyVersionOut.of(each, gold=gold) for each in project.policies],
            open_records=None if fit is None else OpenRecordsOut.of(fit),
        )


class Rejection(BaseModel):
    """A line that was not taken. `line` counts from 1; in a JSON batch it is the place in the list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"line": 3, "pointer": "/fields/message", "reason": "string-type", "detail": "the field is a text"}
            ]
        }
    )

    line: int = Field(ge=1)
    pointer: str = Field(description="JSON pointer into the line; empty for all of it.")
    reason: str = Field(description="The rule that is broken, for programs.")
    detail: str = Field(description="The rule that is broken, for people.")
    record_id: UUID | None = Field(default=None, description="The record that the line contradicts, if it does.")

    @classmethod
    def of(cls, rejected: Rejected) -> "Rejection":
        return cls(
            line=rejected.line,
            pointer=rejected.pointer,
            reason=rejected.reason,
            detail=rejected.detail,
            record_id=rejected.record_id,
        )


class TakenRecord(BaseModel):
    """A line and the record that holds its content."""

    line: int
    record_id: UUID
    duplicate: bool
    what: Literal["new", "duplicate", "alias"] = Field(
        description="`alias`: the content was here under another external id; this one leads to the same record now."
    )
    differs: list[str] | None = Field(
        default=None, description="What of a duplicate is not as the record has it, and is not kept: slice, purposes."
    )
    image_changes: list[ImageChange] | None = Field(
        default=None, description="How the images inside of it were changed; left out where none was kept."
    )

    @classmethod
    def of(cls, taken: TakenLine) -> "TakenRecord":
        kept = taken.kept
        return cls(
            line=taken.line,
            record_id=kept.record_id,
            duplicate=kept.duplicate,
            what="alias" if kept.alias else "duplicate" if kept.duplicate else "new",
            differs=list(kept.differs) or None,
            image_changes=None if taken.changes is None else list(taken.changes),
        )


class RecordsReport(BaseModel):
    """What became of the lines: all of them are committed, are known already, or are listed as rejected."""

    accepted: int = Field(ge=0)
    duplicates: int = Field(ge=0, description="Lines whose content was here already.")
    duplicate_lines: list[TakenRecord] = Field(description="The first of them.")
    rejected: list[Rejection] = Field(description="The first rejected lines.")
    rejected_total: int = Field(ge=0, description="How many lines were rejected, listed or not.")
    image_changes: dict[ImageChange, int] = Field(
        default_factory=dict, description="How many of the images that were kept were changed in each way."
    )
    records: list[TakenRecord] | None = Field(default=None, description="The records, for a JSON batch only.")


class TakenReport(BaseModel):
    line: int
    feedback_id: UUID
    record_id: UUID
    duplicate: bool

    @classmethod
    def of(cls, line: int, kept: KeptReport) -> "TakenReport":
        return cls(line=line, feedback_id=kept.feedback_id, record_id=kept.record_id, duplicate=kept.duplicate)


class FeedbackReport(BaseModel):
    """As `RecordsReport`, for feedback."""

    accepted: int = Field(ge=0)
    duplicates: int = Field(ge=0, description="Reports that were here already.")
    rejected: list[Rejection]
    rejected_total: int = Field(ge=0)
    feedback: list[TakenReport] | None = Field(default=None, description="The reports, for a JSON batch only.")


class RecordSummary(BaseModel):
    """`state` is what qa last published: it may be a moment behind."""

    record_id: UUID
    external_id: str | None
    split: Split
    origin: Origin
    priority: int
    state: RecordState
    label_revision: int = Field(description="How many revisions of a label it has had, as qa counts them.")
    schema_version: int
    accepted_at: AwareDatetime


class RecordOut(RecordSummary):
    """A record, de-identified. An erased one is its tombstone: no fields, no metadata."""

    project_id: UUID
    aliases: list[str] = Field(description="Other external ids that its content came under; those since revision 0008.")
    fields: dict[str, Any] | None
    slice: dict[str, Any]
    purposes: list[str]
    collected_by_chance: bool
    erased_at: AwareDatetime | None

    @classmethod
    def of(cls, record: StoredRecord, aliases: list[str]) -> "RecordOut":
        fields = None
        if record.fields is not None:
            fields = {
                name: value if isinstance(value, str) else value.model_dump(mode="json")
                for name, value in record.fields.items()
            }
        return cls(
            record_id=record.record_id,
            project_id=record.project_id,
            external_id=record.external_id,
            aliases=aliases,
            split=record.split,
            origin=record.origin,
            priority=record.priority,
            state=record.state,
            label_revision=record.label_revision,
            schema_version=record.schema_version,
            accepted_at=record.accepted_at,
            fields=fields,
            slice=record.slice,
            purposes=record.purposes,
            collected_by_chance=record.collected_by_chance,
            erased_at=record.erased_at,
        )


class PlaceOut(ErasedPlace):
    """A place that held content of the record."""

    service: str


_BEYOND = [
    "Backups of the databases and of the object store keep it as long as they are kept.",
    "Releases under `left` were published before: who fetched them has them.",
]


class ErasureOut(BaseModel):
    """The receipt of an erasure. `done`: nothing of it is left anywhere, each place is done; else `state` is `pending` while
    something is yet to go, or `left` where all that can go has gone, and the rest went to others before.

    `until`: when everything is gone at the latest that goes by itself, or, with nothing pending, since when it is; a place
    that waits for somebody says so in
    `next_step`. `beyond`: what Touchstone has no hand in.
    """

    record_id: UUID
    project_id: UUID
    asked_at: AwareDatetime
    because: str
    done: bool
    state: PlaceState
    until: AwareDatetime
    places: list[PlaceOut]
    beyond: list[str]

    @classmethod
    def of(cls, receipt: ErasureReceipt) -> "ErasureOut":
        return cls(
            record_id=receipt.record.record_id,
            project_id=receipt.record.project_id,
            asked_at=receipt.asked_at,
            because=receipt.record.erased_because or "other",
            done=receipt.state is PlaceState.DONE,
            state=receipt.state,
            until=receipt.until,
            places=[
                PlaceOut(service=service, **place.model_dump())
                for service, places in receipt.places.items()
                for place in places
            ],
            beyond=_BEYOND,
        )


class AssetOut(BaseModel):
    """An image as it is kept: upright, in sRGB, without metadata. `url` needs no token until `url_expires_at`."""

    asset_id: UUID
    media_type: str
    sha256: str
    size_bytes: int
    width: int
    height: int
    changes: list[ImageChange] = Field(description="How it differs from what was sent.")
    url: str
    url_expires_at: AwareDatetime

    @classmethod
    def of(cls, asset: Asset, url: str, url_expires_at: AwareDatetime) -> "AssetOut":
        return cls(
            asset_id=asset.asset_id,
            media_type=asset.media_type,
            sha256=asset.sha256,
            size_bytes=asset.size_bytes,
            width=asset.width,
            height=asset.height,
            changes=list(asset.changes),
            url=url,
            url_expires_at=url_expires_at,
        )


class ModelFeedback(BaseModel):
    """What was reported of one model."""

    model: str = Field(
        description="The model's id as it was reported, or the product's own version of it, or empty when neither was"
        " given. An id is taken as it comes, and may be one that this suite has no model of."
    )
    reports: int
    by_verdict: dict[Verdict, int]


class FeedbackSummary(BaseModel):
    models: list[ModelFeedback]
