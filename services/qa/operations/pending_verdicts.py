"""Verdicts that take more than some milliseconds: facts loaded and committed, judged in a process of its own, then applied
under the record's lock if no new fact has come.

Each attempt is counted before it begins, whatever ends it. After the last one the verdict is set aside with an alarm: an
arbiter decides.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from prometheus_client import Counter

from services.qa.domain.facts import RecordFacts
from services.qa.domain.record import Record
from services.qa.domain.verdict import RecordVerdict, judge, set_aside
from services.qa.operations.changes import RecordChanges
from services.qa.operations.verdicts import Subject, apply, load_facts
from services.qa.storage import pending_verdicts, projects, records
from services.qa.storage.pending_verdicts import PendingVerdict
from shared.contracts.values import RecordState
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.compute.pool import ComputePool
from shared.kit.database import Database
from shared.kit.isolation import isolated

log = structlog.get_logger()
SET_ASIDE = Counter(
    "touchstone_verdicts_set_aside_total", "Verdicts that could not be computed; an arbiter decides.", ("reason",)
)

MOST_ATTEMPTS = 3
_AT_ONCE = 8
_LOOK_AGAIN_S = 0.5  # another replica may have left something
_OF_A_PROJECT = 6
"""What one project may have in hand: there is always room for others."""

_OVER = {RecordState.GOLD, RecordState.ERASED}


@dataclass(slots=True)
class PendingJudge:
    """Judges what is pending, several records at once, until nothing waits. `changed`: there may be more."""

    database: Database
    compute: ComputePool
    clock: Callable[[], datetime]
    changed: asyncio.Event

    async def run(self) -> None:
        """Judge until nothing waits; what fails for one record holds up no other and is raised after them."""
        tasks: dict[asyncio.Task[None], PendingVerdict] = {}
        try:
            with isolated("pending_verdict") as item:
                while True:
                    self.changed.clear()
                    for pending in await self._take(list(tasks.values())):
                        tasks[asyncio.create_task(self._judge(pending))] = pending
                    if not tasks:
                        return
                    woken = asyncio.create_task(self.changed.wait())
                    await asyncio.wait({*tasks, woken}, timeout=_LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
                    woken.cancel()
                    for task in [one for one in tasks if one.done()]:
                        pending = tasks.pop(task)
                        with item(record_id=pending.record_id):
                            task.result()
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, in_hand: list[PendingVerdict]) -> list[PendingVerdict]:
        if len(in_hand) >= _AT_ONCE:
            return []
        async with self.database.autocommit() as session:
            return await pending_verdicts.take(session, _AT_ONCE - len(in_hand), _OF_A_PROJECT, in_hand)

    async def _judge(self, pending: PendingVerdict) -> None:
        async with self.database.transaction() as session:
            record = (await records.lock_known(session, [pending.record_id])).get(pending.record_id)
            project = await projects.load(session, pending.project_id)
            if record is None or project is None or record.state in _OVER:
                await pending_verdicts.remove(session, [pending.record_id])
                return
            [facts] = await load_facts(session, [Subject(record, project)])
        verdict = await self._verdict(facts, pending)
        if verdict is None:
            return
        async with self.database.transaction() as session:
            locked = (await records.lock_known(session, [pending.record_id]))[pending.record_id]
            if not _is_unchanged(record, locked) or not await pending_verdicts.still_stands(session, pending):
                return
            changes = RecordChanges(self.clock())
            changes.end_pending(locked)
            apply(changes, Subject(locked, project), facts, verdict)
            await changes.save(session)

    async def _verdict(self, facts: RecordFacts, pending: PendingVerdict) -> RecordVerdict | None:
        """What the facts lead to; None where it is attempted again."""
        reason = "interrupted"
        if pending.attempts <= MOST_ATTEMPTS:
            try:
                return await self.compute.run(
                    judge, _without_secrets(facts), project_id=pending.project_id, urgent=True
                )
            except Exception as failure:  # what the function itself raises is an attempt, too
                if not isinstance(failure, ComputeFailed):
                    log.warning("verdict_failed", record_id=pending.record_id, exc_info=failure)
                reason = type(failure).__name__
                if pending.attempts < MOST_ATTEMPTS:
                    async with self.database.transaction() as session:
                        await pending_verdicts.note_failure(session, pending, reason)
                    return None
        SET_ASIDE.labels(reason).inc()
        ids = {"project_id": pending.project_id, "record_id": pending.record_id}
        log.error("verdict_set_aside", **ids, reason=reason, attempts=pending.attempts)
        return set_aside(facts)


def _is_unchanged(before: Record, now: Record) -> bool:
    return (before.state, before.revision, before.round) == (now.state, now.revision, now.round)


def _without_secrets(facts: RecordFacts) -> RecordFacts:
    return replace(facts, record=replace(facts.record, salt=None, chain_head=None))
