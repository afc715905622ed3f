"""Votes on classes as log scores, from which what the others say of an item can be had without one vote, or without two."""

from dataclasses import dataclass

import numpy as np

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.dawid_skene import clip_prior, softmax
from services.qa.domain.estimates import LAPSE, Estimates, VoteArrays


@dataclass(frozen=True, slots=True)
class VoteScores:
    """V votes on I items among K classes.

    `labels` (K). `confusions` (W, K, K): P(answered | true class) of each voter, lapse included; `own` (V, K): its log for
    the answer given. `people` (I, K): the log class prior and everybody's `own`; `model` (I, K):
    what a model's distribution adds in place of the class prior, 0 where there is none. `truth` (I): the known class, -1
    where unknown.
    """

    items: Integers
    voters: Integers
    classes: Integers
    voter_names: tuple[str, ...]
    labels: tuple[str, ...]
    confusions: Floats
    own: Floats
    people: Floats
    model: Floats
    truth: Integers

    @classmethod
    def of(cls, facet: Estimates, votes: VoteArrays) -> "VoteScores | None":
        """None where there are too many classes for confusions."""
        if facet.confusions is None or facet.pool is None:
            return None
        count, strangers = len(facet.classes), len(facet.confusions)
        rows = np.array([facet.voters.get(name, strangers) for name in votes.voter_names], np.int64)
        known = np.concatenate([facet.confusions, facet.pool[None]])[rows]
        confusions = (1.0 - LAPSE) * known + LAPSE / count
        own = np.log(confusions[votes.voters, :, votes.classes])
        class_prior = np.log(facet.class_prior)
        people = np.tile(class_prior, (votes.item_count, 1))
        np.add.at(people, votes.items, own)
        model = np.zeros_like(people)
        if votes.item_prior is not None:
            given = ~np.isnan(votes.item_prior).any(axis=1)
            model[given] = np.log(clip_prior(votes.item_prior[given])) - class_prior
        truth = np.full(votes.item_count, -1, np.int64) if votes.clamps is None else votes.clamps
        return cls(
            items=votes.items,
            voters=votes.voters,
            classes=votes.classes,
            voter_names=votes.voter_names,
            labels=facet.classes,
            confusions=confusions,
            own=own,
            people=people,
            model=model,
            truth=truth,
        )

    def without(self, *left_out: Integers, by_model: bool = True) -> Floats:
        """(N, K) P(true class | all but these votes), or the truth where it is known.

        Each of `left_out` (N) names one vote of each of the same N items.
        """
        items = self.items[left_out[0]]
        scores = self.people[items] + (self.model[items] if by_model else 0.0)
        for votes in left_out:
            scores -= self.own[votes]
        found = softmax(scores)
        truth = self.truth[items]
        known = np.flatnonzero(truth >= 0)
        found[known] = 0.0
        found[known, truth[known]] = 1.0
        return found

    def chances(self, voters: Integers, answered: Integers) -> Floats:
        """(N, K) P(the voter gives this answer | true class)."""
        return np.asarray(self.confusions[voters, :, answered], np.float64)

    def equal_chances(self, ones: Integers, others: Integers) -> Floats:
        """(N, K) P(two voters give equal answers | true class) if they are independent."""
        count = len(self.voter_names)
        pairs, at = np.unique(ones * count + others, return_inverse=True)
        first, second = np.divmod(pairs, count)
        found = np.zeros((len(pairs), self.own.shape[1]))
        for answered in range(self.own.shape[1]):
            found += self.confusions[first, :, answered] * self.confusions[second, :, answered]
        return np.asarray(found[at.reshape(-1)], np.float64)
