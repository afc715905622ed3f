"""Where a text still stands: every column of every table of a database, what is compressed there, and files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncpg

from shared.kit.compression import decompress
from shared.kit.frames import unpack

_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1
"""


async def in_database(url: str, text: str) -> list[str]:
    """The tables that hold the text, as text or as bytes, whatever its case; each with the row's first characters."""
    connection = await asyncpg.connect(url)
    try:
        found = []
        for (table,) in await connection.fetch(_TABLES):
            # bytea is written as hexadecimal digits.
            statement = f"SELECT t::text FROM {table} t WHERE t::text ILIKE ANY($1)"
            wanted = [f"%{each}%" for each in (text, *(case.encode().hex() for case in _cases(text)))]
            rows = await connection.fetch(statement, wanted)
            found += [f"{table}: {row[0][:300]}" for row in rows]
        found += await _in_outbox(connection, text)
        found += await _in_log(connection, text)
        return found
    finally:
        await connection.close()


async def _in_outbox(connection: Any, text: str) -> list[str]:
    if await connection.fetchval("SELECT to_regclass('outbox')") is None:
        return []
    rows = await connection.fetch("SELECT seq, topic, frame FROM outbox WHERE frame IS NOT NULL")
    return [
        f"outbox {row['seq']} ({row['topic']}): {event.envelope[:200]!r}"
        for row in rows
        for event in unpack(row["frame"])
        if holds(event.envelope, text) or holds((event.headers or "").encode(), text)
    ]


async def _in_log(connection: Any, text: str) -> list[str]:
    if await connection.fetchval("SELECT to_regclass('bus.log')") is None:
        return []
    rows = await connection.fetch("SELECT name, l.position, body FROM bus.log l JOIN bus.topics t ON t.id = l.topic")
    return [f"bus.log {row['name']} {row['position']}" for row in rows if holds(decompress(row["body"]), text)]


def in_files(folders: Iterable[Path], text: str) -> list[str]:
    """The files below these folders that hold the text, whatever its case."""
    return [
        str(file)
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.is_file() and holds(file.read_bytes(), text)
    ]


def holds(value: bytes, text: str) -> bool:
    return text.lower().encode() in value.lower()


def _cases(text: str) -> set[str]:
    return {text, text.lower(), text.upper()}
