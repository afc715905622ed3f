"""Pages by key: a cursor names the last row seen, so a page costs the same anywhere and nobody counts rows."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Generic, NamedTuple, TypeVar
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_serializer,
)

from shared.contracts.values import BrokenRule
from shared.kit.database import Session
from shared.kit.endpoints import serving
from shared.kit.problems import Problem

T = TypeVar("T")

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_MAX_CURSOR_LENGTH = 2048


class Page(BaseModel, Generic[T]):
    """A part of a list, in the order of its key."""

    items: list[T]
    next: str | None = Field(
        default=None, description="The cursor of the next page, for `after`; absent on the last page."
    )

    @model_serializer(mode="wrap")
    def _without_next_at_the_end(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        whole: dict[str, Any] = serialize(self)
        if self.next is None:
            whole.pop("next", None)
        return whole


Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items a page has at most.")]


def _given(cursor: str) -> str:
    if not cursor:
        raise BrokenRule("It must have at least 1 characters.", rule="string_too_short")
    return cursor


After = Annotated[
    Annotated[str, StringConstraints(max_length=_MAX_CURSOR_LENGTH), AfterValidator(_given)] | None,
    Query(description="The `next` of the page before; from the beginning without it."),
]


def encode_cursor(*values: Any) -> str:
    """Turn the key of the last row of a page into an opaque cursor, good for the list that is being answered alone."""
    # default: asyncpg has a UUID of its own, which orjson doesn't know
    return base64.urlsafe_b64encode(orjson.dumps([_list(), *values], default=str)).rstrip(b"=").decode()


def _list() -> str:
    """Which list of which service is being answered."""
    request = serving.get()
    return "" if request is None else f"{request.app.state.runtime.spec.name}.{request.scope['route'].name}"


def decode_cursor(text: str, *types: Any) -> tuple[Any, ...]:
    """Turn a cursor back into its values; raises the 400 problem for one that this list never gave out."""
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        values = orjson.loads(raw)
        if not isinstance(values, list) or len(values) != 1 + len(types) or values[0] != _list():
            raise _not_ours()
        values = values[1:]
        found = tuple(_adapter(kind).validate_python(value) for kind, value in zip(types, values, strict=True))
    except (ValidationError, UnicodeEncodeError, binascii.Error, ValueError):
        raise _not_ours() from None
    if any(isinstance(value, str) and "\0" in value for value in found):
        raise _not_ours()
    return found


_LAX: dict[Any, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (int, str, float, bool, UUID, datetime)}
_MAX_BIGINT = 2**63


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind is int:
        return _BIGINT
    found = _LAX.get(kind)
    if found is None:
        found = _LAX[kind] = TypeAdapter(kind)
    return found


_BIGINT: TypeAdapter[Any] = TypeAdapter(Annotated[int, Field(ge=-_MAX_BIGINT, lt=_MAX_BIGINT)])


def _not_ours() -> Problem:
    return Problem(
        400, "malformed-cursor", "The cursor is not one that was given out.", "Take `next` of a page as it is."
    )


PAGE_BYTES: Final = 2 * 1024 * 1024
"""A page ends early rather than grow much beyond this: some rows hold as much as an event."""

_FIRST_ROWS: Final = 16


class RowPage(NamedTuple):
    """Rows of a page, and whether there are more behind them."""

    rows: list[Any]
    more: bool


async def read_page(
    session: Session, statement: str, *parameters: Any, limit: int, size_of: Callable[[Any], int]
) -> RowPage:
    """Up to `limit` rows, and about `PAGE_BYTES`, of a statement whose last parameter limits it: one at least.

    They are read as many at a time as are likely to fit. Needs a transaction. `size_of` returns the bytes of a row.
    """
    cursor = await session.raw.cursor(statement, *parameters, limit + 1)
    rows: list[Any] = []
    size, wanted = 0, _FIRST_ROWS
    while len(rows) <= limit and size < PAGE_BYTES:
        some = await cursor.fetch(min(wanted, limit + 1 - len(rows)))
        if not some:
            return RowPage(rows, more=False)
        for row in some:
            size += size_of(row)
        rows += some
        wanted = max(1, (PAGE_BYTES - size) * len(rows) // max(1, size))
    if len(rows) == 1:  # it has no room beside it
        return RowPage(rows, more=bool(await cursor.fetch(1)))
    return RowPage(rows[:-1], more=True)


def page_of(rows: Sequence[T], limit: int, *key: str) -> Page[T]:
    """A page from at most `limit` + 1 rows; `key` names the attributes of the row that make the cursor."""
    items = list(rows[:limit])
    if len(rows) <= limit:
        return Page(items=items)
    last: Any = items[-1]
    return Page(items=items, next=encode_cursor(*(getattr(last, name) for name in key)))
