"""Class votes as index arrays, and each of them beside the others."""

from collections.abc import Sequence

import numpy as np

from services.qa.domain.arrays import Floats
from services.qa.domain.dawid_skene import clip_prior, softmax
from services.qa.domain.estimates import LAPSE, Estimates, VoteArrays
from services.qa.domain.vote_matrix import VoteMatrix
from services.qa.domain.votes import ItemVotes, VoteOutcome


def vote_arrays(facet: Estimates, items: Sequence[ItemVotes]) -> VoteArrays:
    """Votes on `{"label": …}` answers; labels that are no class of the facet are left out."""
    votes = [vote for item in items for vote in item.votes]
    answered = facet.indices([vote.answer["label"] for vote in votes])
    kept = answered >= 0
    names: dict[str, int] = {}
    voters = [
        names.setdefault(vote.voter, len(names)) for vote, counts in zip(votes, kept.tolist(), strict=True) if counts
    ]
    truths = facet.indices([None if item.truth is None else item.truth["label"] for item in items])
    with_prior = [at for at, item in enumerate(items) if item.prior is not None]
    item_prior: Floats | None = None
    if with_prior:
        item_prior = np.full((len(items), len(facet.classes)), np.nan)
        shares = [[(items[at].prior or {}).get(name, 0.0) for name in facet.classes] for at in with_prior]
        item_prior[with_prior] = shares
    return VoteArrays(
        items=np.repeat(np.arange(len(items)), [len(item.votes) for item in items])[kept],
        voters=np.array(voters, np.int64),
        classes=answered[kept],
        item_count=len(items),
        voter_names=tuple(names),
        item_prior=item_prior,
        clamps=truths,
    )


def leave_one_out(facet: Estimates, votes: VoteArrays) -> list[list[VoteOutcome]]:
    """For each vote the posterior of its class, the vote itself counted as a stranger's; or the truth where it is known.

    Counted as its annotator's, a good past would excuse a bad present; not counted at all, every vote that few others
    confirm would look worse than it is. By item, in the order of the votes.
    """
    right = _by_accuracy(facet, votes) if facet.confusions is None else _by_confusion(facet, votes)
    others = np.bincount(votes.items, minlength=votes.item_count) - 1
    if votes.item_prior is not None:
        others += ~np.isnan(votes.item_prior).any(axis=1)
    weight = (others[votes.items] > 0).astype(np.float64)
    if votes.clamps is not None:
        truth = votes.clamps[votes.items]
        right = np.where(truth >= 0, truth == votes.classes, right)
        weight[truth >= 0] = 1.0
    found: list[list[VoteOutcome]] = [[] for _ in range(votes.item_count)]
    for item, share, worth in zip(votes.items.tolist(), right.tolist(), weight.tolist(), strict=True):
        found[item].append(VoteOutcome(share, worth))
    return found


def posteriors(facet: Estimates, votes: VoteArrays) -> Floats:
    """(I, L) P(class, subtype | votes of the item), without subtypes (I, K), as `Estimates.posterior` has it of one item."""
    likelihood = np.log(facet.likelihoods(votes.voter_names)[:-1])
    matrix = VoteMatrix(
        votes.items, votes.voters, votes.classes, (votes.item_count, len(votes.voter_names), len(facet.classes))
    )
    scores = matrix.scores(likelihood.transpose(0, 2, 1).reshape(-1, likelihood.shape[1]))
    return softmax(scores + _log_priors(facet, votes))


def _log_priors(facet: Estimates, votes: VoteArrays) -> Floats:
    """(I, L)."""
    found = np.tile(np.log(facet.class_prior), (votes.item_count, 1))
    if votes.item_prior is not None:
        given = ~np.isnan(votes.item_prior).any(axis=1)
        found[given] = np.log(clip_prior(votes.item_prior[given]))
    return facet.by_subtype(found)


def _by_confusion(facet: Estimates, votes: VoteArrays) -> Floats:
    """One pass over (votes, K), under EBCC (votes, L)."""
    likelihood = np.log(facet.likelihoods(votes.voter_names))
    own = likelihood[votes.voters, :, votes.classes]
    scores = _log_priors(facet, votes)
    np.add.at(scores, votes.items, own)
    found = softmax(scores[votes.items] - own + likelihood[-1][:, votes.classes].T)
    return np.asarray(facet.by_class(found)[np.arange(len(votes.items)), votes.classes], np.float64)


def _by_accuracy(facet: Estimates, votes: VoteArrays) -> Floats:
    """With one-coin accuracies only the classes that somebody answered need looking at; a model's prior is left out."""
    count = len(facet.classes)
    accuracy = np.array([facet.diagonal(name) for name in votes.voter_names])

    def log_odds(accuracies: Floats) -> Floats:
        sure = (1.0 - LAPSE) * accuracies + LAPSE / count
        return np.asarray(np.log(sure * (count - 1) / (1.0 - sure)), np.float64)

    odds = log_odds(accuracy)
    stranger = float(log_odds(np.array([facet.pool_accuracy]))[0])
    cells, cell = np.unique(votes.items * count + votes.classes, return_inverse=True)
    scores = np.bincount(cell, weights=odds[votes.voters], minlength=len(cells))
    of_item = cells // count
    unseen = count - np.bincount(of_item, minlength=votes.item_count)
    top = np.zeros(votes.item_count)  # what nobody answered scores 0
    np.maximum.at(top, of_item, scores)
    total = np.bincount(of_item, weights=np.exp(scores - top[of_item]), minlength=votes.item_count)
    total += unseen * np.exp(-top)
    before = np.exp(scores[cell] - top[votes.items])
    after = np.exp(scores[cell] - odds[votes.voters] + stranger - top[votes.items])
    return np.asarray(after / (total[votes.items] - before + after), np.float64)
