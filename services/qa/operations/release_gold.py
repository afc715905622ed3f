"""The gold of a release that asks for it: a file of its own, never among the labels."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from services.qa.domain.releases import BEFORE_EVERY_RECORD, GoldFile
from services.qa.operations.offset_units import json_in_unit
from services.qa.operations.release_files import GOLD, JSON_LINES, store
from services.qa.operations.releases import SUCCESSOR_OF
from services.qa.storage import projects, release_records
from services.qa.storage.releases import Release
from shared.contracts.answers import LabelSchema, OffsetUnit
from shared.kit.database import Database
from shared.kit.objects import Objects

_RECORDS_PER_PAGE: Final = 500
_BYTES_PER_PAGE: Final = 4 * 1024 * 1024


async def write_gold(database: Database, objects: Objects, folder: str, release: Release, as_of: datetime) -> GoldFile:
    """Write the gold answers of the release's schema version that stood at that moment and still stand.

    A successor holds of them what the release before it held. Gold is little, so an interrupted job writes it again.
    """
    count = 0
    unit = OffsetUnit(release.options.get("offset_unit", OffsetUnit.CODE_POINTS))
    async with database.transaction() as session:
        project = await projects.load(session, release.project_id)
    assert project is not None
    schema = project.label_schemas[release.options["schema_version"]]

    async def lines() -> AsyncIterator[bytes]:
        nonlocal count
        after = BEFORE_EVERY_RECORD
        while True:
            page = await _page(database, release, as_of, after)
            if not page:
                return
            count, after = count + len(page), page[-1]["record_id"]
            yield await asyncio.to_thread(_lines, page, schema, unit)

    stored = await store(objects, f"{folder}/{GOLD}", lines(), JSON_LINES)
    return GoldFile(GOLD, count, stored.bytes, stored.sha256)


async def _page(database: Database, release: Release, as_of: datetime, after: UUID) -> list[Any]:
    """Read a page, and note that the release holds it, so that erasure finds the release."""
    predecessor = release.options.get(SUCCESSOR_OF)
    async with database.transaction() as session:
        page = await release_records.gold_at(
            session,
            release,
            None if predecessor is None else UUID(predecessor),
            as_of=as_of,
            after=after,
            limit=_RECORDS_PER_PAGE,
            most_bytes=_BYTES_PER_PAGE,
        )
        await release_records.keep_gold(session, release.release_id, [row["record_id"] for row in page])
    return page


def _lines(page: Sequence[Any], schema: LabelSchema, unit: OffsetUnit) -> bytes:
    """CPU work, no I/O."""
    return b"".join([_line(row, schema, unit) for row in page])


def _line(row: Any, schema: LabelSchema, unit: OffsetUnit) -> bytes:
    answers = row["answers"]
    if unit is not OffsetUnit.CODE_POINTS:
        answers = json_in_unit(schema, row["fields"], answers, unit)
    whole = {
        "record_id": str(row["record_id"]),
        "gold": True,
        "split": row["split"],
        "origin": row["origin"],
        "slice": None if row["slice"] is None else orjson.Fragment(row["slice"]),
        "fields": orjson.Fragment(row["fields"]),
        "answers": orjson.Fragment(answers),
        "gold_revision": row["gold_revision"],
        "schema_version": row["schema_version"],
        "placed_at": row["placed_at"],
    }
    return orjson.dumps(whole, option=orjson.OPT_APPEND_NEWLINE)
