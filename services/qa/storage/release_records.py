"""The labels that a release holds: read page by page while it is made, and kept so that erasure finds the release."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.domain.releases import LEFT_OUT, ReleasedLabel
from services.qa.storage.releases import Release
from shared.kit.database import Session

_BYTES_PER_LINK = 1024
"""What a link of a record's chain takes in a release, about."""

_OF_RECORDS = frozenset({"origin", "slice", "fields"})
_CALIBRATED = "labels.parameters->>'calibrated' AS calibrated"
_COLUMNS = ", ".join(
    _CALIBRATED if one == "calibrated" else f"{'records' if one in _OF_RECORDS else 'labels'}.{one}"
    for one in ReleasedLabel._fields
)

# What was ever gold is in no training split, and gold in no file at all, also where it was placed after `as_of`. Gold and
# erased records are counted by their states.
_NOT_RELEASED = """WHEN records.state = 'gold' THEN 'gold'
        WHEN records.fields IS NULL OR labels.answers IS NULL THEN 'erased'
        WHEN labels.split = 'train' AND records.ever_gold THEN 'once_gold'"""


def _statement(candidates: str, left_out: str) -> str:
    """Return the SQL for a page of the `candidates`, in the order of their records, but those that are `left_out`.

    A page looks at no more than $2 candidates, whatever is left out of them, and ends where its content and the chains of
    its records are larger than $1 bytes as stored. What is left out comes with the reason and without content.
    """
    return f"""
WITH candidates AS MATERIALIZED ({candidates}
    ORDER BY record_id LIMIT $2
), decided AS (
    SELECT record_id, label_id, CASE {left_out} END AS left_out,
        pg_column_size(records.fields) + pg_column_size(labels.answers) + {_BYTES_PER_LINK} * chain_length AS bytes
    FROM candidates JOIN labels USING (record_id, label_id) JOIN records USING (record_id)
), measured AS (
    SELECT record_id, label_id, left_out, COALESCE(sum(CASE WHEN left_out IS NULL THEN bytes ELSE 0 END)
        OVER (ORDER BY record_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
    FROM decided
), page AS MATERIALIZED (
    SELECT record_id, label_id, left_out FROM measured WHERE bytes_before < $1
)
SELECT page.record_id AS candidate, page.left_out, {_COLUMNS}
FROM page LEFT JOIN labels ON page.left_out IS NULL AND labels.label_id = page.label_id
LEFT JOIN records ON page.left_out IS NULL AND records.record_id = page.record_id
ORDER BY page.record_id
"""  # noqa: S608  our own column names


# At any moment at most one revision of a record's label stands, so no record comes twice.
_VALID_AT = _statement(
    """
    SELECT record_id, label_id FROM labels
    WHERE project_id = $3 AND schema_version = $4 AND split = $5 AND record_id > $6
        AND finalized_at <= $7 AND (ended_at IS NULL OR ended_at > $7)""",
    f"""{_NOT_RELEASED}
        WHEN NOT labels.method = ANY($8::text[]) THEN 'method'
        WHEN labels.confidence < $9 THEN 'confidence'
        WHEN records.under_review AND NOT $10 THEN 'under_review'""",
)
_OF_RELEASE = _statement(
    """
    SELECT record_id, label_id FROM release_records WHERE release_id = $3 AND split = $4 AND record_id > $5""",
    _NOT_RELEASED,
)
_KEEP = """
INSERT INTO release_records (release_id, record_id, label_id, split)
SELECT $1, record_id, label_id, $2 FROM unnest($3::uuid[], $4::uuid[]) AS one (record_id, label_id)
ON CONFLICT DO NOTHING
"""


