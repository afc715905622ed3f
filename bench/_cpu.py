"""What processes spent of the CPU, as Linux counts it: a busy machine distorts it less than it does time on the wall."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def family_of(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        try:
            waiting += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except OSError:
            continue
        found.append(one)
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children, also of those that have ended."""
    total = 0
    for one in family_of(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / _TICKS_PER_S


class Meter:
    """CPU milliseconds per cycle of one server and of PostgreSQL while it worked."""

    def __init__(self, server: int, postgres: int) -> None:
        self._pids = (server, postgres)
        self.cycles = 0
        self.spent_s = [0.0, 0.0]

    @contextmanager
    def running(self, cycles: int) -> Iterator[None]:
        before = [cpu_s(pid) for pid in self._pids]
        yield
        self.spent_s = [
            spent + cpu_s(pid) - was for spent, pid, was in zip(self.spent_s, self._pids, before, strict=True)
        ]
        self.cycles += cycles

    @property
    def app_ms(self) -> float:
        return 1000 * self.spent_s[0] / self.cycles

    @property
    def postgres_ms(self) -> float:
        return 1000 * self.spent_s[1] / self.cycles
