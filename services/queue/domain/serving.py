"""What an annotator is served next: which lines they may draw from, in which order, and when it is gold.

The n-th lease of a person in a project has fixed dice, so polling an empty queue neither burns gold nor shows it: gold
only ever takes the place of an ordinary task that was there to be served.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from services.queue.domain.routing import Lane
from shared.contracts.policies import GoldPolicy, Policies
from shared.contracts.values import AnnotatorStatus, AssessmentStatus, Pool, TaskKind

ENTRY_TEST_SHARE = 0.5
"""The chance of gold while the entry test lasts."""
NEAR_PER_LEASE = 3
"""How many slots a batch looks at for each it takes: several may belong to one record."""
ANY_POOL = "any"


@dataclass(frozen=True, slots=True)
class Standing:
    """An annotator in a project. `granted` counts all leases they ever got there, `returned` those without an answer.

    `owed`: something may be there that they gave back and get again before all else.
    """

    pool: Pool
    arbiter: bool
    status: AnnotatorStatus
    assessed: AssessmentStatus
    granted: int
    returned: int
    gold_served: int
    owed: bool = False

    @property
    def paused(self) -> bool:
        return self.status is not AnnotatorStatus.ACTIVE or self.assessed is AssessmentStatus.PAUSED


@dataclass(frozen=True, slots=True)
class Want:
    """A line to look at: `quota` leases from it first, of `take` slots looked at."""

    pool: str
    lane: Lane
    quota: int
    take: int


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """`wants` in the order of preference; `gold_places` are the places (from 1) in the batch that are drawn gold.

    `gold_offset` in [0, 1) is where in the line of gold the search begins: everybody gets it in another order.
    """

    count: int
    wants: tuple[Want, ...]
    gold_places: tuple[int, ...]
    gold_offset: float = 0.0
    owed: bool = False

    @property
    def is_plain(self) -> bool:
        """One lease that is new and not gold: the common case."""
        return self.count == 1 and not self.gold_places and not self.owed


def gold_chance(policy: GoldPolicy, assessed: AssessmentStatus, gold_served: int) -> float:
    if gold_served < policy.entry_test:
        return ENTRY_TEST_SHARE
    if assessed is AssessmentStatus.WARNED:
        return max(policy.share, policy.warned_share)
    return policy.share


def plan(
    policies: Policies,
    standing: Standing,
    arbiter: bool,
    count: int,
    kinds: Collection[TaskKind],
    gold_die: Callable[[int], float],
    lane_die: Callable[[int], float],
) -> ServingPlan:
    """Plan `count` leases; experts and arbiters may arbitrate. The dice take the number of a lease in the person's life in the project."""
    gold_places: list[int] = []
    gold_offset = 0.0
    by_chance = 0
    for place in range(1, count + 1):
        nonce = standing.granted + place - 1
        chance = gold_chance(policies.gold, standing.assessed, standing.gold_served + len(gold_places))
        die = gold_die(nonce)
        if die < chance:
            gold_places.append(place)
            gold_offset = die / chance  # given that it is below the chance, uniform again
        by_chance += lane_die(nonce) < policies.learning.random_rate
    if TaskKind.ANNOTATION not in kinds:
        gold_places.clear()
    return ServingPlan(
        count,
        tuple(_wants(standing.pool, arbiter, count, by_chance, kinds)),
        tuple(gold_places),
        gold_offset,
        standing.owed,
    )


def _wants(own_pool: Pool, arbiter: bool, count: int, by_chance: int, kinds: Collection[TaskKind]) -> Sequence[Want]:
    spare = 1 if count == 1 else NEAR_PER_LEASE
    wants: list[Want] = []
    if TaskKind.ARBITRATION in kinds and (arbiter or own_pool is Pool.EXPERT):
        wants.append(Want(Pool.EXPERT, Lane.ARBITRATION, count, count * spare))
    if TaskKind.ANNOTATION not in kinds:
        return wants
    # What only this pool may do comes first; experts are kept for what needs them.
    pools = [Pool.EXPERT] if own_pool is Pool.EXPERT else [own_pool, ANY_POOL]
    quotas = {Lane.RANDOM: by_chance, Lane.LEARNING: count - by_chance}
    lanes = sorted(quotas, key=lambda lane: -quotas[lane])
    for lane in lanes:
        if quotas[lane]:
            wants += [Want(pool, lane, quotas[lane], quotas[lane] * spare) for pool in pools]
    for lane in lanes:  # an empty line falls back to the other
        if quotas[lane] < count:
            wants += [Want(pool, lane, count, count * spare) for pool in pools]
    return wants
