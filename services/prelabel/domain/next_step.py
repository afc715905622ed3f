"""What a project's learning waits for next, as a sentence for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.prelabel.domain.learning_schedule import LearningProgress
from services.prelabel.domain.project import Project
from services.prelabel.exceptions import TrainingFailure
from shared.contracts.policies import LearningPolicy, Policies

_CURES: Final[Mapping[TrainingFailure, str]] = {
    TrainingFailure.NO_OBJECTIVE: "Give the schema a choice question about a text or image field.",
    TrainingFailure.NO_LABELS: "Label records of the train split.",
    TrainingFailure.ONE_CLASS: "Label records of another class.",
    TrainingFailure.NO_COMMON_TERMS: "Label more texts, some of which have words in common.",
    TrainingFailure.UNREADABLE_PICTURES: "Import pictures that are PNG or JPEG.",
    TrainingFailure.EXPORT_DIFFERS: "Report it: the exported model does not answer as the trained one.",
    TrainingFailure.INPUTS_OUT_OF_REACH: "See to the object store.",
    TrainingFailure.TOO_SLOW: "Raise training_timeout_s, or lower max_training_examples.",
    TrainingFailure.OUT_OF_MEMORY: "Raise training_memory_mb, or lower max_training_examples.",
    TrainingFailure.CANCELLED: "Start a training by hand, or label more records.",
}
_LOOK_AT_THE_LOG: Final = "See the service's log."
_OFF: Final = (
    "Learning is off by the policy: people get every record at once, and nothing is trained."
    " Upload a model, or start a training by hand."
)


class ComparisonWait(StrEnum):
    """Why a challenger is not compared yet."""

    DUE = "comparison_is_due"
    TOO_FEW_LABELS = "too_few_validation_labels"
    TOO_FEW_RECORDS = "validation_split_too_small"


@dataclass(frozen=True, slots=True)
class ValidationSupply:
    """Of the validation split: labels made by people that are there, and records that have yet to be labelled.

    Both are counted up to the number of labels that a comparison needs.
    """

    have: int
    open: int

    def wait(self, policy: LearningPolicy) -> ComparisonWait:
        """What a challenger waits for that is compared on this split."""
        needed = policy.promotion_held_out
        if self.have >= needed:
            return ComparisonWait.DUE
        return ComparisonWait.TOO_FEW_LABELS if self.have + self.open >= needed else ComparisonWait.TOO_FEW_RECORDS


@dataclass(frozen=True, slots=True)
class Waiting:
    """A challenger that is not compared yet."""

    model_id: UUID
    version: int
    supply: ValidationSupply


def of_challenger(policies: Policies, model_id: UUID, supply: ValidationSupply) -> str:
    """What happens with a challenger that is not compared yet."""
    policy = policies.learning
    needed, by_hand = policy.promotion_held_out, policy.promotion == "by_hand"
    wait = supply.wait(policy)
    if wait is ComparisonWait.DUE:
        return "It is compared now; then promote it by hand." if by_hand else "It is compared now."
    after = " and somebody promotes it" if by_hand else ""
    shortage = (
        ""
        if wait is ComparisonWait.TOO_FEW_LABELS
        else f" So far the split has only {supply.have + supply.open} records for it: import more, of which"
        f" {policies.split.validation:.0%} are drawn into it, or lower learning.promotion_held_out."
    )
    return (
        f"It predicts nothing until {needed} labels of the validation split made by people are there "
        f"({supply.have} now){after}.{shortage} "
        f"To use it now, promote it: POST /v1/models/{model_id}/promotion, with the reason."
    )


def of_set_aside(model_id: UUID, why: str) -> str:
    """What to do about a model that is asked no more."""
    return (
        f"The model is set aside: {why}. It is asked no more. Upload one that takes less, or let it try anew by"
        f" promoting it: POST /v1/models/{model_id}/promotion, with the reason."
    )


def of_project(
    project: Project,
    progress: LearningProgress,
    candidates: int,
    waiting: Waiting | None,
    failure: TrainingFailure | None,
) -> str:
    """What a project's learning waits for; `failure` is the reason of the newest run, if it failed."""
    if not project.active:
        return "Nothing is selected or trained until the project is active and has a schema."
    if waiting is not None and failure is None and not progress.training:
        return f"Model {waiting.version} is a challenger. {of_challenger(project.policies, waiting.model_id, waiting.supply)}"
    off = _OFF if not project.learning.enabled and not progress.training and failure is None else None
    return off or _of_training(project, progress, failure) or _of_records(progress, candidates)


def _of_training(project: Project, progress: LearningProgress, failure: TrainingFailure | None) -> str | None:
    """The training that is under way, or what keeps one from making a model; None without either."""
    if progress.training:
        retry = f" The last attempt failed ({failure})." if failure is not None else ""
        return f"A model is being trained.{retry}"
    if failure is not None:
        return f"The last training failed ({failure}). {_CURES.get(failure, _LOOK_AT_THE_LOG)}"
    if project.objective is None:
        return f"Records are selected by chance, and nothing is trained. {_CURES[TrainingFailure.NO_OBJECTIVE]}"
    return None


def _of_records(progress: LearningProgress, candidates: int) -> str:
    """What people or the champion have to do with records."""
    last = progress.last
    if last is not None and not last.done:
        return f"{last.still_open} of {last.size} records of batch {last.batch} are to be labelled."
    if progress.labels.new > 0 and not progress.labels.two_classes:
        return f"All labels are of one class. {_CURES[TrainingFailure.ONE_CLASS]}"
    if progress.rescoring:
        return "The champion scores the open records."
    if candidates > 0:
        return "The next batch is selected once the import has paused."
    return "Import records; all that may be selected are in a batch or have ended."
