"""What imports of records and of feedback have in common."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from uuid import UUID

import structlog

from services.ingest.compute.lines import Failed, Refused
from services.ingest.domain.intake import IntakeProject
from services.ingest.exceptions import ImportInterrupted, NotAccepted, ProjectArchived
from services.ingest.imports import Line
from services.ingest.operations.context import IntakeContext
from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.concurrency import beside_the_loop
from shared.kit.database import Database, DatabaseErrorKind, Session, database_error_kind
from shared.kit.exceptions import EventTooLarge
from shared.kit.images.changes import ImageChange
from shared.kit.problems import Problem
from shared.recognition.choice import check_installed

log = structlog.get_logger()

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

TRIES: Final = 5

LONG_LINE_BYTES: Final = 32 * 1024
"""A longer line is prepared in a worker process: a pattern that searches it holds the event loop up meanwhile."""

_GROUP_BYTES: Final = 512 * 1024
_LINE_TIMEOUT_S: Final = 20.0
_READ_GROUP_BYTES: Final = 32 * 1024
"""Of lines whose texts a model reads: some seconds in one worker."""
_SLOWEST_READING_BYTES_A_SECOND: Final = 2_000
"""A model reads about 10,000 on a core that has nothing else to do."""

_ABOUT_VALUES: Final = ("22", "23", "54")
"""Classes of SQLSTATE: data exceptions, violated constraints, limits that a value passes."""


@dataclass(frozen=True, slots=True)
class Rejected:
    line: int
    pointer: str
    reason: str
    detail: str
    record_id: UUID | None = None


class Tally:
    """Counts what became of lines and keeps the first rejections."""

    def __init__(self, max_rejections: int) -> None:
        self.accepted = 0
        self.duplicates = 0
        self.rejected_total = 0
        self.rejected: list[Rejected] = []
        self.image_changes: Counter[ImageChange] = Counter()
        self._max = max_rejections

    @property
    def committed(self) -> int:
        return self.accepted + self.duplicates

    def count(self, *, duplicate: bool, changes: Sequence[ImageChange] = ()) -> None:
        if duplicate:
            self.duplicates += 1
        else:
            self.accepted += 1
        self.image_changes.update(changes)

    def reject(self, refused: Sequence[Refused]) -> None:
        """Count the lines of a chunk that are refused."""
        self.rejected_total += len(refused)
        for line, why in sorted(refused, key=lambda item: item[0]):
            if len(self.rejected) >= self._max:
                return
            self.rejected.append(Rejected(line, why.pointer, why.reason, why.detail, why.record_id))


class Prepared(Protocol):
    """What lines were made into."""

    refused: list[Refused]
    failed: list[Failed]


P = TypeVar("P", bound=Prepared)
Prepare = Callable[[IntakeProject, Sequence[Line]], P]


async def prepared(context: IntakeContext, prepare: Prepare[P], project: IntakeProject, chunk: list[Line]) -> list[P]:
    """The chunk, prepared in parts: what is short in a thread, what is long in worker processes."""
    parts = await _prepare(context, prepare, project, chunk)
    for line, failure in (failed for part in parts for failed in part.failed):
        log.error("line_unreadable", project_id=str(project.project_id), line=line, failure=failure)
    return parts


async def _prepare(context: IntakeContext, prepare: Prepare[P], project: IntakeProject, chunk: list[Line]) -> list[P]:
    policy = project.policies.deidentification
    check_installed(policy)
    longest, group_bytes = (-1, _READ_GROUP_BYTES) if policy.reads_context else (LONG_LINE_BYTES, _GROUP_BYTES)
    groups = _groups([line for line in chunk if line.size > longest], group_bytes)
    if not groups:
        return [await beside_the_loop(prepare, project, chunk)]
    short = [line for line in chunk if line.size <= longest]
    quick = asyncio.create_task(beside_the_loop(prepare, project, short))
    parts = await asyncio.gather(*(_prepare_long(context, prepare, project, group) for group in groups))
    return [await quick, *(one for part in parts for one in part)]


def _groups(lines: Sequence[Line], most_bytes: int) -> list[list[Line]]:
    groups: list[list[Line]] = []
    size = 0
    for line in lines:
        if not groups or size + line.size > most_bytes:
            groups.append([])
            size = 0
        groups[-1].append(line)
        size += line.size
    return groups


async def _prepare_long(
    context: IntakeContext, prepare: Prepare[P], project: IntakeProject, lines: list[Line]
) -> list[P]:
    """Halve the lines until the one stands alone that needs more time or memory than it may have."""
    timeout_s = _LINE_TIMEOUT_S
    if project.policies.deidentification.reads_context:
        timeout_s += sum(line.size for line in lines) / _SLOWEST_READING_BYTES_A_SECOND
    try:
        return [await context.compute.run(prepare, project, lines, project_id=project.project_id, timeout_s=timeout_s)]
    except ComputeFailed:
        if len(lines) == 1:
            empty = prepare(project, [])
            empty.refused.append((lines[0].number, NotAccepted("", "too-costly", "it takes too much time or memory")))
            return [empty]
        middle = len(lines) // 2
        halves = [await _prepare_long(context, prepare, project, half) for half in (lines[:middle], lines[middle:])]
        return [*halves[0], *halves[1]]


async def in_transaction(database: Database, run: Callable[[Session], Awaitable[T]]) -> T:
    """Run in a transaction of its own, again when it loses against another one."""
    for left in reversed(range(TRIES)):
        try:
            async with database.transaction() as session:
                return await run(session)
        except Exception as error:
            if database_error_kind(error) is not DatabaseErrorKind.RETRY or not left:
                raise
    raise AssertionError("unreachable")


async def keep_set(
    database: Database,
    items: Sequence[T],
    keep: Callable[[Session, Sequence[T]], Awaitable[dict[K, V | NotAccepted]]],
    key: Callable[[T], K],
) -> dict[K, V | NotAccepted]:
    """Keep a chunk's items in one transaction. An item that the database can't store is refused alone."""
    try:
        return await in_transaction(database, lambda session: keep(session, items))
    except Exception as error:
        if not _concerns_an_item(error):
            raise
    return await in_transaction(database, lambda session: _keep_halves(session, items, keep, key))


async def _keep_halves(
    session: Session,
    items: Sequence[T],
    keep: Callable[[Session, Sequence[T]], Awaitable[dict[K, V | NotAccepted]]],
    key: Callable[[T], K],
) -> dict[K, V | NotAccepted]:
    """Halve the set until the items stand alone that can't be stored."""
    try:
        async with session.savepoint():
            return await keep(session, items)
    except Exception as error:
        if not _concerns_an_item(error):
            raise
        if len(items) == 1:
            state = getattr(error, "sqlstate", None)
            log.error("item_unstorable", error=type(error).__name__, sqlstate=state)  # noqa: TRY400  its text has the row
            return {key(items[0]): NotAccepted("", "unstorable", "it can't be stored")}
    middle = len(items) // 2
    kept = await _keep_halves(session, items[:middle], keep, key)
    return kept | await _keep_halves(session, items[middle:], keep, key)


def _concerns_an_item(error: Exception) -> bool:
    """Whether it is about what is to be stored, so that others may be stored all the same."""
    state: str = getattr(error, "sqlstate", None) or ""
    return (
        isinstance(error, EventTooLarge)
        or state.startswith(_ABOUT_VALUES)
        or database_error_kind(error) is DatabaseErrorKind.UNSTORABLE
    )


def interruption(tally: Tally, error: Exception) -> Exception:
    """What is raised for an error in a stream: the error itself, unless lines are committed: then it has to name them.

    The refusal of an archived project names them always, 0 too.
    """
    committed = f"{tally.committed} lines are committed"
    if isinstance(error, ImportInterrupted):
        return ImportInterrupted(f"{error}; {committed}. {_AGAIN}")
    if isinstance(error, ProjectArchived):
        return ProjectArchived(committed)
    if not tally.committed:
        return error
    if isinstance(error, Problem):
        detail = f"{error.explanation or error.title} {committed}."
        return Problem(error.status, error.type, error.title, detail, headers=error.headers)
    if database_error_kind(error) is None:
        return error
    return ImportInterrupted(f"The database failed; {committed}. {_AGAIN}")


_AGAIN = "Send it again: they will count as duplicates."
