"""Which tests may run beside which: `make test` has two processes run them.

One of them runs the tests of whole suites, one after the other: they start a dozen processes each, and mostly wait. The
other computes meanwhile. What measures time, or waits for less than a second, comes last, and runs alone.
"""

import fcntl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

_TESTS: Final = Path(__file__).resolve().parents[1]
_SUITES: Final = ("attack", "chaos", "flow", "security/test_planted_address.py")
_ALONE: Final = (
    "flow/test_crowded_record.py",
    "gates/contracts",
    "gates/ingest/test_chunks.py",
    "gates/kit",
    "gates/qa/test_crowded_records.py",
    "service/kit/test_listening.py",
    "service/kit/test_running.py",
    "service/kit_compute",
    "service/qa/test_pending_verdicts.py",
    "service/queue/test_submitting.py",
)


def arrange(items: list[pytest.Item]) -> None:
    """Put the tests of suites first, and those that run alone last."""
    items.sort(key=lambda item: (_is_in(item.path, _ALONE), not _is_in(item.path, _SUITES)))


def lane_of(node_id: str) -> str:
    """What stays in one process: all tests of suites, and those of any other file."""
    file = node_id.partition("::")[0]
    return "suites" if _is_in(_TESTS.parent / file, _SUITES) else file


@contextmanager
def turn(item: pytest.Item) -> Iterator[None]:
    """Wait until the test may run: alone, or beside another that needn't."""
    with Path(__file__).open("rb") as shared:
        fcntl.flock(shared, fcntl.LOCK_EX if _is_in(item.path, _ALONE) else fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(shared, fcntl.LOCK_UN)


def _is_in(file: Path, places: Collection[str]) -> bool:
    return any(file.is_relative_to(_TESTS / place) for place in places)
