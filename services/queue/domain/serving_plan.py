"""What an annotator is served next: which lines they may draw from, in which order, and when it is gold.

The n-th lease of a person in a project has fixed dice, so polling an empty queue neither burns gold nor shows it: gold
only ever takes the place of an ordinary task that was there to be served.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from services.queue.domain.routing import Lane
from shared.contracts.policies import GoldPolicy, Policies
from shared.contracts.values import AnnotatorStatus, AssessmentStatus, Pool, TaskKind

ENTRY_TEST_SHARE = 0.5
"""The chance of gold while the entry test lasts."""
NEAR_PER_LEASE = 3
"""How many slots a batch looks at for each it takes: several may belong to one record."""
ANY_POOL = "any"


@dataclass(frozen=True, slots=True)
class Membership:
    """An annotator in a project. `granted` counts all leases they ever got there, `returned` those without an answer.

    `has_returned_work`: there may be work that they returned, which comes to them again before all else. `removed`: they
    were taken out of the project.
    """

    pool: Pool
    arbiter: bool
    status: AnnotatorStatus
    assessed: AssessmentStatus
    granted: int
    returned: int
    gold_served: int
    has_returned_work: bool = False
    removed: bool = False


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


@dataclass(frozen=True, slots=True)
class SlotCandidate:
    """A free slot that the annotator may have; `line` is the place of its line in the plan's wants.

    `shows`: the model whose prediction a lease of it shows, or may show if it is gold.
    """

    task_id: UUID
    slot: int
    record_id: UUID
    kind: TaskKind
    schema_version: int
    guideline_version: int
    blind: bool
    lane: Lane
    pool: str
    rank: int
    sort_key: float
    line: int = 0
    shows: UUID | None = None


@dataclass(frozen=True, slots=True)
class Pick:
    """A slot to lease. Gold carries the guideline version, is as urgent, and shows or doesn't show a prediction, as the task
    whose place it takes.
    """

    slot: SlotCandidate
    guideline_version: int
    urgency: int
    blind: bool


def gold_chance(policy: GoldPolicy, assessed: AssessmentStatus, gold_served: int) -> float:
    if gold_served < policy.entry_test:
        return ENTRY_TEST_SHARE
    if assessed is AssessmentStatus.WARNED:
        return max(policy.share, policy.warned_share)
    return policy.share


def plan(
    policies: Policies,
    membership: Membership,
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
        nonce = membership.granted + place - 1
        chance = gold_chance(policies.gold, membership.assessed, membership.gold_served + len(gold_places))
        die = gold_die(nonce)
        if die < chance:
            gold_places.append(place)
            gold_offset = die / chance  # given that it is below the chance, uniform again
        by_chance += lane_die(nonce) < policies.learning.random_rate
    if TaskKind.ANNOTATION not in kinds:
        gold_places.clear()
    return ServingPlan(
        count,
        _wants(membership.pool, arbiter, count, by_chance, frozenset(kinds)),
        tuple(gold_places),
        gold_offset,
    )


def choose(wants: Sequence[Want], near: Sequence[SlotCandidate], room: int) -> list[SlotCandidate]:
    """The ordinary slots of a batch, at most `room`: one of a record, of each line its quota first, in the lines' order."""
    first_of_record: dict[UUID, SlotCandidate] = {}
    for one in sorted(near, key=lambda one: (one.line, one.rank, one.sort_key)):
        first_of_record.setdefault(one.record_id, one)
    taken: dict[int, int] = {}
    chosen = []
    for one in first_of_record.values():
        nth = taken[one.line] = taken.get(one.line, 0) + 1
        chosen.append((nth > wants[one.line].quota, one.line, nth, one))
    return [one for *_, one in sorted(chosen, key=lambda place: place[:3])][:room]


def mix_gold(
    ordinary: Sequence[SlotCandidate], gold: Sequence[SlotCandidate], gold_places: Collection[int]
) -> list[Pick]:
    """Put gold in the drawn places: each takes the place of an ordinary annotation, and has its schema version.

    In the place of one that shows a prediction only gold that can show the same model's.
    """
    left = list(gold)
    picks = []
    for place, one in enumerate(ordinary, start=1):
        fitting = None
        if place in gold_places and one.kind is TaskKind.ANNOTATION:
            fitting = next((other for other in left if _can_stand_in(other, one)), None)
        if fitting is not None:
            left = [other for other in left if other.record_id != fitting.record_id]
        blind = one.blind if fitting is None else one.shows is None
        picks.append(Pick(fitting or one, one.guideline_version, one.rank, blind))
    return picks


def _can_stand_in(gold: SlotCandidate, ordinary: SlotCandidate) -> bool:
    return gold.schema_version == ordinary.schema_version and ordinary.shows in {None, gold.shows}


@lru_cache
def _wants(own_pool: Pool, arbiter: bool, count: int, by_chance: int, kinds: frozenset[TaskKind]) -> tuple[Want, ...]:
    spare = 1 if count == 1 else NEAR_PER_LEASE
    wants: list[Want] = []
    if TaskKind.ARBITRATION in kinds and (arbiter or own_pool is Pool.EXPERT):
        wants.append(Want(Pool.EXPERT, Lane.ARBITRATION, count, count * spare))
    if TaskKind.ANNOTATION not in kinds:
        return tuple(wants)
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
    return tuple(wants)
