"""How fast this machine is, and how much memory the processes of a suite hold."""

import statistics
import time
from pathlib import Path
from typing import Final

import orjson

from bench._cpu import family_of

REFERENCE_MS: Final = 0.75
"""What `_piece` takes on an idle core of a server of usual speed: the fastest of some hundred measured on an AMD EPYC of 2.4
GHz under Python 3.11. On that machine, when it does nothing else, times are held to the limits as they stand.
"""

_PIECES: Final = 40
_MIB: Final = 1024 * 1024


def slowness() -> float:
    """How many times longer than on the reference machine a fixed piece of work takes here now; 1 at the least."""
    raw = orjson.dumps([{"id": number, "text": f"{number} and some words"} for number in range(2000)])
    return max(1.0, statistics.median(_piece(raw) for _ in range(_PIECES)) / REFERENCE_MS)


def _piece(raw: bytes) -> float:
    """Milliseconds on the wall, which others who use the machine make more."""
    began = time.perf_counter()
    rows = orjson.loads(raw)
    orjson.dumps(sorted(rows, key=lambda row: (row["text"], row["id"])))
    return 1000 * (time.perf_counter() - began)


def memory_mb(pid: int) -> dict[str, int]:
    """MiB that a service holds: its own process, and those that compute for it; pages they share are divided among them."""
    first, *others = family_of(pid) or [pid]
    return {"service": _held(first) // _MIB, "workers": sum(map(_held, others)) // _MIB}


def _held(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
