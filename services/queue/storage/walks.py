"""Where annotators stand in line, when walking there again from the front would take long.

Slots that an annotator can't have, because they had another one of the record, stay in front of them until somebody else
takes them. Who works alone on a project where each record needs several people would pass over more and more of them with
every lease. So a long walk is remembered: the next ones go on where it ended, and look only for what is more urgent in
front. It is a hint, kept in the process: after a few leases, or when nothing is found, the walk begins at the front again.
"""

from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from services.queue.domain.routing import Lane
from services.queue.domain.serving_plan import Want

FIRST_RANK, LAST_RANK = -(2**31), 2**31 - 1
_LEASES = 32
"""How many leases a remembered walk is good for."""
_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the line of `want`: from (rank, key) on, before `high_rank`."""

    want: Want
    low_rank: int = FIRST_RANK
    low_key: float = 0.0
    high_rank: int = LAST_RANK


@dataclass(slots=True)
class _Walk:
    pool: str
    lane: Lane
    rank: int
    key: float
    left: int = _LEASES


class Walks:
    """What is remembered of long walks. `long_s` is how long a walk takes that is worth it."""

    def __init__(self, long_s: float = 0.02) -> None:
        self._long_s = long_s
        self._known: OrderedDict[tuple[UUID, UUID], _Walk] = OrderedDict()

    def stretches(self, annotator_id: UUID, project_id: UUID, wants: tuple[Want, ...]) -> tuple[list[Stretch], bool]:
        """Which stretches to walk, and whether something in front of them is left out."""
        known = self._known.get((annotator_id, project_id))
        if known is None:
            return [Stretch(want) for want in wants], False
        known.left -= 1
        if known.left < 1:
            self.forget(annotator_id, project_id)
        found = []
        for want in wants:
            if (want.pool, want.lane) == (known.pool, known.lane):
                found += [Stretch(want, high_rank=known.rank), Stretch(want, known.rank, known.key)]
            else:
                found.append(Stretch(want))
        return found, True

    def remember(
        self, annotator_id: UUID, project_id: UUID, took_s: float, pool: str, lane: str, rank: int, key: float
    ) -> None:
        """Where a walk ended; it is kept if it was a long one, or went on from one that is kept."""
        name = (annotator_id, project_id)
        known = self._known.get(name)
        goes_on = known is not None and (known.pool, known.lane) == (pool, lane)
        if took_s < self._long_s and not goes_on:
            return
        left = known.left if known is not None and goes_on and took_s < self._long_s else _LEASES
        self._known[name] = _Walk(pool, Lane(lane), rank, key, left)
        self._known.move_to_end(name)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def forget(self, annotator_id: UUID, project_id: UUID) -> None:
        self._known.pop((annotator_id, project_id), None)
