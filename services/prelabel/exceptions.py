"""What prelabel raises; `services.prelabel.main.PROBLEMS` says which status the edge gives to each."""


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


class CannotTrain(Exception):
    """The labels give no model, and trying again would change nothing."""


class TrainingInterrupted(Exception):
    """What the training needs is out of reach for now."""


class NotChampion(Exception):
    """The model is not the champion, so there is nothing to roll back."""


class NoPredecessor(Exception):
    """No champion was before this one."""


class ModelChangedMeanwhile(Exception):
    """The model was changed by somebody else."""


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
