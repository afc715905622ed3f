"""How much memory the processes of a suite hold."""

from pathlib import Path
from typing import Final

from bench._cpu import family_of

_MIB: Final = 1024 * 1024


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
