"""Real crowds replayed as a project would have them: some records are gold, the others collect votes until the policy stops.

Votes of a record come in random order. After every round all annotators are estimated from what is there by then, as the
estimation does, and posteriors are calibrated on the gold records.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.qa.domain.calibration import PRIOR, CalibrationPrior
from services.qa.domain.calibration_evidence import calibrate
from services.qa.domain.class_votes import posteriors
from services.qa.domain.consensus_methods import Method
from services.qa.domain.estimates import Estimates, Tuning, VoteArrays
from services.qa.domain.method_choice import MethodCandidate
from services.qa.domain.stopping import StoppingCosts, StoppingStep, next_step
from services.qa.domain.votes import ItemVotes, TruthBasis, Vote
from tests.gates.qa.test_real_crowds import Crowd, crowd

SETS = ("bluebird", "rte", "zencrowd_us", "d_possent", "weather_cf_amt", "dog", "sp", "trec", "s_adult")
GOLD = 60
FIRST = 2


def thinned(name: str, most: int, seed: int = 0) -> Crowd:
    """At most so many items of a set, known ones first; of what is unknown at least a third as many, to learn annotators by."""
    data = crowd(name)
    if data.shape[0] <= most:
        return data
    generator = np.random.default_rng(seed)
    known, unknown = (generator.permutation(np.flatnonzero(one)) for one in (data.truth >= 0, data.truth < 0))
    of_unknown = min(len(unknown), max(most // 3, most - len(known)))
    kept = np.sort(np.concatenate([known[: most - of_unknown], unknown[:of_unknown]]))
    votes = np.isin(data.items, kept)
    return Crowd(
        np.searchsorted(kept, data.items[votes]),
        data.voters[votes],
        data.classes[votes],
        (len(kept), *data.shape[1:]),
        data.truth[kept],
    )


def places(items: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Which of its item's votes each vote is, in random order."""
    order = generator.permutation(len(items))
    by_item = order[np.argsort(items[order], kind="stable")]
    found = np.zeros(len(items), np.int64)
    found[by_item] = np.concatenate([np.arange(size) for size in np.bincount(items)])
    return found


def candidate_for(name: str, classes: int) -> MethodCandidate:
    """The method that the votes of the whole set choose, without the time it takes to choose it."""
    method = Method.EBCC if name in {"zencrowd_us", "d_possent"} else Method.DAWID_SKENE
    return MethodCandidate(method, Tuning(5.0, 0.5 if classes > 2 else 0.0), groups=3 if method is Method.EBCC else 1)


@dataclass
class Replayed:
    """Of each record with known truth that is not gold: how it ended.

    `confidence`, `right` of the best answer; `final`: it was finalized, else an arbiter is asked; `votes` it took.
    """

    confidence: np.ndarray
    right: np.ndarray
    final: np.ndarray
    votes: np.ndarray


