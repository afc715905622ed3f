"""Feedback of a product system: checked against the schema and fitted to the masked record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from services.ingest.domain.intake import (
    ExternalId,
    FieldsIn,
    IntakeProject,
    RecordCandidate,
    RecordIn,
    ShortText,
    SliceIn,
    of_validation,
)
from services.ingest.domain.personal_data import Redactions, mask_answers, masked_offsets
from services.ingest.exceptions import NotAccepted
from shared.contracts.answers import LabelSchema, OffsetUnit, accept
from shared.contracts.answers.examples import OFFSET_UNIT, DescribedAnswers
from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.events import FeedbackReceived, FieldValue
from shared.contracts.personal_data import RECOGNISERS, AnyRecogniser, MaskedOffsets, mask
from shared.contracts.values import Answers, BrokenRule, Origin, Probability, Verdict, Version

_EARLIEST_YEAR, _LATEST_YEAR = 1970, 2199


CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far a product's clock may be ahead of ours."""


def _as_text(moment: Any) -> Any:
    """JSON has no moments: a number would be read as seconds or milliseconds, whichever fits."""
    if isinstance(moment, int | float):
        raise BrokenRule("the moment is a text as RFC 3339 has it")
    return moment


def _in_our_time(moment: datetime) -> datetime:
    """In UTC. Nothing was observed before there were such systems, nor in the next century."""
    if not _EARLIEST_YEAR <= moment.year <= _LATEST_YEAR:
        raise BrokenRule(f"the year must be between {_EARLIEST_YEAR} and {_LATEST_YEAR}")
    return moment.astimezone(UTC)


class ReportIn(BaseModel):
    """What a product system holds of one live prediction.

    `feedback_id` is the product's own id of the report: sent again, it has no second effect (left out, an equal report
    is the same one). The record is named by `record_id` or `external_id`; an input that is not known yet comes whole,
    as `fields`, and becomes a record. `correction` is what the product holds to be true when `verdict` is `corrected`;
    one that equals the prediction is refused (`correction-equals-prediction`). A `model_id` may be unknown here. Offsets
    are those of the text as it was sent. `observed_at` lies in the past.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "feedback_id": "outcome-4711",
                    "external_id": "ticket-4711",
                    "prediction": {"topic": {"label": "billing"}},
                    "confidence": 0.93,
                    "verdict": "corrected",
                    "correction": {"topic": {"label": "delivery"}},
                    "observed_at": "2026-11-02T09:00:00Z",
                }
            ]
        },
    )

    feedback_id: ExternalId | None = None
    record_id: UUID | None = None
    external_id: ExternalId | None = None
    fields: FieldsIn | None = None
    slice: dict[ShortText, SliceIn] = Field(default={}, max_length=50)
    purposes: list[ShortText] = Field(default=[], max_length=50)
    collected_by_chance: bool = Field(default=False, strict=True)
    model_id: UUID | None = None
    model_version: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    schema_version: Annotated[Version, Strict()] | None = None
    prediction: DescribedAnswers | None = None
    confidence: Annotated[Probability, Strict()] | None = None
    verdict: Verdict
    correction: DescribedAnswers | None = None
    offset_unit: OffsetUnit = Field(default=OffsetUnit.CODE_POINTS, description=OFFSET_UNIT)
    observed_at: Annotated[AwareDatetime, BeforeValidator(_as_text), AfterValidator(_in_our_time)] | None = None

    @model_validator(mode="after")
    def _it_is_about_something(self) -> "ReportIn":
        if self.record_id is None and self.external_id is None and self.fields is None:
            raise BrokenRule("record_id, external_id or fields is needed")
        if (self.verdict is Verdict.CORRECTED) != (self.correction is not None):
            raise BrokenRule("a correction comes with the verdict corrected, and only with it")
        return self

    def record(self) -> RecordIn:
        """The record that the report's input becomes if it is not known.

        Raises:
            NotAccepted: it can't be one.
        """
        try:
            return RecordIn(
                external_id=self.external_id,
                fields=self.fields or {},
                slice=self.slice,
                purposes=self.purposes,
                origin=Origin.DEPLOYMENT,
                collected_by_chance=self.collected_by_chance,
            )
        except ValidationError as error:
            raise of_validation(error) from None


@dataclass(frozen=True, slots=True)
class GivenReport:
    """A report with the number of its line, the keyed hashes of its name and of all of it, and the bytes of its answers.

    `candidate` is the record that its input becomes if it is not known; `known_record` the one that it was found to be.
    """

    line: int
    report: ReportIn
    report_hash: bytes
    body_hash: bytes
    answer_bytes: int
    candidate: RecordCandidate | None
    known_record: UUID | None = None


def report_hashes(project: IntakeProject, report: ReportIn) -> tuple[bytes, bytes]:
    """Keyed hashes of the report's name and of all of it; without a name its body is its name.

    What has its default is left out: given or not, it is the same report, also to a later version that knows more.
    """
    given = report.model_dump(mode="json", exclude_defaults=True)
    body = project.keyed("body", orjson.dumps(given, option=orjson.OPT_SORT_KEYS))
    if report.feedback_id is None:
        return body, body
    return project.keyed("report", report.feedback_id.encode()), body


def check_size(report: ReportIn) -> int:
    """How many bytes of JSON the report's answers have. Raises NotAccepted: no event can hold them."""
    size = len(orjson.dumps((report.prediction, report.correction)))
    if size > MAX_EVENT_BYTES:
        raise report_too_large()
    return size


