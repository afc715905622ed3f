"""The estimation loop: who answers how well, and what follows for them.

The newest votes of a project and schema version are estimated together (hierarchical Dawid-Skene, in a thread); the
estimates are stored for the records that finish before the next time. Then each annotator is assessed: gold hits, spam,
drift. Older votes than the window's say nothing of how somebody answers now.

One estimation takes time and memory in proportion to the window (`estimation_annotations`), each EM step to votes times
classes, and nothing in proportion to the history; how often it is done, see `domain.schedule`.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.domain import kinds
from services.qa.domain.assessment import Assessment, assess
from services.qa.domain.drift import Drift, follow
from services.qa.domain.kinds import QuestionEstimates
from services.qa.domain.project import Project
from services.qa.domain.records import hits
from services.qa.domain.voting import ItemVotes, Outcome, Vote, voter
from services.qa.operations.estimates import take_apart
from services.qa.operations.material import Given, Material, Rows, parse_material, read_material
from services.qa.storage import annotations, annotators, counters, projects
from services.qa.storage.annotators import Stored
from shared.contracts.events import AnnotatorAssessed, DriftDetected
from shared.contracts.values import AssessmentStatus
from shared.kit import outbox
from shared.kit.database import Database, Session

REPLACEMENTS = "replacements"
"""The kind of background work: somebody was paused, their votes on open records are replaced."""

DRIFT = "drift"
"""The reason of `assess` when the error rate rose."""

_ACCURACY_STEP = 0.05
_ANSWERS_FACTOR = 1.5
"""Published again when the accuracy moved by so much, or so many times the answers are in; a change of status at once."""


@dataclass(slots=True)
class Finding:
    """What is known of one annotator in the present era, before the verdict."""

    era: int
    answers: int = 0
    gold_answers: int = 0
    gold_hits: int = 0
    diagonals: list[tuple[float, int]] = field(default_factory=list)
    outcomes: list[tuple[datetime, UUID, Outcome]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one estimation concluded about one annotator."""

    era: int
    assessment: Assessment
    drift: Drift
    changed_at: datetime | None
    since_change: int
    diagonal: float


@dataclass(frozen=True, slots=True)
class Result:
    estimates: Mapping[str, QuestionEstimates]
    votes: int
    judged: Mapping[UUID, Judged]


@dataclass(slots=True)
class Estimated:
    """What the last estimation of a project read: so many votes, and when each schema version was answered last."""

    votes: int = 0
    answered: Mapping[int, datetime] = field(default_factory=dict)


async def estimate_project(
    database: Database, project_id: UUID, most_votes: int, now: datetime, before: Estimated | None = None
) -> Estimated:
    """Estimate and assess everybody in a project. Reading, computing and saving are three steps; only I/O holds locks.

    The newest schema version that anybody answered is estimated and its annotators are assessed; an older one only when
    it was answered since `before`.
    """
    before = before or Estimated()
    async with database.transaction() as session:
        project = await projects.load(session, project_id)
        if project is None:
            return before
        versions = [one.version for one in project.content.schemas]
        answered = await annotations.newest(session, project_id, versions)
    votes = 0
    for version in sorted(answered):
        is_newest = version == max(answered)
        if not is_newest and before.answered.get(version) == answered[version]:
            continue
        async with database.transaction() as session:
            rows = await read_material(session, project_id, version, most_votes)
        result = await asyncio.to_thread(_estimate, project, version, rows)
        async with database.transaction() as session:
            await _save_estimates(session, project_id, version, result, now)
        votes = result.votes
        if is_newest:
            await _judge_all(database, project_id, result, now)
    return Estimated(votes, answered)


def _estimate(project: Project, version: int, rows: Rows) -> Result:
    return compute(parse_material(project, version, rows))


