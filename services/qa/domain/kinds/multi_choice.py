"""`multi_choice`: each label is a two-class question of its own, by Dawid-Skene.

Distance: 1 - MASI (Passonneau 2006, "Measuring agreement on set-valued items"): Jaccard times 1, 2/3, 1/3 or 0 for
equal, nested, crossing and disjoint sets.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from services.qa.domain.estimates import CodedVotes, Estimates, estimate
from services.qa.domain.kinds.kind import QuestionEstimates
from services.qa.domain.voting import STRANGER, TIE, Answer, Consensus, Distribution, ItemVotes, Outcome, Vote
from shared.contracts.answers.kinds.multi_choice import MultiChoiceQuestion

ABSENT, PRESENT = "absent", "present"
OTHERS = ""
"""The facet of labels that were chosen too seldom to be estimated on their own: all of them together."""

LEAST_CHOSEN = 10
"""A label gets its own facet once it was chosen on so many items."""

UNKNOWN_ACCURACY = 0.88
"""Two strangers who agree on a label then have posterior .98."""


class MultiChoice:
    def __init__(self, question: MultiChoiceQuestion) -> None:
        self._labels = tuple(question.labels)
        self._minimum = question.minimum
        self._maximum = len(question.labels) if question.maximum is None else question.maximum

    def distance(self, one: Answer, other: Answer) -> float:
        mine, theirs = _chosen(one), _chosen(other)
        if mine == theirs:
            return 0.0
        shared = mine & theirs
        if not shared:
            return 1.0
        nested = 2 / 3 if mine <= theirs or theirs <= mine else 1 / 3
        return 1.0 - nested * len(shared) / len(mine | theirs)

    def hit(self, answer: Answer, truth: Answer) -> bool:
        return _chosen(answer) == _chosen(truth)

    def unknown(self) -> QuestionEstimates:
        return {OTHERS: Estimates.unknown((ABSENT, PRESENT), UNKNOWN_ACCURACY)}

    def estimate(self, items: Sequence[ItemVotes]) -> QuestionEstimates:
        chosen_on: dict[str, int] = {}
        for item in items:
            for label in frozenset().union(*(_chosen(vote.answer) for vote in item.votes)):
                chosen_on[label] = chosen_on.get(label, 0) + 1
        unknown = self.unknown()[OTHERS]
        common = sorted(label for label, count in chosen_on.items() if count >= LEAST_CHOSEN)
        rare = sorted(label for label, count in chosen_on.items() if count < LEAST_CHOSEN)
        found = {label: estimate(unknown, _code(items, [label], marked_only=False)) for label in common}
        return {OTHERS: estimate(unknown, _code(items, rare, marked_only=True)), **found}

    def consensus(
        self, votes: Sequence[Vote], estimates: QuestionEstimates, prior: Distribution | None = None
    ) -> Consensus:
        chances = self._chances(votes, estimates, prior)
        tied = any(abs(chance - 0.5) <= TIE for chance in chances.values())
        ranked = sorted(chances, key=lambda label: (-chances[label], self._labels.index(label)))
        kept = [label for label in ranked if chances[label] > 0.5][: self._maximum]  # noqa: PLR2004  # likelier than not
        if len(kept) < self._minimum:
            kept = [*ranked, *(label for label in self._labels if label not in chances)][: self._minimum]
        confidence = min((chance if label in kept else 1.0 - chance for label, chance in chances.items()), default=1.0)
        if any(label not in chances for label in kept):
            confidence = 0.0
        answer: dict[str, Any] = {"labels": sorted(kept, key=self._labels.index)}
        method = "dawid_skene" if prior is None else "dawid_skene_with_model"
        return Consensus(answer, confidence, tied, method, chances)

    def outcomes(self, items: Sequence[ItemVotes], estimates: QuestionEstimates) -> list[list[Outcome]]:
        return [self._outcomes(item, estimates) for item in items]

    def _chances(
        self, votes: Sequence[Vote], estimates: QuestionEstimates, prior: Distribution | None
    ) -> dict[str, float]:
        """P(label applies) for every label that somebody chose, the model proposes, or that has its own facet."""
        proposed = {label for vote in votes for label in _chosen(vote.answer)}
        model = {label for label, share in (prior or {}).items() if share >= 0.5}  # noqa: PLR2004  # likelier than not
        chances: dict[str, float] = {}
        for label in self._labels:
            if label not in proposed and label not in model and label not in estimates:
                continue
            share = None if prior is None else prior.get(label, 0.0)
            said = [(vote.voter, PRESENT if label in _chosen(vote.answer) else ABSENT) for vote in votes]
            weighed = None if share is None else {PRESENT: share, ABSENT: 1.0 - share}
            chances[label] = float(estimates.get(label, estimates[OTHERS]).posterior(said, weighed)[1])
        return chances

    def _outcomes(self, item: ItemVotes, estimates: QuestionEstimates) -> list[Outcome]:
        """By the truth, else the expected share of the labels in question that the vote is right about."""
        if item.truth is not None:
            return [Outcome(float(self.hit(vote.answer, item.truth)), 1.0) for vote in item.votes]
        found: list[Outcome] = []
        for at, vote in enumerate(item.votes):
            votes = [*item.votes[:at], replace(vote, voter=STRANGER), *item.votes[at + 1 :]]
            chances = self._chances(votes, estimates, item.prior)
            chosen = _chosen(vote.answer)
            right = [chance if label in chosen else 1.0 - chance for label, chance in chances.items()]
            spoke = len(item.votes) > 1 or item.prior is not None
            found.append(Outcome(sum(right) / len(right) if right else 1.0, float(spoke)))
        return found


def _chosen(answer: Answer) -> frozenset[str]:
    labels: Any = answer["labels"]
    return frozenset(labels)


def _code(items: Sequence[ItemVotes], labels: Sequence[str], *, marked_only: bool) -> CodedVotes:
    """Each (record, label) is an item of two classes; `marked_only` leaves out labels that nobody chose on the record."""
    names: dict[str, int] = {}
    rows: list[tuple[int, int, int]] = []
    clamps: list[int] = []
    priors: list[tuple[float, float]] = []
    for item in items:
        choices = [(vote.voter, _chosen(vote.answer)) for vote in item.votes]
        truth = None if item.truth is None else _chosen(item.truth)
        for label in labels:
            if marked_only and not any(label in chosen for _, chosen in choices) and not (truth and label in truth):
                continue
            rows += [
                (len(clamps), names.setdefault(voter, len(names)), int(label in chosen)) for voter, chosen in choices
            ]
            clamps.append(-1 if truth is None else int(label in truth))
            share = np.nan if item.prior is None else item.prior.get(label, 0.0)
            priors.append((1.0 - share, share))
    votes = np.array(rows, np.int64).reshape(-1, 3)
    return CodedVotes(
        items=votes[:, 0],
        voters=votes[:, 1],
        classes=votes[:, 2],
        item_count=len(clamps),
        voter_names=tuple(names),
        item_prior=np.array(priors, np.float64).reshape(-1, 2),
        clamps=np.array(clamps, np.int64),
    )


KIND = MultiChoice
