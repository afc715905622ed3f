"""Where records stand: states, labels, disputes, annotations, lineage."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.qa.api.edges import page_of_read, page_of_rows, record_or_404
from services.qa.api.shapes import (
    ANNOTATOR_ID,
    ANSWERS,
    MOMENT,
    RECORD_ID,
    AnnotationOut,
    DisputeOut,
    FailingWorkOut,
    LabelOut,
    OffsetUnitParam,
    RecordOut,
    SummaryOut,
)
from services.qa.api.shapes import Role as AnnotationRole
from services.qa.domain.record import OpenReason, Record
from services.qa.operations import lineage, offset_units
from services.qa.resources import QaRuntimeDep
from services.qa.storage import counters, labels, lists, projects, quality_counts, work_attempts
from services.qa.storage.counters import BackgroundWork
from shared.contracts.answers import OffsetUnit
from shared.contracts.values import LabelMethod, RecordState, Role, Split
from shared.kit.app import SessionDep
from shared.kit.auth import Principal, requires
from shared.kit.endpoints import edge_router
from shared.kit.pagination import DEFAULT_LIMIT, After, Limit, Page, decode_cursor, page_of
from shared.kit.problems import Problem, responses

_MOST_FAILING = 100

router = edge_router("records")

Reader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR, content=True)]
SummaryReader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR)]
LabelReader = Annotated[Principal, requires(Role.MANAGER, Role.AUDITOR, Role.TRAINER, Role.PRODUCT, content=True)]


def _after(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    found: UUID = decode_cursor(cursor, UUID)[0]
    return found


@router.get("/projects/{project_id}/records", responses=responses(404), summary="List where records stand")
async def list_records(
    session: SessionDep,
    _reader: Reader,
    project_id: UUID,
    state: Annotated[RecordState | None, Query(description="Only those in this state.")] = None,
    after: After = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[RecordOut]:
    """Every record that is known here, each in exactly one state."""
    await projects.check_exists(session, project_id)
    rows = await lists.records(session, project_id, state=state, after=_after(after), limit=limit + 1)
    return page_of([RecordOut.of(row) for row in rows], limit, "record_id")


@router.get("/projects/{project_id}/labels", responses=responses(404), summary="List labels")
async def list_labels(
    session: SessionDep,
    _reader: LabelReader,
    project_id: UUID,
    method: LabelMethod | None = None,
    split: Split | None = None,
    under_review: bool | None = None,
    after: After = None,
    limit: Limit = DEFAULT_LIMIT,
    offset_unit: OffsetUnitParam = OffsetUnit.CODE_POINTS,
) -> Page[LabelOut]:
    """The labels that stand, in the order in which they were made; gold is not among them."""
    await projects.check_exists(session, project_id)
    read = await lists.labels(
        session,
        project_id,
        method=method,
        split=split,
        under_review=under_review,
        after=_after(after),
        limit=limit,
    )
    rows = await offset_units.in_unit(session, project_id, read.rows, offset_unit)
    return page_of_read(read._replace(rows=rows), LabelOut, "label_id")


@router.get("/projects/{project_id}/disputes", responses=responses(404), summary="List disputes")
async def list_disputes(
    session: SessionDep,
    _reader: Reader,
    project_id: UUID,
    status: Literal["open", "unservable", "decided", "withdrawn"] | None = None,
    after: After = None,
    limit: Limit = DEFAULT_LIMIT,
    offset_unit: OffsetUnitParam = OffsetUnit.CODE_POINTS,
) -> Page[DisputeOut]:
    """Oldest first. `unservable`: there is no arbiter; it is opened again when one comes."""
    await projects.check_exists(session, project_id)
    read = await lists.disputes(session, project_id, status=status, after=_after(after), limit=limit)
    rows = await offset_units.in_unit(session, project_id, read.rows, offset_unit)
    return page_of_read(read._replace(rows=rows), DisputeOut, "dispute_id")


@router.get("/projects/{project_id}/annotations", responses=responses(404), summary="List how annotations count")
async def list_annotations(
    session: SessionDep,
    _reader: Reader,
    project_id: UUID,
    role: AnnotationRole | None = None,
    after: After = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[AnnotationOut]:
    """Every annotation that is known here, each in exactly one role."""
    await projects.check_exists(session, project_id)
    last = None if after is None else decode_cursor(after, UUID, int)
    key = None if last is None else (last[0], last[1])
    rows = await lists.annotations(session, project_id, role=role, after=key, limit=limit + 1)
    return page_of_rows(rows, limit, AnnotationOut, "annotation_id", "annotation_revision")


@router.get("/projects/{project_id}/summary", responses=responses(404), summary="Count where everything stands")
async def read_summary(session: SessionDep, _reader: SummaryReader, project_id: UUID) -> SummaryOut:
    """From counters that change with the facts, and the disputes that wait: exact, however many records there are.

    Whether counting what records hold fails, `GET …/estimates` shows.
    """
    await projects.check_exists(session, project_id)
    counted = await counters.read(session, project_id)
    failing = await work_attempts.failing(session, project_id, _MOST_FAILING)

    def of(group: str, names: tuple[str, ...]) -> dict[str, int]:
        return {name: counted.get(f"{group}.{name}", 0) for name in names}

    return SummaryOut(
        records=of("records", tuple(RecordState)),
        annotations=of("annotations", ("vote", "gold", "decision", "void", "late", "superseded")),
        labels=of("labels", tuple(LabelMethod)),
        disputes=counted.get("disputes", 0),
        open_disputes=sum((await quality_counts.waiting_disputes(session, project_id)).values()),
        failing=[FailingWorkOut.model_validate(one) for one in failing if one.work is not BackgroundWork.POPULATION],
    )


@router.get(
    "/records/{record_id}/label",
    response_model=LabelOut,
    responses=responses(404, 410),
    summary="Read a record's label",
)
async def read_label(
    session: SessionDep,
    runtime: QaRuntimeDep,
    reader: LabelReader,
    record_id: UUID,
    offset_unit: OffsetUnitParam = OffsetUnit.CODE_POINTS,
) -> Response:
    """The label that stands. Where there is none yet, the problem `no-label` says in its `detail` what it waits for, to
    managers and auditors: to others a record that is gold has to look like any that is open.
    """
    record = await record_or_404(runtime, session, record_id, reader)
    if record.state is RecordState.ERASED:
        raise Problem(410, "record-erased", "The record was erased by right and is gone for good.")
    label = (await labels.current(session, [record_id])).get(record_id)
    if label is None or label.answers is None:
        why = _why_open(record) if reader.has(Role.MANAGER, Role.AUDITOR) else None
        raise Problem(404, "no-label", "The record has no label.", why, headers={"Retry-After": "5"})
    row = {
        "label_id": label.label_id,
        "record_id": label.record_id,
        "label_revision": label.label_revision,
        "round": label.round,
        "method": label.method,
        "answers": label.answers,
        "confidence": label.confidence,
        "schema_version": label.schema_version,
        "guideline_version": label.guideline_version,
        "split": label.split,
        "trainable": label.trainable,
        "annotations": label.annotations,
        "model_id": label.model_id,
        "calibrated": label.calibrated,
        "finalized_at": label.finalized_at,
        "under_review": record.under_review,
    }
    [shown] = await offset_units.in_unit(session, record.project_id, [row], offset_unit)
    # In one step: thousands of regions take long to be validated and turned into JSON as everything else is.
    return Response(LabelOut(**shown).model_dump_json(), media_type="application/json")


_WHY_OPEN: Final[Mapping[OpenReason, str]] = {
    OpenReason.NOT_ROUTED: "It is yet to be predicted and routed.",
    OpenReason.ANNOTATIONS_WANTED: "People are asked, and have not all answered.",
    OpenReason.IN_ARBITRATION: "An arbiter is asked, or there is none yet.",
    OpenReason.BEING_DECIDED: "The answers are there, and what comes of them is being computed.",
}


def _why_open(record: Record) -> str:
    """As a word and as a sentence."""
    reason = record.open_reason
    if record.state is RecordState.GOLD:
        return "gold: it is known for certain, and its answer is under the project's gold."
    return f"{record.state}: it has ended." if reason is None else f"{reason}: {_WHY_OPEN[reason]}"


class ChainOut(BaseModel):
    """Each link is SHA-256(previous ‖ metadata ‖ HMAC(salt, content)); erasure takes contents and salt, not the links.

    `contents_checked`: the contents are still there and were computed again. `sealed`: links that are proven to
    be under a seal of the project which a known key signed.
    """

    links: list[dict[str, Any]]
    verified: bool
    broken_at: int | None
    contents_checked: bool
    sealed: int
    head: str | None


class LineageOut(BaseModel):
    """How a record's label came to be; what was erased is null. Of each list the newest hundred are shown."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "record": {"record_id": RECORD_ID, "split": "train", "origin": "collected", "slice": {}},
                    "state": {"state": "finalized", "round": 1, "label_revision": 1, "under_review": False},
                    "draws": {"split": 0.12, "audit": 0.7, "blind": 0.4, "explore": 0.9},
                    "routes": [{"revision": 1, "route": "people", "slots_total": 2, "round": 1, "blind": False}],
                    "predictions": [{"answers": ANSWERS, "confidence": 0.8, "shown": True}],
                    "annotations": [
                        {"annotator_id": ANNOTATOR_ID, "answers": ANSWERS, "role": "vote", "submitted_at": MOMENT}
                    ],
                    "skips": [],
                    "gold": [],
                    "labels": [{"label_revision": 1, "method": "consensus", "answers": ANSWERS, "confidence": 0.99}],
                    "disputes": [],
                    "decisions": [],
                    "feedback": [],
                    "label_doubts": [],
                    "counts": {
                        "routes": 1,
                        "annotations": 1,
                        "skips": 0,
                        "gold": 0,
                        "labels": 1,
                        "disputes": 0,
                        "decisions": 0,
                        "feedback": 0,
                    },
                    "chain": {
                        "links": [{"position": 0, "kind": "label", "hash": "00" * 32}],
                        "verified": True,
                        "broken_at": None,
                        "contents_checked": True,
                        "sealed": 1,
                        "head": "00" * 32,
                    },
                }
            ]
        }
    )

    record: dict[str, Any]
    state: dict[str, Any]
    draws: dict[str, float] | None = Field(description="The record's dice, thrown again from the project's salt.")
    routes: list[dict[str, Any]] = Field(description="What queue decided, each time it did.")
    predictions: list[dict[str, Any]] = Field(description="Those that were shown or routed by, and the newest.")
    annotations: list[dict[str, Any]] = Field(
        description="Votes and decisions before others, which are shown as far as there is room."
    )
    skips: list[dict[str, Any]]
    gold: list[dict[str, Any]] = Field(description="Every revision; with its `exposures` for managers alone.")
    labels: list[dict[str, Any]] = Field(description="Every revision with its method and parameters.")
    disputes: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    feedback: list[dict[str, Any]] = Field(description="What products reported, and what each report led to.")
    label_doubts: list[dict[str, Any]] = Field(
        default=[],
        description="By question, the newest look in which models doubted its label, or for which people were asked again.",
    )
    counts: dict[str, int] = Field(description="How many there are of each list, shown or not; not of predictions.")
    chain: ChainOut


@router.get(
    "/records/{record_id}/lineage",
    response_model=LineageOut,
    responses=responses(404),
    summary="Read how a label came to be",
)
async def read_lineage(
    runtime: QaRuntimeDep,
    reader: Reader,
    record_id: UUID,
    offset_unit: OffsetUnitParam = OffsetUnit.CODE_POINTS,
) -> Response:
    """Also of an erased record: what it held is gone, how it went and the chain of hashes stay. The chain is whole; each
    list holds the newest hundred, oldest first, and `counts` says how many there are.
    """
    keys, with_exposures = runtime.resources.seal_keys, reader.has(Role.MANAGER)
    async with runtime.database.transaction() as session:
        record = await record_or_404(runtime, session, record_id, reader)
        found = await lineage.of_record(session, keys, record, with_exposures=with_exposures)
        shown = await offset_units.lineage_in_unit(session, record.project_id, record_id, found, offset_unit)
    # Beside the loop, and with no connection in hand: a hundred large annotations take long.
    return Response(await asyncio.to_thread(_lineage_json, shown), media_type="application/json")


def _lineage_json(found: dict[str, Any]) -> str:
    return LineageOut(**found).model_dump_json()
