"""Leasing: the annotator's row is locked, then slots are claimed in one statement.

A lease that is lost in a crash is simply leased again, so leasing doesn't wait for the disk (`synchronous_commit`).
Nothing here waits for a slot: what somebody else is claiming is skipped.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson

from services.queue.domain.routing import Lane
from services.queue.domain.serving import ServingPlan, Standing
from services.queue.storage import claim_statements as sql
from services.queue.storage.positions import Positions, Stretch
from shared.contracts.values import AnnotatorStatus, AssessmentStatus, Pool, TaskKind
from shared.kit.database import Database, Session


@dataclass(frozen=True, slots=True)
class Entry:
    """An annotator who asks for work in a project: who they are and which version of the project holds."""

    annotator_id: UUID
    annotator_revision: int
    standing: Standing
    skills: str
    project_revision: int
    project_status: str
    servable: bool

    def skill(self, name: str) -> int:
        found: int = orjson.loads(self.skills).get(name, 0)
        return found


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
    fields: str
    prediction: str | None
    disputed: str | None
    urgency: int = 0

    @property
    def place(self) -> tuple[bool, int, UUID]:
        """Where in a batch: disputes, then what is urgent, then by token, which is random.

        In the order in which lines are walked the place would tell a lane, and so how likely it is that a task without
        a prediction is gold. Gold is as urgent as the task whose place it took.
        """
        return self.kind is not TaskKind.ARBITRATION, self.urgency, self.token


async def enter(session: Session, subject: str, project_id: UUID, *, lazily: bool) -> Entry | None:
    """Lock the annotator's row in the project; None when there is none yet.

    `lazily`: the transaction's commit need not wait for the disk.
    """
    return _entry(await session.raw.fetchrow(sql.ENTER, subject, project_id, lazily))


async def read_entry(session: Session, subject: str, project_id: UUID) -> Entry | None:
    """As `enter`, without a lock: `claim` sees to it that it still holds."""
    return _entry(await session.raw.fetchrow(sql.READ, subject, project_id))


def _entry(row: Any) -> Entry | None:
    if row is None:
        return None
    standing = Standing(
        Pool(row["pool"]),
        row["arbiter"],
        AnnotatorStatus(row["status"]),
        AssessmentStatus(row["assessed"]),
        row["granted"],
        row["returned"],
        row["gold_served"],
        row["owed"],
    )
    return Entry(
        row["annotator_id"],
        row["annotator_revision"],
        standing,
        row["skills"],
        row["revision"],
        row["project_status"],
        row["servable"],
    )


async def join(session: Session, subject: str, project_id: UUID) -> tuple[bool, bool]:
    """Make the annotator's row in the project; answers whether the annotator and the project are known at all."""
    await session.raw.execute(sql.JOIN, subject, project_id)
    row = await session.raw.fetchrow(sql.KNOWN, subject, project_id)
    return row["annotator"], row["project"]


async def set_arbiter(session: Session, annotator_id: UUID, *, arbiter: bool) -> None:
    await session.raw.execute(sql.ARBITER, annotator_id, arbiter)


async def claim(
    session: Session,
    entry: Entry,
    project_id: UUID,
    plan: ServingPlan,
    *,
    most_held: int,
    now: datetime,
    ttl_s: int,
    lazily: bool,
) -> list[Leased] | None:
    """Lease what the plan wants, as far as it is there.

    None when the annotator or the project is not as `entry` says. That can't be in the transaction of `enter`; without
    one, a plan for one lease that is not gold is a whole transaction.
    """
    positions = _positions.setdefault(session.database, Positions())
    name = (entry.annotator_id, project_id)
    stretches, cut = positions.stretches(*name, plan.wants)
    begun = perf_counter()
    head = (*name, now, now + timedelta(seconds=ttl_s), most_held)
    rows = await _fetch(session, plan, stretches, head, entry, lazily)
    if rows == [] and cut:  # perhaps there is something in front
        positions.forget(*name)
        rows = await _fetch(session, plan, [Stretch(want) for want in plan.wants], head, entry, lazily)
    if rows is None:
        return None
    walked = [row for row in rows if row["place"] and row["lane"] != Lane.GOLD]
    if walked:
        last = walked[-1]
        took_s = perf_counter() - begun
        positions.remember(*name, took_s, last["pool"], last["lane"], last["rank"], last["sort_key"])
    return [_leased(row, row["urgency"]) for row in rows]


