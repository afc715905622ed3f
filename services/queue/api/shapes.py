"""What comes in and goes out, as the OpenAPI document shows it."""

from datetime import datetime
from inspect import cleandoc
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, WithJsonSchema

from services.queue.domain.leases import Why
from services.queue.domain.reasons import Reason
from services.queue.storage.annotators import Annotator
from shared.contracts.answers import OffsetUnit
from shared.contracts.answers.examples import OFFSET_UNIT, DescribedAnswers
from shared.contracts.fields import Name, PictureSize
from shared.contracts.values import AnnotatorStatus, AssessmentStatus, Pool, TaskKind
from shared.contracts.visible import DisplayName, InOneOrder, Visible

MAX_COUNT = 50
LEASE_ID_EXAMPLE = "6f0a8a5e-8c6b-4bb0-9a3e-6a4f1c0b7d11"
_LEASE_EXAMPLE: dict[str, Any] = {
    "token": LEASE_ID_EXAMPLE,
    "until": "2026-11-21T10:10:00Z",
    "task_id": "3d6f1f0c-6d0b-4f8e-8f0e-0a52b6a0c2f4",
    "kind": "annotation",
    "why": "check_prediction",
    "record": {"fields": {"text": "The package came two days late."}},
    "questions": [
        {"name": "sentiment", "kind": "choice", "required": True, "labels": ["positive", "neutral", "negative"]}
    ],
    "prediction": {"sentiment": {"label": "negative"}},
    "schema_version": 1,
    "guideline_version": 1,
}
ANSWERS_EXAMPLE: dict[str, Any] = {"sentiment": {"label": "negative"}}


_Text = Annotated[str, StringConstraints(min_length=1, max_length=4000), Visible]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=255), Visible, InOneOrder]
_Skills = Annotated[dict[Name, Annotated[int, Field(ge=0, le=100)]], Field(max_length=200)]
_Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
_Languages = Annotated[list[_Language], Field(max_length=100)]
_ActiveS = Annotated[float, Field(ge=0, le=86_400 * 7, allow_inf_nan=False)]
# A frontend takes a reason that it doesn't know as `all_leased`: more reasons may be added.
_Reason = Annotated[
    Reason,
    WithJsonSchema(
        {
            "type": "string",
            "enum": [*map(str, Reason)],
            "description": cleandoc(Reason.__doc__ or ""),
            "x-may-grow": True,
        }
    ),
]
_NextStep = Annotated[str, Field(description="What can be done where there is no lease, as a sentence for people.")]
_OffsetUnit = Annotated[OffsetUnit, Field(description=OFFSET_UNIT)]
OffsetUnitParam = Annotated[
    OffsetUnit, Query(description="What offsets in the answers that are shown count; `utf16` as JavaScript does.")
]
_Next = Annotated[int, Field(ge=0, le=MAX_COUNT)]


class _Body(BaseModel):
    """A body is closed: a misspelt field is an error, not a surprise."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LeaseRequest(_Body):
    """How many tasks at most, and of which kinds (both, as far as you may, without it). A reason is about these kinds."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"count": 1}]})

    count: int = Field(default=1, ge=1, le=MAX_COUNT)
    kinds: list[Literal["annotation", "arbitration"]] | None = Field(default=None, min_length=1, max_length=2)


class RecordOut(BaseModel):
    """`fields` by name: a text, or media as `{"asset_id", "media_type", "width", "height", "url", …}`. The record's id is
    left out, `task_id` stands for it: ids are in the order in which records came in.
    """

    fields: dict[str, str | dict[str, JsonValue]]


class LeaseOut(BaseModel):
    """One task that is yours until `until`; the token stands for it. A late submit still counts while nobody else got
    the slot. `prediction` is there where one is shown, `disputed` in an arbitration: the differing answers.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_LEASE_EXAMPLE]})

    token: UUID
    until: datetime
    task_id: UUID
    kind: TaskKind
    why: Why
    record: RecordOut
    questions: list[dict[str, JsonValue]]
    prediction: DescribedAnswers | None = None
    disputed: list[DescribedAnswers] | None = None
    schema_version: int
    guideline_version: int


class LeasesOut(BaseModel):
    """Leases, or none and the reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"leases": [_LEASE_EXAMPLE]},
                {
                    "leases": [],
                    "reason": "all_leased",
                    "retry_after_s": 5,
                    "next_step": "Ask again later: others hold what is left.",
                },
            ]
        }
    )

    leases: list[LeaseOut]
    reason: _Reason | None = None
    retry_after_s: int | None = None
    next_step: _NextStep | None = None


class RenewRequest(_Body):
    """For how long from now; the policy's time when it is not given, and never longer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"ttl_s": 300}]})

    ttl_s: int | None = Field(default=None, ge=1, le=86_400)


class RenewedOut(BaseModel):
    token: UUID
    until: datetime


class AnnotationIn(_Body):
    """`active_s`: seconds of work, as the frontend measured them. `reason`: needed in an arbitration. `next`: how many
    tasks to lease in the same call; they are leased once, whoever repeats the call gets those that still run. They show
    their offsets in the same unit as the answers.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answers": ANSWERS_EXAMPLE, "active_s": 6.4, "next": 1}]}
    )

    answers: DescribedAnswers
    active_s: _ActiveS | None = None
    reason: _Text | None = None
    next: _Next = 0
    offset_unit: _OffsetUnit = OffsetUnit.CODE_POINTS


