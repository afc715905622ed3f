"""Leasing. The common lease is one statement; a batch takes one small statement a step, under the membership's lock.

A lease that is lost in a crash is simply leased again, so leasing doesn't wait for the disk (`synchronous_commit`).
Nothing here waits for a slot: what somebody else is claiming is skipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.queue.domain.routing import Lane
from services.queue.domain.serving_plan import Pick, ServingPlan, SlotCandidate
from services.queue.domain.slots import TAKEN, SlotState
from services.queue.storage.memberships import LAZILY, Entrant
from services.queue.storage.walks import Stretch
from shared.contracts.values import RecordState, TaskKind
from shared.kit.database import Session
from shared.kit.statements import Statement

_NEAR_GOLD = 40
"""How many slots of gold are looked at for each lease: of these the annotator had some."""

_GOLD_PER_PLACE = 8
"""How many of these are taken into a batch for each that is drawn: several may be of one record or another schema, or not
show what their place does."""

_FREE_COLUMNS = """f.task_id, f.slot, f.record_id, f.kind, f.schema_version, f.guideline_version, f.blind, f.lane,
    f.pool, f.rank, f.sort_key"""
# The annotator had nothing to do with the record of slot `f`.
_NOT_MINE = """(
    SELECT mine.slot FROM slots mine
    WHERE mine.record_id = f.record_id AND mine.annotator_id = :annotator_id
        AND mine.state IN ('leased', 'submitted', 'skipped')
) IS NULL"""
# The model whose prediction a lease of the slot shows, or may show if it is gold.
_SHOWN_MODEL = """(
    SELECT o.model_id FROM routes o
    WHERE o.record_id = {slot}.record_id AND o.prediction_schema = {slot}.schema_version AND NOT {slot}.blind
)"""
_SHOWS = _SHOWN_MODEL + " AS shows"
# A line, from (low_rank, low_key) on: the whole of it unless what stands in front is known to be had already.
_IN_LINE = f"""
    SELECT {_FREE_COLUMNS} FROM slots f
    WHERE f.project_id = :project_id AND f.state = 'free' AND f.pool = line.pool AND f.lane = line.lane
        AND (f.rank, f.sort_key) >= (line.low_rank, line.low_key) AND f.rank < line.high_rank AND {_NOT_MINE}
    ORDER BY f.rank, f.sort_key"""  # noqa: S608  constants
_LINES = """unnest(:pools::text[], :lanes::text[], :low_ranks::int[], :low_keys::float8[], :high_ranks::int[],
    :takes::int[]) WITH ORDINALITY AS line (pool, lane, low_rank, low_key, high_rank, take, number)"""
# Free gold in line that the annotator may have, from a place on that is drawn for each lease, and then from the front.
_GOLD_NEAR = """
    SELECT near.task_id, near.slot FROM (VALUES (:gold_offset::float8, 2::float8), (0, :gold_offset::float8)) AS half (low, high),
    LATERAL (
        SELECT f.task_id, f.slot FROM slots f
        WHERE f.project_id = :project_id AND f.state = 'free' AND f.pool = 'any' AND f.lane = 'gold' AND f.rank = 0
            AND f.sort_key >= half.low AND f.sort_key < half.high
        ORDER BY f.rank, f.sort_key
        LIMIT :near_gold::int
    ) near"""
# A prediction is shown unless the task is blind or the prediction answers another version of the schema. The state is a
# parameter, because the word itself would let the planner walk through a partial index that it thinks is empty.
_LEASED = """leased AS (
    UPDATE slots s
    SET state = 'leased', annotator_id = :annotator_id, token = gen_random_uuid(), leased_at = :now, until = :until,
        guideline_version = pick.guideline_version,
        prediction_shown = CASE
            WHEN NOT pick.blind AND o.model_id IS NOT NULL AND o.prediction_schema = pick.schema_version
            THEN o.prediction_id
        END
    FROM pick
    JOIN records r ON r.record_id = pick.record_id
    LEFT JOIN routes o ON o.record_id = pick.record_id
    WHERE s.task_id = pick.task_id AND s.slot = pick.slot AND s.state = :free
    RETURNING s.token, s.until, s.task_id, s.slot, s.record_id, s.kind, s.round, s.schema_version, s.guideline_version,
        s.lane, s.leased_at, s.prediction_shown, r.state AS record_state, pick.urgency, r.fields,
        CASE WHEN s.prediction_shown IS NOT NULL THEN o.prediction END AS prediction
)"""
_DISPUTED = """CASE WHEN leased.kind = 'arbitration' THEN (
    SELECT t.disputed FROM tasks t WHERE t.task_id = leased.task_id
) END AS disputed"""

# The common case: one new lease. It is a whole transaction: the membership is locked here, and unless annotator and project
# are as the caller thinks they are, there is no row at all. A row without a token means that there is nothing. Whether the
# lease was drawn gold or not, gold is looked for: it must not take longer. Gold shows a prediction if the slot whose place it
# takes would show one, and of the same model.
_CLAIM_ONE = Statement(f"""
WITH me AS MATERIALIZED (
    SELECT m.annotator_id, {LAZILY} AS lazily
    FROM memberships m
    JOIN annotators a ON a.annotator_id = m.annotator_id
    JOIN projects p ON p.project_id = m.project_id
    WHERE m.annotator_id = :annotator_id AND m.project_id = :project_id AND m.granted = :granted
        AND m.returned = :returned AND m.gold_served = :gold_served AND m.assessed = :assessed
        AND NOT m.has_returned_work AND NOT m.removed AND a.revision = :annotator_revision AND p.revision = :project_revision
    FOR NO KEY UPDATE OF m
), held AS MATERIALIZED (
    SELECT count(*) AS leases FROM slots
    WHERE annotator_id = :annotator_id AND state = 'leased' AND project_id = :project_id
), ordinary AS MATERIALIZED (
    SELECT near.* FROM {_LINES}, LATERAL ({_IN_LINE}
        LIMIT 1 FOR UPDATE OF f SKIP LOCKED
    ) near
    LIMIT CASE WHEN EXISTS (SELECT FROM me) AND (SELECT leases FROM held) < :most_held THEN 1 ELSE 0 END
), place AS MATERIALIZED (
    SELECT ordinary.*, {_SHOWS.format(slot="ordinary")} FROM ordinary
), gold AS MATERIALIZED (
    SELECT {_FREE_COLUMNS} FROM place, LATERAL ({_GOLD_NEAR}
    ) near JOIN slots f ON f.task_id = near.task_id AND f.slot = near.slot AND f.state = :free
    WHERE f.schema_version = place.schema_version AND place.kind = 'annotation' AND {_NOT_MINE}
        AND (place.shows IS NULL OR place.shows = {_SHOWN_MODEL.format(slot="f")})
    LIMIT 1 FOR UPDATE OF f SKIP LOCKED
), pick AS MATERIALIZED (
    SELECT CASE WHEN g.drawn THEN g.task_id ELSE o.task_id END AS task_id,
        CASE WHEN g.drawn THEN g.slot ELSE o.slot END AS slot,
        CASE WHEN g.drawn THEN g.record_id ELSE o.record_id END AS record_id,
        CASE WHEN g.drawn THEN o.shows IS NULL ELSE o.blind END AS blind,
        o.schema_version, o.guideline_version, o.rank AS urgency
    FROM place o LEFT JOIN (SELECT gold.*, :gold_drawn::boolean AS drawn FROM gold) g ON true
), {_LEASED}, counted AS (
    UPDATE memberships m
    SET granted = m.granted + 1, gold_served = m.gold_served + (leased.lane = 'gold')::int
    FROM leased WHERE m.annotator_id = :annotator_id AND m.project_id = :project_id
)
SELECT leased.*, ordinary.pool AS line_pool, ordinary.lane AS line_lane, ordinary.rank, ordinary.sort_key, {_DISPUTED}
FROM me LEFT JOIN leased ON true LEFT JOIN ordinary ON true
""")  # noqa: S608  constants

# Returned work of the annotator, each with a slot of it that is free. Gold is gone once somebody else took the ordinary slot
# that stood in front when it was returned: an ordinary task would have gone to them, too. And when the project changes,
# what nobody holds moves to other versions: gold does what that slot does (the columns `ordinary_*`). It shows a prediction if
# it did.
_RETURNED = Statement(f"""
SELECT returned.task_id AS returned_task_id, returned.showed_prediction, found.*, NULL::uuid AS shows, CASE
    WHEN found.lane <> 'gold' THEN found.guideline_version
    WHEN ordinary.guideline_version > returned.ordinary_guideline_version THEN ordinary.guideline_version
    ELSE coalesce(returned.guideline_version, found.guideline_version)
