"""The labels that a release holds: read page by page while it is made, and kept so that erasure finds the release."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from services.qa.domain.releases import ReleasedLabel
from services.qa.storage.releases import Release
from shared.kit.database import Session

_OF_RECORDS = frozenset({"origin", "slice", "fields"})
_COLUMNS = ", ".join(
    f"{'records' if one.name in _OF_RECORDS else 'labels'}.{one.name}" for one in fields(ReleasedLabel)
)

# What was ever gold is in no training split, and gold in no file at all, also where it was placed after `as_of`.
_MAY_BE_RELEASED = """records.state <> 'gold' AND records.fields IS NOT NULL AND labels.answers IS NOT NULL
            AND NOT (labels.split = 'train' AND records.ever_gold)"""


def _statement(candidates: str, wanted: str) -> str:
    """Return the SQL for a page of what is `wanted` of the `candidates`, which are in the order of their records.

    A page looks at no more than $2 candidates, whatever is left out of them, and ends where its content is larger than $1
    bytes as stored. What is left out comes without content.
    """
    return f"""
WITH candidates AS MATERIALIZED ({candidates}
    ORDER BY record_id LIMIT $2
), decided AS (
    SELECT record_id, label_id, {wanted} AS wanted,
        pg_column_size(records.fields) + pg_column_size(labels.answers) AS bytes
    FROM candidates JOIN labels USING (record_id, label_id) JOIN records USING (record_id)
), measured AS (
    SELECT record_id, label_id, wanted, COALESCE(sum(CASE WHEN wanted THEN bytes ELSE 0 END)
        OVER (ORDER BY record_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
    FROM decided
), page AS MATERIALIZED (
    SELECT record_id, label_id, wanted FROM measured WHERE bytes_before < $1
)
SELECT page.record_id AS candidate, page.wanted, {_COLUMNS}
FROM page LEFT JOIN labels ON page.wanted AND labels.label_id = page.label_id
LEFT JOIN records ON page.wanted AND records.record_id = page.record_id
ORDER BY page.record_id
"""  # noqa: S608  our own column names


# At any moment at most one revision of a record's label stands, so no record comes twice.
_VALID_AT = _statement(
    """
    SELECT record_id, label_id FROM labels
    WHERE project_id = $3 AND schema_version = $4 AND split = $5 AND record_id > $6
        AND finalized_at <= $7 AND (ended_at IS NULL OR ended_at > $7)""",
    f"""{_MAY_BE_RELEASED}
            AND labels.method = ANY($8::text[]) AND labels.confidence >= $9 AND (NOT records.under_review OR $10)""",
)
_OF_RELEASE = _statement(
    """
    SELECT record_id, label_id FROM release_records WHERE release_id = $3 AND split = $4 AND record_id > $5""",
    _MAY_BE_RELEASED,
)
_KEEP = """
INSERT INTO release_records (release_id, record_id, label_id, split)
SELECT $1, record_id, label_id, $2 FROM unnest($3::uuid[], $4::uuid[]) AS one (record_id, label_id)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class LabelPage:
    """`last`: the last record that was looked at, None when there are no more."""

    labels: list[ReleasedLabel]
    last: UUID | None


def _page(rows: Sequence[Any]) -> LabelPage:
    labels = [ReleasedLabel(*row[2:]) for row in rows if row["wanted"]]
    return LabelPage(labels, rows[-1]["candidate"] if rows else None)


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
