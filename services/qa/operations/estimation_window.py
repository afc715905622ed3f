"""Load what one estimation reads, page by page: each statement is bounded and seeks by an index, whatever is known of the
tables' sizes, and none joins two that grow.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.compute.estimation import EstimationWindow, WindowAnnotation, WindowRecord
from services.qa.domain.facts import AGREEMENT_DRAWN, CHAMPION_DIFFERS
from services.qa.domain.votes import TruthBasis
from services.qa.storage import annotators, estimation
from shared.contracts.answers import LabelSchema
from shared.contracts.values import RecordState, Route, Split
from shared.kit.database import Database

_AT_ONCE = 5_000
_MOST_BYTES = 48 * 1024 * 1024
"""Of answers: large ones fill a window sooner."""

_CLOSED = {RecordState.FINALIZED, RecordState.GOLD}
_NO_PREDICTION = UUID(int=0)
_COUNTED = {"vote", "gold"}
_CHECKED = {CHAMPION_DIFFERS: TruthBasis.DIFFERS, AGREEMENT_DRAWN: TruthBasis.DRAWN}


async def load_window(
    database: Database, project_id: UUID, schema_version: int, schema: LabelSchema, most: int
) -> EstimationWindow:
    """The newest annotations of a schema version, at most `most`, and what else is known of the records they are of."""
    rows = await _newest(database, project_id, schema_version, most)
    rows.reverse()
    record_at = {record_id: at for at, record_id in enumerate(dict.fromkeys(row["record_id"] for row in rows))}
    annotator_at = {one: at for at, one in enumerate(dict.fromkeys(row["annotator_id"] for row in rows))}
    records: list[WindowRecord] = []
    routed_by: dict[UUID, UUID | None] = {}
    ids = list(record_at)
    shows = any(row["prediction_shown"] is not None for row in rows)
    for start in range(0, len(ids), _AT_ONCE):
        records += await _records(
            database, schema_version, ids[start : start + _AT_ONCE], routed_by, with_predicted=shows
        )
    async with database.transaction() as session:
        eras = await annotators.eras(session, project_id, list(annotator_at))
        experts = await annotators.experts(session, list(annotator_at))
    return EstimationWindow(
        schema=schema,
        annotations=[
            WindowAnnotation(
                record=record_at[row["record_id"]],
                annotator=annotator_at[row["annotator_id"]],
                answers=row["answers"],
                submitted_us=row["submitted_us"],
                gold=row["role"] == "gold",
                era=_era(eras.get(row["annotator_id"], ()), row["submitted_at"]),
                saw_prediction=_saw(row["prediction_shown"], routed_by.get(row["record_id"])),
                counted=row["role"] in _COUNTED,
            )
            for row in rows
        ],
        records=records,
        annotators=list(annotator_at),
        experts=experts,
    )


async def _newest(database: Database, project_id: UUID, schema_version: int, most: int) -> list[Any]:
    """Rows of annotations, newest first."""
    rows: list[Any] = []
    size = 0
    before: tuple[datetime, UUID] | None = None
    while len(rows) < most and size < _MOST_BYTES:
        async with database.transaction() as session:
            page = await estimation.newest(session, project_id, schema_version, before, min(_AT_ONCE, most - len(rows)))
        rows += page
        size += sum(len(row["answers"]) for row in page)
        if len(page) < _AT_ONCE:
            break
        before = page[-1]["submitted_at"], page[-1]["annotation_id"]
    return rows


def _era(since: Sequence[datetime], submitted_at: datetime) -> int:
    """How many of the annotator's eras had begun when the annotation was submitted."""
    return sum(one <= submitted_at for one in since)


def _saw(shown: UUID | None, routed_by: UUID | None) -> bool | None:
    """Whether the prediction was shown by which the record was routed; None if another one was."""
    if shown is None:
        return False
    return True if shown == routed_by else None


async def _records(
    database: Database,
    schema_version: int,
    ids: Sequence[UUID],
    routed_by: dict[UUID, UUID | None],
    *,
    with_predicted: bool,
) -> list[WindowRecord]:
    """What else is known of records; notes in `routed_by` the prediction that each was routed by.

    `with_predicted`: also what was predicted where a model may not speak.
    """
    async with database.transaction() as session:
        states = await estimation.records(session, ids)
        truths = await estimation.truths(session, ids, schema_version)
        routed_by |= {one.record_id: one.routed_prediction_id for one in states.values()}
        asked = [
            one.routed_prediction_id
            for one in states.values()
            if one.routed_prediction_id is not None and (with_predicted or _may_speak(one))
        ]
        distributions = await estimation.distributions(session, asked, schema_version)
    found = []
    for record_id in ids:
        state, truth = states.get(record_id), truths.get(record_id)
        predicted = None if state is None else distributions.get(state.routed_prediction_id or _NO_PREDICTION)
        found.append(
            WindowRecord(
                truth=None if truth is None else truth.answers,
                is_gold=truth is not None and truth.is_gold,
                distributions=predicted if state is not None and _may_speak(state) else None,
                closed=state is not None and state.state in _CLOSED,
                predicted=predicted if with_predicted else None,
                basis=None if truth is None else _basis(truth),
                held_out=state is not None and state.split != Split.TRAIN,
            )
        )
    return found


def _may_speak(record: estimation.EstimatedRecord) -> bool:
    """Whether the model by which the record was routed had not learnt from it, and people do not decide alone."""
    return (
        record.routed_prediction_id is not None
        and record.split == Split.TRAIN
        and not record.audit
        and record.round == 1
        and record.state != RecordState.GOLD
        and record.route != Route.AUTO_ACCEPT
    )


def _basis(truth: estimation.Truth) -> TruthBasis | None:
    """How the truth came to be known; None where that depends on whether the votes were right."""
    if truth.is_gold:
        return TruthBasis.GOLD
    if truth.reason is None:
        return TruthBasis.DISPUTE if truth.decided_by == "arbiter" else None
    return _CHECKED.get(truth.reason)
