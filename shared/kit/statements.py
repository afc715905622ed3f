"""Constant SQL for the bare connection: parameters with names, and rows as arrays."""

import re
from collections.abc import Sequence
from typing import Any, Final

_NAME: Final = re.compile(r"(?<!:):([a-z]\w*)\b")


class Statement:
    """A statement with parameters like `:record_id`; called with their values it gives what the connection takes.

    await session.raw.fetchrow(*LOCK(record_id=record_id))
    """

    def __init__(self, text: str) -> None:
        self.names = tuple(dict.fromkeys(_NAME.findall(text)))
        numbers = {name: number for number, name in enumerate(self.names, start=1)}
        self.sql = _NAME.sub(lambda match: f"${numbers[match[1]]}", text)

    def __call__(self, **values: Any) -> tuple[Any, ...]:
        """The SQL and its arguments, by number; raises KeyError where one is missing."""
        return (self.sql, *[values[name] for name in self.names])


def columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as the arrays that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]


def count_of(status: str) -> int:
    """The number of rows in a command's status: `UPDATE 3`."""
    return int(status.rsplit(" ", 1)[-1])
