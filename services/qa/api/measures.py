"""What qa's endpoints on quality take and answer."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, computed_field

from services.qa.api.shapes import ANNOTATOR_ID, MODEL_ID, MOMENT, OTHER_ID, Note, example
from services.qa.domain.auto_accept import NoThreshold, WhyNone
from services.qa.domain.consensus_methods import Basis, Method
from services.qa.operations.assessments import shown_details
from services.qa.operations.consensus_methods import ChosenMethod
from services.qa.operations.threshold_views import ShownThreshold
from shared.contracts.events import ThresholdEvidence
from shared.contracts.values import AssessmentStatus, Calibrated, Frozen, Probability

_USUAL_VOTES = 3


class ConsensusMethodOut(BaseModel):
    """How the votes on one question are weighed, and why so."""

    model_config = example(
        question="topic",
        schema_version=1,
        method="ebcc",
        basis="held_out_votes",
        evidence={"majority": -0.412, "one_coin": -0.398, "dawid_skene": -0.381, "ebcc": -0.366},
        margin=0.015,
        margin_error=0.003,
        calibrated="gold",
        known_answers=60,
        temperature=1.8,
        votes=11271,
        estimated_at=MOMENT,
    )

    question: str
    schema_version: int
    method: Method = Field(
        description="`majority`: every vote counts alike. `one_coin`: an accuracy of each annotator. `dawid_skene`: each "
        "annotator's confusion of classes. `ebcc`: a confusion by subtype of the items of a class, on which people err "
        "together."
    )
    basis: Basis = Field(
        description="What the choice rests on: how well each method predicts votes that it did not see, or gold answers; "
        "`default` where too little is known to compare them."
    )
    evidence: dict[str, float] = Field(description="By method, in nats per vote or gold answer; higher is better.")
    margin: float | None = Field(
        description="By how much the method's evidence exceeds the best other's; negative: another's is better within chance."
    )
    margin_error: float | None = Field(description="The standard error of the margin.")
    calibrated: Calibrated = Field(
        default=Calibrated.DEFAULT,
        description="What posteriors were calibrated on. `gold`: known answers of the project. `default`: too few are known, so "
        "they are lowered as public data teaches.",
    )
    known_answers: float = Field(
        default=0.0,
        description="Known answers, drawn by chance, that the calibration rests on; checks count by their share.",
    )
    temperature: float | None = Field(
        default=None,
        description="By how much the log odds of three votes are divided, on average over what is likely; 1 leaves them as they are.",
    )
    votes: int = Field(description="The annotations that were estimated from.")
    estimated_at: AwareDatetime | None = Field(description="Null: nothing was estimated yet.")

    @classmethod
    def of(cls, chosen: ChosenMethod) -> "ConsensusMethodOut":
        why = chosen.selection
        return cls(
            question=chosen.question,
            schema_version=chosen.schema_version,
            method=why.method,
            basis=why.basis,
            evidence={**why.evidence},
            margin=why.margin,
            margin_error=why.margin_error,
            calibrated=chosen.calibration.basis,
            known_answers=chosen.calibration.known,
            temperature=1.0 / chosen.calibration.rate(_USUAL_VOTES),
            votes=chosen.votes,
            estimated_at=chosen.estimated_at,
        )


class ConsensusMethods(BaseModel):
    items: list[ConsensusMethodOut]


class AssessmentOut(BaseModel):
    """What is concluded about an annotator in one project."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "project_id": OTHER_ID,
                    "annotator_id": ANNOTATOR_ID,
                    "assessment_revision": 3,
                    "status": "active",
                    "reason": None,
                    "accuracy": 0.95,
                    "consensus_accuracy": 0.94,
                    "interval_low": 0.81,
                    "interval_high": 0.99,
                    "gold_answers": 20,
                    "answers": 210,
                    "era": 0,
                    "changed_at": None,
                    "assessed_at": MOMENT,
                    "details": {
                        "diagonal": 0.94,
                        "drift_statistic": 0.4,
                        "baseline_error": 0.08,
                        "attention": {
                            "share": 0.9,
                            "low": 0.825,
                            "high": 0.95,
                            "answers": 205,
                            "likely_wrong": 14.2,
                        },
                    },
                }
            ]
        },
    )

    project_id: UUID
    annotator_id: UUID
    assessment_revision: int
    status: AssessmentStatus
    reason: str | None
    accuracy: Probability | None = Field(description="On gold, of the present era.")
    interval_low: float
    interval_high: float
    gold_answers: int
    answers: int
    era: int = Field(description="How many drift alarms there were; answers since count as a new annotator's.")
    changed_at: AwareDatetime | None = Field(description="When the error rate rose, where it did.")
    assessed_at: AwareDatetime
    details: Annotated[dict[str, Any], AfterValidator(shown_details)] = Field(
        description="What the verdict stands on, or who reinstated the annotator and why. `drift`: the chart nearest to its alarm, with the"
        " evidence on gold and beside the consensus since the suspected change. `attention`: the share of answers that follow the"
        " item, beyond chance and class shares, with its 95 % interval. `copies`: whose answers, or which predictions, these"
        " answers agree with far more than independent people would; it pauses nobody. What there is no evidence for is left"
        " out."
    )

    @computed_field(  # type: ignore[prop-decorator]  # as pydantic documents it
        description="How well the answers agree with the consensus, and with gold where there is some: the mean diagonal of the estimated confusion, shrunk"
        " towards everybody's. It is no measured accuracy: where most err alike, who errs with them looks right. It is"
        " there without gold, and null where no answer was compared."
    )
    @property
    def consensus_accuracy(self) -> Probability | None:
        found: Probability | None = self.details.get("diagonal") if self.answers else None
        return found


