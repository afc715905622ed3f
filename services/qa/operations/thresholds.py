"""Auto-accept only on evidence: thresholds are set, and withdrawn, by tests on blind human labels.

A model version is tested when its held-out labels are all there, and again only when they have grown much: each look
spends a share of the risk (`domain.auto_accept.level_of_look`). A threshold that stands is held against the audits.

Before a look an expert relabels, blind and once a record, the held-out records on which the model differs from people
where it is sure: people's own slips would else eat the error budget that the model is held to. They are asked when the look
is near and not when it is due, so that nobody labels meanwhile what the model would have been trusted with.

A round reads the newest evidence, at most `_MOST_EVIDENCE` labels or as many as a look may need, however many there are.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import ceil
from uuid import UUID

from services.qa.compute.comparison import agree
from services.qa.domain import auto_accept, decisions
from services.qa.domain.auto_accept import Audited, EvidenceProgress
from services.qa.domain.project import Project
from services.qa.domain.verdict import ReviewByPeople
from services.qa.operations.changes import RecordChanges
from services.qa.storage import predictions, projects, records, thresholds
from services.qa.storage.predictions import Model
from services.qa.storage.thresholds import BlindLabel, ModelThreshold
from shared.contracts.events import AutoAcceptThresholdSet, ThresholdEvidence
from shared.contracts.values import LabelMethod, RecordState
from shared.kit import outbox
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Database, Session

SELECTION = "selection"
AUDIT = "audit"
CHAMPION_DIFFERS = "champion_differs"
NOTHING_PASSES = "no_threshold_passes"
"""The reason of a threshold that was looked for in vain."""

_RECORDS_AT_ONCE = 500
_SMALL_BYTES = 65_536
"""Of answers in JSON; to compare these takes less than to hand them to a worker process: a thousand choices."""
_MOST_EVIDENCE = 20_000
"""So many labels show a budget of .1 % with an interval of .04 points."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A blind label beside the model's answer; `right`: they agree."""

    seen: BlindLabel
    right: bool


async def consider(database: Database, compute: ComputePool, project_id: UUID, now: datetime) -> None:
    """Test what is due for the project's champion and publish what follows, or ask experts first.

    Loading, comparing and testing are three steps; what is tested is dropped if the champion has changed meanwhile.
    """
    async with database.transaction() as session:
        project = await projects.load(session, project_id)
        champion = await predictions.champion(session, project_id)
        schema = None if project is None or champion is None else project.schema(champion.schema_version)
        if project is None or champion is None or schema is None:
            return
        newest: Sequence[BlindLabel] = ()
        if project.policies.auto_accept.enabled:
            newest = await thresholds.evidence(
                session, project_id, champion.model_id, champion.schema_version, _most_evidence(project)
            )
    pairs = [(one.prediction, one.label) for one in newest]
    if sum(len(prediction) + len(label) for prediction, label in pairs) <= _SMALL_BYTES:
        agreements = agree(schema, champion.question, pairs)
    else:
        agreements = await compute.run(agree, schema, champion.question, pairs, project_id=project_id)
    evidence = [Compared(one, right) for one, right in zip(newest, agreements, strict=True) if right is not None]
    async with database.transaction() as session:
        to_check = await _test(session, project, champion, evidence, now)
    await _request_experts(database, project_id, to_check, now)


@dataclass(frozen=True, slots=True)
class QuestionWithout:
    """A question of which nothing is accepted, and why."""

    question: str
    reason: str
    detail: str


async def questions_without(session: Session, project: Project) -> list[QuestionWithout]:
    """Return the questions of the active schema that have no threshold now, each with the reason."""
    version = project.content.active_schema
    schema = None if version is None else project.schema(version)
    if schema is None:
        return []
    policy = project.policies.auto_accept
    champion = await predictions.champion(session, project.project_id)
    current = None if champion is None else await thresholds.current(session, champion.model_id)
    same_schema = champion is not None and champion.schema_version == version
    accepts = same_schema and current is not None and current.threshold is not None and policy.enabled
    progress = EvidenceProgress(0, 0, None)
    if champion is not None and same_schema and policy.enabled and not accepts:
        progress = await _progress(session, project, champion, current)
    found = []
    for question in schema.questions:
        if accepts and champion is not None and champion.question == question.name:
            continue
        why = auto_accept.why_none(
            enabled=policy.enabled,
            model_question=None if champion is None else champion.question,
            question=question.name,
            same_schema=same_schema,
            progress=progress,
            error_budget=policy.error_budget,
            level=policy.confidence_level,
        )
        found.append(QuestionWithout(question.name, why.reason, why.detail))
    return found