_GOLD = """
WITH candidates AS MATERIALIZED (
    SELECT gold.record_id, gold.gold_revision FROM gold
    WHERE gold.project_id = $3 AND gold.record_id > $4 AND gold.current AND gold.schema_version = $5
        AND gold.placed_at <= $6/*held*/
    ORDER BY gold.record_id LIMIT $2
), measured AS (
    SELECT record_id, gold_revision, COALESCE(sum(pg_column_size(records.fields) + pg_column_size(gold.answers))
        OVER (ORDER BY record_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
    FROM candidates JOIN gold USING (record_id, gold_revision) JOIN records USING (record_id)
    WHERE records.fields IS NOT NULL AND gold.answers IS NOT NULL
), page AS MATERIALIZED (
    SELECT record_id, gold_revision FROM measured WHERE bytes_before < $1
)
SELECT record_id, records.split, records.origin, records.slice, records.fields, gold.answers, gold_revision,
    gold.schema_version, gold.placed_at
FROM page JOIN gold USING (record_id, gold_revision) JOIN records USING (record_id)
ORDER BY record_id
"""
_GOLD_AT = _GOLD.replace("/*held*/", "")
_GOLD_OF_RELEASE = _GOLD.replace(
    "/*held*/",
    """
        AND EXISTS (
            SELECT FROM release_records AS held
            WHERE held.release_id = $7 AND held.split = 'gold' AND held.record_id = gold.record_id
        )""",
)
_KEEP_GOLD = """
INSERT INTO release_records (release_id, record_id, split) SELECT $1, record_id, 'gold' FROM unnest($2::uuid[]) AS record_id
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class LabelPage:
    """`last`: the last record that was looked at, None when there are no more. `left_out`: how many, by the reason."""

    labels: list[ReleasedLabel]
    last: UUID | None
    left_out: Counter[str]


def _page(rows: Sequence[Any]) -> LabelPage:
    labels = [ReleasedLabel._make(row[2:]) for row in rows if row["left_out"] is None]
    left_out = Counter(row["left_out"] for row in rows if row["left_out"] in LEFT_OUT)
    return LabelPage(labels, rows[-1]["candidate"] if rows else None, left_out)


async def valid_at(
    session: Session, release: Release, split: str, *, as_of: datetime, after: UUID, limit: int, most_bytes: int
) -> LabelPage:
    """Read the labels that stood at that moment and that the release's options ask for."""
    options = release.options
    rows = await session.raw.fetch(
        _VALID_AT,
        most_bytes,
        limit,
        release.project_id,
        options["schema_version"],
        split,
        after,
        as_of,
        options["methods"],
        options["least_confidence"],
        options["with_under_review"],
    )
    return _page(rows)


async def of_release(
    session: Session, release_id: UUID, split: str, *, after: UUID, limit: int, most_bytes: int
) -> LabelPage:
    """Read the labels that another release holds and that may still be released."""
    return _page(await session.raw.fetch(_OF_RELEASE, most_bytes, limit, release_id, split, after))


async def keep(session: Session, release_id: UUID, split: str, labels: Sequence[ReleasedLabel]) -> None:
    """Note that the release holds these labels."""
    await session.raw.execute(
        _KEEP, release_id, split, [one.record_id for one in labels], [one.label_id for one in labels]
    )


async def gold_at(
    session: Session,
    release: Release,
    predecessor: UUID | None,
    *,
    as_of: datetime,
    after: UUID,
    limit: int,
    most_bytes: int,
) -> list[Any]:
    """Read gold answers that stood at that moment and still stand, and that the predecessor held if there is one.

    Each row has `record_id`, `split`, `origin`, `slice`, `fields`, `answers` (JSON texts), `gold_revision`,
    `schema_version` and `placed_at`.
    """
    given = (most_bytes, limit, release.project_id, after, release.options["schema_version"], as_of)
    rows: list[Any] = (
        await session.raw.fetch(_GOLD_AT, *given)
        if predecessor is None
        else await session.raw.fetch(_GOLD_OF_RELEASE, *given, predecessor)
    )
    return rows


async def keep_gold(session: Session, release_id: UUID, record_ids: Sequence[UUID]) -> None:
    """Note that the release holds the gold of these records."""
    await session.raw.execute(_KEEP_GOLD, release_id, record_ids)
