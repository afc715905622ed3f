"""Answers that are shown with text offsets in the unit that was asked for; they are kept in code points."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from services.qa.domain.project import Project
from services.qa.domain.releases import ReleasedLabel
from services.qa.storage import projects, records
from shared.contracts.answers import Content, LabelSchema, OffsetUnit, from_code_points
from shared.contracts.fields import parse_fields
from shared.kit.database import Session

Rows = Sequence[dict[str, Any]]
"""With `schema_version`, and `answers` or `disputed`; None where they were erased."""

_AT_ONCE = 50
"""So many records' texts are held at a time."""


async def in_unit(session: Session, project_id: UUID, rows: Rows, unit: OffsetUnit) -> list[dict[str, Any]]:
    """Rows with a `record_id`, with offsets in `unit`."""
    project = None if unit is OffsetUnit.CODE_POINTS else await projects.load(session, project_id)
    if project is None:
        return list(rows)
    found: list[dict[str, Any]] = []
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        contents = await records.contents(session, {row["record_id"] for row in some})
        found += await asyncio.to_thread(_convert, project, contents, some, unit)
    return found


async def lineage_in_unit(
    session: Session, project_id: UUID, record_id: UUID, lineage: dict[str, Any], unit: OffsetUnit
) -> dict[str, Any]:
    """The lineage of a record, with offsets in `unit`."""
    found = dict(lineage)
    for name in ("predictions", "annotations", "gold", "labels", "disputes", "decisions"):
        rows = [{**row, "record_id": record_id} for row in lineage[name]]
        converted = await in_unit(session, project_id, rows, unit)
        found[name] = [
            row | {key: new[key] for key in _SHOWN if key in row}
            for row, new in zip(lineage[name], converted, strict=True)
        ]
    return found


def released_in_unit(schema: LabelSchema, labels: Sequence[ReleasedLabel], unit: OffsetUnit) -> list[ReleasedLabel]:
    """Labels as a release shows them. CPU work: reads their texts."""
    return [one._replace(answers=json_in_unit(schema, one.fields, one.answers, unit)) for one in labels]


def json_in_unit(schema: LabelSchema, fields: str, answers: str, unit: OffsetUnit) -> str:
    """The answers about a record of these fields, all as JSON. CPU work: reads the texts."""
    return orjson.dumps(
        from_code_points(schema, parse_fields(orjson.loads(fields)), orjson.loads(answers), unit)
    ).decode()


_SHOWN = ("answers", "disputed")


def _convert(project: Project, contents: Mapping[UUID, Content], rows: Rows, unit: OffsetUnit) -> list[dict[str, Any]]:
    return [
        _converted(project.schema(row["schema_version"]), contents.get(row["record_id"], {}), row, unit) for row in rows
    ]


def _converted(schema: LabelSchema | None, content: Content, row: dict[str, Any], unit: OffsetUnit) -> dict[str, Any]:
    if schema is None:
        return row
    changed = dict(row)
    if row.get("answers") is not None:
        changed["answers"] = from_code_points(schema, content, row["answers"], unit)
    if row.get("disputed") is not None:
        changed["disputed"] = [from_code_points(schema, content, answers, unit) for answers in row["disputed"]]
    return changed
