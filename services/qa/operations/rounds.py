"""The rounds of a record: facts come in any order, and `settle` brings the record as far as they allow.

Settling is a function of what is stored, so it gives the same whichever fact came last; it is run after each of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.qa.domain import decisions
from services.qa.domain.project import Project
from services.qa.domain.records import consensus_of
from services.qa.domain.standing import Record
from services.qa.domain.voting import Consensus, Distribution, voter
from services.qa.operations import estimates, reviews
from services.qa.operations.asking import SERVABLE_AGAIN, arbitrate, request_again, request_more, schema_of
from services.qa.operations.ending import Verdict, finalize
from services.qa.operations.telling import move
from services.qa.storage import annotations, counters, labels, predictions, records
from services.qa.storage.annotations import Annotation
from shared.contracts.values import LabelMethod, RecordState
from shared.kit.database import Session

_OVER = {RecordState.GOLD, RecordState.ERASED}


async def settle(session: Session, project: Project, record: Record, now: datetime) -> None:
    """Bring the record as far as its facts allow, and save it."""
    if record.known and record.state not in _OVER:
        if record.expects_answers:
            await _advance(session, project, record, now)
        if record.state is RecordState.FINALIZED:
            await reviews.review(session, project, record, now)
    await records.save(session, record)


async def go_on_with_people(session: Session, project: Project, record: Record, now: datetime) -> None:
    """No arbiter is there to decide what nobody could annotate; but by now somebody can annotate it."""
    await labels.set_dispute(session, record.record_id, "withdrawn", now)
    record.arbitrating = False
    record.unservable_at = None
    if record.state is RecordState.UNLABELABLE:
        await move(session, record, RecordState.OPEN, now, SERVABLE_AGAIN)
    await settle(session, project, record, now)


async def _advance(session: Session, project: Project, record: Record, now: datetime) -> None:
    here = await annotations.of_round(session, record.record_id, record.round)
    decided = next((one for one in here if one.role == "decision"), None)
    if decided is not None:
        await _decide(session, project, record, decided, here, now)
    elif record.arbitrating or record.state is RecordState.UNLABELABLE:
        return
    elif record.auto_accepted:
        await _auto_accept(session, project, record, now)
    elif record.slots_total:
        await _count(session, project, record, await _replace_paused(session, record, here), now)


async def _decide(
    session: Session, project: Project, record: Record, decided: Annotation, here: Sequence[Annotation], now: datetime
) -> None:
    """An arbiter has spoken."""
    if record.review_reason == reviews.FEEDBACK:
        record.decision_final_for = decided.schema_version
    verdict = Verdict(
        method=LabelMethod.DECISION,
        answers=decided.answers,
        confidence=1.0,
        schema_version=decided.schema_version,
        guideline_version=decided.guideline_version,
        counted=[one.annotation_id for one in here if one.role in {"vote", "decision"}],
        decision_id=decided.annotation_id,
        parameters={"by": "arbiter"},
    )
    await finalize(session, project, record, verdict, now)


async def _auto_accept(session: Session, project: Project, record: Record, now: datetime) -> None:
    """The model's answer stands, as soon as it is here."""
    if record.routed_prediction_id is None:
        return
    prediction = await predictions.find(session, record.routed_prediction_id)
    if prediction is None:
        return
    verdict = Verdict(
        method=LabelMethod.AUTO_ACCEPT,
        answers=prediction.answers,
        confidence=prediction.confidence or 0.0,
        schema_version=prediction.schema_version,
        guideline_version=record.guideline_version,
        model_id=prediction.model_id,
        prediction_id=prediction.prediction_id,
        parameters={"by": "model"},
    )
    await finalize(session, project, record, verdict, now)


async def _replace_paused(session: Session, record: Record, here: Sequence[Annotation]) -> Sequence[Annotation]:
    """Whoever is paused counts no more on what is still open: somebody else is asked instead."""
    paused = [one for one in here if one.role == "vote" and one.paused]
    if not paused:
        return here
    await annotations.set_role(session, [(one.annotation_id, one.annotation_revision) for one in paused], "void")
    await counters.add(session, record.project_id, {"annotations.vote": -len(paused), "annotations.void": len(paused)})
    wanted = decisions.replacement_slots(newly_voided=len(paused), slots_total=record.slots_total)
    if wanted is not None:
        await request_more(session, record, wanted)
    return [replace(one, role="void") if one in paused else one for one in here]