async def _progress(
    session: Session, project: Project, champion: Model, current: ModelThreshold | None
) -> EvidenceProgress:
    most = _most_evidence(project)
    labelled = await thresholds.labelled(session, project.project_id, champion, most)
    there_are = await thresholds.held_out(session, project.project_id, most)
    last = await thresholds.last_test(session, champion.model_id, SELECTION)
    withdrawn = None if current is None or current.reason == NOTHING_PASSES else current.reason
    return EvidenceProgress(labelled, max(there_are - labelled, 0), None if last is None else last["labels"], withdrawn)


async def _test(
    session: Session, project: Project, champion: Model, evidence: Sequence[Compared], now: datetime
) -> Sequence[UUID]:
    """Hold the evidence against the champion's threshold, and look for one; returns the records an expert must see."""
    locked = await predictions.lock_champion(session, project.project_id)
    if locked is None or locked.model_id != champion.model_id:
        return ()
    current = await thresholds.current(session, champion.model_id)
    if not project.policies.auto_accept.enabled:
        if current is not None and current.threshold is not None:
            await _set(session, project, champion, current, None, "disabled_by_policy", now)
        return ()
    if current is not None and current.threshold is not None:
        current = await _audit(session, project, champion, current, evidence, now)
    return await _select(session, project, champion, current, evidence, now)


def _most_evidence(project: Project) -> int:
    policy = project.policies.auto_accept
    least = auto_accept.least_sample(policy.error_budget, policy.confidence_level)
    return max(_MOST_EVIDENCE, ceil(auto_accept.STREAM_STEP * least))


async def _select(
    session: Session,
    project: Project,
    champion: Model,
    current: ModelThreshold | None,
    evidence: Sequence[Compared],
    now: datetime,
) -> Sequence[UUID]:
    """Look for a threshold, if a look is due; returns the records that an expert must see before."""
    policy = project.policies.auto_accept
    held_out = [one for one in evidence if not one.seen.audit]
    labelled = sum(not one.seen.in_review for one in held_out)
    there_are = await thresholds.held_out(session, project.project_id, _most_evidence(project))
    last = await thresholds.last_test(session, champion.model_id, SELECTION)
    tested_before = None if last is None else last["labels"]
    budget, level = policy.error_budget, policy.confidence_level
    if not auto_accept.check_due(
        labelled=len(held_out),
        waiting=max(there_are - len(held_out), 0),
        tested_before=tested_before,
        error_budget=budget,
        level=level,
    ):
        return ()
    lowest = auto_accept.lowest_confidence(budget)
    to_check = [
        one.seen.record_id
        for one in held_out
        if not one.right
        and not one.seen.checked
        and not one.seen.in_review
        and one.seen.method == LabelMethod.CONSENSUS
        and one.seen.confidence >= lowest
    ]
    if to_check:
        return to_check
    if not auto_accept.due(
        labelled=labelled,
        waiting=max(there_are - labelled, 0),
        tested_before=tested_before,
        error_budget=budget,
        level=level,
    ):
        return ()
    least = auto_accept.least_sample(budget, level)
    if labelled < len(held_out) and labelled < auto_accept.STREAM_STEP * least:
        return ()  # the last ones are at an expert's; where records never cease to come they count as they stand
    await _look(session, project, champion, current, evidence, 1 if last is None else last["number"] + 1, now)
    return ()


async def _look(
    session: Session,
    project: Project,
    champion: Model,
    current: ModelThreshold | None,
    evidence: Sequence[Compared],
    number: int,
    now: datetime,
) -> None:
    policy = project.policies.auto_accept
    level = auto_accept.level_of_look(number, policy.confidence_level)
    audited = [one for one in (_audited(champion, each) for each in evidence) if one is not None]
    labelled = sum(one.floor is None for one in audited)
    found = auto_accept.choose_threshold(audited, error_budget=policy.error_budget, level=level)
    await thresholds.add_test(
        session,
        project_id=project.project_id,
        model_id=champion.model_id,
        number=number,
        kind=SELECTION,
        labels=labelled,
        content={
            "level": level,
            "error_budget": policy.error_budget,
            "held_out": labelled,
            "audits": len(audited) - labelled,
            "wrong": sum(not one.right for one in audited),
            "threshold": None if found is None else asdict(found),
        },
        now=now,
    )
    if found is None:
        if current is None:
            await _set(session, project, champion, current, None, NOTHING_PASSES, now)
        return  # one that stands was shown by an earlier look, whose risk is paid
    if current is not None and current.threshold is not None and found.value >= current.threshold:
        return
    shown = ThresholdEvidence(
        tested=found.tested, errors=found.errors, held_out_labels=labelled, upper_bound=min(found.upper_bound, 1.0)
    )
    await _set(session, project, champion, current, found.value, "fixed_sequence_test", now, shown)


