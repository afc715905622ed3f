"""What the demo shows: a progress display while it runs, a table at the end."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deploy.demo.outcome import GOALS
from deploy.demo.watch import Watch
from deploy.demo.work import WorkLog

_PLAIN_EVERY_S = 10.0


class Display:
    """A live panel on a terminal; elsewhere a line every ten seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=2, transient=True) if console.is_terminal else None
        self._started = time.monotonic()
        self._shown_at = float("-inf")
        self.phase = "starting"

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, phase: str) -> None:
        self.phase = phase
        self._console.print(f"[dim]{time.monotonic() - self._started:6.1f} s[/dim]  {phase}")

    def refresh(self, watch: Watch, log: WorkLog) -> None:
        if self._live is not None:
            self._live.update(self._panel(watch, log))
        elif time.monotonic() - self._shown_at > _PLAIN_EVERY_S:
            self._shown_at = time.monotonic()
            facts = "  ".join(f"{name} {value}" for name, value in self._facts(watch, log))
            self._console.print(f"{time.monotonic() - self._started:6.1f} s  {facts}", highlight=False)

    def _facts(self, watch: Watch, log: WorkLog) -> list[tuple[str, str]]:
        methods = Counter(method for _, method in watch.labels.values())
        champions = [model for model in watch.models if model["stage"] in {"champion", "retired"}]
        standing = [each for each in watch.thresholds.values() if each is not None]
        return [
            ("records ended", f"{len(watch.ended)}/{len(watch.stage.truth)}"),
            ("annotations", str(len(log.acknowledged))),
            ("by people", str(methods["consensus"])),
            ("by an arbiter", str(methods["decision"])),
            ("auto-accepted", str(methods["auto_accept"])),
            ("disputes", str(len(watch.disputes))),
            ("models promoted", str(len(champions))),
            ("threshold", f"{min(standing):.3f}" if standing else "none"),
            ("paused", str(len(watch.paused))),
            ("drifts", str(len(watch.drifted))),
        ]

    def _panel(self, watch: Watch, log: WorkLog) -> Group:
        table = Table.grid(padding=(0, 2))
        for name, value in self._facts(watch, log):
            table.add_row(Text(name, style="dim"), value)
        bar = ProgressBar(total=max(1, len(watch.stage.truth)), completed=len(watch.ended), width=50)
        return Group(Text(self.phase, style="bold"), bar, table)


def final_table(reached: Mapping[str, Any], extra: Sequence[tuple[str, str]]) -> Table:
    goals = {goal.figure: goal for goal in GOALS}
    table = Table(title="What the loop achieved", title_justify="left")
    table.add_column("figure")
    table.add_column("reached", justify="right")
    table.add_column("wanted")
    for name, value in reached.items():
        goal = goals.get(name)
        mark = "" if goal is None else ("[green]✓[/green] " if goal.reached_by(reached) else "[red]✗[/red] ")
        table.add_row(name, str(value), "" if goal is None else f"{mark}{goal.wanted}")
    table.add_section()
    for name, text in extra:
        table.add_row(name, text, "")
    return table
