"""Gold: placed, read, withdrawn."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from services.qa.api.edges import open_project, page_of_read
from services.qa.api.shapes import (
    GoldAnswer,
    GoldBatchBody,
    GoldOfRecord,
    GoldOut,
    GoldRefused,
    GoldReport,
    MalformedGold,
    Note,
    OffsetUnitParam,
)
from services.qa.exceptions import NotGold
from services.qa.operations import gold, offset_units
from services.qa.resources import QaRuntime, QaRuntimeDep
from services.qa.storage import gold as stored
from services.qa.storage import lists, projects
from shared.contracts.answers import OffsetUnit
from shared.contracts.answers.examples import body_examples
from shared.contracts.envelope import MAX_EVENT_BYTES
from shared.contracts.personal_data import mask
from shared.contracts.values import Role
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.bodies import body_limit, large_body
from shared.kit.clock import utc_now
from shared.kit.database import Session
from shared.kit.endpoints import edge_router
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor
from shared.kit.problems import first_line, kebab_case, responses

router = edge_router("gold")

Manager = Annotated[Principal, requires(Role.MANAGER)]
Reader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR, content=True)]


@router.put(
    "/projects/{project_id}/records/{record_id}/gold",
    responses=responses(404, 409, 410, 413, 422),
    openapi_extra={**body_limit(2 * MAX_EVENT_BYTES), **body_examples(note="Agreed by the whole team.")},
    summary="Make a record gold",
)
async def place_gold(
    runtime: QaRuntimeDep, manager: Manager, project_id: UUID, record_id: UUID, body: GoldAnswer
) -> GoldOut:
    """Its label is known for certain: from now on it secretly measures annotators.

    Gold wins at any moment: a label is retracted, earlier annotations count as gold answers, and the record stays out of
    training for ever. The same answer again changes nothing; another one revises it.
    """
    [placed] = await _place(runtime, manager, project_id, [_wish(record_id, body)])
    if isinstance(placed, Exception):
        raise placed
    async with runtime.database.autocommit() as session:
        return await _out(session, placed, body.offset_unit, manager)


@router.post(
    "/projects/{project_id}/gold",
    responses=responses(404, 409, 413, 422),
    openapi_extra=large_body(),
    summary="Make many records gold",
)
async def place_gold_batch(
    runtime: QaRuntimeDep, manager: Manager, project_id: UUID, body: GoldBatchBody
) -> GoldReport:
    """Each item is judged for itself, malformed ones, too; those that are refused are listed, the others count.

    A record that has another gold answer further on in the list keeps the first of them, and the other one is refused
    (`gold-contradicted`); the same one again changes nothing.
    """
    sound = [one for one in body.gold if isinstance(one, GoldOfRecord)]
    results = iter(await _place(runtime, manager, project_id, [_wish(one.record_id, one) for one in sound]))
    rejected: list[GoldRefused] = []
    placed: set[UUID] = set()
    for index, one in enumerate(body.gold):
        if isinstance(one, MalformedGold):
            rejected.append(_malformed(index, one))
        elif isinstance(result := next(results), Exception):
            rejected.append(_refused(index, one, result))
        else:
            placed.add(one.record_id)
    return GoldReport(placed=len(placed), rejected=rejected)


@router.get("/projects/{project_id}/gold", responses=responses(404), summary="List gold answers")
async def list_gold(
    session: SessionDep,
    reader: Reader,
    project_id: UUID,
    after: After = None,
    limit: Limit = DEFAULT_LIMIT,
    offset_unit: OffsetUnitParam = OffsetUnit.CODE_POINTS,
) -> Page[GoldOut]:
    """Those that stand, in the order of their records."""
    await projects.check_exists(session, project_id)
    last = None if after is None else decode_cursor(after, UUID)[0]
    read = await lists.gold(session, project_id, after=last, limit=limit)
    rows = await offset_units.in_unit(session, project_id, [_shown(row, reader) for row in read.rows], offset_unit)
    return page_of_read(read._replace(rows=rows), GoldOut, "record_id")


@router.get(
    "/projects/{project_id}/records/{record_id}/gold", responses=responses(404), summary="Read a record's gold answer"
)
async def read_gold(
    session: SessionDep,
    reader: Reader,
    project_id: UUID,
    record_id: UUID,
    offset_unit: OffsetUnitParam = OffsetUnit.CODE_POINTS,
) -> GoldOut:
    await projects.check_exists(session, project_id)
    placed = (await stored.current(session, [record_id])).get(record_id)
    if placed is None or placed.project_id != project_id:
        raise NotGold(f"Record {record_id} is not gold.")
    return await _out(session, placed, offset_unit, reader)


@router.delete(
    "/projects/{project_id}/records/{record_id}/gold",
    status_code=204,
    responses=responses(404, 409, 410),
    summary="Withdraw a record's gold answer",
)
async def withdraw_gold(
    session: SessionDep,
    _manager: Manager,
    project_id: UUID,
    record_id: UUID,
    reason: Annotated[Note, Query(description="Why it is not certain after all.")] = "withdrawn",
) -> None:
    """The record is labelled like any other, but never trained on and never gold unseen again."""
    project = await open_project(session, project_id)
    await gold.withdraw(session, project, record_id, mask(reason), utc_now())


async def _place(
    runtime: QaRuntime, manager: Principal, project_id: UUID, wishes: Sequence[gold.Placement]
) -> list[stored.Gold | gold.GoldRefusal]:
    async with runtime.database.autocommit() as session:
        project = await open_project(session, project_id)
        read = await gold.read(session, wishes)
    checked = await gold.check(runtime.compute, project, read)
    async with runtime.database.transaction() as session:
        return await gold.place(session, project, checked, manager.actor, utc_now())


def _wish(record_id: UUID, body: GoldAnswer) -> gold.Placement:
    return gold.Placement(
        record_id=record_id,
        answers=body.answers,
        unit=body.offset_unit,
        schema_version=body.schema_version,
        exposures=body.exposures,
        note=None if body.note is None else mask(body.note),
    )


def _shown(row: dict[str, Any], reader: Principal) -> dict[str, Any]:
    """The row as the reader may see it: to how many annotators gold is served is for managers alone."""
    return row if reader.has(Role.MANAGER) else {**row, "exposures": None}


async def _out(session: Session, placed: stored.Gold, unit: OffsetUnit, reader: Principal) -> GoldOut:
    row = {
        "record_id": placed.record_id,
        "gold_revision": placed.gold_revision,
        "schema_version": placed.schema_version,
        "answers": placed.answers,
        "note": placed.note,
        "exposures": placed.exposures,
        "placed_by": placed.placed_by,
        "placed_at": placed.placed_at,
    }
    [shown] = await offset_units.in_unit(session, placed.project_id, [_shown(row, reader)], unit)
    return GoldOut(**shown)


def _refused(index: int, one: GoldOfRecord, refusal: Exception) -> GoldRefused:
    return GoldRefused(
        index=index,
        record_id=one.record_id,
        type=kebab_case(type(refusal).__name__),
        detail=str(refusal) or first_line(type(refusal)),
        errors=[each.model_dump(mode="json", exclude_none=True) for each in getattr(refusal, "errors", ())],
    )


def _malformed(index: int, one: MalformedGold) -> GoldRefused:
    problem = one.problem
    return GoldRefused(
        index=index,
        record_id=one.record_id,
        type=problem.type,
        detail=problem.explanation or problem.title,
        errors=problem.document().get("errors", []),
    )
