"""`choice`: the method that the votes speak for over the labels, the model's distribution as the item's prior."""

from collections.abc import Sequence
from dataclasses import replace

from services.qa.domain.calibration_evidence import calibrate
from services.qa.domain.class_votes import leave_one_out, vote_arrays
from services.qa.domain.estimates import Estimates, Facets
from services.qa.domain.method_choice import choose
from services.qa.domain.stored_estimates import EstimatedByFacets, StoredEstimates
from services.qa.domain.vote_scores import VoteScores
from services.qa.domain.votes import TIE, Answer, Consensus, Distribution, ItemVotes, Vote, VoteOutcome
from shared.contracts.answers.kinds.choice import ChoiceQuestion

FACET = ""


class ChoiceKind(EstimatedByFacets):
    """Consensus and disagreement of `choice`: one facet, whose classes are the labels."""

    NAME = "choice"

    def __init__(self, question: ChoiceQuestion) -> None:
        self._labels = tuple(question.labels)

    def distance(self, one: Answer, other: Answer) -> float:
        return float(one["label"] != other["label"])

    def hit(self, answer: Answer, truth: Answer) -> bool:
        return answer["label"] == truth["label"]

    def work_us(self, answers: Sequence[Answer]) -> float:
        return 10.0 + len(answers) + len(self._labels) / 5

    def unknown(self) -> Facets:
        return {FACET: Estimates.unknown(self._labels)}

    def estimate(self, items: Sequence[ItemVotes]) -> Facets:
        unknown = Estimates.unknown(self._labels)
        votes = vote_arrays(unknown, items)
        chosen = choose(unknown, votes)
        calibration = calibrate(items, votes, lambda some_hidden: chosen.estimate(unknown, some_hidden))
        return {FACET: replace(chosen.estimate(unknown, votes), calibration=calibration)}

    def consensus(self, votes: Sequence[Vote], estimates: Facets, prior: Distribution | None = None) -> Consensus:
        facet = estimates[FACET]
        chances = facet.posterior([(vote.voter, str(vote.answer["label"])) for vote in votes], prior)
        posterior = facet.calibrated(chances, len(votes), prior)
        best = int(posterior.argmax())
        tied = bool((posterior >= posterior[best] - TIE).sum() > 1)
        method = facet.selection.method if prior is None else f"{facet.selection.method}_with_model"
        distribution = {label: float(share) for label, share in zip(facet.classes, posterior, strict=True)}
        return Consensus(
            answer={"label": facet.classes[best]},
            confidence=float(posterior[best]),
            tied=tied,
            method=method,
            distribution=distribution,
            calibrated=facet.calibration.basis,
            coming=facet.next_vote(best, posterior, len(votes)),
        )

    def facet(self, parts: StoredEstimates) -> Estimates:
        """By which method votes are weighed and why, and how posteriors are calibrated."""
        return self.from_stored(parts)[FACET]

    def outcomes(self, items: Sequence[ItemVotes], estimates: Facets) -> list[list[VoteOutcome]]:
        facet = estimates[FACET]
        return leave_one_out(facet, vote_arrays(facet, items))

    def vote_scores(self, items: Sequence[ItemVotes], estimates: Facets) -> VoteScores | None:
        facet = estimates[FACET]
        return VoteScores.of(facet, vote_arrays(facet, items))


KIND = ChoiceKind
