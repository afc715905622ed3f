"""Says what a run left out and why, one line each. In CI nothing may be left out: a skip, or a ring without a test, fails.

Only gates on data sets that this repository doesn't hold may be left out there, too: they run where the sets lie beside it.
"""

import os
import re
from collections import Counter
from typing import Final

import pytest

RINGS: Final = ("unit", "service", "contracts", "flow", "chaos", "security", "attack", "fuzz", "gates")
NOT_BESIDE: Final = "is not beside the checkout"
"""How the reason ends when it is a data set that is missing."""
_REASON: Final = re.compile(r"^Skipped: (left out: )?")

_left_out: Counter[str] = Counter()
_ran: Counter[str] = Counter()


def note(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        _left_out[_REASON.sub("", report.longrepr[2])] += 1
    elif report.when == "call":
        _ran[report.nodeid.split("/")[1]] += 1


def missing(config: pytest.Config) -> list[str]:
    """What was left out; rings are looked for only when the whole suite was asked for."""
    lines = [
        f"Left out: {count} test{'s' if count > 1 else ''}: {reason}" for reason, count in sorted(_left_out.items())
    ]
    whole = config.args in (["tests"], config.getini("testpaths")) and not (
        config.option.keyword or config.option.markexpr or config.option.maxfail or config.option.collectonly
    )
    if whole:
        lines += [f"Left out: the ring {ring}: it ran no test" for ring in RINGS if not _ran[ring]]
    return lines


def is_failure(line: str) -> bool:
    """Whether leaving this out fails the run."""
    return os.environ.get("CI") == "true" and not line.endswith(NOT_BESIDE)
