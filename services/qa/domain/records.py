"""From a record's annotations to what they say together: every question by its kind, within the schema's conditions."""

from collections.abc import Mapping, Sequence

from services.qa.domain.kinds.kind import QuestionEstimates
from services.qa.domain.voting import Answer, Consensus, Distribution
from shared.contracts.answers import LabelSchema
from shared.contracts.values import Answers


def consensus_of(
    schema: LabelSchema,
    annotations: Sequence[tuple[str, Answers]],
    estimates: Mapping[str, QuestionEstimates],
    priors: Mapping[str, Distribution] | None = None,
) -> dict[str, Consensus]:
    """What the annotations of one round say, by question.

    Args:
        schema: The schema version the round is pinned to.
        annotations: (voter, answers), those that count.
        estimates: By question; a question that is missing has none yet.
        priors: The model's distributions by question, None where people decide alone.

    A question that its `visible_when` hides under the consensus of the earlier one is left out; an optional question
    is left out when most did not answer it.
    """
    raise NotImplementedError


def answers_of(consensus: Mapping[str, Consensus]) -> Answers:
    """The label's answers."""
    raise NotImplementedError


def hits(schema: LabelSchema, answers: Mapping[str, Answer], truth: Mapping[str, Answer]) -> dict[str, bool]:
    """By question of the truth (a gold answer, a label, a correction): is it hit? A missing answer is a miss."""
    raise NotImplementedError
