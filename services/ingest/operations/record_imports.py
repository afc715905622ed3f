"""Records that come in, chunk by chunk: prepared outside the event loop, their files kept, committed together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from services.ingest.compute.lines import PreparedRecords, Refused, prepare_records
from services.ingest.domain.intake import RecordCandidate
from services.ingest.exceptions import NotAccepted
from services.ingest.imports import Line
from services.ingest.operations import files, projects, records
from services.ingest.operations.chunks import chunks_of
from services.ingest.operations.context import IntakeContext
from services.ingest.operations.imports import Tally, interruption, keep_set, prepared
from services.ingest.operations.records import Kept, Verdict
from services.ingest.storage.assets import Asset
from shared.kit.database import Session
from shared.kit.images.changes import ImageChange


@dataclass(frozen=True, slots=True)
class TakenLine:
    """A line that is committed. `changes` are those of the images that came inside of it, None where none was kept."""

    line: int
    kept: Kept
    changes: tuple[ImageChange, ...] | None = None


async def import_records(
    context: IntakeContext,
    project_id: UUID,
    lines: AsyncIterator[list[Line]],
    tally: Tally,
    let_go: Callable[[int], None],
) -> AsyncIterator[list[TakenLine]]:
    """Take lines in, a transaction a chunk; yields what was taken of each chunk, once it is committed.

    While a chunk is being committed the next one is prepared. `let_go` is called with the bytes of a chunk then.

    Raises:
        NotKnownHere, ProjectArchived, NoActiveSchema: see `projects.open_for_intake`.
        ImportInterrupted: the database failed or the service ends; it holds how many lines are committed.
    """
    committing: asyncio.Task[list[TakenLine]] | None = None
    try:
        async with context.database.transaction() as session:
            project = await projects.open_for_intake(session, project_id)
        async with aclosing(chunks_of(lines, context.stopping)) as chunks:
            async for chunk in chunks:
                parts = await prepared(context, prepare_records, project, chunk)
                if committing is not None:
                    yield await committing
                committing = asyncio.create_task(_commit(context, project_id, parts, tally))
                committing.add_done_callback(partial(_let_go, let_go, sum(line.size for line in chunk)))
        if committing is not None:
            yield await committing
    except Exception as error:
        if committing is not None:
            await asyncio.wait({committing})
        raise interruption(tally, error) from error
    finally:
        if committing is not None and not committing.done():
            await asyncio.wait({committing})


def _let_go(let_go: Callable[[int], None], size: int, _: object) -> None:
    let_go(size)


async def _commit(
    context: IntakeContext, project_id: UUID, parts: Sequence[PreparedRecords], tally: Tally
) -> list[TakenLine]:
    """Keep a chunk in one transaction and count its lines."""
    lines = sorted((line for part in parts for line in part.candidates), key=lambda line: line[0])
    refused: list[Refused] = [line for part in parts for line in part.refused]
    verdicts, stored = await _keep(context, project_id, [candidate for _, candidate in lines])
    taken: list[TakenLine] = []
    for number, candidate in lines:
        verdict = verdicts[candidate.record_id]
        if isinstance(verdict, NotAccepted):
            refused.append((number, verdict))
        else:
            assets = [] if verdict.duplicate else stored.get(candidate.record_id, [])
            tally.count(duplicate=verdict.duplicate, changes=[change for asset in assets for change in asset.changes])
            taken.append(TakenLine(number, verdict, _changes(assets)))
    tally.reject(refused)
    return taken


def _changes(assets: Sequence[Asset]) -> tuple[ImageChange, ...] | None:
    found = {change for asset in assets for change in asset.changes}
    return tuple(change for change in ImageChange if change in found) if assets else None


async def _keep(
    context: IntakeContext, project_id: UUID, candidates: Sequence[RecordCandidate]
) -> tuple[dict[UUID, Verdict], dict[UUID, list[Asset]]]:
    """Verdicts on the candidates, and the files that were stored for them."""
    stored, verdicts = await files.store(context, project_id, candidates)
    waiting = [one for one in candidates if one.record_id not in verdicts] if verdicts else candidates

    async def keep(session: Session, some: Sequence[RecordCandidate]) -> dict[UUID, Verdict]:
        # Read again in the transaction: a project that was archived meanwhile takes nothing more in.
        project = await projects.open_for_intake(session, project_id)
        return await records.keep(session, project, some, stored) if some else {}

    kept = await keep_set(context.database, waiting, keep, lambda candidate: candidate.record_id)
    return {**verdicts, **kept}, stored
