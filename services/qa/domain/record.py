"""One record: the facts that have come of it and what qa has concluded so far.

It has exactly one state. `open` is no end state; the others are. A finalized record may be `under_review`: its label
stands until the next revision replaces it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import JsonValue

from shared.contracts.events import RecordRouted
from shared.contracts.values import RecordState, Route, Split, TaskKind


class OpenReason(StrEnum):
    """Why a record has no label yet, or why the one that is under review has no successor.

    `not_routed`: it is yet to be predicted and routed. `annotations_wanted`: people are asked, and have not all answered.
    `in_arbitration`: an arbiter is asked, or there is none yet. `being_decided`: the answers are there, and what comes of
    them is being computed.
    """

    NOT_ROUTED = "not_routed"
    ANNOTATIONS_WANTED = "annotations_wanted"
    IN_ARBITRATION = "in_arbitration"
    BEING_DECIDED = "being_decided"


@dataclass(slots=True)
class Record:
    """One record, loaded under its lock, changed, and saved.

    `revision` counts what was published about it, `source_revision` is that of its owner. `routed_total` is how many
    annotations queue collects in `routed_round`, `requested_total` how many qa requested in `round`; both are targets
    that count slots, those of voided annotations too. In a round that `is_final` the first answer is the decision.
    `due_total` is how many answers of the first round were due before anything was known about the record;
    `due_without_model`: no model had answered it then.
    `request` is what queue still has to serve: `{"type", "revision", "payload"}`. `unservable`: nobody could serve the
    round's task, so queue closed it; `servable_again`: since then somebody can. `unservable_at` is when there was no
    arbiter either. `annotated` and `reported`: there may be annotations, and reports without an effect yet;
    `verdict_pending`, that what they lead to is being computed.
    """

    record_id: UUID
    project_id: UUID
    known: bool = False
    source_revision: int = 0
    state: RecordState = RecordState.OPEN
    state_reason: str | None = None
    state_event: str | None = None
    state_revision: int = 0
    state_at: datetime | None = None
    revision: int = 0
    split: Split | None = None
    origin: str | None = None
    collected_by_chance: bool = True
    routed_revision: int = 0
    route: Route | None = None
    routed_round: int = 0
    routed_total: int = 0
    routed_task_id: UUID | None = None
    audit: bool = False
    blind: bool = False
    explored: bool = False
    schema_version: int | None = None
    guideline_version: int | None = None
    policy_version: int | None = None
    routed_prediction_id: UUID | None = None
    due_total: int = 0
    due_without_model: bool = False
    round: int = 1
    round_is_final: bool = False
    requested_total: int = 0
    arbitrating: bool = False
    unservable: bool = False
    servable_again: bool = False
    unservable_at: datetime | None = None
    request: dict[str, JsonValue] | None = None
    label_revision: int = 0
    under_review: bool = False
    review_reason: str | None = None
    contrary_reports: int = 0
    decision_final_for: int | None = None
    expert_checked: bool = False
    ever_gold: bool = False
    annotated: bool = False
    reported: bool = False
    verdict_pending: bool = False
    salt: bytes | None = field(default=None, repr=False)
    chain_length: int = 0
    chain_head: bytes | None = field(default=None, repr=False)

    @property
    def held_out(self) -> bool:
        return self.split is not None and self.split.held_out

    @property
    def by_people_alone(self) -> bool:
        """Whether no model may speak for the label: it measures models, or the model may have learnt from it before."""
        return self.held_out or self.audit or self.round > 1

    @property
    def measures(self) -> bool:
        """Whether its label, when people made it, is evidence about models."""
        return self.held_out or self.audit

    @property
    def slots_total(self) -> int:
        """How many annotations the present round collects, 0 while that is not known."""
        routed = self.routed_total if self.routed_round == self.round else 0
        return max(routed, self.requested_total)

    @property
    def expects_answers(self) -> bool:
        """Whether the present round can still change how the record ends."""
        if self.state is RecordState.FINALIZED:
            return self.under_review
        return self.state in {RecordState.OPEN, RecordState.UNLABELABLE}

    @property
    def has_open_dispute(self) -> bool:
        """Whether an arbiter is asked, or was asked in vain."""
        return self.arbitrating or self.unservable_at is not None

    @property
    def auto_accepted(self) -> bool:
        return self.route is Route.AUTO_ACCEPT and self.routed_round == self.round == 1

    @property
    def open_reason(self) -> OpenReason | None:
        """Why it has not ended; None where it has."""
        if self.state is not RecordState.OPEN and not (self.state is RecordState.FINALIZED and self.under_review):
            return None
        if self.verdict_pending:
            return OpenReason.BEING_DECIDED
        if self.has_open_dispute:
            return OpenReason.IN_ARBITRATION
        if self.slots_total > 0:
            return OpenReason.ANNOTATIONS_WANTED
        return OpenReason.BEING_DECIDED if self.auto_accepted else OpenReason.NOT_ROUTED

    def take_route(self, revision: int, routed: RecordRouted) -> bool:
        """Take over a newer route; returns whether it is of an annotation task, of the routed or a later round."""
        self.routed_revision = revision
        if routed.task_kind is TaskKind.ARBITRATION or routed.round < self.routed_round:
            return False
        self.route = routed.route
        self.routed_task_id = routed.task_id
        self.routed_round = routed.round
        self.routed_total = routed.slots_total
        self.schema_version = routed.schema_version
        self.guideline_version = routed.guideline_version
        self.policy_version = routed.policy_version
        # Without a model it was routed by a prediction that says nothing of the answers, or of another schema version.
        self.routed_prediction_id = None if routed.model_id is None else routed.prediction_id
        self.blind = routed.blind
        self.explored = routed.explored
        if routed.round == 1 and self.requested_total == 0:
            self.due_total = routed.slots_total
            self.due_without_model = routed.model_id is None
        if routed.round == 1 and routed.route is not Route.AUTO_ACCEPT:
            self.audit = routed.audit
        return True

    def open_round(self, number: int, *, is_final: bool, requested_total: int) -> None:
        """Begin a round. What was requested in the one before is void."""
        self.round = number
        self.round_is_final = is_final
        self.requested_total = requested_total
        self.close_requests()

    def close_requests(self) -> None:
        """Queue has nothing more to serve for this record."""
        self.request = None
        self.arbitrating = False
        self.unservable = False
        self.servable_again = False
        self.unservable_at = None
