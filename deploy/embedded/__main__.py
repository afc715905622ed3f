"""`up` starts the suite and stays; `down` stops it from another terminal."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import click

from deploy.embedded.postgres import PostgresUnavailable
from deploy.embedded.secret_files import key_folder
from deploy.embedded.supervisor import (
    Bus,
    Suite,
    SuiteRunning,
    SuiteSettings,
    SuiteUnavailable,
    is_running,
    running_urls,
    stop_running,
)
from shared.contracts.services import FIRST_PORT, SERVICE_NAMES
from shared.contracts.values import Role
from shared.kit.token_keys import mint_token

_DEFAULT_DATA = Path(".touchstone")
_LAST_PORT = 65_535
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
    "--first-port",
    type=click.IntRange(0, _LAST_PORT - len(SERVICE_NAMES) + 1),
    help=f"The four services take this and the next three, 0: any.  [default: {FIRST_PORT}, any if one is taken]",
)
def up(data_dir: Path, bus: Bus, first_port: int | None) -> None:
    """Start everything and stay until Ctrl-C or `down`."""
    first, any_will_do = (FIRST_PORT, True) if first_port is None else (first_port, False)
    settings = SuiteSettings(data_dir=data_dir, first_port=first, other_ports=any_will_do, bus=bus)
    try:
        asyncio.run(_stay_up(settings))
    except asyncio.CancelledError:
        click.echo("Stopped.")
    except SuiteRunning as error:
        env_command, down_command = (_as_called(name, data=_unusual(data_dir)) for name in ("env", "down"))
        raise click.ClickException(f"{error} `{env_command}` prints where, `{down_command}` stops it.") from error
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
def env(data_dir: Path) -> None:
    """Print where the services are, and a token for everything, as lines for a shell: eval "$(touchstone env)"."""
    urls = running_urls(data_dir)
    if not urls and is_running(data_dir):
        raise click.ClickException(
            f"The suite in {data_dir} is still starting: ask again once it has printed its URLs."
        )
    if not urls:
        raise click.ClickException(
            f"Nothing runs in {data_dir}: `{_as_called('up', data=_unusual(data_dir))}` starts it."
        )
    for service, url in urls.items():
        click.echo(f"export {service.upper()}={url}")
    click.echo(f"export TOKEN={mint_token(key_folder(data_dir).load_or_create(), 'developer', [Role.ADMIN])}")


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
    if suite.busy_ports:
        taken = ", ".join(map(str, suite.busy_ports))
        click.secho(
            f"Other programs have the usual ports ({taken} of {FIRST_PORT} to {FIRST_PORT + len(SERVICE_NAMES) - 1}), so these"
            f" are others. `{_as_called('up', port=8501)}` takes 8501 to 8504.",
            fg="yellow",
        )
    for service in SERVICE_NAMES:
        click.echo(f"  {service:<9}{suite.urls[service]:<24}docs {suite.urls[service]}/docs")
    click.echo(f"  logs     {suite.data_dir / 'logs'}")
    click.echo("\nA development token (role admin, one day):\n")
    click.echo(suite.token(Role.ADMIN))
    data = _unusual(suite.settings.data_dir)
    click.echo("\nIn another terminal, to talk to it:\n")
    click.echo(f'  eval "$({_as_called("env", data=data)})"    # sets INGEST, PRELABEL, QUEUE, QA and TOKEN')
    click.echo('  curl -H "Authorization: Bearer $TOKEN" $INGEST/v1/projects')
    click.echo(f"  {_as_called('token', role='annotator', subject='ann', data=data or _DEFAULT_DATA)}")
    click.echo(f"\nCtrl-C, or `{_as_called('down', data=data)}` in another terminal, stops it; the data stay.")


def _unusual(data_dir: Path) -> Path | None:
    """The folder, where a command has to name it."""
    return None if data_dir == _DEFAULT_DATA else data_dir


def _as_called(command: str, **options: object) -> str:
    """The command as whoever started this one would type it: through `make`, or as the installed program."""
    given = {name: value for name, value in options.items() if value is not None}
    if "MAKELEVEL" in os.environ:
        return " ".join(["make", command, *(f"{name.upper()}={value}" for name, value in given.items())])
    named = {"port": "first-port"}
    return " ".join(["touchstone", command, *(f"--{named.get(name, name)} {value}" for name, value in given.items())])


if __name__ == "__main__":
    main()
