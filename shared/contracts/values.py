"""The words of the domain that more than one service speaks."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
"""A number in [0, 1]."""

Version = Annotated[int, Field(ge=1)]
"""A version of a schema, a guideline, a policy or a model; they count from 1."""

Answers = dict[str, dict[str, JsonValue]]
"""`{question_name: answer}`; the shape of an answer depends on the question's kind (see `shared.contracts.answers`)."""


class BrokenRule(ValueError):
    """What a validator raises when its words are ours alone: they may be shown, for they repeat no input.

    `path` leads from what is validated to what breaks the rule; `rule` names it for programs.
    """

    def __init__(self, words: str, *path: str | int, rule: str | None = None) -> None:
        super().__init__(words)
        self.path = path
        self.rule = rule

    def under(self, *path: str | int) -> "BrokenRule":
        """The same, seen from further out."""
        return BrokenRule(str(self), *path, *self.path, rule=self.rule)


class Frozen(BaseModel):
    """A value: immutable, closed to misspelt fields when we write it, compared by content."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Role(StrEnum):
    """What a token allows. `admin` may do everything.

    `personal_data` allows nothing by itself: with it, another role reaches the content of projects that hold personal data.
    """

    ADMIN = "admin"
    MANAGER = "manager"
    ANNOTATOR = "annotator"
    ARBITER = "arbiter"
    PRODUCT = "product"
    TRAINER = "trainer"
    AUDITOR = "auditor"
    PERSONAL_DATA = "personal_data"


class ProjectStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class Calibrated(StrEnum):
    """What a label's confidence was calibrated on.

    `gold`: known answers of its own project and question. `default`: nothing of its own; it rests on constants learnt from
    public data, on a model's own confidence, or on taking a decision for right.
    """

    GOLD = "gold"
    DEFAULT = "default"


class Origin(StrEnum):
    """Where a record came from."""

    COLLECTED = "collected"
    DEPLOYMENT = "deployment"
    SYNTHETIC = "synthetic"


class Split(StrEnum):
    """Which part of the data a record belongs to, drawn once by a keyed hash."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"

    @property
    def held_out(self) -> bool:
        """Held out records measure models; they are never trained on and never auto-accepted."""
        return self is not Split.TRAIN


class Route(StrEnum):
    """How much human work a record needs."""

    AUTO_ACCEPT = "auto_accept"
    PEOPLE = "people"
    EXPERT = "expert"


class TaskKind(StrEnum):
    """What a lease asks for. Gold and audit tasks are `annotation`: they look alike."""

    ANNOTATION = "annotation"
    PRACTICE = "practice"
    REVIEW = "review"
    ARBITRATION = "arbitration"


class Pool(StrEnum):
    """Which workforce an annotator belongs to."""

    CROWD = "crowd"
    IN_HOUSE = "in_house"
    EXPERT = "expert"


class AnnotatorStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    RETIRED = "retired"


class AssessmentStatus(StrEnum):
    """What qa concludes about an annotator: `warned` is served more gold, `paused` gets no lease."""

    ACTIVE = "active"
    WARNED = "warned"
    PAUSED = "paused"


class LabelMethod(StrEnum):
    """How a label came to be."""

    CONSENSUS = "consensus"
    AUTO_ACCEPT = "auto_accept"
    DECISION = "decision"

    @property
    def by_people(self) -> bool:
        return self is not LabelMethod.AUTO_ACCEPT


class RecordState(StrEnum):
    """Where a record stands in qa. Everything but `open` is an end state."""

    OPEN = "open"
    FINALIZED = "finalized"
    GOLD = "gold"
    UNLABELABLE = "unlabelable"
    ERASED = "erased"


class ModelStage(StrEnum):
    """Where a model version stands: of a project one is champion; a retired one was, a rejected one lost its
    comparison or could not be compared.
    """

    CHALLENGER = "challenger"
    CHAMPION = "champion"
    RETIRED = "retired"
    REJECTED = "rejected"


class ScoredFor(StrEnum):
    """Why a prediction was made: to route the record, or to measure the model on it."""

    ROUTING = "routing"
    EVALUATION = "evaluation"


class Verdict(StrEnum):
    """What a product system reports of a live prediction."""

    CONFIRMED = "confirmed"
    CORRECTED = "corrected"
    UNKNOWN = "unknown"


def json_pointer(*path: str | int) -> str:
    """The RFC 6901 pointer to `path`; the empty string is the whole document."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