END AS carried
FROM returned_work returned
LEFT JOIN slots ordinary ON ordinary.task_id = returned.ordinary_task_id AND ordinary.slot = returned.ordinary_slot
LEFT JOIN LATERAL (
    SELECT {_FREE_COLUMNS} FROM slots f
    WHERE f.task_id = returned.task_id AND f.state = :free AND {_NOT_MINE} AND (
        returned.ordinary_task_id IS NULL OR (
            ordinary.schema_version = f.schema_version AND (
                ordinary.state = :free
                OR (ordinary.annotator_id = returned.annotator_id AND ordinary.state = ANY(:taken::text[]))
            )
        )
    )
    ORDER BY f.slot LIMIT 1 FOR UPDATE OF f SKIP LOCKED
) found ON true
WHERE returned.annotator_id = :annotator_id AND returned.project_id = :project_id
    AND returned.kind = ANY(:kinds::text[])
ORDER BY returned.task_id
""")  # noqa: S608  constants
_FORGET_RETURNED = """
DELETE FROM returned_work WHERE annotator_id = $1 AND project_id = $2 AND task_id = ANY($3::uuid[])
"""
_ANYTHING_RETURNED = "SELECT EXISTS (SELECT FROM returned_work WHERE annotator_id = $1 AND project_id = $2)"
_ORDINARY = Statement(f"""
SELECT line.number, near.*, {_SHOWS.format(slot="near")} FROM {_LINES}, LATERAL ({_IN_LINE}
    LIMIT line.take FOR UPDATE OF f SKIP LOCKED
) near
LIMIT :most
""")  # noqa: S608  constants
_GOLD = Statement(f"""
SELECT {_FREE_COLUMNS}, {_SHOWS.format(slot="f")} FROM ({_GOLD_NEAR}
) near JOIN slots f ON f.task_id = near.task_id AND f.slot = near.slot AND f.state = :free
WHERE {_NOT_MINE}
LIMIT :most FOR UPDATE OF f SKIP LOCKED
""")  # noqa: S608  constants
_LEASE = Statement(f"""
WITH pick AS (
    SELECT * FROM unnest(:tasks::uuid[], :slots::int[], :records::uuid[], :blind::boolean[], :schemas::int[],
        :guidelines::int[], :urgencies::int[])
        AS one (task_id, slot, record_id, blind, schema_version, guideline_version, urgency)
), {_LEASED}
SELECT leased.*, {_DISPUTED} FROM leased
""")  # noqa: S608  constants
_LEASED_AGAIN = """
SELECT s.token, s.until, s.task_id, s.slot, s.record_id, s.kind, s.round, s.schema_version, s.guideline_version, s.lane,
    s.leased_at, s.prediction_shown, r.state AS record_state, 0 AS urgency, r.fields,
    CASE WHEN s.prediction_shown = o.prediction_id THEN o.prediction END AS prediction, t.disputed
