"""`multi_choice`: each label is a two-class question of its own, by Dawid-Skene.

Distance: 1 - MASI (Passonneau 2006, "Measuring agreement on set-valued items"): Jaccard times 1, 2/3, 1/3 or 0 for
equal, nested, crossing and disjoint sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.estimates import Estimates, Facets, VoteArrays, estimate
from services.qa.domain.stored_estimates import EstimatedByFacets
from services.qa.domain.votes import STRANGER, TIE, Answer, Consensus, Distribution, ItemVotes, Vote, VoteOutcome
from shared.contracts.answers.kinds.multi_choice import MultiChoiceQuestion

ABSENT, PRESENT = "absent", "present"
OTHERS = ""
"""The facet of labels that were chosen too seldom to be estimated on their own: all of them together."""

LEAST_CHOSEN = 10
"""A label gets its own facet once it was chosen on so many items."""

UNKNOWN_ACCURACY = 0.88
"""Two strangers who agree on a label then have posterior .98."""


class MultiChoiceKind(EstimatedByFacets):
    """Consensus and disagreement of `multi_choice`: a facet for each label chosen often enough, one for all others."""

    NAME = "multi_choice"

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

    def work_us(self, answers: Sequence[Answer]) -> float:
        return (10.0 + len(answers)) * len(self._labels)  # each label is a question of its own

    def unknown(self) -> Facets:
        return {OTHERS: Estimates.unknown((ABSENT, PRESENT), UNKNOWN_ACCURACY)}

    def estimate(self, items: Sequence[ItemVotes]) -> Facets:
        unknown = self.unknown()[OTHERS]
        choices = _Choices.of(items)
        common = [label for label, count in choices.chosen_on() if count >= LEAST_CHOSEN]
        rare = [label for label, count in choices.chosen_on() if 0 < count < LEAST_CHOSEN]
        found = {label: estimate(unknown, choices.of_label(label)) for label in common}
        return {OTHERS: estimate(unknown, choices.of_marked(rare)), **found}

    def consensus(self, votes: Sequence[Vote], estimates: Facets, prior: Distribution | None = None) -> Consensus:
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

    def outcomes(self, items: Sequence[ItemVotes], estimates: Facets) -> list[list[VoteOutcome]]:
        return [self._outcomes(item, estimates) for item in items]

    def _chances(self, votes: Sequence[Vote], estimates: Facets, prior: Distribution | None) -> dict[str, float]:
        """P(label applies) for every label that somebody chose, the model proposes, or that has its own facet."""
        proposed = {label for vote in votes for label in _chosen(vote.answer)}
        model = {label for label, share in (prior or {}).items() if share >= 0.5}  # noqa: PLR2004  # likelier than not
        chances: dict[str, float] = {}
        for label in self._labels:
            if label not in proposed and label not in model and label not in estimates:
                continue
            share = None if prior is None else prior.get(label, 0.0)
            marks = [(vote.voter, PRESENT if label in _chosen(vote.answer) else ABSENT) for vote in votes]
            weighed = None if share is None else {PRESENT: share, ABSENT: 1.0 - share}
            chances[label] = float(estimates.get(label, estimates[OTHERS]).posterior(marks, weighed)[1])
        return chances

    def _outcomes(self, item: ItemVotes, estimates: Facets) -> list[VoteOutcome]:
        """By the truth, else the expected share of the labels in question that the vote is right about."""
        if item.truth is not None:
            return [VoteOutcome(float(self.hit(vote.answer, item.truth)), 1.0) for vote in item.votes]
        found: list[VoteOutcome] = []
        for at, vote in enumerate(item.votes):
            votes = [*item.votes[:at], replace(vote, voter=STRANGER), *item.votes[at + 1 :]]
            chances = self._chances(votes, estimates, item.prior)
            chosen = _chosen(vote.answer)
            right = [chance if label in chosen else 1.0 - chance for label, chance in chances.items()]
            has_others = len(item.votes) > 1 or item.prior is not None
            found.append(VoteOutcome(sum(right) / len(right) if right else 1.0, float(has_others)))
        return found


def _chosen(answer: Answer) -> frozenset[str]:
    labels: Any = answer["labels"]
    return frozenset(labels)


@dataclass(frozen=True, slots=True)
class _Choices:
    """The choices of V votes on I items among L labels, as arrays.

    `chosen` (V, L); `marked` (I, L): somebody chose it, or the truth holds it; `truths` (I, L): 1 or 0, -1 where it is not
    known; `priors` (I, L): NaN where there is no prediction.
    """

    labels: Sequence[str]
    items: Integers
    voters: Integers
    voter_names: tuple[str, ...]
    chosen: Flags
    marked: Flags
    truths: Integers
    priors: Floats

    @classmethod
    def of(cls, items: Sequence[ItemVotes]) -> "_Choices":
        votes = [vote for item in items for vote in item.votes]
        chosen_by = [_chosen(vote.answer) for vote in votes]
        labels = sorted(frozenset().union(*chosen_by))
        place = {label: at for at, label in enumerate(labels)}
        names: dict[str, int] = {}
        voters = [names.setdefault(vote.voter, len(names)) for vote in votes]
        of_item = np.repeat(np.arange(len(items)), [len(item.votes) for item in items])
        chosen = np.zeros((len(votes), len(labels)), np.bool_)
        at = np.repeat(np.arange(len(votes)), [len(labels_of) for labels_of in chosen_by])
        chosen[at, [place[label] for labels_of in chosen_by for label in labels_of]] = True
        truths = np.full((len(items), len(labels)), -1, np.int64)
        priors = np.full((len(items), len(labels)), np.nan)
        for number, item in enumerate(items):
            if item.truth is not None:
                truths[number] = 0
                truths[number, [place[label] for label in _chosen(item.truth) if label in place]] = 1
            if item.prior is not None:
                priors[number] = [item.prior.get(label, 0.0) for label in labels]
        marked = truths == 1
        rows, columns = np.nonzero(chosen)
        marked[of_item[rows], columns] = True
        return cls(labels, of_item, np.array(voters, np.int64), tuple(names), chosen, marked, truths, priors)

    def chosen_on(self) -> list[tuple[str, int]]:
        """On how many items each label was chosen."""
        rows, columns = np.nonzero(self.chosen)
        cells = np.unique(self.items[rows] * len(self.labels) + columns)
        counts = np.bincount(cells % max(len(self.labels), 1), minlength=len(self.labels))
        return list(zip(self.labels, counts.tolist(), strict=True))

    def of_label(self, label: str) -> VoteArrays:
        """One label on every item: chosen or not."""
        column = self.labels.index(label)
        return VoteArrays(
            items=self.items,
            voters=self.voters,
            classes=self.chosen[:, column].astype(np.int64),
            item_count=len(self.marked),
            voter_names=self.voter_names,
            item_prior=_two_classes(self.priors[:, column]),
            clamps=self.truths[:, column],
        )

    def of_marked(self, labels: Sequence[str]) -> VoteArrays:
        """Several labels as if they were one, each on the items on which it is marked."""
        columns = [self.labels.index(label) for label in labels]
        marked = self.marked[:, columns]
        numbers = (
            np.cumsum(marked.T.ravel()).reshape(marked.T.shape) - 1
        )  # (labels, I): the item that each cell becomes
        at, votes = np.nonzero(marked.T[:, self.items])
        return VoteArrays(
            items=numbers[at, self.items[votes]].astype(np.int64),
            voters=self.voters[votes],
            classes=self.chosen[votes, np.array(columns, np.int64)[at]].astype(np.int64),
            item_count=int(marked.sum()),
            voter_names=self.voter_names,
            item_prior=_two_classes(self.priors[:, columns].T[marked.T]),
            clamps=self.truths[:, columns].T[marked.T],
        )


def _two_classes(shares: Floats) -> Floats:
    return np.stack([1.0 - shares, shares], axis=1)


KIND = MultiChoiceKind
