"""Class votes as index arrays, and what the others' votes say of each of them."""

from collections.abc import Sequence

import numpy as np

from services.qa.domain.dawid_skene import Floats, softmax
from services.qa.domain.estimates import CodedVotes, Estimates
from services.qa.domain.voting import ItemVotes, Outcome


def code(facet: Estimates, items: Sequence[ItemVotes]) -> CodedVotes:
    """Votes on `{"label": …}` answers; labels that are no class of the facet are left out."""
    names: dict[str, int] = {}
    at_item: list[int] = []
    at_voter: list[int] = []
    at_class: list[int] = []
    clamps = np.full(len(items), -1, np.int64)
    item_prior: Floats | None = None
    for item, votes in enumerate(items):
        for vote in votes.votes:
            answered = facet.index(vote.answer["label"])
            if answered is None:
                continue
            at_item.append(item)
            at_voter.append(names.setdefault(vote.voter, len(names)))
            at_class.append(answered)
        if votes.truth is not None:
            known = facet.index(votes.truth["label"])
            clamps[item] = -1 if known is None else known
        if votes.prior is not None:
            if item_prior is None:
                item_prior = np.full((len(items), len(facet.classes)), np.nan)
            item_prior[item] = [votes.prior.get(name, 0.0) for name in facet.classes]
    return CodedVotes(
        items=np.array(at_item, np.int64),
        voters=np.array(at_voter, np.int64),
        classes=np.array(at_class, np.int64),
        item_count=len(items),
        voter_names=tuple(names),
        item_prior=item_prior,
        clamps=clamps,
    )


def leave_one_out(facet: Estimates, items: Sequence[ItemVotes], votes: CodedVotes) -> list[list[Outcome]]:
    """For each vote the posterior of its class by the other votes and the model, or by the truth where it is known.

    One pass over (votes, K): the item's log posterior less the vote's own likelihood.
    """
    scores = np.array([facet.log_prior(item.prior) for item in items]).reshape(len(items), len(facet.classes))
    names = votes.voter_names
    table = {
        (voter, answered): np.log(facet.likelihood(names[voter], answered))
        for voter, answered in set(zip(votes.voters.tolist(), votes.classes.tolist(), strict=True))
    }
    own = np.array([table[pair] for pair in zip(votes.voters.tolist(), votes.classes.tolist(), strict=True)]).reshape(
        len(votes.items), len(facet.classes)
    )
    np.add.at(scores, votes.items, own)
    others = softmax(scores[votes.items] - own)
    right = others[np.arange(len(votes.items)), votes.classes]
    spoke = np.bincount(votes.items, minlength=votes.item_count) - 1 + [item.prior is not None for item in items]

    found: list[list[Outcome]] = [[] for _ in items]
    for item, posterior, answered, share in zip(
        votes.items.tolist(), others.max(axis=1).tolist(), votes.classes.tolist(), right.tolist(), strict=True
    ):
        truth = -1 if votes.clamps is None else int(votes.clamps[item])
        if truth >= 0:
            found[item].append(Outcome(float(truth == answered), 1.0))
        else:
            found[item].append(Outcome(share, posterior if spoke[item] > 0 else 0.0))
    return found
