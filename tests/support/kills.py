"""Work that is killed between any two of its lines: what it comes to must be what it comes to without.

A killed process does nothing more: no `finally`, no `except`, no rollback. Here its tasks are never resumed after the await
at which it is killed, whose statement or file is done, and its database sessions are ended from outside.
"""

import asyncio
import contextlib
import copy
import inspect
import types
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from shared.kit import erasures
from shared.kit.database import Database
from shared.kit.runtime import Runtime
from shared.kit.settings import Settings
from tests.support.bus import ListBus
from tests.support.service import ServiceUnderTest

T = TypeVar("T")
Work = Callable[[Runtime], Awaitable[Any]]

_WRITTEN = "SELECT pg_current_wal_insert_lsn()::text"
_POLL_S = 0.005
_SEND_ALL = "DELETE FROM outbox_queue"
_LOOK_AT_ALL = "UPDATE erasures SET look_at = now() WHERE look_at IS NOT NULL"
_END = "SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid"
_LEFT = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ANY($1::int[]))"
_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"


class _Sessions(Database):
    """A database that knows the server's processes of its sessions, and which task is within a transaction."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.pids: set[int] = set()
        self._taken: dict[Any, asyncio.Task[Any] | None] = {}

    async def take(self) -> Any:
        raw = await super().take()
        self.pids.add(raw.get_server_pid())
        self._taken[raw] = asyncio.current_task()
        return raw

    async def give_back(self, raw: Any) -> None:
        del self._taken[raw]
        await super().give_back(raw)

    def within_transaction(self) -> bool:
        """Whether the task that asks is within one."""
        task = asyncio.current_task()
        return any(owner is task and raw.is_in_transaction() for raw, owner in self._taken.items())


class Process:
    """What one process does, until it is killed at one of its awaits, counted over all of its tasks."""

    def __init__(self, service: ServiceUnderTest, sessions: _Sessions, dies_at: int | None) -> None:
        self.places: list[int] = []
        self._service = service
        self._sessions = sessions
        self._dies_at = dies_at
        self._awaits = 0
        self._left_behind: Any = None
        self._killed = asyncio.Event()
        self._context: Context | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._coroutines: list[Coroutine[Any, Any, Any]] = []

    async def run(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Do it; return whether the process was killed before it was done. Where it isn't to be killed, note in `places` at
        which awaits it would leave behind something else than before.
        """
        loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._context.run(_process.set, self)
        waiting = asyncio.create_task(self._killed.wait())
        factory = loop.get_task_factory()
        loop.set_task_factory(_make_task)
        try:
            done = loop.create_task(work, context=self._context)
            await asyncio.wait({done, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.set_task_factory(factory)
            waiting.cancel()
        if not self._killed.is_set():
            done.result()
        return self._killed.is_set()

    async def bury(self) -> None:
        """Let go of what the process left in memory, once nothing it held can be reached from there any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self._context is not None
        for coroutine in self._coroutines:
            while coroutine.cr_frame is not None:  # type: ignore[attr-defined]
                with contextlib.suppress(Exception):  # it waits for something in a `finally`
                    self._context.run(coroutine.close)

    def task(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:
        task = asyncio.Task(self._driven(work), loop=loop, **options)
        self._coroutines.append(work)
        self._tasks.append(task)
        return task

    async def _driven(self, work: Coroutine[Any, Any, T]) -> T:
        found: T = await self._steps(work)
        return found

    @types.coroutine
    def _steps(self, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        raised: BaseException | None = None
        while True:
            try:
                waits_for = work.send(None) if raised is None else work.throw(raised)
            except StopIteration as end:
                found: T = end.value
                return found
            raised = None
            try:
                yield waits_for
                yield from self._between().__await__()
            except BaseException as error:
                if self._killed.is_set():
                    raise  # to be buried
                raised = error
            if self._killed.is_set():
                yield from asyncio.get_running_loop().create_future()  # never again

    async def _between(self) -> None:
        """An await is done. Wherever within a transaction the process is killed, it leaves behind the same."""
        self._awaits += 1
        if self._awaits == self._dies_at:
            self._killed.set()
        if self._dies_at is None and not self._sessions.within_transaction():
            left_behind = await _left_behind(self._service)
            if left_behind != self._left_behind:
                self.places.append(self._awaits)
                self._left_behind = left_behind


_process: ContextVar[Process | None] = ContextVar("process", default=None)


def _make_task(loop: asyncio.AbstractEventLoop, work: Any, *, context: Context | None = None) -> asyncio.Task[Any]:
    process = (copy_context() if context is None else context).get(_process)
    if process is None or not inspect.iscoroutine(work):  # the object store steps through what it is given to write
        return asyncio.Task(work, loop=loop, context=context)
    return process.task(loop, work, context=context)


async def same_end_wherever_killed(
    service: ServiceUnderTest,
    prepare: Callable[[], Awaitable[T]],
    work: Work,
    end: Callable[[T], Awaitable[Any]],
    meanwhile: Callable[[T], Awaitable[None]] | None = None,
) -> None:
    """Do the work without a kill; then kill it wherever that leaves something else behind, and do it again, as a restart does.

    `prepare` makes something for it to do, another one each time. `end` returns what it came to, which must be the same
    each time; so must be how many rows each table has more, and how many objects there are more of each kind.
    `meanwhile`: what happens between the kill and the restart.
    """

    async def came_to(dies_at: int | None) -> tuple[Any, list[int]]:
        subject = await prepare()
        before = await _held(service)
        killed, places = await _in_a_process(service, work, dies_at)
        if killed:
            if meanwhile is not None:
                await meanwhile(subject)
            await work(service.runtime)
        found = await end(subject)
        after = await _held(service)
        return (found, after - before, before - after), places

    expected, places = await came_to(None)
    assert places
    for place in places:
        found, _ = await came_to(place)
        assert (place, found) == (place, expected)


async def same_report_wherever_killed(
    service: ServiceUnderTest, erased: Callable[[], Awaitable[T]], end: Callable[[T], Awaitable[Any]]
) -> None:
    """Kill the service while it redacts and reports what `erased` has erased, of which all events are sent."""

    async def prepare() -> T:
        await _send_and_report_all(service)
        subject = await erased()
        async with service.database.autocommit() as session:
            await session.raw.execute(_SEND_ALL)
        return subject

    await same_end_wherever_killed(service, prepare, _redact_and_report, end)


async def _send_and_report_all(service: ServiceUnderTest) -> None:
    """What is left of earlier erasures is done."""
    async with service.database.autocommit() as session:
        await session.raw.execute(_SEND_ALL)
        await session.raw.execute(_LOOK_AT_ALL)
    await _redact_and_report(service.runtime)


async def _redact_and_report(runtime: Runtime) -> None:
    await erasures.work(runtime, ListBus())


async def _in_a_process(service: ServiceUnderTest, work: Work, dies_at: int | None) -> tuple[bool, list[int]]:
    """Do the work in a process; return whether it was killed before it was done, and at which awaits it is worthwhile."""
    sessions = _Sessions(service.settings)
    runtime, process = copy.copy(service.runtime), Process(service, sessions, dies_at)
    runtime.database = sessions
    async with sessions.autocommit():
        pass  # connecting is no part of the work

    async def begin() -> None:
        await work(runtime)

    killed = await process.run(begin())
    if killed:
        await _end_sessions(service, sorted(sessions.pids))
        await process.bury()
    else:
        await sessions.close()
    return killed, process.places


async def _end_sessions(service: ServiceUnderTest, pids: list[int]) -> None:
    async with service.database.autocommit() as survivor:
        await survivor.raw.execute(_END, pids)
        while await survivor.raw.fetchval(_LEFT, pids):  # noqa: ASYNC110  the database notifies nobody
            await asyncio.sleep(_POLL_S)


async def _left_behind(service: ServiceUnderTest) -> Any:
    """What differs once something is committed or written."""
    async with service.database.autocommit() as survivor:
        position = await survivor.raw.fetchval(_WRITTEN)
    return position, {file: file.stat().st_mtime_ns for file in _files_of(service)}


async def _held(service: ServiceUnderTest) -> Counter[str]:
    """How many rows each table has, and how many files each folder of the object store."""
    async with service.database.autocommit() as session:
        names = [row["relname"] for row in await session.raw.fetch(_TABLES)]
        counts = " UNION ALL ".join(f"SELECT '{name}' AS name, count(*) AS rows FROM \"{name}\"" for name in names)
        held = Counter({row["name"]: row["rows"] for row in await session.raw.fetch(counts)})
    root = _root_of(service)
    return held + Counter(f"{file.relative_to(root).parts[0]}/" for file in _files_of(service))


def _root_of(service: ServiceUnderTest) -> Path:
    """Where the objects lie, if they lie in a folder."""
    return Path(urlsplit(service.settings.objects_url).path or "/nowhere")


def _files_of(service: ServiceUnderTest) -> list[Path]:
    return [file for file in _root_of(service).rglob("*") if file.is_file()]
