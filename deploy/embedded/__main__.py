"""`up` starts the suite and stays; `down` stops it from another terminal."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import click

from deploy.embedded.postgres import PostgresUnavailable
from deploy.embedded.supervisor import FIRST_PORT, SERVICES, Bus, Suite, SuiteSettings, SuiteUnavailable, stop_running
from shared.contracts.values import Role

_DEFAULT_DATA = Path(".touchstone")
_DATA = click.option(
    "--data", "data_dir", default=_DEFAULT_DATA, show_default=True, type=click.Path(path_type=Path), help="Data folder."
)


@click.group()
def main() -> None:
    """Touchstone on one machine: PostgreSQL, the event bus and the four services."""


@main.command()
@_DATA
@click.option("--bus", type=click.Choice(["postgres", "kafka"]), default="postgres", show_default=True)
@click.option(
    "--first-port", default=FIRST_PORT, show_default=True, help="The four services take this and the next three."
)
def up(data_dir: Path, bus: Bus, first_port: int) -> None:
    """Start everything and stay until Ctrl-C or `down`."""
    try:
        asyncio.run(_stay_up(SuiteSettings(data_dir=data_dir, first_port=first_port, bus=bus)))
    except asyncio.CancelledError:
        click.echo("Stopped.")
    except SuiteUnavailable as error:
        raise click.ClickException(str(error)) from error


@main.command()
@_DATA
def down(data_dir: Path) -> None:
    """Stop what `up` started; the data stay."""
    try:
        stopped = stop_running(data_dir)
    except SuiteUnavailable as error:
        raise click.ClickException(str(error)) from error
    click.echo("Stopped." if stopped else f"Nothing was running in {data_dir}.")


@main.command()
@_DATA
def migrate(data_dir: Path) -> None:
    """Bring the four databases to the newest schema; `up` does so by itself."""
    suite = Suite(SuiteSettings(data_dir=data_dir))
    try:
        with suite.postgres:
            suite.migrate()
    except PostgresUnavailable as error:
        raise click.ClickException(str(error)) from error
    click.echo("Up to date.")


async def _stay_up(settings: SuiteSettings) -> None:
    with _cancelled_by_signals():
        click.echo(f"Starting in {settings.data_dir.absolute()} …")
        async with Suite(settings) as suite:
            _greet(suite)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            click.echo("Stopping …")


@contextlib.contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    """The first Ctrl-C or SIGTERM cancels the current task; later ones wait for the clean stop."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    asked = False

    def ask() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ask)
    try:
        yield
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)


def _greet(suite: Suite) -> None:
    for service in SERVICES:
        click.echo(f"  {service:<9}{suite.urls[service]:<24}docs {suite.urls[service]}/docs")
    click.echo(f"  logs     {suite.data_dir / 'logs'}")
    click.echo("\nA development token (role admin, one day):\n")
    click.echo(suite.token(Role.ADMIN))
    click.echo(f'\nTry: curl -H "Authorization: Bearer $TOKEN" {suite.urls["ingest"]}/v1/projects')
    where = "" if suite.settings.data_dir == _DEFAULT_DATA else f" DATA={suite.settings.data_dir}"
    click.echo(f"Ctrl-C, or `make down{where}` in another terminal, stops it; the data stay.")


if __name__ == "__main__":
    main()
