"""What the successor of a champion waits for that learnt from an erased record."""

from dataclasses import dataclass
from typing import Final

from services.prelabel.storage.runs import RunState
from services.prelabel.storage.unlearnings import NewestRun
from shared.contracts.policies import LearningPolicy


@dataclass(frozen=True, slots=True)
class SuccessorWait:
    """`reason` is one of a closed set; `next_step` says what can be done, None where nothing need be."""

    reason: str
    next_step: str | None = None


_OTHERWISE: Final = "promote a model that has not learnt from the record: its file goes then."
BEING_DELETED: Final = SuccessorWait("being_deleted")
TRAINING: Final = SuccessorWait("training")
LEARNING_OFF: Final = SuccessorWait("learning_off", f"Turn learning on in the project's policies, or {_OTHERWISE}")
TOO_FEW_LABELS: Final = SuccessorWait(
    "too_few_labels", f"Have records labelled: two classes at least are needed. Or {_OTHERWISE}"
)
PROMOTION_BY_HAND: Final = SuccessorWait("promotion_by_hand", "Promote the model that was trained without the record.")


def wait_of(policy: LearningPolicy, newest: NewestRun | None, *, enough: bool) -> SuccessorWait:
    """What it waits for; `enough`: there are labels of two classes to train on."""
    state = None if newest is None else newest.state
    if state in {RunState.COMPARED, RunState.COMPARING} and policy.promotion == "by_hand":
        return PROMOTION_BY_HAND
    if state in {RunState.QUEUED, RunState.RUNNING, RunState.COMPARING}:
        return TRAINING
    if not policy.enabled:
        return LEARNING_OFF
    if not enough:
        return TOO_FEW_LABELS
    if newest is not None and newest.failure_reason is not None:
        return SuccessorWait(
            "training_failed",
            f"Training failed ({newest.failure_reason}). Have more records labelled, or {_OTHERWISE}",
        )
    return TRAINING
