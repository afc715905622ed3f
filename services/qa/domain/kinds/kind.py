"""What a question must be able to do, whatever its kind."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pydantic import JsonValue

from services.qa.domain.estimates import Estimates
from services.qa.domain.voting import Answer, Consensus, Distribution, ItemVotes, Outcome, Vote

QuestionEstimates = Mapping[str, Estimates]
"""Estimates by facet: `choice` has one facet `""`, `multi_choice` one per label, spans and boxes one `""`
(part present or absent)."""


def estimates_to_json(estimates: QuestionEstimates) -> dict[str, JsonValue]:
    """For a jsonb column."""
    return {facet: one.to_json() for facet, one in estimates.items()}


def estimates_from_json(stored: Mapping[str, JsonValue]) -> QuestionEstimates:
    """The inverse of `estimates_to_json`."""
    return {facet: Estimates.from_json(one) for facet, one in stored.items()}


class Kind(Protocol):
    """Everything qa does that depends on the kind of a question; made from the question. Safe to call from a thread.

    The consensus is a valid answer to the question (`shared.contracts.answers.validate`) if every vote is.
    """

    def distance(self, one: Answer, other: Answer) -> float:
        """Disagreement in [0, 1], symmetric, 0 for equal answers."""
        ...

    def hit(self, answer: Answer, truth: Answer) -> bool:
        """Whether `answer` counts as right when `truth` is: gold scoring, model against label, feedback against label."""
        ...

    def unknown(self) -> QuestionEstimates:
        """Estimates before anything was estimated."""
        ...

    def estimate(self, items: Sequence[ItemVotes]) -> QuestionEstimates:
        """Estimate every annotator from all votes of one project, question and schema version. CPU work: a thread."""
        ...

    def consensus(
        self, votes: Sequence[Vote], estimates: QuestionEstimates, prior: Distribution | None = None
    ) -> Consensus:
        """What the votes of one record say. At least one vote. Cheap: microseconds to a millisecond."""
        ...

    def outcomes(self, items: Sequence[ItemVotes], estimates: QuestionEstimates) -> list[list[Outcome]]:
        """For each item, for each of its votes: how it fits the rest (leave-one-out), the food of drift detection."""
        ...