_positions: WeakKeyDictionary[Database, Positions] = WeakKeyDictionary()
_entries: WeakKeyDictionary[Database, OrderedDict[tuple[str, UUID], Entry]] = WeakKeyDictionary()
_ENTRIES_KEPT = 10_000


def remembered(session: Session, subject: str, project_id: UUID) -> Entry | None:
    """What was last known here of somebody who asks; perhaps no longer true."""
    return _entries.setdefault(session.database, OrderedDict()).get((subject, project_id))


def remember(session: Session, subject: str, project_id: UUID, entry: Entry | None) -> None:
    """None forgets them."""
    entries = _entries.setdefault(session.database, OrderedDict())
    if entry is None:
        entries.pop((subject, project_id), None)
        return
    entries[subject, project_id] = entry
    entries.move_to_end((subject, project_id))
    if len(entries) > _ENTRIES_KEPT:
        entries.popitem(last=False)


async def _fetch(
    session: Session,
    plan: ServingPlan,
    stretches: Sequence[Stretch],
    head: tuple[Any, ...],
    entry: Entry,
    lazily: bool,
) -> list[Any] | None:
    lines = (
        [stretch.want.pool for stretch in stretches],
        [stretch.want.lane for stretch in stretches],
        [stretch.low_rank for stretch in stretches],
        [stretch.low_key for stretch in stretches],
        [stretch.high_rank for stretch in stretches],
    )
    if plan.is_plain:
        standing = entry.standing
        row = await session.raw.fetchrow(
            sql.CLAIM_ONE,
            *head,
            *lines,
            standing.granted,
            standing.returned,
            standing.gold_served,
            standing.assessed,
            entry.annotator_revision,
            entry.project_revision,
            lazily,
        )
        if row is None:
            return None
        return [] if row["token"] is None else [row]
    many: list[Any] = await session.raw.fetch(
        sql.CLAIM_MANY,
        *head,
        *lines,
        [stretch.want.quota for stretch in stretches],
        [stretch.want.take for stretch in stretches],
        max((stretch.want.take for stretch in stretches), default=0),
        plan.count,
        list(plan.gold_places),
        plan.gold_offset,
    )
    return many


def _leased(row: Any, urgency: int = 0) -> Leased:
    return Leased(
        row["token"],
        row["until"],
        row["task_id"],
        row["slot"],
        row["record_id"],
        TaskKind(row["kind"]),
        row["round"],
        row["schema_version"],
        row["guideline_version"],
        row["fields"],
        row["prediction"],
        row["disputed"],
        urgency,
    )


async def count_held(session: Session, annotator_id: UUID, project_id: UUID) -> int:
    held: int = await session.raw.fetchval(sql.COUNT_HELD, annotator_id, project_id)
    return held


async def leased_by_token(session: Session, annotator_id: UUID, tokens: Sequence[UUID]) -> list[Leased]:
    """The annotator's leases of these tokens, as far as they still run."""
    return [_leased(row) for row in await session.raw.fetch(sql.LEASED_BY_TOKEN, annotator_id, list(tokens))]


async def leased_in(session: Session, annotator_id: UUID, project_id: UUID) -> list[Leased]:
    """All running leases of an annotator in a project."""
    return [_leased(row) for row in await session.raw.fetch(sql.LEASED_IN_PROJECT, annotator_id, project_id)]