Stop = Callable[[Estimates, np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From the estimates, chances (I, K), votes so far and votes there are (I): which items are final and which end without."""


def until_target(target: float, maximum: int) -> Stop:
    def stop(
        _: Estimates, chances: np.ndarray, taken: np.ndarray, there_are: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        final = chances.max(axis=1) >= target
        return final, ~final & (taken >= np.minimum(there_are, maximum))

    return stop


def replay(
    name: str,
    data: Crowd,
    seed: int,
    stop: Stop,
    *,
    gold: int = GOLD,
    prior: CalibrationPrior = PRIOR,
    candidate: MethodCandidate | None = None,
    first_are_gold: bool = False,
) -> Replayed:
    """Replay one set; `gold` of its known items, drawn by chance or the first, have all of their votes from the beginning."""
    generator = np.random.default_rng(seed)
    candidate = candidate or candidate_for(name, data.shape[2])
    sizes = np.bincount(data.items, minlength=data.shape[0])
    is_gold = np.zeros(data.shape[0], np.bool_)
    if first_are_gold:
        is_gold[:gold] = True
    else:
        is_gold[generator.choice(np.flatnonzero((data.truth >= 0) & (sizes >= FIRST)), gold, replace=False)] = True
    place = places(data.items, generator)
    taken = np.where(is_gold, sizes, np.minimum(sizes, FIRST))
    ended = is_gold | (sizes < FIRST)
    final = np.zeros(data.shape[0], np.bool_)
    confidence, best = np.zeros(data.shape[0]), np.zeros(data.shape[0], np.int64)
    unknown = Estimates.unknown([str(at) for at in range(data.shape[2])])
    while not ended.all():
        votes = votes_at(data, place < taken[data.items], np.where(is_gold, data.truth, -1))
        facet = candidate.estimate(unknown, votes)
        chances = facet.by_class(posteriors(facet, votes))
        of = calibrate(item_votes(votes, is_gold), votes, lambda told: candidate.estimate(unknown, told), prior)
        facet = replace(facet, calibration=of)
        chances = of.apply_all(chances, taken)
        now, without = stop(facet, chances, taken, sizes)
        confidence[~ended], best[~ended] = chances[~ended].max(axis=1), chances[~ended].argmax(axis=1)
        final |= now & ~ended
        ended |= now | without
        taken += ~ended
    asked = (data.truth >= 0) & ~is_gold & (sizes >= FIRST)
    return Replayed(confidence[asked], (best == data.truth)[asked], final[asked], taken[asked])


def votes_at(data: Crowd, here: np.ndarray, clamps: np.ndarray | None = None) -> VoteArrays:
    names = tuple(map(str, range(data.shape[1])))
    return VoteArrays(data.items[here], data.voters[here], data.classes[here], data.shape[0], names, None, clamps)


def item_votes(votes: VoteArrays, is_gold: np.ndarray) -> list[ItemVotes]:
    """The same votes one by one, gold with its truth."""
    found: list[list[Vote]] = [[] for _ in range(votes.item_count)]
    for item, voter, answered in zip(votes.items.tolist(), votes.voters.tolist(), votes.classes.tolist(), strict=True):
        found[item].append(Vote(votes.voter_names[voter], {"label": str(answered)}))
    clamps = votes.clamps
    assert clamps is not None
    return [
        ItemVotes(one, {"label": str(clamps[at])}, basis=TruthBasis.GOLD) if is_gold[at] else ItemVotes(one)
        for at, one in enumerate(found)
    ]


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """The expected calibration error over bins of equal mass (Nguyen & O'Connor 2015)."""
    parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
    gaps = [abs(confidence[one].mean() - right[one].mean()) * len(one) for one in parts if len(one)]
    return float(sum(gaps) / len(confidence))


def together(several: Sequence[Replayed]) -> Replayed:
    """Replays of one set with other seeds, as if they were one."""
    return Replayed(
        *(np.concatenate([getattr(one, part) for one in several]) for part in ("confidence", "right", "final", "votes"))
    )


def by_costs(costs: StoppingCosts, maximum: int) -> Stop:
    """As a policy of costs decides."""

    def stop(
        facet: Estimates, chances: np.ndarray, taken: np.ndarray, there_are: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        left = np.maximum(np.minimum(there_are, maximum) - taken, 0)
        steps = [
            next_step(
                float(one.max()),
                facet.next_vote(int(one.argmax()), one, int(votes)),
                votes_left=int(more),
                costs=costs,
            )
            for one, votes, more in zip(chances, taken, left, strict=True)
        ]
        return (
            np.array([one is StoppingStep.FINALIZE for one in steps]),
            np.array([one is StoppingStep.ARBITRATE for one in steps]),
        )

    return stop


def fixed(data: Crowd, seed: int, candidate: MethodCandidate, votes: int = 5, gold: int = GOLD) -> tuple[float, float]:
    """The share that is right with so many votes on every record that is not gold, and the votes it takes."""
    generator = np.random.default_rng(seed)
    sizes = np.bincount(data.items, minlength=data.shape[0])
    is_gold = np.zeros(data.shape[0], np.bool_)
    is_gold[generator.choice(np.flatnonzero((data.truth >= 0) & (sizes >= FIRST)), gold, replace=False)] = True
    here = (places(data.items, generator) < votes) | is_gold[data.items]
    arrays = votes_at(data, here, np.where(is_gold, data.truth, -1))
    unknown = Estimates.unknown([str(at) for at in range(data.shape[2])])
    facet = candidate.estimate(unknown, arrays)
    best = facet.by_class(posteriors(facet, arrays)).argmax(axis=1)
    asked = (data.truth >= 0) & ~is_gold & (sizes >= FIRST)
    return float((best == data.truth)[asked].mean()), float(np.minimum(sizes, votes)[asked].mean())