def compute(material: Material) -> Result:
    """Estimate every question, then find what it says of each annotator. CPU work, no I/O: run it in a thread."""
    findings: dict[UUID, Finding] = {}
    for one in material.given:
        found = findings.get(one.annotator_id)
        if found is None or one.era > found.era:
            findings[one.annotator_id] = found = Finding(one.era)
        if one.era == found.era:
            found.answers += 1
            _score_on_gold(material, one, found)
    estimates: dict[str, QuestionEstimates] = {}
    for question in material.schema.questions:
        kind = kinds.of(question)
        items, givers = _items(material, question.name)
        estimated = kind.estimate(items)
        estimates[question.name] = estimated
        for outcomes, of_item in zip(kind.outcomes(items, estimated), givers, strict=True):
            for outcome, one in zip(outcomes, of_item, strict=True):
                found = findings[one.annotator_id]
                if one.era == found.era and one.closed:
                    found.outcomes.append((one.submitted_at, one.annotation_id, outcome))
        for annotator_id, found in findings.items():
            name = voter(annotator_id, found.era)
            found.diagonals.extend((one.diagonal(name), one.answered(name)) for one in estimated.values())
    pool_error = _pool_error(findings.values())
    judged = {
        annotator_id: _verdict(found, pool_error, followed=annotator_id not in material.experts)
        for annotator_id, found in findings.items()
    }
    return Result(estimates=estimates, votes=len(material.given), judged=judged)


def _score_on_gold(material: Material, one: Given, found: Finding) -> None:
    truth = material.truths.get(one.record_id)
    if one.role != "gold" or truth is None or not truth[1]:
        return
    found.gold_answers += 1
    found.gold_hits += all(hits(material.schema, one.answers, truth[0]).values())


def _items(material: Material, question: str) -> tuple[list[ItemVotes], list[list[Given]]]:
    """A question's votes by record, in the order of submission, and who gave each."""
    of_record: dict[UUID, list[Given]] = {}
    for one in material.given:
        if question in one.answers:
            of_record.setdefault(one.record_id, []).append(one)
    items = []
    for record_id, givers in of_record.items():
        truth, _ = material.truths.get(record_id, ({}, False))
        prior = None if givers[0].by_people_alone else material.priors.get(record_id, {}).get(question)
        votes = [Vote(voter(one.annotator_id, one.era), one.answers[question]) for one in givers]
        items.append(ItemVotes(votes=votes, truth=truth.get(question), prior=prior))
    return items, list(of_record.values())


def _pool_error(findings: Iterable[Finding]) -> float:
    """The mean error rate of all outcomes, each by its worth as evidence."""
    wrong = total = 0.0
    for found in findings:
        for _, _, outcome in found.outcomes:
            wrong += outcome.weight * (1.0 - outcome.right)
            total += outcome.weight
    return wrong / total if total else 0.0


def _verdict(found: Finding, pool_error: float, *, followed: bool) -> Judged:
    """The verdict on one annotator; the drift of experts is not followed, for nobody speaks beside them."""
    answered = sum(answers for _, answers in found.diagonals)
    diagonal = sum(one * answers for one, answers in found.diagonals) / answered if answered else 1.0
    outcomes = sorted(found.outcomes, key=lambda one: one[:2])
    drift = follow([outcome for _, _, outcome in outcomes], pool_error)
    changed = drift.changed_at
    return Judged(
        era=found.era,
        assessment=assess(
            gold_hits=found.gold_hits,
            gold_answers=found.gold_answers,
            diagonal=diagonal,
            answers=found.answers,
            drift=drift if followed else None,
        ),
        drift=drift,
        changed_at=outcomes[changed][0] if changed is not None and changed < len(outcomes) else None,
        since_change=0 if changed is None else len(outcomes) - changed,
        diagonal=diagonal,
    )


async def _save_estimates(
    session: Session, project_id: UUID, schema_version: int, result: Result, now: datetime
) -> None:
    for question, estimated in result.estimates.items():
        shared, voters = take_apart(estimated)
        await annotators.save_estimates(
            session,
            project_id,
            schema_version,
            question,
            shared=shared,
            voters=voters,
            votes=result.votes,
            now=now,
        )


async def _judge_all(database: Database, project_id: UUID, result: Result, now: datetime) -> None:
    """Each verdict in a transaction of its own; who answered nothing new and stands as before is passed over."""
    async with database.transaction() as session:
        known = await annotators.assessments(session, project_id)
    for annotator_id, judged in sorted(result.judged.items()):
        before = known.get(annotator_id)
        if before is not None and _stands(before, judged):
            continue
        async with database.transaction() as session:
            await _judge(session, project_id, annotator_id, judged, now)