async def _request_experts(database: Database, project_id: UUID, record_ids: Sequence[UUID], now: datetime) -> None:
    """Let an expert relabel held-out records blind, but those of which that was asked before or is no question any more."""
    for start in range(0, len(record_ids), _RECORDS_AT_ONCE):
        async with database.transaction() as session:
            changes = RecordChanges(now)
            locked = await records.lock_known(session, record_ids[start:][:_RECORDS_AT_ONCE])
            for record in locked.values():
                if record.state is not RecordState.FINALIZED or record.under_review or not record.held_out:
                    continue
                wanted = decisions.held_out_check(agrees=[False], checked_before=record.expert_checked)
                if wanted is not None and record.project_id == project_id:
                    record.expert_checked = True
                    changes.review_by_people(record, ReviewByPeople(wanted, CHAMPION_DIFFERS))
            await changes.save(session)


def _audited(champion: Model, one: Compared) -> Audited | None:
    """The evidence as the test takes it; None for an audit that was drawn under another model."""
    seen = one.seen
    if not seen.audit:
        return Audited(seen.confidence, one.right)
    if seen.routed_model_id != champion.model_id or seen.routed_threshold is None:
        return None
    return Audited(seen.confidence, one.right, seen.routed_threshold)


async def _audit(
    session: Session,
    project: Project,
    champion: Model,
    current: ModelThreshold,
    evidence: Sequence[Compared],
    now: datetime,
) -> ModelThreshold:
    """Hold a threshold against the audits made under it; withdraw it when they speak against it."""
    assert current.threshold is not None
    policy = project.policies.auto_accept
    under = [
        one.right
        for one in evidence
        if one.seen.audit
        and one.seen.routed_model_id == champion.model_id
        and one.seen.finalized_at >= current.set_at
        and one.seen.confidence >= current.threshold
    ]
    last = await thresholds.last_test(session, champion.model_id, AUDIT)
    if not under or (
        last is not None and last["content"]["since"] == current.threshold_revision and last["labels"] == len(under)
    ):
        return current
    chosen = current.evidence or {}
    errors = len(under) - sum(under)
    reason = auto_accept.withdrawal(
        auto_accept.Threshold(
            value=current.threshold,
            tested=chosen.get("tested", 0),
            errors=chosen.get("errors", 0),
            upper_bound=chosen.get("upper_bound", 1.0),
            coverage=0.0,
        ),
        errors=errors,
        audited=len(under),
        error_budget=policy.error_budget,
        level=policy.confidence_level,
    )
    await thresholds.add_test(
        session,
        project_id=project.project_id,
        model_id=champion.model_id,
        number=1 if last is None else last["number"] + 1,
        kind=AUDIT,
        labels=len(under),
        content={
            "since": current.threshold_revision,
            "errors": errors,
            "error_budget": policy.error_budget,
            "upper_bound": auto_accept.upper_bound(errors, len(under), policy.confidence_level),
            "withdrawn": reason,
        },
        now=now,
    )
    if reason is None:
        return current
    return await _set(session, project, champion, current, None, reason, now)


async def _set(
    session: Session,
    project: Project,
    champion: Model,
    before: ModelThreshold | None,
    value: float | None,
    reason: str,
    now: datetime,
    evidence: ThresholdEvidence | None = None,
) -> ModelThreshold:
    policy = project.policies.auto_accept
    made = ModelThreshold(
        model_id=champion.model_id,
        threshold_revision=1 if before is None else before.threshold_revision + 1,
        project_id=project.project_id,
        schema_version=champion.schema_version,
        question=champion.question,
        label=None,
        threshold=value,
        error_budget=policy.error_budget,
        confidence_level=policy.confidence_level,
        evidence=None if evidence is None else evidence.model_dump(mode="json"),
        reason=reason,
        set_at=now,
    )
    await thresholds.add(session, made)
    await outbox.publish(session, threshold_set(made), project_id=project.project_id, revision=made.threshold_revision)
    return made


def threshold_set(made: ModelThreshold) -> AutoAcceptThresholdSet:
    """The event that publishes a threshold."""
    return AutoAcceptThresholdSet(
        model_id=made.model_id,
        schema_version=made.schema_version,
        question=made.question,
        label=made.label,
        threshold_revision=made.threshold_revision,
        threshold=made.threshold,
        error_budget=made.error_budget,
        confidence_level=made.confidence_level,
        evidence=None if made.evidence is None else ThresholdEvidence.model_validate(made.evidence),
        reason=made.reason,
    )
