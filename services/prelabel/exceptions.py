"""What prelabel raises; `services.prelabel.main.PROBLEMS` says which status the edge gives to each."""

from enum import StrEnum


class ModelRefused(ValueError):
    """The file is not an ONNX model that can be served here."""


class ManifestRefused(ValueError):
    """The manifest doesn't fit the project's schema."""

    def __init__(self, pointer: str, rule: str) -> None:
        super().__init__(rule)
        self.pointer = pointer


class ProjectArchived(Exception):
    """The project is archived: it takes no model and trains none."""


class NothingToLearn(Exception):
    """The project's active schema has no choice question about a text or image field."""


class RunUnderWay(Exception):
    """A training run of this project is under way; wait for its end."""


class TrainingFailure(StrEnum):
    """Why an attempt at a training run made no model."""

    NO_OBJECTIVE = "no_objective"
    NO_LABELS = "no_labels"
    ONE_CLASS = "one_class"
    NO_COMMON_TERMS = "no_common_terms"
    UNREADABLE_PICTURES = "unreadable_pictures"
    EXPORT_DIFFERS = "export_differs"
    INPUTS_OUT_OF_REACH = "inputs_out_of_reach"
    TOO_SLOW = "too_slow"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    FAULT = "fault"


class CannotTrain(Exception):
    """The labels give no model, and trying again would change nothing."""

    def __init__(self, reason: TrainingFailure, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class TrainingInterrupted(Exception):
    """What the training needs is out of reach for now."""


class NotChampion(Exception):
    """The model is not the champion, so there is nothing to roll back."""


class NoPredecessor(Exception):
    """No champion was before this one."""


class NoChampion(Exception):
    """The project has no champion yet."""


class ModelChangedMeanwhile(Exception):
    """The model was changed by somebody else."""


class ModelFileErased(Exception):
    """The model learnt from a record that was erased, so its file was deleted; promote or train another one."""


class ArtifactDamaged(Exception):
    """The model's bytes in the object store are not those that were registered."""


class InferenceFailed(Exception):
    """The model could not answer: it took too much time or memory, or its answers are no probabilities."""


class ModelSetAside(InferenceFailed):
    """The model took more time or memory than it may, again and again; it is asked no more until it is promoted anew."""


class Overloaded(Exception):
    """More items wait for a model than are kept; try again."""

    retry_after_s = 1


class UnreadablePicture(ValueError):
    """The bytes are not a PNG or JPEG image of at most 40 megapixels."""
