"""What one transaction changes of records: collected record by record, written in one statement a table."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import structlog
from prometheus_client import Counter

from services.qa.domain.decisions import disputed_answers
from services.qa.domain.facts import Annotation, AnnotationRole
from services.qa.domain.project import Project
from services.qa.domain.record import Record
from services.qa.domain.verdict import (
    FEEDBACK,
    SERVABLE_AGAIN,
    FinalizeLabel,
    GiveUp,
    RecordReport,
    RecordVerdict,
    RepeatArbitration,
    RequestAnnotations,
    RequestArbitration,
    ReviewByArbiter,
    ReviewByPeople,
    Step,
    VoidVotes,
    WithdrawDispute,
)
from services.qa.operations import chain
from services.qa.storage import annotations, counters, feedback, labels, pending_verdicts, records
from services.qa.storage.chain import RecordLink
from services.qa.storage.counters import BackgroundWork, Mark
from services.qa.storage.labels import Label, NewDispute
from shared.contracts.envelope import Event, Payload
from shared.contracts.events import (
    AnnotationsRequested,
    AnnotationSubmitted,
    ArbitrationRequested,
    LabelFinalized,
    LabelRetracted,
    RecordUnlabelable,
    RelabelRequested,
)
from shared.contracts.values import Answers, LabelMethod, Pool, RecordState, Split
from shared.kit import outbox
from shared.kit.clock import new_id
from shared.kit.database import Session
from shared.kit.outbox import Outgoing

log = structlog.get_logger()
GIVEN_UP = Counter(
    "touchstone_records_given_up_total",
    "Records that nobody may decide: unlabelable, or their label stands.",
    ("state",),
)


@dataclass
class RecordChanges:
    """The changes of locked records in one transaction. `causes`: the event that a record's changes follow from."""

    now: datetime
    causes: dict[UUID, Event[Any]] = field(default_factory=dict)
    decisions: list[Event[AnnotationSubmitted]] = field(default_factory=list)
    roles: list[tuple[Annotation, AnnotationRole]] = field(default_factory=list)
    _records: dict[UUID, Record] = field(default_factory=dict)
    _ended_labels: dict[UUID, str] = field(default_factory=dict)
    _labels: list[Label] = field(default_factory=list)
    _disputes: list[NewDispute] = field(default_factory=list)
    _dispute_statuses: dict[UUID, str] = field(default_factory=dict)
    _reports: list[RecordReport] = field(default_factory=list)
    _links: list[RecordLink] = field(default_factory=list)
    _deltas: dict[tuple[UUID, str], int] = field(default_factory=lambda: defaultdict(int))
    _marks: dict[Mark, int] = field(default_factory=lambda: defaultdict(int))
    _pending: dict[UUID, UUID] = field(default_factory=dict)
    _not_pending: set[UUID] = field(default_factory=set)
    _given_up: list[tuple[Record, str]] = field(default_factory=list)
    _outgoing: list[Outgoing] = field(default_factory=list)

    def touch(self, record: Record) -> None:
        """Have the record saved."""
        self._records[record.record_id] = record

    def touches(self, record: Record) -> bool:
        """Whether the record will be saved."""
        return record.record_id in self._records

    def count(self, project_id: UUID, name: str, delta: int = 1) -> None:
        """Change one of the project's counters."""
        self._deltas[project_id, name] += delta

    def mark(self, project_id: UUID, kind: BackgroundWork, subject: UUID | None = None) -> None:
        """Mark background work that waits for the project."""
        self._marks[Mark(project_id, kind, subject)] += 1

    def postpone(self, record: Record) -> None:
        """Leave the verdict to the loop that computes outside of transactions."""
        self._pending[record.record_id] = record.project_id
        self._not_pending.discard(record.record_id)
        if not record.verdict_pending:
            record.verdict_pending = True
            self.touch(record)

    def end_pending(self, record: Record) -> None:
        """Drop the pending verdict, if there is one: the record is judged by what is known now."""
        if record.verdict_pending:
            record.verdict_pending = False
            self._pending.pop(record.record_id, None)
            self._not_pending.add(record.record_id)
            self.touch(record)

    @property
    def postpones(self) -> bool:
        """Whether a verdict is left to the loop."""
        return bool(self._pending)

    def move(self, record: Record, state: RecordState, reason: str | None = None) -> None:
        """Bring the record into a state and count it there."""
        if state is not record.state:
            self.mark(record.project_id, BackgroundWork.POPULATION)
            if record.known:
                self.count(record.project_id, f"records.{record.state}", -1)
                self.count(record.project_id, f"records.{state}")
            record.state_at = self.now
        record.state = state
        record.state_reason = reason
        self.touch(record)

    def set_role(self, record: Record, annotation: Annotation, role: AnnotationRole) -> None:
        """Change how an annotation counts."""
        self.roles.append((annotation, role))
        self.count(record.project_id, f"annotations.{annotation.role}", -1)
        self.count(record.project_id, f"annotations.{role}")

    def set_dispute(self, record: Record, status: str) -> None:
        """Change the record's open dispute, if there is one."""
        if record.has_open_dispute:
            self._dispute_statuses[record.record_id] = status

    def link(self, record: Record, kind: str, reference: str, metadata: Mapping[str, Any], content: Any) -> None:
        """Chain one more fact of the record."""
        self._links.append(chain.next_link(record, kind, reference, metadata, content, self.now))
        self.touch(record)

    def publish_state(self, record: Record, payload: Payload) -> None:
        """Publish on topic `labels` what the record has become."""
        self._publish(record, payload)
        record.state_event = payload.event_type()
        record.state_revision = record.revision

    def request(self, record: Record, payload: Payload) -> None:
        """Request something of queue; it stays requested until `Record.close_requests`."""
        self._publish(record, payload)
        request: dict[str, Any] = {
            "type": payload.event_type(),
            "revision": record.revision,
            "payload": payload.model_dump(mode="json"),
        }
        record.request = request

    def _publish(self, record: Record, payload: Payload) -> None:
        record.revision += 1
        self.touch(record)
        self._outgoing.append(
            Outgoing(
                payload=payload,
                project_id=record.project_id,
                record_id=record.record_id,
                revision=record.revision,
                cause=self.causes.get(record.record_id),
            )
        )

    def apply(self, project: Project, record: Record, verdict: RecordVerdict) -> None:
        """Apply the verdict to the record."""
        for step in verdict:
            if isinstance(step, FinalizeLabel):
                self.finalize(project, record, step)
            elif isinstance(step, RecordReport):
                self._reports.append(step)
            else:
                self._steps[type(step)](self, record, step)

    def _void_votes(self, record: Record, step: VoidVotes) -> None:
        record.requested_total = record.slots_total + len(step.votes)
        for vote in step.votes:
            self.set_role(record, vote, "void")
        self.touch(record)

    def _request_annotations(self, record: Record, step: RequestAnnotations) -> None:
        record.unservable = record.servable_again = False
        record.requested_total = step.slots_total
        wanted = AnnotationsRequested(round=record.round, slots_total=step.slots_total, reason=step.reason)
        self.request(record, wanted)

    def _request_arbitration(self, record: Record, step: RequestArbitration) -> None:
        self._open_dispute(record, disputed_answers(step.answers), step.reason)

    def _withdraw_dispute(self, record: Record, _: WithdrawDispute) -> None:
        self.set_dispute(record, "withdrawn")
        record.arbitrating = False
        record.unservable_at = None
        if record.state is RecordState.UNLABELABLE:
            self.move(record, RecordState.OPEN, SERVABLE_AGAIN)
        self.touch(record)

    def _review_by_arbiter(self, record: Record, step: ReviewByArbiter) -> None:
        _begin_review(record, step.because)
        record.open_round(record.round + 1, is_final=False, requested_total=0)
        self._open_dispute(record, disputed_answers(step.answers), step.reason)

    def finalize(self, project: Project, record: Record, final: FinalizeLabel) -> None:
        """Give the record the next revision of its label; what was still requested for it is void."""
        assert record.split is not None
        if record.state is RecordState.FINALIZED:
            self._ended_labels[record.record_id] = "revised"
        if final.final_for is not None:
            record.decision_final_for = final.final_for
        record.label_revision += 1
        by_people = final.method.by_people
        label = Label(
            label_id=new_id(),
            record_id=record.record_id,
            label_revision=record.label_revision,
            project_id=record.project_id,
            round=record.round,
            method=final.method,
            answers=final.answers,
            confidence=final.confidence,
            schema_version=final.schema_version,
            guideline_version=final.guideline_version,
            split=record.split,
            trainable=record.split is Split.TRAIN
            and not record.ever_gold
            and (by_people or project.policies.learning.admit_machine_labels),
            measures=record.measures and by_people,
            annotations=len(final.counted),
            model_id=final.model_id,
            prediction_id=final.prediction_id,
            decision_id=final.decision_id,
            parameters={
                **final.parameters,
                "calibrated": final.calibrated,
                "annotations": [str(one) for one in final.counted],
                "policy_version": project.content.active_policy,
            },
            finalized_at=self.now,
        )
        self._labels.append(label)
        self.count(record.project_id, f"labels.{final.method}")
        self.count(record.project_id, f"labels.schema.{final.schema_version}")
        self.set_dispute(record, "decided")
        record.close_requests()
        record.under_review = False
        record.review_reason = None
        self.move(record, RecordState.FINALIZED)
        finalized = label_finalized(label, final.answers)
        self.publish_state(record, finalized)
        metadata = finalized.model_dump(mode="json", exclude={"answers"}) | {"parameters": label.parameters}
        self.link(record, chain.LABEL, str(label.label_revision), metadata, final.answers)
        self.mark(record.project_id, BackgroundWork.POPULATION)
        if label.measures:
            self.mark(record.project_id, BackgroundWork.THRESHOLD_TEST)
        if final.method is LabelMethod.DECISION:
            self.mark(record.project_id, BackgroundWork.ESTIMATION)

    def retract(self, record: Record, reason: str) -> None:
        """End the label, if there is one, and publish that it stands no more."""
        if record.state is not RecordState.FINALIZED:
            return
        self.end_label(record, reason)
        self.publish_state(record, LabelRetracted(label_revision=record.label_revision, reason=reason))
        self.link(record, chain.RETRACTION, str(record.label_revision), {"reason": reason}, {})

    def end_label(self, record: Record, reason: str) -> None:
        """End the label, if there is one, without a word."""
        if record.state is RecordState.FINALIZED:
            self._ended_labels[record.record_id] = reason

    def review_by_people(self, record: Record, review: ReviewByPeople) -> None:
        """Open the next round; the label stands meanwhile."""
        wanted = review.relabel
        _begin_review(record, review.reason)
        record.open_round(record.round + 1, is_final=wanted.experts_only, requested_total=wanted.slots_total)
        relabel = RelabelRequested(
            round=record.round,
            slots_total=wanted.slots_total,
            pool=Pool.EXPERT if wanted.experts_only else None,
            blind=wanted.blind,
            reason=review.reason,
        )
        self.request(record, relabel)

    def _open_dispute(self, record: Record, disputed: list[Answers], reason: str) -> None:
        schema_version = record.schema_version or 1
        self._disputes.append(
            NewDispute(
                dispute_id=new_id(),
                record_id=record.record_id,
                project_id=record.project_id,
                round=record.round,
                schema_version=schema_version,
                reason=reason,
                disputed=disputed,
                opened_at=self.now,
            )
        )
        self.count(record.project_id, "disputes")
        record.arbitrating = True
        record.servable_again = False
        wanted = ArbitrationRequested(
            round=record.round, schema_version=schema_version, disputed=disputed, reason=reason
        )
        self.request(record, wanted)

    def _repeat_arbitration(self, record: Record, step: RepeatArbitration) -> None:
        self.set_dispute(record, "open")
        record.unservable_at = None
        record.arbitrating = True
        if record.state is RecordState.UNLABELABLE:
            self.move(record, RecordState.OPEN, SERVABLE_AGAIN)
        dispute = step.dispute
        wanted = ArbitrationRequested(
            round=record.round,
            schema_version=dispute.schema_version,
            disputed=list(dispute.disputed),
            reason=dispute.reason,
        )
        self.request(record, wanted)

    def _give_up(self, record: Record, step: GiveUp) -> None:
        self.set_dispute(record, "unservable")
        record.request = None
        record.arbitrating = False
        record.unservable_at = step.at
        self._given_up.append((record, step.reason))
        self.touch(record)
        if record.measures:
            self.mark(record.project_id, BackgroundWork.THRESHOLD_TEST)
        if record.state is not RecordState.FINALIZED:
            self.move(record, RecordState.UNLABELABLE, step.reason)
            self.publish_state(record, RecordUnlabelable(reason=step.reason))
            self.link(record, chain.UNLABELABLE, str(record.round), {"reason": step.reason}, {})

    _steps: ClassVar[Mapping[type[Step], Callable[["RecordChanges", Record, Any], None]]] = {
        VoidVotes: _void_votes,
        RequestAnnotations: _request_annotations,
        RequestArbitration: _request_arbitration,
        RepeatArbitration: _repeat_arbitration,
        GiveUp: _give_up,
        WithdrawDispute: _withdraw_dispute,
        ReviewByPeople: review_by_people,
        ReviewByArbiter: _review_by_arbiter,
    }

    async def save(self, session: Session) -> None:
        """Write everything, one statement a table, and publish."""
        await self._save_ends(session)
        if self.roles:
            await annotations.set_roles(session, self.roles)
        if self._reports:
            await feedback.set_effects(session, self._reports)
        if self._pending:
            await pending_verdicts.add(session, self._pending)
        if self._not_pending:
            await pending_verdicts.remove(session, self._not_pending)
        await records.save(session, list(self._records.values()), self._links, self._labels)
        await counters.add(session, self._deltas, self._marks)
        await outbox.publish_many(session, self._outgoing)
        for record, reason in self._given_up:
            session.on_commit(partial(_alarm, record, record.state, reason))

    async def _save_ends(self, session: Session) -> None:
        """End labels and disputes before others begin: a record has one current label and one open dispute."""
        if self._ended_labels:
            for ended in await labels.end_current(session, self._ended_labels, self.now):
                self.count(ended.project_id, f"labels.{ended.method}", -1)
                self.count(ended.project_id, f"labels.schema.{ended.schema_version}", -1)
        if self.decisions:
            await labels.add_decisions(session, self.decisions)
        if self._dispute_statuses:
            await labels.set_disputes(session, self._dispute_statuses, self.now)
        if self._disputes:
            await labels.open_disputes(session, self._disputes)


def _begin_review(record: Record, reason: str) -> None:
    record.under_review = True
    record.review_reason = reason
    record.contrary_reports += reason == FEEDBACK


def _alarm(record: Record, state: RecordState, reason: str) -> None:
    GIVEN_UP.labels(state).inc()
    ids = {"project_id": record.project_id, "record_id": record.record_id}
    log.warning("record_given_up", **ids, round=record.round, state=state, reason=reason)


def label_finalized(label: Label, answers: Answers) -> LabelFinalized:
    """The event that publishes a label."""
    return LabelFinalized(
        label_revision=label.label_revision,
        round=label.round,
        method=label.method,
        answers=answers,
        confidence=label.confidence,
        schema_version=label.schema_version,
        guideline_version=label.guideline_version,
        split=label.split,
        trainable=label.trainable,
        annotations=label.annotations,
        model_id=label.model_id,
        calibrated=label.calibrated,
    )
