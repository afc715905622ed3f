"""Auto-accept only on evidence: thresholds are set, and withdrawn, by tests on blind human labels.

A model version is tested when its held-out labels are all there, and again only when they have grown much: each look at
whatever version spends a share of the question's risk (`domain.auto_accept.level_of_look`). Thresholds that stand are held
against the audits.

Before a look an expert relabels, blind and once a record, the held-out records on which the model differs from people
where it is sure: people's own slips would else eat the error budget that the model is held to. They are asked when the look
is near and not when it is due, so that nobody labels meanwhile what the model would have been trusted with. Then an expert
relabels a random share of those on which they agree, since people may share the model's mistakes: of the ones above the
thresholds that would be found if all of them were right. Where none would be found, no expert is asked.

A round reads the newest evidence, at most `current_thresholds.MOST_EVIDENCE` labels or as many as a look may need,
however many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.qa.compute.comparison import compare
from services.qa.domain import auto_accept, decisions
from services.qa.domain.facts import AGREEMENT_DRAWN, CHAMPION_DIFFERS
from services.qa.domain.project import Project
from services.qa.domain.verdict import ReviewByPeople
from services.qa.operations import threshold_looks
from services.qa.operations.changes import RecordChanges
from services.qa.operations.current_thresholds import (
    SELECTION,
    Compared,
    CurrentThresholds,
    ThresholdDraft,
    hold_against_audits,
    most_evidence,
    publish_thresholds,
)
from services.qa.operations.threshold_looks import DueLook
from services.qa.storage import annotators, predictions, projects, records, thresholds
from services.qa.storage.predictions import Model
from services.qa.storage.thresholds import BlindLabel
from shared.contracts.values import LabelMethod, RecordState
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Database, Session

_RECORDS_AT_ONCE = 500
_SMALL_BYTES = 65_536
"""Of answers in JSON; to compare these takes less than to hand them to a worker process: a thousand choices."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What is due for a champion: a look, or that an expert sees these records before one, or neither."""

    to_check: Sequence[UUID] = ()
    look: DueLook | None = None


async def consider(database: Database, compute: ComputePool, project_id: UUID, now: datetime) -> None:
    """Test what is due for the project's champion and publish what follows, or ask experts first.

    Loading, comparing and deciding what is due are three steps. A look is a fourth, while nothing is locked; what it found
    is saved by a fifth, or dropped if what it stood on has changed meanwhile: that marks the project anew.
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
                session, project_id, champion.model_id, champion.schema_version, most_evidence(project)
            )
    pairs = [(one.prediction, one.label) for one in newest]
    if sum(len(prediction) + len(label) for prediction, label in pairs) <= _SMALL_BYTES:
        compared = compare(schema, champion.question, pairs)
    else:
        compared = await compute.run(compare, schema, champion.question, pairs, project_id=project_id)
    evidence = [
        Compared(seen, one.right, one.label) for seen, one in zip(newest, compared, strict=True) if one is not None
    ]
    async with database.transaction() as session:
        due = await _test(session, project, champion, evidence, now)
    if due.look is not None:
        outcome = await threshold_looks.carry_out(due.look)
        if outcome.waits_for_experts:
            await _request_experts(database, project_id, outcome.to_check, AGREEMENT_DRAWN, now)
            return
        async with database.transaction() as session:
            await threshold_looks.conclude(session, due.look, outcome, now)
    await _request_experts(database, project_id, due.to_check, CHAMPION_DIFFERS, now)


async def _test(
    session: Session, project: Project, champion: Model, evidence: Sequence[Compared], now: datetime
) -> NextStep:
    """Hold the evidence against the champion's thresholds; returns what is due then."""
    locked = await predictions.lock_champion(session, project.project_id)
    if locked is None or locked.model_id != champion.model_id:
        return NextStep()
    current = CurrentThresholds(await thresholds.current(session, champion.model_id))
    if not project.policies.auto_accept.enabled:
        withdrawn = [ThresholdDraft(one.label, None, "disabled_by_policy", None) for one in current.accepting]
        await publish_thresholds(session, project, champion, current, withdrawn, now)
        return NextStep()
    if current.accepts:
        current = await hold_against_audits(session, project, champion, current, evidence, now)
    return await _next_step(session, project, champion, current, evidence)


async def _next_step(
    session: Session, project: Project, champion: Model, current: CurrentThresholds, evidence: Sequence[Compared]
) -> NextStep:
    """Return the look that is due, or the records that an expert must see before one."""
    policy = project.policies.auto_accept
    held_out = [one for one in evidence if not one.seen.audit]
    labelled = sum(not one.seen.in_review for one in held_out)
    there_are = await thresholds.held_out(session, project.project_id, most_evidence(project))
    last = await thresholds.last_test(session, champion.model_id, SELECTION)
    tested_before = None if last is None else last["labels"]
    looks = await thresholds.looks(session, project.project_id, champion.question, SELECTION)
    budget = policy.error_budget
    level = auto_accept.level_of_look(looks.made + 1, policy.confidence_level, returned=looks.returned)
    if not auto_accept.check_due(
        labelled=len(held_out),
        waiting=max(there_are - len(held_out), 0),
        tested_before=tested_before,
        error_budget=budget,
        level=level,
    ):
        return NextStep()
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
        return NextStep(to_check=to_check)
    if not auto_accept.due(
        labelled=labelled,
        waiting=max(there_are - labelled, 0),
        tested_before=tested_before,
        error_budget=budget,
        level=level,
    ):
        return NextStep()
    least = auto_accept.least_sample(budget, level)
    waits_for_experts = labelled < len(held_out)
    if waits_for_experts and labelled < auto_accept.STREAM_STEP * least:
        return NextStep()  # where records never cease to come, labels count as they stand
    if policy.check_share != 0.0 and not await annotators.any_expert(session, project.project_id):
        return NextStep()
    number = 1 if last is None else last["number"] + 1
    return NextStep(look=DueLook(project, champion, current, number, looks, evidence))


async def _request_experts(
    database: Database, project_id: UUID, record_ids: Sequence[UUID], reason: str, now: datetime
) -> None:
    """Let an expert relabel held-out records blind, but those of which that was asked before or is no question any more."""
    for start in range(0, len(record_ids), _RECORDS_AT_ONCE):
        async with database.transaction() as session:
            changes = RecordChanges(now)
            locked = await records.lock_known(session, record_ids[start:][:_RECORDS_AT_ONCE])
            for record in locked.values():
                if record.state is not RecordState.FINALIZED or record.under_review or not record.held_out:
                    continue
                wanted = decisions.held_out_check(reason, checked_before=record.expert_checked)
                if wanted is not None and record.project_id == project_id:
                    record.expert_checked = True
                    changes.review_by_people(record, ReviewByPeople(wanted, reason))
            await changes.save(session)
