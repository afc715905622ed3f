"""What a question must be able to do, whatever its kind."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from services.qa.domain.stored_estimates import Reliability, StoredEstimates
from services.qa.domain.vote_scores import VoteScores
from services.qa.domain.votes import Answer, Consensus, Distribution, ItemVotes, Vote, VoteOutcome

E = TypeVar("E")


class QuestionKind(Protocol[E]):
    """Everything qa does that depends on the kind of a question; made from the question. Safe to call from a thread.

    `E` is what this kind estimates of annotators: its own affair, and kept in a form that it alone reads. The consensus
    is a valid answer to the question (`shared.contracts.answers.validate`) if every vote is.
    """

    def distance(self, one: Answer, other: Answer) -> float:
        """Disagreement in [0, 1], symmetric, 0 for equal answers."""
        ...

    def hit(self, answer: Answer, truth: Answer) -> bool:
        """Whether `answer` counts as right when `truth` is: gold scoring, model against label, feedback against label."""
        ...

    def work_us(self, answers: Sequence[Answer]) -> float:
        """About how many microseconds of CPU the consensus of these answers takes, or to compare them, at worst.

        Cheap: it is asked for every record, to see whether this is for a worker process.
        """
        ...

    def unknown(self) -> E:
        """Estimates before anything was estimated."""
        ...

    def estimate(self, items: Sequence[ItemVotes]) -> E:
        """Estimate every annotator from all votes of one project, question and schema version. CPU work: a worker's."""
        ...

    def to_stored(self, estimates: E) -> StoredEstimates:
        """What is kept of them: JSON with this kind and its version."""
        ...

    def from_stored(self, parts: StoredEstimates) -> E:
        """The inverse, for the voters that are given; `unknown` when another version of this kind wrote it."""
        ...

    def moved(self, before: StoredEstimates | None, after: StoredEstimates) -> bool:
        """Whether they differ so much that records which wait for a vote are decided again; None: nothing was estimated."""
        ...

    def reliability(self, estimates: E, voter: str) -> Reliability:
        """How far an annotator's answers can be relied on, for their assessment."""
        ...

    def consensus(self, votes: Sequence[Vote], estimates: E, prior: Distribution | None = None) -> Consensus:
        """The consensus of one record's votes, at least one. Microseconds for a class, up to a second for regions."""
        ...

    def outcomes(self, items: Sequence[ItemVotes], estimates: E) -> list[list[VoteOutcome]]:
        """For each item, for each of its votes: how it fits the rest (leave-one-out), the food of drift detection."""
        ...

    def vote_scores(self, items: Sequence[ItemVotes], estimates: E) -> VoteScores | None:
        """The votes as scores of classes, in the order of the items and of their votes, to find who does not look or copies.

        None where an answer is not one of a few classes.
        """
        ...
