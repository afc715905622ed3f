"""What is shown of thresholds: of each class of each question, the evidence, or why there is none."""

from dataclasses import dataclass

from services.qa.domain import auto_accept, class_thresholds
from services.qa.domain.auto_accept import EvidenceProgress, NoThreshold
from services.qa.domain.class_thresholds import ClassOutcome
from services.qa.domain.project import Project
from services.qa.operations.current_thresholds import SELECTION, CurrentThresholds, classes_of, most_evidence
from services.qa.storage import annotators, predictions, thresholds
from services.qa.storage.predictions import Model
from services.qa.storage.thresholds import ModelThreshold
from shared.contracts.events import ThresholdEvidence
from shared.kit.database import Session


@dataclass(frozen=True, slots=True)
class ShownThreshold:
    """What holds for a class of a question, None: for all of them. Either `threshold` or `why_none` is given.

    `evidence` is there once the class was looked at.
    """

    question: str
    label: str | None
    threshold: float | None
    evidence: ThresholdEvidence | None
    why_none: NoThreshold | None


async def shown_thresholds(session: Session, project: Project) -> list[ShownThreshold]:
    """Return what holds for each class of each question of the active schema."""
    version = project.content.active_schema
    schema = None if version is None else project.schema(version)
    if schema is None:
        return []
    policy = project.policies.auto_accept
    champion = await predictions.champion(session, project.project_id)
    same_schema = champion is not None and champion.schema_version == version
    current = CurrentThresholds([] if champion is None else await thresholds.current(session, champion.model_id))
    progress, level = EvidenceProgress(0, 0, None), policy.confidence_level
    if champion is not None and same_schema and policy.enabled:
        progress = await _progress(session, project, champion)
        looks = await thresholds.looks(session, project.project_id, champion.question, SELECTION)
        level = auto_accept.level_of_look(looks.made + 1, policy.confidence_level, returned=looks.returned)
    found: list[ShownThreshold] = []
    for question in schema.questions:
        answered = champion is not None and champion.question == question.name
        if champion is not None and answered and same_schema and policy.enabled and current.rows:
            found += _of_classes(project, champion, current, progress)
            continue
        why = auto_accept.why_none(
            enabled=policy.enabled,
            model_question=None if champion is None else champion.question,
            question=question.name,
            same_schema=same_schema,
            progress=progress,
            error_budget=policy.error_budget,
            level=level,
        )
        found.append(ShownThreshold(question.name, None, None, None, why))
    return found


def _of_classes(
    project: Project, champion: Model, current: CurrentThresholds, progress: EvidenceProgress
) -> list[ShownThreshold]:
    needed = class_thresholds.FEWEST_OF_CLASS
    found = []
    for label in classes_of(project, champion):
        row = current.of(label)
        evidence = None if row is None else _evidence(row)
        given = 0 if evidence is None else evidence.class_tested or 0
        why = None
        if row is None or row.threshold is None:
            outcome = ClassOutcome.TOO_FEW if row is None else row.reason
            why = auto_accept.why_none_of_class(label, outcome, given, progress, needed=needed)
        found.append(ShownThreshold(champion.question, label, None if row is None else row.threshold, evidence, why))
    return found


def _evidence(row: ModelThreshold) -> ThresholdEvidence | None:
    return None if row.evidence is None else ThresholdEvidence.model_validate(row.evidence)


async def _progress(session: Session, project: Project, champion: Model) -> EvidenceProgress:
    most = most_evidence(project)
    labelled = await thresholds.labelled(session, project.project_id, champion, most)
    there_are = await thresholds.held_out(session, project.project_id, most)
    last = await thresholds.last_test(session, champion.model_id, SELECTION)
    checkable = project.policies.auto_accept.check_share == 0.0 or await annotators.any_expert(
        session, project.project_id
    )
    tested_before = None if last is None else last["labels"]
    return EvidenceProgress(labelled, max(there_are - labelled, 0), tested_before, checkable)