FROM slots s
JOIN records r ON r.record_id = s.record_id
JOIN tasks t ON t.task_id = s.task_id
LEFT JOIN routes o ON o.record_id = s.record_id
WHERE s.state = 'leased' AND s.annotator_id = $1 AND {which}
ORDER BY s.leased_at, s.token
"""
_LEASED_BY_TOKEN = _LEASED_AGAIN.format(which="s.token = ANY($2::uuid[])")
_LEASED_IN_PROJECT = _LEASED_AGAIN.format(which="s.project_id = $2")
_COUNT_HELD = "SELECT count(*) FROM slots WHERE annotator_id = $1 AND state = 'leased' AND project_id = $2"


@dataclass(frozen=True, slots=True)
class Leased:
    """A slot as it was leased, with what its envelope shows. `fields`, `prediction`, `disputed` are JSON text."""

    token: UUID
    until: datetime
    task_id: UUID
    slot: int
    record_id: UUID
    kind: TaskKind
    round: int
    schema_version: int
    guideline_version: int
    lane: str
    leased_at: datetime
    prediction_shown: UUID | None
    record_state: RecordState
    fields: str
    prediction: str | None
    disputed: str | None
    urgency: int = 0

    @property
    def is_gold(self) -> bool:
        return self.lane == Lane.GOLD

    @property
    def place(self) -> tuple[bool, int, UUID]:
        """Where in a batch: disputes, then what is urgent, then by token, which is random.

        In the order in which lines are walked the place would give away a lane, and so how likely it is that a task without
        a prediction is gold. Gold is as urgent as the task whose place it took.
        """
        return self.kind is not TaskKind.ARBITRATION, self.urgency, self.token


@dataclass(frozen=True, slots=True)
class Claim:
    """Who leases, in which project, from when until when. `lazily`: the commit need not wait for the disk."""

    entrant: Entrant
    project_id: UUID
    now: datetime
    until: datetime
    most_held: int
    lazily: bool = True


@dataclass(frozen=True, slots=True)
class ReturnedWork:
    """Work that an annotator returned: a free slot of it, if there is one, the guideline version that it carried, and whether it
    showed a prediction.
    """

    task_id: UUID
    slot: SlotCandidate | None
    guideline_version: int
    showed_prediction: bool


@dataclass(frozen=True, slots=True)
class OneClaimed:
    """`leased` is None when there is nothing. `line` and the place in it are those of the ordinary slot that was found."""

    leased: Leased | None
    line: tuple[str, str] | None = None
    rank: int = 0
    sort_key: float = 0.0


async def claim_one(
    session: Session, claim: Claim, stretches: Sequence[Stretch], plan: ServingPlan
) -> OneClaimed | None:
    """Lease one task in one statement, which may be a transaction by itself.

    None when the annotator or the project is not as the claim says.
    """
    membership = claim.entrant.membership
    row = await session.raw.fetchrow(
        *_CLAIM_ONE(
            annotator_id=claim.entrant.annotator_id,
            project_id=claim.project_id,
            granted=membership.granted,
            returned=membership.returned,
            gold_served=membership.gold_served,
            assessed=membership.assessed,
            annotator_revision=claim.entrant.annotator_revision,
            project_revision=claim.entrant.project_revision,
            lazily=claim.lazily,
            most_held=claim.most_held,
            now=claim.now,
            until=claim.until,
            gold_drawn=bool(plan.gold_places),
            gold_offset=plan.gold_offset,
            near_gold=_NEAR_GOLD,
            free=SlotState.FREE,
            **_lines(stretches),
        )
    )
    if row is None:
        return None
    if row["token"] is None:
        return OneClaimed(None)
    return OneClaimed(
        _leased(row), line=(row["line_pool"], row["line_lane"]), rank=row["rank"], sort_key=row["sort_key"]
    )


async def returned_work(
    session: Session, annotator_id: UUID, project_id: UUID, kinds: Sequence[str]
) -> list[ReturnedWork]:
    """Returned work of the annotator, of these kinds; the slots that are free are locked."""
    rows = await session.raw.fetch(
        *_RETURNED(
            annotator_id=annotator_id, project_id=project_id, kinds=kinds, free=SlotState.FREE, taken=sorted(TAKEN)
        )
    )
    return [
        ReturnedWork(
            task_id=row["returned_task_id"],
            slot=None if row["task_id"] is None else _candidate(row),
            guideline_version=row["carried"] or 0,
            showed_prediction=row["showed_prediction"],
        )
        for row in rows
    ]


async def forget_returned(session: Session, annotator_id: UUID, project_id: UUID, task_ids: Sequence[UUID]) -> bool:
    """They come again no more; return whether anything else is left that does."""
    await session.raw.execute(_FORGET_RETURNED, annotator_id, project_id, task_ids)
    left: bool = await session.raw.fetchval(_ANYTHING_RETURNED, annotator_id, project_id)
    return left


async def find_ordinary(
    session: Session, annotator_id: UUID, project_id: UUID, stretches: Sequence[Stretch]
) -> list[SlotCandidate]:
    """Free slots that the annotator may have, of each line the first ones; they are locked."""
    rows = await session.raw.fetch(
        *_ORDINARY(
            annotator_id=annotator_id,
            project_id=project_id,
            most=max((stretch.want.take for stretch in stretches), default=0),
            **_lines(stretches),
        )
    )
    return [_candidate(row, row["number"] - 1) for row in rows]


async def find_gold(
    session: Session, annotator_id: UUID, project_id: UUID, offset: float, count: int
) -> list[SlotCandidate]:
    """Some free slots of gold that the annotator may have, from the offset in line on; they are locked."""
    rows = await session.raw.fetch(
        *_GOLD(
            annotator_id=annotator_id,
            project_id=project_id,
            gold_offset=offset,
            near_gold=count * _NEAR_GOLD,
            most=count * _GOLD_PER_PLACE,
            free=SlotState.FREE,
        )
    )
    return [_candidate(row) for row in rows]


async def lease(session: Session, claim: Claim, picks: Sequence[Pick]) -> list[Leased]:
    """Lease these slots, as far as they are still free."""
    rows = await session.raw.fetch(
        *_LEASE(
            annotator_id=claim.entrant.annotator_id,
            now=claim.now,
            until=claim.until,
            free=SlotState.FREE,
            tasks=[pick.slot.task_id for pick in picks],
            slots=[pick.slot.slot for pick in picks],
            records=[pick.slot.record_id for pick in picks],
            blind=[pick.blind for pick in picks],
            schemas=[pick.slot.schema_version for pick in picks],
            guidelines=[pick.guideline_version for pick in picks],
            urgencies=[pick.urgency for pick in picks],
        )
    )
    return [_leased(row) for row in rows]


async def count_held(session: Session, annotator_id: UUID, project_id: UUID) -> int:
    held: int = await session.raw.fetchval(_COUNT_HELD, annotator_id, project_id)
    return held


async def leased_by_token(session: Session, annotator_id: UUID, tokens: Sequence[UUID]) -> list[Leased]:
    """The annotator's leases of these tokens, as far as they still run."""
    return [_leased(row) for row in await session.raw.fetch(_LEASED_BY_TOKEN, annotator_id, list(tokens))]


