"""Pages whose rows may be large end early, and show every row once."""

import pytest

from shared.kit import pagination
from shared.kit.database import Session
from shared.kit.pagination import read_page
from tests.support.service import ServiceUnderTest

KIB = 1024
_ROWS = """
SELECT number, repeat('a', $1::int) AS body FROM generate_series($2::int + 1, $3::int) AS number ORDER BY number LIMIT $4
"""


async def read(session: Session, size: int, rows: int, limit: int) -> tuple[list[int], int]:
    """All rows, page by page, and how many the largest page had."""
    seen: list[int] = []
    largest = 0
    while True:
        after = seen[-1] if seen else 0
        page = await read_page(session, _ROWS, size, after, rows, limit=limit, size_of=lambda row: len(row["body"]))
        seen += [row["number"] for row in page.rows]
        largest = max(largest, len(page.rows))
        if not page.more:
            return seen, largest
        assert page.rows, "a page that leads on is not empty"


@pytest.mark.parametrize(
    ("size", "rows", "limit", "largest"),
    [
        (0, 0, 10, 0),
        (1, 1, 1, 1),
        (1, 30, 10, 10),
        (1, 31, 10, 10),
        (1, 2_000, 1_000, 1_000),
        (400 * KIB, 40, 1_000, 15),
        (3 * KIB * KIB, 3, 1_000, 15),
        (500 * KIB, 5, 1, 1),
    ],
)
async def test_every_row_is_on_one_page(tiny: ServiceUnderTest, size: int, rows: int, limit: int, largest: int) -> None:
    async with tiny.database.transaction() as session:
        seen, most = await read(session, size, rows, limit)
    assert seen == list(range(1, rows + 1))
    assert most <= largest


async def test_rows_are_read_as_many_at_a_time_as_fit(tiny: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "PAGE_BYTES", 1)
    async with tiny.database.transaction() as session:
        seen, most = await read(session, 1, 40, 1_000)
    assert seen == list(range(1, 41))
    assert most < pagination._FIRST_ROWS
