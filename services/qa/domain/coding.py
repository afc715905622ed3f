"""Class votes as index arrays, and what the others' votes say of each of them."""

from collections.abc import Sequence

import numpy as np

from services.qa.domain.dawid_skene import Floats, softmax
from services.qa.domain.estimates import CodedVotes, Estimates
from services.qa.domain.voting import STRANGER, ItemVotes, Outcome


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
    """For each vote the posterior of its class, the vote itself counted as a stranger's; or the truth where it is known.

    Counted as its annotator's, a good past would excuse a bad present; not counted at all, every vote that few others
    confirm would look worse than it is. One pass over (votes, K).
    """
    shape = (len(votes.items), len(facet.classes))
    pairs = list(zip(votes.voters.tolist(), votes.classes.tolist(), strict=True))
    names = votes.voter_names
    theirs = {pair: np.log(facet.likelihood(names[pair[0]], pair[1])) for pair in set(pairs)}
    strangers = {answered: np.log(facet.likelihood(STRANGER, answered)) for _, answered in set(pairs)}
    own = np.array([theirs[pair] for pair in pairs]).reshape(shape)
    stranger = np.array([strangers[answered] for _, answered in pairs]).reshape(shape)
    scores = np.array([facet.log_prior(item.prior) for item in items]).reshape(len(items), shape[1])
    np.add.at(scores, votes.items, own)
    posteriors = softmax(scores[votes.items] - own + stranger)
    right = posteriors[np.arange(shape[0]), votes.classes]
    others = np.bincount(votes.items, minlength=votes.item_count) - 1 + [item.prior is not None for item in items]

    found: list[list[Outcome]] = [[] for _ in items]
    for item, answered, share in zip(votes.items.tolist(), votes.classes.tolist(), right.tolist(), strict=True):
        truth = -1 if votes.clamps is None else int(votes.clamps[item])
        if truth >= 0:
            found[item].append(Outcome(float(truth == answered), 1.0))
        else:
            found[item].append(Outcome(share, float(others[item] > 0)))
    return found
