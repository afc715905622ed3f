"""The consensus of a record's annotations: every question by its kind, within the schema's conditions."""

from collections.abc import Mapping, Sequence

from services.qa.domain import kinds
from services.qa.domain.stored_estimates import StoredEstimates
from services.qa.domain.votes import Answer, Consensus, Distribution, Vote
from shared.contracts.answers import LabelSchema, Question
from shared.contracts.values import Answers


def consensus_of(
    schema: LabelSchema,
    annotations: Sequence[tuple[str, Answers]],
    estimates: Mapping[str, StoredEstimates],
    priors: Mapping[str, Distribution] | None = None,
) -> dict[str, Consensus]:
    """The consensus of the annotations of one round, by question.

    Args:
        schema: The schema version that the round is pinned to.
        annotations: (voter, answers), those that count.
        estimates: By question; a question that is missing has none yet.
        priors: The model's distributions by question, None where people decide alone.

    A question that its `visible_when` hides under the consensus of the earlier one is left out; an optional question
    is left out when most did not answer it.
    """
    found: dict[str, Consensus] = {}
    for question in schema.questions:
        votes = [Vote(voter, answers[question.name]) for voter, answers in annotations if question.name in answers]
        hidden = not _visible(question, schema, found)
        if not votes or hidden or (not question.required and 2 * len(votes) < len(annotations)):
            continue
        kind = kinds.of(question)
        kept = estimates.get(question.name)
        known = kind.unknown() if kept is None else kind.from_stored(kept)
        found[question.name] = kind.consensus(votes, known, (priors or {}).get(question.name))
    return found


def work_us(schema: LabelSchema, given: Sequence[Answers]) -> float:
    """About how many microseconds of CPU the consensus of these answers takes, or to compare them, at worst."""
    return sum(
        kinds.of(question).work_us([answers[question.name] for answers in given if question.name in answers])
        for question in schema.questions
    )


def answers_of(consensus: Mapping[str, Consensus]) -> Answers:
    """The label's answers."""
    return {name: dict(one.answer) for name, one in consensus.items()}


def hits(schema: LabelSchema, answers: Mapping[str, Answer], truth: Mapping[str, Answer]) -> dict[str, bool]:
    """By question of the truth (a gold answer, a label, a correction): is it hit? A missing answer is a miss."""
    return {
        question.name: question.name in answers and kinds.of(question).hit(answers[question.name], truth[question.name])
        for question in schema.questions
        if question.name in truth
    }


def _visible(question: Question, schema: LabelSchema, found: Mapping[str, Consensus]) -> bool:
    condition = question.visible_when
    if condition is None:
        return True
    asked = next(one for one in schema.questions if one.name == condition.question)
    if condition.question not in found:
        return False
    answer = asked.answer_model.model_validate(dict(found[condition.question].answer))
    return not asked.carried_by(answer).isdisjoint(condition.labels)