async def _count(session: Session, project: Project, record: Record, here: Sequence[Annotation], now: datetime) -> None:
    """Decide by the votes, if all that the round expects are in."""
    votes = [one for one in here if one.role == "vote"]
    voided = sum(one.role == "void" for one in here)
    policy = project.policies.redundancy
    if record.round_is_final and votes:
        await _finalize_at_once(session, project, record, votes[0], now)
        return
    consensus: dict[str, Consensus] = {}
    prior: predictions.Prediction | None = None
    if votes and len(votes) + voided >= record.slots_total:
        if record.routed_prediction_id is not None and not record.by_people_alone:
            prior = await predictions.find(session, record.routed_prediction_id)
            if prior is None:
                return  # queue read it before us; it is on its way
        consensus = await _consensus(session, project, record, votes, prior)
    decision = decisions.decide(
        consensus, counted=len(votes), voided=voided, slots_total=record.slots_total, policy=policy
    )
    if isinstance(decision, decisions.Finalize):
        await _finalize_by_consensus(session, project, record, decision, votes, consensus, prior, now)
    elif isinstance(decision, decisions.Arbitrate):
        await arbitrate(session, record, [one.answers for one in votes], decision.reason, now)
    elif record.unservable and not record.servable_again:
        await arbitrate(session, record, [one.answers for one in votes], "unservable", now)
    elif record.unservable:
        wanted = decision.slots_total if isinstance(decision, decisions.AskMore) else 0
        await request_again(session, record, max(wanted, record.slots_total))
    elif isinstance(decision, decisions.AskMore):
        await request_more(session, record, decision)


async def _consensus(
    session: Session,
    project: Project,
    record: Record,
    votes: Sequence[Annotation],
    prior: predictions.Prediction | None,
) -> dict[str, Consensus]:
    schema_version = votes[-1].schema_version
    named = [(voter(one.annotator_id, one.era), one.answers) for one in votes]
    known = await estimates.load(session, record.project_id, schema_version, [name for name, _ in named])
    return consensus_of(schema_of(project, schema_version), named, known, distributions(prior, schema_version))


def distributions(prior: predictions.Prediction | None, schema_version: int) -> Mapping[str, Distribution] | None:
    """What the model's prediction says as a prior; nothing when it answers another schema version."""
    if prior is None or prior.model_id is None or prior.schema_version != schema_version:
        return None
    return prior.distributions or None


async def _finalize_at_once(
    session: Session, project: Project, record: Record, vote: Annotation, now: datetime
) -> None:
    """The round was asked of an expert whose answer is final."""
    verdict = Verdict(
        method=LabelMethod.DECISION,
        answers=vote.answers,
        confidence=1.0,
        schema_version=vote.schema_version,
        guideline_version=vote.guideline_version,
        counted=[vote.annotation_id],
        parameters={"by": "expert", "reason": record.review_reason},
    )
    await finalize(session, project, record, verdict, now)


async def _finalize_by_consensus(
    session: Session,
    project: Project,
    record: Record,
    decision: decisions.Finalize,
    votes: Sequence[Annotation],
    consensus: Mapping[str, Consensus],
    prior: predictions.Prediction | None,
    now: datetime,
) -> None:
    spoke = prior is not None and bool(distributions(prior, votes[-1].schema_version))
    parameters: dict[str, Any] = {
        "questions": {
            question: {"method": one.method, "confidence": one.confidence} for question, one in consensus.items()
        },
        "posterior_target": project.policies.redundancy.posterior_target,
        "voters": [voter(one.annotator_id, one.era) for one in votes],
        "model_as_prior": str(prior.model_id) if prior is not None and spoke else None,
    }
    verdict = Verdict(
        method=LabelMethod.CONSENSUS,
        answers=decision.answers,
        confidence=decision.confidence,
        schema_version=votes[-1].schema_version,
        guideline_version=max(one.guideline_version for one in votes),
        counted=[one.annotation_id for one in votes],
        prediction_id=prior.prediction_id if prior is not None and spoke else None,
        parameters=parameters,
    )
    await finalize(session, project, record, verdict, now)
