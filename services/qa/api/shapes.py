"""What qa's endpoints take and answer."""

from dataclasses import dataclass
from inspect import cleandoc
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from services.qa.domain.record import OpenReason, Record
from shared.contracts.answers import OffsetUnit
from shared.contracts.answers.examples import OFFSET_UNIT, DescribedAnswers
from shared.contracts.values import (
    Calibrated,
    Frozen,
    LabelMethod,
    Origin,
    RecordState,
    Split,
    TaskKind,
)
from shared.contracts.visible import Visible
from shared.kit.actors import ACTOR_DESCRIPTION
from shared.kit.json_batches import BatchItem, shown_pointer
from shared.kit.problems import Problem, ProblemError
from shared.kit.strict_reader import BatchReader, StrictReader

RECORD_ID = "0198a5c0-0000-7000-8000-000000000001"
ANNOTATOR_ID = "0198a5c0-0000-7000-8000-000000000002"
MODEL_ID = "0198a5c0-0000-7000-8000-000000000003"
OTHER_ID = "0198a5c0-0000-7000-8000-000000000004"
ACTOR = "8c6d2a10-5b7e-8f43-9a1d-2e4f6b8c0d1e"
MOMENT = "2026-11-21T10:00:00Z"
ANSWERS: dict[str, Any] = {"topic": {"label": "billing"}}

MAX_SCHEMA_VERSION = 2_147_483_647
MAX_GOLD_AT_ONCE = 1_000

Note = Annotated[str, StringConstraints(min_length=1, max_length=2_000), Visible]
Version = Annotated[int, Field(ge=1, le=MAX_SCHEMA_VERSION)]
OffsetUnitParam = Annotated[
    OffsetUnit, Query(description="What offsets in the answers that are shown count; `utf16` as JavaScript does.")
]
Role = Literal["vote", "gold", "decision", "void", "late", "superseded"]


def example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class GoldAnswer(Frozen):
    """The answer that is known for certain. `schema_version`: the active one by default; `exposures`: the policy's."""

    model_config = example(answers=ANSWERS, exposures=50, note="Agreed by the whole team.")

    answers: DescribedAnswers
    offset_unit: OffsetUnit = Field(default=OffsetUnit.CODE_POINTS, description=OFFSET_UNIT)
    schema_version: Version | None = None
    exposures: int | None = Field(default=None, ge=1, le=10_000, description="To how many annotators it is served.")
    note: Note | None = Field(default=None, description="Why this is certain; stays in qa.")


class GoldOut(BaseModel):
    """A record's gold answer as it stands."""

    model_config = example(
        record_id=RECORD_ID,
        gold_revision=1,
        schema_version=1,
        answers=ANSWERS,
        note="Agreed by the whole team.",
        exposures=50,
        placed_by=ACTOR,
        placed_at=MOMENT,
    )

    record_id: UUID
    gold_revision: int
    schema_version: int
    answers: DescribedAnswers
    note: str | None
    exposures: Annotated[int | None, WithJsonSchema({"type": "integer"})] = Field(
        default=None,
        exclude_if=lambda exposures: exposures is None,
        description="To how many annotators it is served; shown to managers alone.",
    )
    placed_by: str = Field(description=ACTOR_DESCRIPTION)
    placed_at: AwareDatetime


class GoldOfRecord(GoldAnswer):
    """A gold answer and whose it is."""

    model_config = example(record_id=RECORD_ID, answers=ANSWERS)

    record_id: UUID


@dataclass(frozen=True, slots=True)
class MalformedGold:
    """An item of a batch that is no `GoldOfRecord`, and why; `record_id` where it names one."""

    record_id: UUID | None
    problem: Problem


_GOLD_OF_RECORD = StrictReader(GoldOfRecord)
_UUID: TypeAdapter[UUID] = TypeAdapter(UUID)


def _read_alone(item: BatchItem) -> GoldOfRecord | MalformedGold:
    """The item of a batch as it is declared; a malformed one is refused for itself and leaves the others as they are."""
    try:
        plain = orjson.dumps(item.parse())
    except Problem as problem:
        error = ProblemError(pointer=shown_pointer(problem), rule=problem.type, detail=problem.title)
        problem.errors = [error]
        return MalformedGold(_record_id_of(item.value), problem)
    try:
        sound: GoldOfRecord = _GOLD_OF_RECORD.read(plain)
    except ValidationError as error:
        return MalformedGold(_record_id_of(item.value), _GOLD_OF_RECORD.problem_of(error, plain))
    return sound


def _record_id_of(item: Any) -> UUID | None:
    named = item.get("record_id") if isinstance(item, dict) else None
    try:
        return _UUID.validate_strings(named) if isinstance(named, str) else None
    except (ValidationError, UnicodeEncodeError):
        return None


class GoldBatch(Frozen):
    """Gold answers; each is judged for itself."""

    model_config = example(gold=[{"record_id": RECORD_ID, "answers": ANSWERS}])

    gold: list[
        Annotated[GoldOfRecord | MalformedGold, PlainValidator(_read_alone, json_schema_input_type=GoldOfRecord)]
    ] = Field(min_length=1, max_length=MAX_GOLD_AT_ONCE)


GoldBatchBody = Annotated[GoldBatch, BatchReader(GoldBatch, "gold", MAX_GOLD_AT_ONCE)]


class GoldRefused(BaseModel):
    index: int = Field(description="Its place in the list, from 0.")
    record_id: UUID | None = Field(description="Null where the item names no record.")
    type: str = Field(description="Which kind of problem.")
    detail: str = Field(description="What is the matter, in a sentence.")
    errors: list[dict[str, Any]] = Field(
        default=[], description="Pointer into the item, and rule, of each thing that is wrong."
    )


