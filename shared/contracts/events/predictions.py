"""Topic `predictions`: what a model answers, how sure it is, and what is worth a person's time."""

from uuid import UUID

from pydantic import Field

from shared.contracts.answers.examples import AnswersInCodePoints
from shared.contracts.envelope import Payload
from shared.contracts.values import Frozen, Probability, ScoredFor, Version


class Uncertainty(Frozen):
    """All three in [0, 1], 1 is most unsure: normalised entropy, 1 - margin of the two best, 1 - best."""

    entropy: Probability
    margin: Probability
    least_confidence: Probability


class Selection(Frozen):
    """The record was chosen for people in a batch of active learning.

    `probability` is the chance with which the strategy chose it (1.0 for a deterministic strategy).
    """

    batch: int = Field(ge=0)
    strategy: str
    probability: Probability


class Unanswered(Frozen):
    """The model that was asked and gave no answer that can be used.

    `reason`: `unreadable` (the record holds nothing that it could read), `unusable` (it broke on this record, or what it
    gave are no probabilities), `failed` (it took too long, or answered in another shape, again and again). There may be
    more of them one day.
    """

    model_id: UUID
    model_version: Version
    reason: str = Field(examples=["unusable"])


class RecordPredicted(Payload):
    """One model version's answers for a record; without a model (`model_id` None) only the acquisition score.

    `confidence` is the calibrated probability that the answers are right. `distributions` gives
    `{question: {class: probability}}` for the questions that choose among classes. `acquisition_score` in [0, 1]:
    higher is more worth a person's time. `selection` is None while the record waits for its turn; held-out records
    are not selected: queue serves them whatever their score. `unanswered`: a model was asked in vain; then
    `model_id` is None. The event's `id` is the prediction's id.
    """

    model_id: UUID | None
    model_version: Version | None
    schema_version: Version
    answers: AnswersInCodePoints
    confidence: Probability | None
    distributions: dict[str, dict[str, Probability]] = Field(default={})
    uncertainty: Uncertainty | None = None
    acquisition_score: Probability
    selection: Selection | None = None
    scored_for: ScoredFor
    unanswered: Unanswered | None = None


class LabelDoubted(Payload):
    """Models that did not learn from a label say that it looks wrong, in a look that followed a training.

    `given` is the label's class, `suggested` the likeliest other one; `given_probability` and `suggested_probability` are
    what the models give to them. `score` estimates the probability that `given` is wrong, of the models alone; 1 is the
    `rank` of the highest of the `examined` labels, of which `estimated_wrong` is the share that is estimated to be wrong.
    `reason`: `sure_of_another` (another class is as likely as it is on average where it was given), `unlikely` (the given
    one is unlikely, and no other is certain). There may be more of them one day.
    """

    training_run_id: UUID
    schema_version: Version
    question: str
    given: str
    suggested: str
    given_probability: Probability
    suggested_probability: Probability
    score: Probability
    rank: int = Field(ge=1)
    examined: int = Field(ge=1)
    estimated_wrong: Probability
    reason: str = Field(examples=["sure_of_another"])
