"""The first records of an import can be worked on at once; nothing that came waits long."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from services.ingest.exceptions import ImportInterrupted
from services.ingest.imports import Line
from services.ingest.imports.ndjson import Raw
from services.ingest.operations import chunks
from services.ingest.operations.chunks import FIRST_LINES, MAX_BYTES, MAX_LINES, chunks_of
from tests.support.slowness import slowness


def lines(first: int, many: int, size: int = 10) -> list[Line]:
    return [Line(number, Raw(b"{}"), size) for number in range(first, first + many)]


async def arriving(parts: Sequence[list[Line]], pause_s: float = 0.0) -> AsyncIterator[list[Line]]:
    for part in parts:
        yield part
        await asyncio.sleep(pause_s)


async def gather(arriving: AsyncIterator[list[Line]], stopping: asyncio.Event, found: list[int]) -> None:
    """Note how many lines each chunk has."""
    async for chunk in chunks_of(arriving, stopping):
        found += [len(chunk)]


async def collected(parts: Sequence[list[Line]], pause_s: float = 0.0) -> list[list[Line]]:
    return [chunk async for chunk in chunks_of(arriving(parts, pause_s), asyncio.Event())]


async def test_the_first_chunk_is_small_and_later_ones_grow_up_to_the_most() -> None:
    found = await collected([lines(1, 6000)])
    sizes = [len(chunk) for chunk in found]
    assert sizes[0] == FIRST_LINES
    assert sizes[:-1] == sorted(sizes[:-1])
    assert max(sizes) == MAX_LINES
    assert [line.number for chunk in found for line in chunk] == list(range(1, 6001))


async def test_a_chunk_has_only_so_many_bytes() -> None:
    found = await collected([lines(1, 12, MAX_BYTES // 2)])
    assert {len(chunk) for chunk in found} == {2}


async def test_lines_that_came_do_not_wait_for_a_slow_sender() -> None:
    started = time.monotonic()
    async for chunk in chunks_of(arriving([lines(1, 3), lines(4, 1)], 30.0), asyncio.Event()):
        assert [line.number for line in chunk] == [1, 2, 3]
        assert time.monotonic() - started < 10
        break


async def test_a_line_waits_no_longer_because_more_come_steadily(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_PATIENCE_S", 0.1)
    started = time.monotonic()
    waits = []
    async for chunk in chunks_of(arriving([lines(number, 1) for number in range(1, 21)], 0.02), asyncio.Event()):
        came = started + 0.02 * (chunk[0].number - 1)
        waits.append(time.monotonic() - came)
    assert len(waits) > 2
    assert max(waits) < 0.3 * slowness()


async def test_nothing_comes_of_nothing() -> None:
    assert await collected([]) == []


async def test_a_stream_that_breaks_gives_out_what_was_whole_and_then_its_error() -> None:
    async def broken() -> AsyncIterator[list[Line]]:
        yield lines(1, FIRST_LINES + 1)
        raise ZeroDivisionError

    found: list[int] = []
    with pytest.raises(ZeroDivisionError):
        await gather(broken(), asyncio.Event(), found)
    assert found == [FIRST_LINES]


async def test_an_import_that_has_to_end_gives_out_what_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_FINISH_S", 0.3)
    stopping = asyncio.Event()

    async def endless() -> AsyncIterator[list[Line]]:
        number = 1
        while True:
            yield lines(number, 1)
            number += 1
            if number == 4:
                stopping.set()
            await asyncio.sleep(0.02)

    found: list[int] = []
    started = time.monotonic()
    with pytest.raises(ImportInterrupted):
        await gather(endless(), stopping, found)
    assert sum(found) > 4, "a stream that ends soon may end"
    assert time.monotonic() - started < 2 * slowness()


async def test_an_import_that_ends_in_time_is_not_interrupted() -> None:
    stopping = asyncio.Event()
    stopping.set()
    found = [len(chunk) async for chunk in chunks_of(arriving([lines(1, 5), lines(6, 5)], 0.01), stopping)]
    assert sum(found) == 10
