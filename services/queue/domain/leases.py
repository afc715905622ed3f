"""A lease is one slot held by one annotator until a time, under a token; the token fences late work off."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.queue.domain.slots import SlotState
from shared.contracts.values import RecordState, TaskKind


@dataclass(frozen=True, slots=True)
class Lease:
    """A slot as the token found it. `token` is the one the slot carries now, None after it was returned.

    `holds_another`: its annotator meanwhile has another slot of the same record. `released`: they gave it back. `barred`: they
    are paused or retired, or were removed from the project. `task_open`: a void slot's task is served on another one.
    `outdated`: and by a newer schema or guideline.
    """

    task_id: UUID
    slot: int
    record_id: UUID
    project_id: UUID
    kind: TaskKind
    round: int
    schema_version: int
    guideline_version: int
    annotator_id: UUID
    leased_at: datetime
    token: UUID | None
    state: SlotState
    record_state: RecordState
    gold: bool = False
    prediction_shown: UUID | None = None
    holds_another: bool = False
    released: bool = False
    barred: bool = False
    task_open: bool = False
    outdated: bool = False


class TokenStatus(StrEnum):
    """What a token is still good for."""

    VALID = "valid"  # the slot carries it: work counts, even after `until`
    DONE = "done"  # an annotation was submitted under it
    STALE = "stale"  # leased again
    BARRED = "barred"  # its holder may not work any more, so it went back
    RETURNED = "returned"  # by its holder, or skipped: they want nothing of it kept
    CLOSED = "closed"  # its task was closed
    REPLACED = "replaced"  # its slot was voided after it had ended, and its task is served on another
    OUTDATED = "outdated"  # so, and by a newer schema or guideline
    GONE = "gone"  # its record was erased


def token_status(lease: Lease, token: UUID) -> TokenStatus:
    """What `token` is good for; expiry alone takes nothing away, it only makes the slot claimable."""
    if lease.record_state is RecordState.ERASED:
        return TokenStatus.GONE
    if lease.released:
        return TokenStatus.RETURNED
    if lease.barred and (lease.token != token or lease.state in {SlotState.LEASED, SlotState.FREE}):
        return TokenStatus.BARRED
    if lease.token != token or (lease.state is SlotState.FREE and lease.holds_another):
        return TokenStatus.STALE
    if lease.state is SlotState.VOID and lease.task_open:
        return TokenStatus.OUTDATED if lease.outdated else TokenStatus.REPLACED
    return _STATUS[lease.state]


_STATUS = {
    SlotState.LEASED: TokenStatus.VALID,
    SlotState.FREE: TokenStatus.VALID,
    SlotState.SUBMITTED: TokenStatus.DONE,
    SlotState.SKIPPED: TokenStatus.RETURNED,
    SlotState.VOID: TokenStatus.CLOSED,
    SlotState.HELD: TokenStatus.CLOSED,
}


class Why(StrEnum):
    """Why a lease was granted, as its holder sees it: the same for gold, audits and everything else that is answered blind."""

    OWN_ANSWER = "own_answer"  # no prediction is shown: your own answer is wanted
    CHECK_PREDICTION = "check_prediction"  # a model's prediction is shown: correct it where it is wrong
    DECIDE_DISPUTE = "decide_dispute"  # people disagree: decide, with a reason


def why(kind: TaskKind, *, prediction_shown: bool) -> Why:
    if kind is TaskKind.ARBITRATION:
        return Why.DECIDE_DISPUTE
    return Why.CHECK_PREDICTION if prediction_shown else Why.OWN_ANSWER
