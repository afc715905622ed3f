"""The estimation loop: who answers how well, and what follows for them.

The newest votes of a project and schema version are estimated together, in a worker process, each question by the method
that the votes speak for (`domain.method_choice`); the estimates are stored for the records that finish before the next
time. Then each annotator is assessed: gold hits, spam, drift. Older votes than the window's say nothing of how somebody
answers now.

One estimation takes time and memory in proportion to the window (`estimation_annotations`), each step to votes times
classes, and nothing in proportion to the history; how often it is done, see `domain.estimation_schedule`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.qa.compute.estimation import AnnotatorFinding, EstimationResult, estimate, is_small
from services.qa.domain import kinds
from services.qa.domain.stored_estimates import StoredEstimates
from services.qa.operations.assessment_details import drift_evidence, evidence_of
from services.qa.operations.estimation_window import load_window
from services.qa.storage import annotations, annotators, counters, estimates, projects
from services.qa.storage.annotators import Era, StoredAssessment
from services.qa.storage.counters import BackgroundWork, Mark
from services.qa.storage.estimates import SchemaKey
from shared.contracts.answers import LabelSchema
from shared.contracts.events import AnnotatorAssessed, DriftDetected
from shared.contracts.values import AssessmentStatus
from shared.kit import outbox
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Database, Session
from shared.kit.outbox import Outgoing

DRIFT = "drift"
"""The reason of `assess` when the error rate rose."""

_TIMEOUT_S = 300.0
_MEMORY_MB = 2_048
_UNIX_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
_ANNOTATORS_AT_ONCE = 200
_ACCURACY_STEP = 0.05
_ANSWERS_FACTOR = 1.5
"""Published again when the accuracy moved by so much, or so many times the answers are in; a change of status at once."""


@dataclass(slots=True)
class LastEstimation:
    """What the last estimation of a project read: so many votes, and when each schema version was answered last.

    `decided_by`: by schema version and question, what held for everybody when open records were decided again last.
    """

    votes: int = 0
    answered: Mapping[int, datetime] = field(default_factory=dict)
    decided_by: Mapping[int, Mapping[str, StoredEstimates]] = field(default_factory=dict)


async def estimate_project(
    database: Database,
    compute: ComputePool,
    project_id: UUID,
    most_votes: int,
    now: datetime,
    before: LastEstimation | None = None,
) -> LastEstimation:
    """Estimate and assess everybody in a project. Loading, computing and saving are three steps; only I/O holds locks.

    The newest schema version that anybody answered is estimated and its annotators are assessed; an older one only when
    it was answered since `before`.
    """
    before = before or LastEstimation()
    async with database.transaction() as session:
        project = await projects.load(session, project_id)
        if project is None:
            return before
        answered = await annotations.newest(session, project_id, list(project.label_schemas))
    votes = 0
    decided_by = dict(before.decided_by)
    for version in sorted(answered):
        is_newest = version == max(answered)
        if not is_newest and before.answered.get(version) == answered[version]:
            continue
        window = await load_window(database, project_id, version, project.label_schemas[version], most_votes)
        if is_small(window):
            result = estimate(window)
        else:
            result = await compute.run(
                estimate, window, project_id=project_id, timeout_s=_TIMEOUT_S, memory_mb=_MEMORY_MB
            )
        async with database.transaction() as session:
            key = SchemaKey(project_id, version)
            known = decided_by.get(version) or await _heads(session, key)
            await estimates.save(session, key, result.estimates, votes=result.votes, now=now)
            if _moved(project.label_schemas[version], known, result.estimates):
                await counters.add(session, {}, {Mark(project_id, BackgroundWork.REDECISION): 1})
                known = {name: StoredEstimates(one.shared, {}) for name, one in result.estimates.items()}
            decided_by[version] = known
        votes = result.votes
        if is_newest:
            await _judge_all(database, project_id, result, now)
    return LastEstimation(votes, answered, decided_by)


async def _heads(session: Session, key: SchemaKey) -> dict[str, StoredEstimates]:
    return {question: head.estimates for question, head in (await estimates.of_schema(session, key)).items()}


def _moved(schema: LabelSchema, before: Mapping[str, StoredEstimates], after: Mapping[str, StoredEstimates]) -> bool:
    """Whether open records are worth another look."""
    return any(
        kinds.of(question).moved(before.get(question.name), after[question.name])
        for question in schema.questions
        if question.name in after
    )


async def _judge_all(database: Database, project_id: UUID, result: EstimationResult, now: datetime) -> None:
    """Assess everybody, some hundred in a transaction; who answered nothing new and stands as before is passed over."""
    async with database.transaction() as session:
        known = await annotators.assessments(session, project_id)
    changed = [
        annotator_id
        for annotator_id, judged in sorted(result.findings.items())
        if (before := known.get(annotator_id)) is None or not _stands(before, judged)
    ]
    for start in range(0, len(changed), _ANNOTATORS_AT_ONCE):
        some = {annotator_id: result.findings[annotator_id] for annotator_id in changed[start:][:_ANNOTATORS_AT_ONCE]}
        async with database.transaction() as session:
            await _judge(session, project_id, some, now)


def _stands(before: StoredAssessment, judged: AnnotatorFinding) -> bool:
    now = judged.assessment
    return before.status is AssessmentStatus.PAUSED or (
        (before.status, before.reason, before.accuracy, before.gold_answers, before.answers, before.era)
        == (now.status, now.reason, now.accuracy, now.gold_answers, now.answers, judged.era)
    )


async def _judge(session: Session, project_id: UUID, judged: Mapping[UUID, AnnotatorFinding], now: datetime) -> None:
    """Keep what was found of annotators, and publish it where the status changed or much more is known.

    Who is paused stays so until reinstated.
    """
    locked = await annotators.lock_assessments(session, project_id, judged)
    kept: list[StoredAssessment] = []
    published: list[StoredAssessment] = []
    alarms: list[tuple[Era, DriftDetected]] = []
    for annotator_id, found in judged.items():
        before = locked.get(annotator_id)
        era = 0 if before is None else before.era
        if found.era < era or (before is not None and before.status is AssessmentStatus.PAUSED):
            continue  # the first was computed before the alarm that began the present era
        changed_at = _moment(found.changed_us)
        if found.assessment.reason == DRIFT and changed_at is not None:
            era += 1
            alarms.append((Era(annotator_id, era, changed_at), _drift(annotator_id, found, changed_at)))
        stored = _stored(project_id, annotator_id, before, found, era, now)
        (published if _is_worth_publishing(before, stored) else kept).append(stored)
    if kept:
        await annotators.save_assessments(session, kept)
    if alarms:
        await annotators.begin_eras(session, project_id, [era for era, _ in alarms])
        drifts = [drift for _, drift in alarms]
        numbers = await annotators.add_drifts(session, project_id, drifts, now)
        await outbox.publish_many(
            session,
            [Outgoing(payload=one, project_id=project_id, revision=numbers[one.subject_id]) for one in drifts],
        )
    if published:
        await publish_assessments(session, published)
    paused = [one.annotator_id for one in published if one.status is AssessmentStatus.PAUSED]
    await counters.add(session, {}, {Mark(project_id, BackgroundWork.REPLACEMENT, one): 1 for one in paused})


def _stored(
    project_id: UUID,
    annotator_id: UUID,
    before: StoredAssessment | None,
    found: AnnotatorFinding,
    era: int,
    now: datetime,
) -> StoredAssessment:
    assessment = found.assessment
    return StoredAssessment(
        project_id=project_id,
        annotator_id=annotator_id,
        assessment_revision=0 if before is None else before.assessment_revision,
        status=assessment.status,
        reason=assessment.reason,
        accuracy=assessment.accuracy,
        interval_low=assessment.interval.low,
        interval_high=assessment.interval.high,
        gold_answers=assessment.gold_answers,
        answers=assessment.answers,
        era=era,
        changed_at=_moment(found.changed_us),
        details=_details(before, found),
        assessed_at=now,
    )


def _details(before: StoredAssessment | None, found: AnnotatorFinding) -> dict[str, Any]:
    published = {} if before is None else _published_of(before)
    return {**evidence_of(found), **published}


_PUBLISHED = {"published_accuracy": "told_accuracy", "published_answers": "told_answers"}
"""What was published last, in `details`, each with its name in rows of earlier releases."""


def _published_of(stored: StoredAssessment) -> dict[str, Any]:
    details = stored.details
    found = {name: name if name in details else former for name, former in _PUBLISHED.items()}
    return {name: details[key] for name, key in found.items() if key in details}


def shown_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """What readers of an assessment see of its details: not what only says when it is published again."""
    hidden = {*_PUBLISHED, *_PUBLISHED.values()}
    return {name: value for name, value in details.items() if name not in hidden}


def _is_worth_publishing(before: StoredAssessment | None, now: StoredAssessment) -> bool:
    if before is None or before.assessment_revision == 0 or before.status is not now.status:
        return True
    published = _published_of(before)
    accuracy, answers = published.get("published_accuracy") or 0.0, published.get("published_answers") or 0
    if now.accuracy is not None and abs(now.accuracy - accuracy) >= _ACCURACY_STEP:
        return True
    return now.answers >= _ANSWERS_FACTOR * max(answers, 1)


async def publish_assessments(session: Session, stored: Sequence[StoredAssessment]) -> list[StoredAssessment]:
    """Save assessments as their next revisions and publish them."""
    published = [
        replace(
            one,
            assessment_revision=one.assessment_revision + 1,
            details={**one.details, "published_accuracy": one.accuracy, "published_answers": one.answers},
        )
        for one in stored
    ]
    await annotators.save_assessments(session, published)
    payloads = [assessed(one) for one in published]
    await annotators.log_assessments(session, list(zip(published, payloads, strict=True)))
    await outbox.publish_many(
        session,
        [
            Outgoing(payload=payload, project_id=one.project_id, revision=one.assessment_revision)
            for one, payload in zip(published, payloads, strict=True)
        ],
    )
    return published


def assessed(stored: StoredAssessment) -> AnnotatorAssessed:
    """The event that publishes an assessment."""
    return AnnotatorAssessed(
        annotator_id=stored.annotator_id,
        assessment_revision=stored.assessment_revision,
        status=stored.status,
        accuracy=stored.accuracy,
        interval_low=stored.interval_low,
        interval_high=stored.interval_high,
        gold_answers=stored.gold_answers,
        answers=stored.answers,
        reason=stored.reason,
    )


def _moment(unix_us: int | None) -> datetime | None:
    return None if unix_us is None else _UNIX_BEGAN + timedelta(microseconds=unix_us)


def _drift(annotator_id: UUID, found: AnnotatorFinding, changed_at: datetime) -> DriftDetected:
    """The error rate rose: answers since the change count as a new annotator's."""
    return DriftDetected(
        subject="annotator",
        subject_id=annotator_id,
        statistic=found.drift.statistic,
        baseline_error=found.drift.baseline_error,
        changed_at=changed_at,
        answers_since_change=found.since_change,
        chart=found.drift.chart,
        gold=drift_evidence(found.drift.gold),
        consensus=drift_evidence(found.drift.consensus),
    )
