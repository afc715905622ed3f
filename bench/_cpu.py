"""What processes spent of the CPU, as Linux counts it: a busy machine distorts it less than it does time on the wall."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

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
    return sum(own + of_ended for own, of_ended in times_of(family_of(pid)).values())


class Family:
    """CPU seconds of a process and its children, which never grow less: a child that ends may be counted nowhere else."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._last: dict[int, tuple[float, float]] = {}
        self._spent_s = 0.0

    def read(self) -> float:
        """What all of them have spent that were there at one reading at least."""
        now = times_of(family_of(self._pid))
        gone_s = sum(sum(times) for pid, times in self._last.items() if pid not in now)
        own_s = of_ended_s = 0.0
        for pid, (own, of_ended) in now.items():
            before = self._last.get(pid, (0.0, 0.0))
            own_s += own - before[0]
            of_ended_s += of_ended - before[1]
        self._spent_s += own_s + max(0.0, of_ended_s - gone_s)
        self._last = now
        return self._spent_s


def times_of(pids: Iterable[int]) -> dict[int, tuple[float, float]]:
    """Of each process that is there: its CPU seconds, and of those of its children that it waited for."""
    found = {}
    for one in pids:
        try:
            fields = Path(f"/proc/{one}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        except OSError:
            continue
        user, system, user_of_ended, system_of_ended = (int(field) / _TICKS_PER_S for field in fields[11:15])
        found[one] = (user + system, user_of_ended + system_of_ended)
    return found


def wakes_of(pids: Iterable[int]) -> dict[tuple[int, int], int]:
    """By process and thread, how often it has slept until something woke it: that is the same on a busy machine."""
    found = {}
    for pid in pids:
        try:
            threads = [int(one.name) for one in Path(f"/proc/{pid}/task").iterdir()]
        except OSError:
            continue
        for thread in threads:
            try:
                status = Path(f"/proc/{pid}/task/{thread}/status").read_text(encoding="ascii")
            except OSError:
                continue
            found[pid, thread] = int(status.split("\nvoluntary_ctxt_switches:", 1)[1].split()[0])
    return found


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


_PIECES = """
import time
import orjson
raw = orjson.dumps([{"id": number, "text": f"{number} and some words"} for number in range(2000)])
while True:
    began = time.process_time()
    rows = orjson.loads(raw)
    orjson.dumps(sorted(rows, key=lambda row: (row["text"], row["id"])))
    print(round(time.process_time() - began, 6), flush=True)
    time.sleep(1)
"""


class Yardstick:
    """What one and the same piece of work takes on this machine while it does something else, once a second.

    What a record costs at two times is compared in such pieces, where the machine may have been busier at one of them.
    """

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([sys.executable, "-c", _PIECES], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._out, False)
        self._rest = b""
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ms(self) -> float:
        """The CPU milliseconds of a piece, in the mean of all since it was asked last; there has to be one."""
        while True:
            try:
                got = os.read(self._out, 1 << 16)
            except BlockingIOError:
                break
            if not got:
                break
            self._rest += got
        lines, self._rest = self._rest.rpartition(b"\n")[::2]
        pieces = [float(line) for line in lines.split()]
        return 1000 * sum(pieces) / len(pieces)
