"""The lists that the edge pages through: each page seeks its first row in an index, whatever filters are given.

A list begins at a key before every other. A filter has a statement of its own for each of its values, with the value written
out (never `$n IS NULL OR …`): so a plan that PostgreSQL keeps for any parameters is made in the knowledge of how many rows
have that value, and a page costs the same anywhere in the list.
"""

from collections.abc import Collection, Mapping
from itertools import product
from typing import Any, Final
from uuid import UUID

from services.qa.domain.record import Record
from services.qa.storage.record_order import KNOWN, in_order
from services.qa.storage.records import record_of, with_first_routes
from shared.contracts.values import AssessmentStatus, LabelMethod, RecordState, Split
from shared.kit.database import Session
from shared.kit.jsonb import loaded
from shared.kit.pagination import RowPage, read_page

BEFORE_EVERY_ID: Final = UUID(int=0)

_DISPUTE_STATUSES: Final = ("open", "unservable", "decided", "withdrawn")
_OTHER_ROLES: Final = ("gold", "decision", "void", "late", "superseded")


def _by_value(statement: str, column: str, values: Collection[str]) -> Mapping[str | None, str]:
    """The statement for each value of a filter (None: without it), which takes the place of `/*filter*/`."""
    return {
        None: statement,
        **{value: statement.replace("/*filter*/", f"AND {column} = '{value}'") for value in values},
    }


_RECORD = (
    "record_id, project_id, known, state, state_reason, state_at, split, origin, round, label_revision, under_review,"
    " route, routed_revision, routed_round, routed_total, requested_total, arbitrating, unservable_at, verdict_pending"
)
_RECORDS: Mapping[str | None, str] = {
    None: in_order(_RECORD, KNOWN),
    **{state: in_order(_RECORD, [part]) for state, part in zip(RecordState, KNOWN, strict=True)},
}
_DISPUTES = _by_value(
    """
SELECT dispute_id, record_id, round, schema_version, reason, disputed, status, opened_at, closed_at
FROM disputes WHERE project_id = $1 AND dispute_id > $2 /*filter*/ ORDER BY dispute_id LIMIT $3
""",
    "status",
    _DISPUTE_STATUSES,
)
# Most annotations are votes: the others have an index of their own.
_ANNOTATIONS_STATEMENT = """
SELECT annotation_id, annotation_revision, record_id, role, round, task_kind, annotator_id, schema_version,
    guideline_version, submitted_at, active_s
FROM annotations WHERE project_id = $1 AND (annotation_id, annotation_revision) > ($2, $3) /*filter*/
ORDER BY annotation_id, annotation_revision LIMIT $4
"""
_ANNOTATIONS = {
    **_by_value(_ANNOTATIONS_STATEMENT, "role", _OTHER_ROLES),
    "vote": _ANNOTATIONS_STATEMENT.replace("/*filter*/", f"AND role NOT IN {_OTHER_ROLES}"),
}
_GOLD = """
SELECT record_id, gold_revision, schema_version, answers, note, exposures, placed_by, placed_at
FROM gold WHERE project_id = $1 AND current AND record_id > $2 ORDER BY record_id LIMIT $3
"""

_LABEL_COLUMNS = """label_id, labels.record_id, labels.label_revision, labels.round, method, answers, confidence,
    labels.schema_version, labels.guideline_version, labels.split, trainable, annotations, model_id,
    labels.parameters->>'calibrated' AS calibrated, finalized_at,
    records.under_review"""
_LABELS_ORDERED = f"""
SELECT {_LABEL_COLUMNS} FROM labels JOIN records USING (record_id)
WHERE labels.project_id = $1 AND current AND label_id > $2 /*filter*/ ORDER BY label_id LIMIT $3
"""  # noqa: S608  our own column names
# Few records are under review at a time: they have an index of their own, and their labels are sorted.
_LABELS_UNDER_REVIEW = f"""
SELECT {_LABEL_COLUMNS} FROM records JOIN labels USING (record_id)
WHERE records.project_id = $1 AND records.under_review AND current AND label_id > $2 /*filter*/
ORDER BY label_id LIMIT $3
"""  # noqa: S608  our own column names


def _labels(under_review: bool | None, method: str | None, split: str | None) -> str:
    """One index has the order of the labels of each method and split: what is of several of them is merged."""
    if under_review or (method is None and split is None):
        conditions = "".join(
            f" AND labels.{column} = '{value}'" for column, value in (("method", method), ("split", split)) if value
        )
        statement = _LABELS_UNDER_REVIEW if under_review else _LABELS_ORDERED
        return statement.replace("/*filter*/", conditions if under_review is not False else _STANDS_UNDISPUTED)
    parts = product([method] if method else _METHODS, [split] if split else _SPLITS)
    merged = " UNION ALL ".join(
        "(" + _LABELS_ORDERED.replace("/*filter*/", f"AND method = '{of}' AND labels.split = '{part}'/*filter*/") + ")"
        for of, part in parts
    )
    undisputed = _STANDS_UNDISPUTED if under_review is False else ""
    whole = f"SELECT * FROM ({merged}) AS merged ORDER BY label_id LIMIT $3"  # noqa: S608  our own texts
    return whole.replace("/*filter*/", undisputed)


