"""`python -m deploy.demo`: ends with a table and one line of JSON; exits with 1 when anything was lost or doubled."""

import asyncio
import json
import shutil
import sys
from pathlib import Path

import click
from rich.console import Console

from deploy.demo.outcome import missed
from deploy.demo.run import PACE, DemoStuck, Result, run
from deploy.demo.show import Display, final_table
from deploy.embedded.supervisor import Bus, Suite, SuiteSettings, SuiteUnavailable, is_running

_DATA = Path(".touchstone/demo")
_MARK = "made-by-demo"


@click.command()
@click.option("--seed", default=1, show_default=True, help="Draws another crowd, order and gold.")
@click.option("--bus", type=click.Choice(["postgres", "kafka"]), default="postgres", show_default=True)
@click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path),
    default=_DATA,
    show_default=True,
    help="A folder for its data; what an earlier demo left there is deleted.",
)
@click.option(
    "--pace",
    type=click.FloatRange(min=0, min_open=True),
    default=PACE,
    show_default=True,
    help="How many times faster than life people work.",
)
def main(seed: int, bus: Bus, data_dir: Path, pace: float) -> None:
    """The whole loop on real data, through the public API."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        _begin_with_nothing(data_dir)
    except OSError as error:
        raise click.ClickException(f"{data_dir} can't be used: {error.strerror}.") from error
    try:
        result = asyncio.run(_demonstrate(console, SuiteSettings(data_dir=data_dir, bus=bus, first_port=0), seed, pace))
    except SuiteUnavailable as error:
        raise click.ClickException(str(error)) from error
    except DemoStuck as error:
        console.print_exception(max_frames=8)
        raise click.ClickException(f"{error} The services' logs are in {data_dir}/logs.") from error
    console.print(final_table(result.figures, result.extra))
    failed = missed(result.figures)
    console.print(f"Missed: {', '.join(failed)}." if failed else "Every figure was reached.")
    print(json.dumps(result.figures), flush=True)
    if result.figures["lost"] or result.figures["doubled"]:
        sys.exit(1)


def _begin_with_nothing(data_dir: Path) -> None:
    """Delete what an earlier demo left; raises click.ClickException where one runs, or where anything else is."""
    if is_running(data_dir):
        raise click.ClickException(f"A suite runs in {data_dir}: stop it first, or name another folder with --data.")
    if data_dir.exists():
        left_by_demo = data_dir == _DATA or (data_dir / _MARK).exists()
        if not left_by_demo and any(data_dir.iterdir()):
            raise click.ClickException(f"{data_dir} holds what is not of a demo: name an empty folder, or a new one.")
        shutil.rmtree(data_dir)
    data_dir.mkdir(parents=True, mode=0o700)
    (data_dir / _MARK).touch()


async def _demonstrate(console: Console, settings: SuiteSettings, seed: int, pace: float) -> Result:
    with Display(console) as display:
        display.say(f"Starting PostgreSQL, the {settings.bus} bus and four services (logs in {settings.data_dir}/logs)")
        async with Suite(settings) as suite:
            return await run(suite, display, seed, pace)


if __name__ == "__main__":
    main()