def _stands(before: Stored, judged: Judged) -> bool:
    now = judged.assessment
    return before.status is AssessmentStatus.PAUSED or (
        (before.status, before.reason, before.accuracy, before.gold_answers, before.answers, before.era)
        == (now.status, now.reason, now.accuracy, now.gold_answers, now.answers, judged.era)
    )


async def _judge(session: Session, project_id: UUID, annotator_id: UUID, judged: Judged, now: datetime) -> None:
    """Keep the verdict; tell it when the status changed or much more is known. Who is paused stays so until reinstated."""
    before = await annotators.lock_assessment(session, project_id, annotator_id)
    era = 0 if before is None else before.era
    if judged.era < era:
        return  # computed before the alarm that began the present era
    if before is not None and before.status is AssessmentStatus.PAUSED:
        return
    assessment = judged.assessment
    if assessment.reason == DRIFT and judged.changed_at is not None:
        era += 1
        await _alarm(session, project_id, annotator_id, judged, era, now)
    stored = Stored(
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
        changed_at=judged.changed_at,
        details=_details(before, judged),
        assessed_at=now,
    )
    if not _worth_telling(before, stored):
        await annotators.save_assessment(session, stored)
        return
    await publish_assessment(session, stored)
    if stored.status is AssessmentStatus.PAUSED:
        await counters.mark(session, project_id, REPLACEMENTS, annotator_id)


def _details(before: Stored | None, judged: Judged) -> dict[str, Any]:
    told = {} if before is None else {name: before.details[name] for name in _TOLD if name in before.details}
    return {
        "diagonal": round(judged.diagonal, 6),
        "drift_statistic": round(judged.drift.statistic, 6),
        "baseline_error": round(judged.drift.baseline_error, 6),
        **told,
    }


_TOLD = ("told_accuracy", "told_answers")


def _worth_telling(before: Stored | None, now: Stored) -> bool:
    if before is None or before.assessment_revision == 0 or before.status is not now.status:
        return True
    told_accuracy, told_answers = before.details.get("told_accuracy"), before.details.get("told_answers") or 0
    if now.accuracy is not None and abs(now.accuracy - (told_accuracy or 0.0)) >= _ACCURACY_STEP:
        return True
    return now.answers >= _ANSWERS_FACTOR * max(told_answers, 1)


async def publish_assessment(session: Session, stored: Stored) -> Stored:
    """Save an assessment as the next revision and tell it."""
    details = {**stored.details, "told_accuracy": stored.accuracy, "told_answers": stored.answers}
    told = Stored(
        project_id=stored.project_id,
        annotator_id=stored.annotator_id,
        assessment_revision=stored.assessment_revision + 1,
        status=stored.status,
        reason=stored.reason,
        accuracy=stored.accuracy,
        interval_low=stored.interval_low,
        interval_high=stored.interval_high,
        gold_answers=stored.gold_answers,
        answers=stored.answers,
        era=stored.era,
        changed_at=stored.changed_at,
        details=details,
        assessed_at=stored.assessed_at,
    )
    await annotators.save_assessment(session, told)
    payload = assessed(told)
    await annotators.log_assessment(session, told.project_id, payload, told.assessed_at)
    await outbox.publish(session, payload, project_id=told.project_id, revision=told.assessment_revision)
    return told


def assessed(stored: Stored) -> AnnotatorAssessed:
    """The event that tells an assessment."""
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


async def _alarm(
    session: Session, project_id: UUID, annotator_id: UUID, judged: Judged, era: int, now: datetime
) -> None:
    """The error rate rose: answers since the change count as a new annotator's."""
    assert judged.changed_at is not None
    await annotators.begin_era(session, project_id, annotator_id, era, judged.changed_at)
    payload = DriftDetected(
        subject="annotator",
        subject_id=annotator_id,
        statistic=judged.drift.statistic,
        baseline_error=judged.drift.baseline_error,
        changed_at=judged.changed_at,
        answers_since_change=judged.since_change,
    )
    number = await annotators.add_drift(session, project_id, payload, now)
    await outbox.publish(session, payload, project_id=project_id, revision=number)