_STANDS_UNDISPUTED = " AND NOT records.under_review"
_METHODS = tuple(map(str, LabelMethod))
_SPLITS = tuple(map(str, Split))
_LABELS: Final[Mapping[tuple[bool | None, str | None, str | None], str]] = {
    given: _labels(*given) for given in product((None, False, True), (None, *_METHODS), (None, *_SPLITS))
}
"""By whether a label is under review, its method and its split; None: whatever they are."""

_ASSESSMENT_COLUMNS = (
    "project_id, annotator_id, assessment_revision, status, reason, accuracy, interval_low, interval_high,"
    " gold_answers, answers, era, changed_at, details, assessed_at"
)
_ASSESSMENTS = _by_value(
    f"""
SELECT {_ASSESSMENT_COLUMNS} FROM assessments WHERE project_id = $1 AND annotator_id > $2 /*filter*/
ORDER BY annotator_id LIMIT $3
""",  # noqa: S608  our own column names
    "status",
    tuple(map(str, AssessmentStatus)),
)
_ASSESSMENTS_OF_ANNOTATOR = f"""
SELECT {_ASSESSMENT_COLUMNS} FROM assessments WHERE annotator_id = $1 AND project_id > $2 ORDER BY project_id LIMIT $3
"""  # noqa: S608  our own column names
_ASSESSMENTS_OF_ANNOTATOR_IN = f"""
SELECT {_ASSESSMENT_COLUMNS} FROM assessments
WHERE annotator_id = $1 AND project_id > $2 AND project_id = ANY($4::uuid[]) ORDER BY project_id LIMIT $3
"""  # noqa: S608  our own column names


async def _fetch(
    session: Session, statement: str, *parameters: Any, jsonb: Collection[str] = ()
) -> list[dict[str, Any]]:
    return [loaded(row, *jsonb) for row in await session.raw.fetch(statement, *parameters)]


async def _page(session: Session, statement: str, *parameters: Any, limit: int, jsonb: str) -> RowPage:
    """A page of rows that each hold as much as an annotation may."""
    page = await read_page(session, statement, *parameters, limit=limit, size_of=lambda row: len(row[jsonb] or ""))
    return page._replace(rows=[loaded(row, jsonb) for row in page.rows])


async def records(
    session: Session, project_id: UUID, *, state: str | None, after: UUID | None, limit: int
) -> list[Record]:
    """Where records stand: what shows that is read of them."""
    rows = await session.raw.fetch(_RECORDS[state], project_id, after or BEFORE_EVERY_ID, limit)
    found = [record_of(row) for row in rows]
    await with_first_routes(session, found)
    return found


async def labels(
    session: Session,
    project_id: UUID,
    *,
    method: str | None,
    split: str | None,
    under_review: bool | None,
    after: UUID | None,
    limit: int,
) -> RowPage:
    """The labels that stand."""
    statement = _LABELS[under_review, method, split]
    return await _page(session, statement, project_id, after or BEFORE_EVERY_ID, limit=limit, jsonb="answers")


async def disputes(
    session: Session, project_id: UUID, *, status: str | None, after: UUID | None, limit: int
) -> RowPage:
    return await _page(session, _DISPUTES[status], project_id, after or BEFORE_EVERY_ID, limit=limit, jsonb="disputed")


async def annotations(
    session: Session, project_id: UUID, *, role: str | None, after: tuple[UUID, int] | None, limit: int
) -> list[dict[str, Any]]:
    """By id and revision."""
    return await _fetch(session, _ANNOTATIONS[role], project_id, *(after or (BEFORE_EVERY_ID, 0)), limit)


async def gold(session: Session, project_id: UUID, *, after: UUID | None, limit: int) -> RowPage:
    """The gold answers that stand, by record."""
    return await _page(session, _GOLD, project_id, after or BEFORE_EVERY_ID, limit=limit, jsonb="answers")


async def assessments(
    session: Session, project_id: UUID, *, status: str | None, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    return await _fetch(session, _ASSESSMENTS[status], project_id, after or BEFORE_EVERY_ID, limit, jsonb=["details"])


async def assessments_of(
    session: Session, annotator_id: UUID, *, within: Collection[UUID] | None, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """An annotator's assessments by project, of these projects only unless `within` is None."""
    key = (annotator_id, after or BEFORE_EVERY_ID, limit)
    if within is None:
        return await _fetch(session, _ASSESSMENTS_OF_ANNOTATOR, *key, jsonb=["details"])
    return await _fetch(session, _ASSESSMENTS_OF_ANNOTATOR_IN, *key, list(within), jsonb=["details"])