def check_observed(report: ReportIn, now: datetime) -> None:
    """Raises NotAccepted: the report is of something that is yet to come."""
    if report.observed_at is not None and report.observed_at > now + CLOCK_TOLERANCE:
        raise NotAccepted(
            "/observed_at",
            "in-the-future",
            f"the moment is more than {CLOCK_TOLERANCE.seconds // 60} minutes ahead of the service's clock",
        )


def report_too_large() -> NotAccepted:
    return NotAccepted("", "report-too-large", "the answers are larger than an event may be")


class OriginalOffsets:
    """Offsets of a record's original texts, to be moved to its masked ones. What was masked is read once for all answers."""

    def __init__(self, fields: Mapping[str, FieldValue], redactions: Redactions) -> None:
        self._fields = fields
        self._redactions = redactions
        self._known: dict[tuple[str, OffsetUnit], MaskedOffsets] = {}

    @property
    def masks_something(self) -> bool:
        return bool(self._redactions)

    def moved(self, schema: LabelSchema, answers: Answers, unit: OffsetUnit) -> Answers:
        """The answers with offsets of the masked texts, in the same unit; whatever can't be read stays as it is."""
        if not self._redactions:
            return answers

        def move(field: str, offset: int, at_end: bool) -> int:
            return self._of(field, unit).of(offset, at_end=at_end) if field in self._redactions else offset

        moved = dict(answers)
        for question in schema.questions:
            if question.name in answers:
                moved[question.name] = question.moved(answers[question.name], move)
        return moved

    def _of(self, field: str, unit: OffsetUnit) -> MaskedOffsets:
        if (field, unit) not in self._known:
            masked = self._fields.get(field)
            text = masked if isinstance(masked, str) else ""
            self._known[field, unit] = masked_offsets(self._redactions[field], text, unit)
        return self._known[field, unit]


@dataclass(frozen=True, slots=True)
class FittedAnswers:
    """A report's answers as they apply to the masked record."""

    prediction: Answers | None
    correction: Answers | None


@dataclass(frozen=True, slots=True)
class AnswersToFit:
    """A report's answers as they came, and the schema that they are to questions of."""

    schema_version: int
    prediction: Answers | None
    correction: Answers | None
    unit: OffsetUnit


def fit_answers(
    schema: LabelSchema,
    fields: Mapping[str, FieldValue],
    offsets: OriginalOffsets,
    given: AnswersToFit,
    recognisers: Sequence[AnyRecogniser] = RECOGNISERS,
) -> FittedAnswers:
    """The answers with offsets of the masked record, in canonical form, strings masked by the recognisers.

    Raises:
        NotAccepted: they don't fit the schema, or the correction equals the prediction.
    """

    def fit(name: str, answers: Answers | None) -> Answers | None:
        if answers is None:
            return None
        moved = offsets.moved(schema, answers, given.unit)
        accepted = accept(schema, fields, moved, unit=given.unit, partial=True)
        if accepted.violations:
            first = accepted.violations[0]
            raise NotAccepted(f"/{name}{mask(first.pointer)}", first.rule, first.message)
        return accepted.answers

    def masked(answers: Answers | None) -> Answers | None:
        return None if answers is None else mask_answers(answers, recognisers)

    prediction, correction = fit("prediction", given.prediction), fit("correction", given.correction)
    # Regions that differ within what was masked are the same ones afterwards: then what was given is compared.
    told_apart = offsets.masks_something and given.prediction != given.correction
    if correction is not None and prediction == correction and not told_apart:
        raise NotAccepted(
            "/correction",
            "correction-equals-prediction",
            "the correction is what the model predicted: give what is true instead, or the verdict confirmed",
        )
    return FittedAnswers(masked(prediction), masked(correction))


def payload(
    report: ReportIn,
    feedback_id: UUID,
    schema_version: int,
    answers: FittedAnswers,
    observed_at: datetime,
) -> FeedbackReceived:
    """What is published of a report."""
    return FeedbackReceived(
        feedback_id=feedback_id,
        model_id=report.model_id,
        model_version=None if report.model_version is None else mask(report.model_version),
        schema_version=schema_version,
        prediction=answers.prediction,
        confidence=report.confidence,
        verdict=report.verdict,
        correction=answers.correction,
        observed_at=observed_at,
    )
