"""Bodies of many items: described and opened in one way, whatever their format."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import BaseModel
from starlette.requests import Request

from services.ingest.api.shapes import self_contained
from services.ingest.imports import FORMATS, ImportSource, Line
from services.ingest.imports.json_batch import MAX_ITEMS
from services.ingest.imports.ndjson import NDJSON
from services.ingest.resources import IngestRuntime
from shared.kit.bodies import (
    FORMS,
    JSON,
    BodyLimit,
    large_body,
    lift_body_limit,
    media_type_of,
    require_media_type,
    stream_body,
)
from shared.kit.problems import MEDIA_TYPE, SCHEMA_REFERENCE, Problem


@dataclass(frozen=True, slots=True)
class ManyItems:
    """What comes in. Of a batch, which is bounded, each item is answered; of a stream only the bad ones are.

    `let_go` is called with the bytes of lines that are needed no more: there has to be room for what a stream has in hand.
    """

    is_batch: bool
    lines: AsyncIterator[list[Line]]
    let_go: Callable[[int], None]


NOTHING_TAKEN: Final[dict[int | str, dict[str, Any]]] = {
    422: {
        "description": "The request breaks a rule; or every line is refused: the problem has all members of the report, too.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMA_REFERENCE}}},
    }
}
"""For `responses=`: documents `NothingTaken`."""


class NothingTaken(Problem):
    """Each line is refused. The problem has the members of the report, too: it is read as that of a status 200."""

    def __init__(self, report: BaseModel, refused: int) -> None:
        super().__init__(422, "nothing-taken", "Every line is refused.", f"{refused} of {refused} lines are refused.")
        self._report = report

    def document(self, request_id: str | None = None) -> dict[str, Any]:
        return {**self._report.model_dump(mode="json", exclude_none=True), **super().document(request_id)}


def described(name: str, item: type[BaseModel], noun: str) -> dict[str, Any]:
    """For `openapi_extra=`: `{name: [item, …]}`, or an item on each line."""
    schema = self_contained(item)
    example = schema["examples"][0]
    batch = {
        "type": "object",
        "required": [name],
        "additionalProperties": False,
        "properties": {name: {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": schema}},
    }
    stream = {"type": "string", "description": f"A {noun}, as JSON, on each line."}
    return {
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": batch, "example": {name: [example]}},
                NDJSON: {"schema": stream, "example": orjson.dumps(example).decode() + "\n"},
            },
        },
        **large_body(),
    }


def many_items(runtime: IngestRuntime, request: Request, name: str, project_id: UUID) -> ManyItems:
    """The body, read as it comes. A request that names no media type sends JSON.

    Raises:
        Problem: 415, it is of no format that is known. Its lines raise Problem: 400, 422, it is none of its format.
    """
    known = {media_type: each for each in FORMATS for media_type in each.media_types}
    media_type = _require_format(request, known, name) if "content-type" in request.headers else JSON
    chosen = known[media_type]
    pieces: AsyncIterator[bytes] = request.stream()
    let_go: Callable[[int], None] = _nothing_to_let_go
    if not chosen.is_batch and (hand := stream_body(request)) is not None:
        lift_body_limit(request)
        pieces, let_go = _taken_in(pieces, hand), hand.let_go
    source = ImportSource(name, runtime.resources.limits.max_line_bytes, runtime.compute, project_id, let_go)
    return ManyItems(chosen.is_batch, chosen.lines(pieces, source), let_go)


_TABLES: Final = frozenset(
    {
        "text/csv",
        "application/csv",
        "text/comma-separated-values",
        "text/tab-separated-values",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.apache.parquet",
    }
)
HOW_TO_CONVERT: Final = "docs/bring-a-csv.md"


def _require_format(request: Request, known: Iterable[str], name: str) -> str:
    """Raises the 415 problem, which says to who brings a table or a file how it may come."""
    try:
        return require_media_type(request, *known)
    except Problem as problem:
        given = media_type_of(request)
        convert = f"A table, such as CSV, is converted first, a row to a line: {HOW_TO_CONVERT} shows how in some lines of Python."
        hint = f"A form is not taken: the body is the file itself. {convert}" if given in FORMS else None
        if given in _TABLES:
            hint = convert
        if hint is None:
            raise
        forms = f"It takes {JSON}, an object with a list of {name}, or {NDJSON}, a JSON object on each line."
        raise Problem(problem.status, problem.type, problem.title, f"{forms} {hint}", headers=problem.headers) from None


async def _taken_in(pieces: AsyncIterator[bytes], hand: BodyLimit) -> AsyncIterator[bytes]:
    async for piece in pieces:
        await hand.take_in(len(piece))
        yield piece


def _nothing_to_let_go(_: int) -> None:
    """A batch is in hand until its request has ended."""