async def leased_in(session: Session, annotator_id: UUID, project_id: UUID) -> list[Leased]:
    """All running leases of an annotator in a project."""
    return [_leased(row) for row in await session.raw.fetch(_LEASED_IN_PROJECT, annotator_id, project_id)]


def _lines(stretches: Sequence[Stretch]) -> dict[str, list[Any]]:
    return {
        "pools": [stretch.want.pool for stretch in stretches],
        "lanes": [stretch.want.lane for stretch in stretches],
        "low_ranks": [stretch.low_rank for stretch in stretches],
        "low_keys": [stretch.low_key for stretch in stretches],
        "high_ranks": [stretch.high_rank for stretch in stretches],
        "takes": [stretch.want.take for stretch in stretches],
    }


def _candidate(row: Any, line: int = 0) -> SlotCandidate:
    return SlotCandidate(
        task_id=row["task_id"],
        slot=row["slot"],
        record_id=row["record_id"],
        kind=TaskKind(row["kind"]),
        schema_version=row["schema_version"],
        guideline_version=row["guideline_version"],
        blind=row["blind"],
        lane=Lane(row["lane"]),
        pool=row["pool"],
        rank=row["rank"],
        sort_key=row["sort_key"],
        line=line,
        shows=row["shows"],
    )


def _leased(row: Any) -> Leased:
    return Leased(
        token=row["token"],
        until=row["until"],
        task_id=row["task_id"],
        slot=row["slot"],
        record_id=row["record_id"],
        kind=TaskKind(row["kind"]),
        round=row["round"],
        schema_version=row["schema_version"],
        guideline_version=row["guideline_version"],
        lane=row["lane"],
        leased_at=row["leased_at"],
        prediction_shown=row["prediction_shown"],
        record_state=RecordState(row["record_state"]),
        fields=row["fields"],
        prediction=row["prediction"],
        disputed=row["disputed"],
        urgency=row["urgency"],
    )
