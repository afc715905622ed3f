"""All that is known of a project's quality, part by part: each is what its own endpoint reads, or a few counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.qa.domain.assessment import Interval, clopper_pearson
from services.qa.domain.project import Project
from services.qa.operations import agreement, consensus_methods, population_estimates
from services.qa.operations.agreement import Agreement
from services.qa.operations.consensus_methods import ChosenMethod
from services.qa.operations.population_estimates import QuestionEstimates
from services.qa.operations.threshold_views import ShownThreshold, shown_thresholds
from services.qa.storage import counters, quality_counts
from services.qa.storage.quality_counts import SuspectedAnnotator
from shared.contracts.values import AssessmentStatus, LabelMethod, RecordState
from shared.kit.database import Session

MOST_SUSPECTED: Final = 100


@dataclass(frozen=True, slots=True)
class LabelsPart:
    """How many records are in each state, and how many labels stand by each method."""

    records: dict[str, int]
    labels: dict[str, int]

    @property
    def finished(self) -> float | None:
        """The share of records that are labelled or gold, of all that are not erased."""
        there = sum(count for state, count in self.records.items() if state != RecordState.ERASED)
        done = self.records[RecordState.FINALIZED] + self.records[RecordState.GOLD]
        return done / there if there else None


@dataclass(frozen=True, slots=True)
class AnnotatorsPart:
    """`gold_interval`: of the accuracy on gold of all together, by the binomial test: it takes answers for independent."""

    by_status: dict[str, int]
    gold_answers: int
    gold_hits: int
    gold_interval: Interval | None
    suspected: Sequence[SuspectedAnnotator]


@dataclass(frozen=True, slots=True)
class ArbitrationPart:
    """`open`: an arbiter is asked; `unservable`: nobody may decide. `decided`: labels that stand and are an arbiter's."""

    disputes: int
    open: int
    unservable: int
    decided: int
    by_people: int

    @property
    def share(self) -> float | None:
        """The share of people's labels that an arbiter decided."""
        return self.decided / self.by_people if self.by_people else None


@dataclass(frozen=True, slots=True)
class QualityReport:
    """The parts. What needs an active schema is empty without one."""

    labels: LabelsPart
    agreement: Sequence[Agreement]
    consensus: Sequence[ChosenMethod]
    annotators: AnnotatorsPart
    thresholds: Sequence[ShownThreshold]
    arbitration: ArbitrationPart
    estimates: Sequence[QuestionEstimates]


async def of_project(session: Session, project: Project) -> QualityReport:
    counted = await counters.read(session, project.project_id)
    has_schema = project.content.active_schema is not None
    return QualityReport(
        labels=_labels(counted),
        agreement=await agreement.of_project(session, project, None, None) if has_schema else [],
        consensus=await consensus_methods.of_project(session, project, None) if has_schema else [],
        annotators=await _annotators(session, project),
        thresholds=await shown_thresholds(session, project),
        arbitration=await _arbitration(session, project, counted),
        estimates=await population_estimates.of_project(session, project) if has_schema else [],
    )


def _labels(counted: dict[str, int]) -> LabelsPart:
    return LabelsPart(
        {state.value: counted.get(f"records.{state}", 0) for state in RecordState},
        {method.value: counted.get(f"labels.{method}", 0) for method in LabelMethod},
    )


async def _annotators(session: Session, project: Project) -> AnnotatorsPart:
    found = await quality_counts.annotators(session, project.project_id)
    answers, hits = sum(one.gold_answers for one in found), sum(one.gold_hits for one in found)
    by_status = {status.value: 0 for status in AssessmentStatus} | {one.status: one.annotators for one in found}
    return AnnotatorsPart(
        by_status,
        answers,
        hits,
        clopper_pearson(hits, answers) if answers else None,
        await quality_counts.suspected(session, project.project_id, MOST_SUSPECTED),
    )


async def _arbitration(session: Session, project: Project, counted: dict[str, int]) -> ArbitrationPart:
    waiting = await quality_counts.waiting_disputes(session, project.project_id)
    decided = counted.get(f"labels.{LabelMethod.DECISION}", 0)
    return ArbitrationPart(
        counted.get("disputes", 0),
        waiting.get("open", 0),
        waiting.get("unservable", 0),
        decided,
        decided + counted.get(f"labels.{LabelMethod.CONSENSUS}", 0),
    )
