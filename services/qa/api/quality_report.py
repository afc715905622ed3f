"""All that is known of a project's quality, in one answer."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.qa.api.agreement_shapes import AgreementOut
from services.qa.api.edges import project_or_404
from services.qa.api.estimate_shapes import STANDS_FOR, QuestionEstimatesOut
from services.qa.api.estimates import HALF_WIDTH, LEVEL
from services.qa.api.measures import ClassThresholdOut, ConsensusMethodOut, NoThresholdOut
from services.qa.api.quality import Reader
from services.qa.api.shapes import ANNOTATOR_ID, example
from services.qa.domain.project import Project
from services.qa.operations import quality_report
from services.qa.operations.agreement import Agreement
from services.qa.operations.quality_report import AnnotatorsPart, QualityReport
from shared.contracts.values import AssessmentStatus, Probability
from shared.kit.app import SessionDep
from shared.kit.endpoints import edge_router
from shared.kit.problems import responses

router = edge_router("quality")


class LabelledOut(BaseModel):
    """How far the project is. `finished`: the share of records that are labelled or gold."""

    model_config = ConfigDict(from_attributes=True)

    records: dict[str, int]
    labels: dict[str, int]
    finished: Probability | None


class SuspectedOut(BaseModel):
    """An annotator who is warned or paused."""

    model_config = ConfigDict(from_attributes=True)

    annotator_id: UUID
    status: AssessmentStatus
    reason: str | None


class GoldAccuracyOut(BaseModel):
    """How often answers to gold were right, all annotators together, with the exact 95 % interval for independent answers."""

    value: Probability
    low: Probability
    high: Probability
    answers: int


class AnnotatorsOut(BaseModel):
    """How many annotators were assessed with which status; of those not active, the newest hundred."""

    by_status: dict[str, int]
    gold_accuracy: GoldAccuracyOut | None
    suspected: list[SuspectedOut]

    @classmethod
    def of(cls, part: AnnotatorsPart) -> "AnnotatorsOut":
        interval = part.gold_interval
        accuracy = None
        if interval is not None:
            accuracy = GoldAccuracyOut(
                value=part.gold_hits / part.gold_answers,
                low=interval.low,
                high=interval.high,
                answers=part.gold_answers,
            )
        return cls(
            by_status=part.by_status,
            gold_accuracy=accuracy,
            suspected=[SuspectedOut.model_validate(one) for one in part.suspected],
        )


class AutoAcceptOut(BaseModel):
    """What may be accepted without a person: of this, at most `error_budget` is wrong, as shown at `confidence_level`."""

    enabled: bool
    error_budget: float
    confidence_level: float
    classes: list[ClassThresholdOut]
    without: list[NoThresholdOut]


class ArbitrationOut(BaseModel):
    """Disputes there ever were, and that wait: `open` for an arbiter who is there, `unservable` for one who is not.

    `share`: how many of people's labels that stand an arbiter `decided`.
    """

    model_config = ConfigDict(from_attributes=True)

    disputes: int
    open: int
    unservable: int
    decided: int
    share: Probability | None


class EstimatedOut(BaseModel):
    """What the records hold, with intervals that hold with probability `level`; see `GET …/estimates`."""

    level: float
    half_width: float
    stands_for: str
    items: list[QuestionEstimatesOut]


class QualityOut(BaseModel):
    """Each part says what is known, how surely, and from how much evidence. A part is empty where nothing is known."""

    model_config = example(
        labelled={
            "records": {"open": 4, "finalized": 180},
            "labels": {"consensus": 120, "auto_accept": 60},
            "finished": 0.98,
        },
        agreement=[],
        consensus=[],
        annotators={
            "by_status": {"active": 5, "warned": 0, "paused": 1},
            "gold_accuracy": {"value": 0.94, "low": 0.9, "high": 0.97, "answers": 212},
            "suspected": [{"annotator_id": ANNOTATOR_ID, "status": "paused", "reason": "spam_on_gold"}],
        },
        auto_accept={"enabled": True, "error_budget": 0.02, "confidence_level": 0.95, "classes": [], "without": []},
        arbitration={"disputes": 8, "open": 1, "unservable": 0, "decided": 7, "share": 0.06},
        estimates={"level": LEVEL, "half_width": HALF_WIDTH, "stands_for": STANDS_FOR, "items": []},
    )

    labelled: LabelledOut
    agreement: list[AgreementOut] = Field(description="How far annotators agree, by question; see `GET …/agreement`.")
    consensus: list[ConsensusMethodOut] = Field(description="How votes are weighed; see `GET …/consensus-methods`.")
    annotators: AnnotatorsOut
    auto_accept: AutoAcceptOut
    arbitration: ArbitrationOut
    estimates: EstimatedOut

    @classmethod
    def of(cls, project: Project, found: QualityReport) -> "QualityOut":
        policy = project.policies.auto_accept
        return cls(
            labelled=LabelledOut.model_validate(found.labels),
            agreement=[AgreementOut(**_agreement(one)) for one in found.agreement],
            consensus=[ConsensusMethodOut.of(one) for one in found.consensus],
            annotators=AnnotatorsOut.of(found.annotators),
            auto_accept=AutoAcceptOut(
                enabled=policy.enabled,
                error_budget=policy.error_budget,
                confidence_level=policy.confidence_level,
                classes=[ClassThresholdOut.of(one) for one in found.thresholds],
                without=NoThresholdOut.of(found.thresholds),
            ),
            arbitration=ArbitrationOut.model_validate(found.arbitration),
            estimates=EstimatedOut(
                level=LEVEL,
                half_width=HALF_WIDTH,
                stands_for=STANDS_FOR,
                items=[QuestionEstimatesOut.of(one, LEVEL, HALF_WIDTH) for one in found.estimates],
            ),
        )


def _agreement(one: Agreement) -> dict[str, Any]:
    """Without the pairs of annotators, which are a list of their own."""
    return {
        "question": one.question,
        "kind": one.kind,
        "schema_version": one.schema_version,
        "measured_at": one.measured_at,
        "current": one.current,
        **one.content,
        "cohen_kappa": [],
    }


@router.get("/projects/{project_id}/quality", responses=responses(404), summary="Read all that is known of the quality")
async def read_quality(session: SessionDep, _reader: Reader, project_id: UUID) -> QualityOut:
    """In one answer: how far the project is, how far annotators agree, how votes are weighed, who is suspected, what may be
    accepted on what evidence, how often arbiters decide, and what the records hold. Read from what was computed before.
    """
    project = await project_or_404(session, project_id)
    return QualityOut.of(project, await quality_report.of_project(session, project))