class AnnotationOut(BaseModel):
    """Kept for good. `next` is what was leased with it, if that was asked for; nothing comes with the reason why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "annotation_id": "019a9d41-02aa-7d0c-8d52-4d2f1e9e6a01",
                    "submitted_at": "2026-11-21T10:02:11Z",
                    "next": [],
                    "reason": "done",
                    "retry_after_s": 60,
                    "next_step": "Nothing is left to do. A manager may add records or take the dataset out.",
                }
            ]
        }
    )

    annotation_id: UUID
    submitted_at: datetime
    next: list[LeaseOut] | None = None
    reason: _Reason | None = None
    retry_after_s: int | None = None
    next_step: _NextStep | None = None


class SkipIn(_Body):
    """Why, in your words."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The image is black.", "next": 1}]})

    reason: _Text
    active_s: _ActiveS | None = None
    next: _Next = 0


class SkipOut(BaseModel):
    """You won't get the record again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"skipped": True}]})

    skipped: Literal[True] = True
    next: list[LeaseOut] | None = None
    reason: _Reason | None = None
    retry_after_s: int | None = None
    next_step: _NextStep | None = None


class DraftIn(_Body):
    """Unfinished answers; they are checked when they are submitted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"answers": ANSWERS_EXAMPLE}]})

    answers: DescribedAnswers
    offset_unit: _OffsetUnit = OffsetUnit.CODE_POINTS


class DraftOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answers": ANSWERS_EXAMPLE, "saved_at": "2026-11-21T10:01:40Z"}]}
    )

    answers: DescribedAnswers
    saved_at: datetime


class NewAnnotator(_Body):
    """`subject` is the `sub` of the tokens they sign in with. Name and subject are known here only."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Ada Example",
                    "subject": "ada@idp",
                    "pool": "in_house",
                    "skills": {"radiology": 80},
                    "languages": ["en", "de"],
                }
            ]
        }
    )

    subject: Subject
    name: DisplayName | None = None
    pool: Pool = Pool.CROWD
    skills: _Skills = Field(default={})
    languages: _Languages = Field(default=[])
    status: AnnotatorStatus = AnnotatorStatus.ACTIVE


class AnnotatorChange(_Body):
    """What is to be another; what is left out or null stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "paused"}]})

    name: DisplayName | None = None
    subject: Subject | None = None
    pool: Pool | None = None
    skills: _Skills | None = None
    languages: _Languages | None = None
    status: AnnotatorStatus | None = None


class MemberOut(BaseModel):
    """One of a project's people. `assessed` is what qa says of their answers there, `leases` how many tasks they hold or
    have answered.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "annotator_id": "019a9d3e-1111-7aaa-8000-2f0c4b7a6e10",
                    "pool": "in_house",
                    "status": "active",
                    "assessed": "active",
                    "removed": False,
                    "leases": 12,
                }
            ]
        }
    )

    annotator_id: UUID
    pool: Pool
    status: AnnotatorStatus
    assessed: AssessmentStatus
    removed: bool
    leases: int


class AnnotatorOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "annotator_id": "019a9d3e-1111-7aaa-8000-2f0c4b7a6e10",
                    "name": "Ada Example",
                    "subject": "ada@idp",
                    "pool": "in_house",
                    "skills": {"radiology": 80},
                    "languages": ["en", "de"],
                    "status": "active",
                    "revision": 1,
                    "created_at": "2026-11-21T09:00:00Z",
                }
            ]
        }
    )

    annotator_id: UUID
    subject: str
    name: str | None
    pool: Pool
    skills: dict[str, int]
    languages: list[str]
    status: AnnotatorStatus
    revision: int
    created_at: datetime

    @classmethod
    def of(cls, one: Annotator) -> "AnnotatorOut":
        return cls(
            annotator_id=one.annotator_id,
            subject=one.subject,
            name=one.name,
            pool=one.pool,
            skills=dict(one.skills),
            languages=list(one.languages),
            status=one.status,
            revision=one.revision,
            created_at=one.created_at,
        )


class ProgressOut(BaseModel):
    """`records` by state, `routes` by route; `annotations` are submitted ones (gold apart), of `annotations_wanted`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "records": {"open": 120, "finalized": 800, "gold": 60, "unlabelable": 1, "erased": 2},
                    "routes": {"people": 500, "expert": 3, "auto_accept": 417},
                    "annotations": 912,
                    "annotations_wanted": 1040,
                    "gold_annotations": 77,
                    "arbitrations": 12,
                    "decisions": 11,
                    "skips": 30,
                }
            ]
        }
    )

    records: dict[str, int]
    routes: dict[str, int]
    annotations: int
    annotations_wanted: int
    gold_annotations: int
    arbitrations: int
    decisions: int
    skips: int


class ValidationIn(_Body):
    """Answers to a lease of yours (`token`), or to `fields` under a schema version of a project (the active one); not both.

    `fields` by name: a text, or of a picture its size in pixels.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": LEASE_ID_EXAMPLE, "answers": ANSWERS_EXAMPLE}]})

    answers: DescribedAnswers
    token: UUID | None = None
    project_id: UUID | None = None
    schema_version: int | None = Field(default=None, ge=1, le=2**31 - 1)
    fields: dict[str, str | PictureSize] = Field(default={}, max_length=50)
    offset_unit: _OffsetUnit = OffsetUnit.CODE_POINTS


class ViolationOut(BaseModel):
    pointer: str
    rule: str
    detail: str


class ValidationOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "valid": False,
                    "violations": [
                        {
                            "pointer": "/answers/sentiment/label",
                            "rule": "label-unknown",
                            "detail": "the label is not one of the question's labels",
                        }
                    ],
                }
            ]
        }
    )

    valid: bool
    violations: list[ViolationOut]
