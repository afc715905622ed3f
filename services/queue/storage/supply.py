"""What a project still holds, seen by an annotator who got nothing."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from services.queue.domain.reasons import WhatIsLeft
from services.queue.domain.routing import Lane
from services.queue.domain.serving_plan import ANY_POOL, Want
from shared.contracts.values import Pool, TaskKind
from shared.kit.database import Session

_POOLS = (ANY_POOL, *Pool)
_ORDINARY = [(pool, lane) for pool in _POOLS for lane in Lane if lane not in {Lane.GOLD, Lane.ARBITRATION}]
_ARBITERS = [(pool, Lane.ARBITRATION) for pool in _POOLS]

_IN_LINES = """EXISTS (
    SELECT FROM unnest({pools}::text[], {lanes}::text[]) AS line (pool, lane), LATERAL (
        SELECT slot FROM slots f
        WHERE f.project_id = $1 AND f.state = 'free' AND f.pool = line.pool AND f.lane = line.lane LIMIT 1
    ) one
)"""
# Near the front, that is: who walks on has been shown often enough that others are needed.
_FREE_FOR = """EXISTS (
    SELECT FROM unnest($2::text[], $3::text[]) AS line (pool, lane), LATERAL (
        SELECT f.record_id FROM slots f
        WHERE f.project_id = $1 AND f.state = 'free' AND f.pool = line.pool AND f.lane = line.lane
        ORDER BY f.rank, f.sort_key LIMIT 200
    ) near
    WHERE (
        SELECT mine.slot FROM slots mine
        WHERE mine.record_id = near.record_id AND mine.annotator_id = $6
            AND mine.state IN ('leased', 'submitted', 'skipped')
    ) IS NULL
)"""
_LEFT = f"""
SELECT (
        SELECT coalesce(sum(amount), 0) FROM (
            SELECT amount FROM progress WHERE project_id = $1 AND counter = 'records.open'
            UNION ALL
            SELECT amount FROM progress_deltas WHERE project_id = $1 AND counter = 'records.open'
        ) counted
    ) > 0 AS open_records,
    EXISTS (SELECT FROM progress WHERE project_id = $1 AND counter LIKE 'records.%')
        OR EXISTS (SELECT FROM progress_deltas WHERE project_id = $1 AND counter LIKE 'records.%') AS ever,
    (
        SELECT coalesce(sum(amount), 0) FROM (
            SELECT amount FROM progress WHERE project_id = $1 AND counter = 'records.unlabelable'
            UNION ALL
            SELECT amount FROM progress_deltas WHERE project_id = $1 AND counter = 'records.unlabelable'
        ) counted
    ) > 0 AS given_up,
    EXISTS (SELECT FROM tasks WHERE project_id = $1 AND state = 'open' AND purpose <> 'gold') AS open_tasks,
    EXISTS (SELECT FROM slots WHERE project_id = $1 AND state = 'held') AS held,
    EXISTS (SELECT FROM slots WHERE project_id = $1 AND state = 'leased' AND lane <> 'arbitration') AS leased,
    EXISTS (SELECT FROM slots WHERE project_id = $1 AND state = 'leased' AND lane = 'arbitration') AS deciding,
    EXISTS (
        SELECT FROM slots WHERE project_id = $1 AND annotator_id = $6 AND state = 'leased' AND kind = ANY($9::text[])
    ) AS in_hand,
    {_IN_LINES.format(pools="$7", lanes="$8")} AS disputes,
    {_FREE_FOR} AS for_us,
    {_IN_LINES.format(pools="$2", lanes="$3")} AS had,
    {_IN_LINES.format(pools="$4", lanes="$5")} AS for_others
"""  # noqa: S608  constants
_SUSPECT = """
WITH few AS (
    SELECT t.task_id FROM tasks t
    WHERE t.suspect_at IS NULL AND t.state = 'open' AND t.task_id IN (
        SELECT one.task_id FROM unnest($2::text[], $3::text[]) AS line (pool, lane), LATERAL (
            SELECT task_id FROM slots f
            WHERE f.project_id = $1 AND f.state = 'free' AND f.pool = line.pool AND f.lane = line.lane
            ORDER BY rank, sort_key LIMIT 20
        ) one
    )
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE tasks t SET suspect_at = $4 FROM few WHERE t.task_id = few.task_id
"""


async def left(
    session: Session, project_id: UUID, annotator_id: UUID, wants: Iterable[Want], kinds: Collection[TaskKind]
) -> WhatIsLeft:
    """What the project still holds, of all kinds, seen by one who draws from these lines; in hand is what is of `kinds`."""
    ours = {(want.pool, want.lane) for want in wants}
    others = [line for line in _ORDINARY if line not in ours]
    arbiters = [line for line in _ARBITERS if line not in ours]
    row = await session.raw.fetchrow(
        _LEFT,
        project_id,
        [pool for pool, _ in ours],
        [lane for _, lane in ours],
        [pool for pool, _ in others],
        [lane for _, lane in others],
        annotator_id,
        [pool for pool, _ in arbiters],
        [lane for _, lane in arbiters],
        list(kinds),
    )
    return WhatIsLeft(
        ever=row["ever"],
        open_records=row["open_records"],
        open_tasks=row["open_tasks"],
        leased=row["leased"],
        for_us=row["for_us"],
        had=row["had"],
        for_others=row["for_others"],
        disputes=row["disputes"],
        deciding=row["deciding"],
        held=row["held"],
        in_hand=row["in_hand"],
        given_up=row["given_up"],
    )


async def suspect(session: Session, project_id: UUID, wants: Iterable[Want], at: datetime) -> None:
    """Somebody got nothing although these lines have free slots: have some of their tasks looked at."""
    lines = {(want.pool, want.lane) for want in wants}
    await session.raw.execute(_SUSPECT, project_id, [pool for pool, _ in lines], [lane for _, lane in lines], at)
