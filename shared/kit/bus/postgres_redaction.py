"""Changes the values of messages in the PostgreSQL log, once every group has acknowledged them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from shared.kit.bus.port import Redact
from shared.kit.bus.postgres_link import Link
from shared.kit.compression import compress, decompress

_ROWS_WALKED: Final = 2_000
_BATCHES_READ: Final = 20

_ACKNOWLEDGED: Final = """
SELECT partition, min(position) AS position FROM bus.leases WHERE topic = $1 GROUP BY partition
"""
_WALK: Final = """
SELECT position, keys && $3::bytea[] AS wanted FROM bus.log WHERE topic = $1 AND position > $2 ORDER BY position LIMIT $4
"""
_BATCHES: Final = """
SELECT position, messages, partitions, keys, headers, lengths, body, compressed FROM bus.log
WHERE topic = $1 AND position = ANY($2::bigint[]) ORDER BY position
"""
_REWRITE: Final = """
UPDATE bus.log SET headers = $3, lengths = $4, body = $5, compressed = true WHERE topic = $1 AND position = $2
"""


class _Changed(NamedTuple):
    """A batch as it is written again."""

    position: int
    headers: list[str | None] | None
    lengths: list[int]
    body: bytes


async def redact_topic(link: Link, topic: int, keys: frozenset[bytes], redact: Redact) -> set[bytes]:
    """Change the messages of these keys; return the keys of those that a group has yet to acknowledge."""
    left: set[bytes] = set()
    wanted_keys = list(keys)
    after = 0
    while True:
        async with link.use() as connection:
            read = dict(await connection.fetch(_ACKNOWLEDGED, topic))
            walked = await connection.fetch(_WALK, topic, after, wanted_keys, _ROWS_WALKED)
        wanted = [row["position"] for row in walked if row["wanted"]]
        for start in range(0, len(wanted), _BATCHES_READ):
            left |= await _redact_batches(link, topic, wanted[start : start + _BATCHES_READ], read, keys, redact)
        if len(walked) < _ROWS_WALKED:
            return left
        after = walked[-1]["position"]


async def _redact_batches(
    link: Link, topic: int, positions: Sequence[int], read: Mapping[int, int], keys: frozenset[bytes], redact: Redact
) -> set[bytes]:
    async with link.use() as connection:
        rows = await connection.fetch(_BATCHES, topic, positions)
        changed, left = await asyncio.to_thread(_redact_rows, rows, read, keys, redact)
        if changed:
            await connection.executemany(_REWRITE, [(topic, *each) for each in changed])
    return left


def _redact_rows(
    rows: Sequence[Any], read: Mapping[int, int], keys: frozenset[bytes], redact: Redact
) -> tuple[list[_Changed], set[bytes]]:
    changed: list[_Changed] = []
    left: set[bytes] = set()
    for row in rows:
        values, headers = _values(row), row["headers"] and list(row["headers"])
        first = row["position"] - row["messages"] + 1
        found = False
        for place, key in enumerate(row["keys"]):
            if key not in keys or (value := redact(values[place])) is None:
                continue
            if read.get(row["partitions"][place], first + place) < first + place:
                left.add(key)
                continue
            values[place], found = value, True
            if headers:
                headers[place] = None
        if found:
            lengths = [len(value) for value in values]
            changed.append(_Changed(row["position"], headers, lengths, compress(b"".join(values))))
    return changed, left


def _values(row: Any) -> list[bytes]:
    body = decompress(row["body"]) if row["compressed"] else row["body"]
    values, start = [], 0
    for length in row["lengths"]:
        values.append(body[start : start + length])
        start += length
    return values
