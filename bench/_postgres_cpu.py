"""What a PostgreSQL server spends of the CPU, apart by what its processes are for."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench._cpu import family_of, times_of

SESSIONS: Final = "sessions"
AUTOVACUUM: Final = "autovacuum"
BACKGROUND: Final = "background"
LOGGED: Final[Mapping[str, str]] = {
    "log_autovacuum_min_duration": "0",
    "log_connections": "on",
    "log_line_prefix": "%d ",
}
"""Settings of the server with which `ServerLog` finds what it counts."""

_EVENTS: Final = {
    "sessions_opened": re.compile(r"LOG:  connection authorized: "),
    "vacuums": re.compile(r"LOG:  automatic (?:aggressive )?vacuum of table "),
    "analyzes": re.compile(r"LOG:  automatic analyze of table "),
}
_SESSION: Final = re.compile(r"postgres: \S+ \S+ \S+\(\d+\)")


class PostgresCpu:
    """CPU milliseconds of a server's sessions, its autovacuum and the rest of it, since it was made.

    A process says in its title what it is for. One that has ended counts as autovacuum, whose workers live for a moment;
    sessions that end are none of a service at rest, and `ServerLog` counts those that are opened.
    """

    def __init__(self, postmaster: int) -> None:
        self._postmaster = postmaster
        self._before = self._times()
        self._ended_ms = self._ended()

    def ms(self) -> dict[str, float]:
        """By what the processes are for; together it is what the server spent."""
        spent = dict.fromkeys((SESSIONS, AUTOVACUUM, BACKGROUND), 0.0)
        now = self._times()
        for pid, own_ms in now.items():
            spent[_purpose_of(pid)] += own_ms - self._before.get(pid, 0.0)
        gone_ms = sum(own_ms for pid, own_ms in self._before.items() if pid not in now)
        spent[AUTOVACUUM] += max(0.0, self._ended() - self._ended_ms - gone_ms)
        return spent

    def _times(self) -> dict[int, float]:
        return {pid: 1000 * own_s for pid, (own_s, _) in times_of(family_of(self._postmaster)).items()}

    def _ended(self) -> float:
        return 1000 * times_of([self._postmaster])[self._postmaster][1]


def _purpose_of(pid: int) -> str:
    """What a process of PostgreSQL is for."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0 ").decode(errors="replace")
    except OSError:
        return AUTOVACUUM
    if title.startswith("postgres: autovacuum worker"):
        return AUTOVACUUM
    return SESSIONS if _SESSION.match(title) else BACKGROUND


class ServerLog:
    """What a server has logged since it was made; the server has the settings `LOGGED`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._from = path.stat().st_size

    def text(self) -> str:
        with self._path.open("rb") as file:
            file.seek(self._from)
            return file.read().decode(errors="replace")

    def counts(self) -> dict[str, int]:
        """How many sessions were opened, and what autovacuum did."""
        text = self.text()
        return {name: len(pattern.findall(text)) for name, pattern in _EVENTS.items()}