class SpeedOut(BaseModel):
    sessions: int = Field(description="Tasks that were submitted; of a project the newest 1,000 alone are counted.")
    active_s: float | None = Field(description="The time the frontend measured for these tasks, in seconds, together.")
    median_active_s: float | None


class AssessedOut(AssessmentOut):
    """With its history, newest first, and the annotator's speed."""

    history: list[dict[str, Any]]
    speed: SpeedOut


class AssessmentsOut(BaseModel):
    annotator_id: UUID
    assessments: list[AssessedOut] = Field(description="One for each project that the token may see.")
    next: str | None = Field(
        default=None,
        exclude_if=lambda cursor: cursor is None,
        description="The cursor of the next page, for `after`; absent on the last page.",
    )


class Reinstatement(Frozen):
    """Why a paused annotator may work again."""

    model_config = example(reason="Trained again and passed the test.")

    reason: Note


class ThresholdOut(BaseModel):
    """What was concluded about a model's answers; `threshold` null: nothing is accepted."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "model_id": MODEL_ID,
                    "threshold_revision": 1,
                    "schema_version": 1,
                    "question": "topic",
                    "label": None,
                    "threshold": 0.93,
                    "error_budget": 0.02,
                    "confidence_level": 0.95,
                    "evidence": {"tested": 310, "errors": 2, "held_out_labels": 420, "upper_bound": 0.0192},
                    "reason": "fixed_sequence_test",
                    "set_at": MOMENT,
                }
            ]
        },
    )

    model_id: UUID
    threshold_revision: int
    schema_version: int
    question: str
    label: str | None
    threshold: float | None
    error_budget: float
    confidence_level: float
    evidence: dict[str, Any] | None
    reason: str
    set_at: AwareDatetime


class TestOut(BaseModel):
    """One look at the evidence, passed or not."""

    model_id: UUID
    number: int
    kind: Literal["selection", "audit"]
    labels: int
    content: dict[str, Any]
    tested_at: AwareDatetime


class NoThresholdOut(BaseModel):
    """A question of the active schema of which nothing is accepted, and why."""

    model_config = ConfigDict(
        from_attributes=True,
        **example(question="topic", reason="too_few_labels", detail="91 of 239 held-out labels are there."),
    )

    question: str
    reason: Literal[
        "disabled",
        "no_model",
        "other_schema_version",
        "too_few_labels",
        "records_open",
        "withdrawn",
        "no_threshold_passes",
        "test_is_due",
        "too_few_of_class",
        "class_exceeds_budget",
    ]
    detail: str

    @classmethod
    def of(cls, shown: Sequence[ShownThreshold]) -> list["NoThresholdOut"]:
        """The questions of which no class has a threshold, each with a reason."""
        accepting = {one.question for one in shown if one.threshold is not None}
        reasons: dict[str, NoThreshold] = {}
        for one in shown:
            known = reasons.get(one.question)
            if one.why_none is not None and (known is None or known.reason is WhyNone.TOO_FEW_OF_CLASS):
                reasons[one.question] = one.why_none
        return [
            cls(question=question, reason=why.reason.value, detail=why.detail)
            for question, why in reasons.items()
            if question not in accepting
        ]


class WhyNoThresholdOut(BaseModel):
    """Why nothing is accepted, as one of a closed set and in words."""

    reason: WhyNone
    detail: str


class ClassThresholdOut(BaseModel):
    """What holds for the champion's answers of a class, or for all of a question where `label` is null.

    Either `threshold` or `why_none` is given. `evidence` is what a test found: `tested` labels of answers from the
    threshold up, `errors` of them wrong, and the upper bound of the error at `level`. An expert `checked` labels that agree
    with the model, `check_share` of which chance draws, and found `wrong_agreements` of them wrong. Classes under `tested_with` were
    tested together with this one, because each had too few labels to be tested alone; `class_tested` and `class_errors`
    are its own.
    """

    model_config = example(
        question="topic",
        label="billing",
        threshold=0.93,
        evidence={
            "tested": 310,
            "errors": 2,
            "held_out_labels": 420,
            "upper_bound": 0.0192,
            "level": 0.96,
            "tested_with": ["other"],
            "class_tested": 190,
            "class_errors": 1,
            "class_upper_bound": 0.026,
            "check_share": 1.0,
            "checked": 305,
            "wrong_agreements": 1,
            "not_checked": 0,
        },
        why_none=None,
    )

    question: str
    label: str | None
    threshold: float | None
    evidence: ThresholdEvidence | None
    why_none: WhyNoThresholdOut | None

    @classmethod
    def of(cls, shown: ShownThreshold) -> "ClassThresholdOut":
        why = shown.why_none
        return cls(
            question=shown.question,
            label=shown.label,
            threshold=shown.threshold,
            evidence=shown.evidence,
            why_none=None if why is None else WhyNoThresholdOut(reason=why.reason, detail=why.detail),
        )


class ThresholdsOut(BaseModel):
    """Newest first."""

    thresholds: list[ThresholdOut]
    tests: list[TestOut]
    classes: list[ClassThresholdOut] = Field(default=[], description="What holds now, by question and class.")
    without: list[NoThresholdOut] = Field(
        default=[], description="Questions without a threshold; a record is accepted only where every question has one."
    )


class DriftOut(BaseModel):
    model_config = example(
        drift_id=OTHER_ID,
        subject="annotator",
        subject_id=ANNOTATOR_ID,
        number=1,
        content={
            "statistic": 8.4,
            "baseline_error": 0.08,
            "changed_at": MOMENT,
            "answers_since_change": 27,
            "chart": "slow",
            "gold": {"answers": 22, "wrong": 6, "error_before": 0.08, "log_likelihood_ratio": 2.8},
        },
        detected_at=MOMENT,
    )

    drift_id: UUID
    subject: Literal["annotator", "model"]
    subject_id: UUID
    number: int
    content: dict[str, Any]
    detected_at: AwareDatetime


class SealOut(BaseModel):
    """A signed Merkle root (RFC 9162) over links of the project's chains; seals are chained themselves.

    `signature` (Ed25519) is made over `touchstone-seal/1`, a line feed and the bytes of `hash`. `key_id` names its key:
    see `GET /v1/seal-keys`.
    """

    model_config = example(
        number=1,
        leaves=3,
        root="00" * 32,
        previous="00" * 32,
        hash="11" * 32,
        sealed_at=MOMENT,
        key_id="22" * 32,
        signature="33" * 64,
    )

    number: int
    leaves: int
    root: str
    previous: str
    hash: str
    sealed_at: AwareDatetime
    key_id: str
    signature: str


class SealKeyOut(BaseModel):
    """A public key. `key_id` is the SHA-256 of its 32 bytes, `public_key` those bytes; both hexadecimal."""

    model_config = example(key_id="22" * 32, algorithm="Ed25519", public_key="44" * 32, signs=True)

    key_id: str
    algorithm: Literal["Ed25519"]
    public_key: str
    signs: bool = Field(description="It signs now; the others signed before.")


class SealKeysOut(BaseModel):
    model_config = example(keys=[{"key_id": "22" * 32, "algorithm": "Ed25519", "public_key": "44" * 32, "signs": True}])

    keys: list[SealKeyOut]
