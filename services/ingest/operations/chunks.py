"""Lines that come in, cut into chunks: each becomes one transaction.

The first chunk is small, so that the first records of an import of any size can be worked on at once; each further one is
larger, up to `MAX_LINES`. What has come waits for more only a moment, however steadily more comes.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final, Self

from services.ingest.exceptions import ImportInterrupted
from services.ingest.imports import Line

FIRST_LINES: Final = 32
GROWTH: Final = 4
MAX_LINES: Final = 1000
MAX_BYTES: Final = 4 * 1024 * 1024
"""Bytes after which a chunk is full, however few lines it has."""

_PATIENCE_S: Final = 0.2
"""How long the first line of a chunk waits for more."""

_FINISH_S: Final = 5.0
"""How long an import may go on after the process was asked to end."""


async def chunks_of(arriving: AsyncIterator[list[Line]], stopping: asyncio.Event) -> AsyncGenerator[list[Line], None]:
    """The lines in chunks.

    Raises:
        ImportInterrupted: the process ends; what came before is in the chunks.
    """
    most = FIRST_LINES
    chunk: list[Line] = []
    size = 0
    until = float("inf")
    time = asyncio.get_running_loop().time
    async with _Arrivals(arriving, stopping) as arrivals:
        while (lines := await arrivals.next(until if chunk else float("inf"))) is not None:
            for line in lines:
                if not chunk:
                    until = time() + _PATIENCE_S
                chunk.append(line)
                size += line.size
                if len(chunk) >= most or size >= MAX_BYTES:
                    yield chunk
                    chunk, size, most = [], 0, min(most * GROWTH, MAX_LINES)
            if chunk and (not lines or arrivals.interrupted):
                yield chunk
                chunk, size, most = [], 0, min(most * GROWTH, MAX_LINES)
            if arrivals.interrupted:
                raise ImportInterrupted("The service is stopping")
    if chunk:
        yield chunk


class _Arrivals:
    """What comes next, waited for in a task of its own, so that the wait can be given up without losing any of it."""

    def __init__(self, arriving: AsyncIterator[list[Line]], stopping: asyncio.Event) -> None:
        self._arriving = arriving
        self._stopping = stopping
        self._next: asyncio.Task[list[Line] | None] | None = None
        self._stop: asyncio.Task[bool] | None = None
        self._ends_at = float("inf")

    @property
    def interrupted(self) -> bool:
        """Whether the import has had its time since the process was asked to end."""
        return asyncio.get_running_loop().time() >= self._ends_at

    async def next(self, until: float) -> list[Line] | None:
        """The next lines; None at the end, nothing when none came until then, in the loop's time, or the process is to end."""
        if self._next is None:
            self._next = asyncio.create_task(self._take())
        if self._stop is None:
            self._stop = asyncio.create_task(self._stopping.wait())
        waiting = {self._next} if self._stop.done() else {self._next, self._stop}
        timeout_s = max(0.0, min(until, self._ends_at) - asyncio.get_running_loop().time())
        await asyncio.wait(
            waiting, timeout=None if timeout_s == float("inf") else timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        if self._stop.done() and self._ends_at == float("inf"):
            self._ends_at = asyncio.get_running_loop().time() + _FINISH_S
        if not self._next.done():
            return []
        done, self._next = self._next, None
        return done.result()

    async def _take(self) -> list[Line] | None:
        return await anext(self._arriving, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._next, self._stop):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