class GoldReport(BaseModel):
    model_config = example(placed=1, rejected=[])

    placed: int = Field(description="How many records have the gold answer that the request gives them.")
    rejected: list[GoldRefused]


class LabelOut(BaseModel):
    """The label that stands."""

    model_config = example(
        label_id=OTHER_ID,
        record_id=RECORD_ID,
        label_revision=1,
        round=1,
        method="consensus",
        answers=ANSWERS,
        confidence=0.991,
        schema_version=1,
        guideline_version=1,
        split="train",
        trainable=True,
        annotations=2,
        model_id=None,
        calibrated="gold",
        finalized_at=MOMENT,
        under_review=False,
    )

    label_id: UUID
    record_id: UUID
    label_revision: int
    round: int
    method: LabelMethod
    answers: DescribedAnswers
    confidence: float
    schema_version: int
    guideline_version: int | None
    split: Split
    trainable: bool
    annotations: int = Field(description="How many annotations it rests on.")
    model_id: UUID | None = Field(description="The model whose answer was accepted.")
    calibrated: Calibrated | None = Field(
        default=None,
        description="What the confidence was calibrated on. `gold`: known answers of this project. `default`: nothing of its "
        "own: constants learnt from public data, a model's own confidence, or a decision that is taken for right. null: an "
        "earlier release made the label.",
    )
    finalized_at: AwareDatetime
    under_review: bool = Field(description="It is being questioned; it stands until its next revision.")


class RecordOut(BaseModel):
    """Where a record stands."""

    model_config = example(
        record_id=RECORD_ID,
        state="finalized",
        state_reason=None,
        state_since=MOMENT,
        split="train",
        origin="collected",
        round=1,
        label_revision=1,
        under_review=False,
        open_reason=None,
    )

    record_id: UUID
    state: RecordState
    state_reason: str | None
    state_since: AwareDatetime
    split: Split | None
    origin: Origin | None
    round: int
    label_revision: int = Field(description="How many revisions of a label it has had.")
    under_review: bool
    open_reason: OpenReason | None = Field(description=cleandoc(OpenReason.__doc__ or ""))

    @classmethod
    def of(cls, record: Record) -> "RecordOut":
        assert record.state_at is not None, "its row is in the database"
        return cls(
            record_id=record.record_id,
            state=record.state,
            state_reason=record.state_reason,
            state_since=record.state_at,
            split=record.split,
            origin=None if record.origin is None else Origin(record.origin),
            round=record.round,
            label_revision=record.label_revision,
            under_review=record.under_review,
            open_reason=record.open_reason,
        )


class AnnotationOut(BaseModel):
    """How an annotation counts. Its answers are in the lineage of its record."""

    model_config = example(
        annotation_id=OTHER_ID,
        annotation_revision=1,
        record_id=RECORD_ID,
        role="vote",
        round=1,
        task_kind="annotation",
        annotator_id=ANNOTATOR_ID,
        schema_version=1,
        guideline_version=1,
        submitted_at=MOMENT,
        active_s=7.5,
    )

    annotation_id: UUID
    annotation_revision: int
    record_id: UUID
    role: Role = Field(
        description="`vote` for the label of its round; `gold` for the assessment of its annotator; `decision` of an"
        " arbiter; `void`: its annotator was paused before the record was decided; `late`: the round was over;"
        " `superseded` by a correction."
    )
    round: int
    task_kind: TaskKind
    annotator_id: UUID
    schema_version: int
    guideline_version: int
    submitted_at: AwareDatetime
    active_s: float | None


class DisputeOut(BaseModel):
    """A record on which annotations, or a label and a report, disagree."""

    model_config = example(
        dispute_id=OTHER_ID,
        record_id=RECORD_ID,
        round=1,
        schema_version=1,
        reason="unsure",
        disputed=[{"topic": {"label": "billing"}}, {"topic": {"label": "delivery"}}],
        status="open",
        opened_at=MOMENT,
        closed_at=None,
    )

    dispute_id: UUID
    record_id: UUID
    round: int
    schema_version: int
    reason: str
    disputed: list[DescribedAnswers] | None = Field(
        description="The differing answers, without names; null once erased."
    )
    status: Literal["open", "unservable", "decided", "withdrawn"]
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None


class FailingWorkOut(BaseModel):
    """Background work whose newest attempt failed; it is tried again, after longer pauses each time."""

    model_config = ConfigDict(
        from_attributes=True,
        **example(
            work="estimates",
            annotator_id=None,
            attempts=3,
            failure="The computation took longer than 300 s.",
            retry_at=MOMENT,
        ),
    )

    work: Literal["estimates", "thresholds", "replacements"] = Field(
        description="Estimating how well annotators answer, testing auto-accept thresholds, or replacing the votes of a"
        " paused annotator."
    )
    annotator_id: UUID | None
    attempts: int
    failure: str
    retry_at: AwareDatetime


class SummaryOut(BaseModel):
    """How many records are in each state, and how the annotations count. Every record and annotation counts once."""

    model_config = example(
        records={"open": 4, "finalized": 180, "gold": 12, "unlabelable": 1, "erased": 3},
        annotations={"vote": 391, "gold": 96, "decision": 7, "void": 11, "late": 2, "superseded": 0},
        labels={"consensus": 120, "auto_accept": 53, "decision": 7},
        disputes=8,
        open_disputes=1,
        failing=[],
    )

    records: dict[str, int]
    annotations: dict[str, int]
    labels: dict[str, int] = Field(description="Labels that stand, by method.")
    disputes: int = Field(description="Disputes there ever were, closed ones too.")
    open_disputes: int = Field(
        description="Disputes that wait to be decided: `open` for an arbiter who is there, or `unservable` without one."
    )
    failing: list[FailingWorkOut] = Field(default=[], description="Background work that fails, at most 100 of it.")
