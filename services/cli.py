"""`touchstone`: runs, migrates and describes the services."""

import asyncio
import contextlib
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click
import orjson

from shared import __version__
from shared.contracts.services import SERVICE_NAMES, package_of

if TYPE_CHECKING:
    from shared.kit.token_keys import KeyFolder

_ROLES = ("admin", "manager", "annotator", "arbiter", "product", "trainer", "auditor", "personal_data")
_KEYS = click.option(
    "--keys",
    "folder",
    envvar="TOUCHSTONE_TOKEN_KEYS",
    default=Path("secrets/token-keys"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of token keys.",
)
_DATA = click.option(
    "--data",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The data folder of a suite that `touchstone up` or `make up` started: its keys are taken.",
)
_ONE_SERVICE = click.argument("service", type=click.Choice(SERVICE_NAMES))


def _create_app(service: str, settings: Any = None) -> Any:
    return importlib.import_module(f"{package_of(service)}.main").create_app(settings)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="touchstone")
def main() -> None:
    """Touchstone, the open backend for human-in-the-loop labelling. Settings are `TOUCHSTONE_*` variables."""


@main.command()
@_ONE_SERVICE
def serve(service: str) -> None:
    """Run a service until SIGTERM."""
    # structlog would take it, with pygments, where it is installed, to colour tracebacks that we don't print: 3 MiB.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    from shared.kit.server import serve as run

    run(_create_app(service))


@main.command()
@click.argument("service", type=click.Choice((*SERVICE_NAMES, "all")))
@click.option(
    "--database-url",
    help="`{service}` in it is replaced by the service's name.  [default: TOUCHSTONE_DATABASE_URL]",
)
def migrate(service: str, database_url: str | None) -> None:
    """Bring a service's database to the newest schema."""
    from shared.kit.database import DatabaseErrorKind, database_error_kind
    from shared.kit.exceptions import ReplicasRunning
    from shared.kit.migrations import upgrade
    from shared.kit.settings import DatabaseSettings

    try:
        database_url = database_url or DatabaseSettings().database_url.get_secret_value()
    except ValueError as error:
        raise click.UsageError("neither --database-url nor TOUCHSTONE_DATABASE_URL is given") from error
    if service == "all" and "{service}" not in database_url:
        raise click.UsageError("for `all`, the URL names each service's own database by {service}")
    for name in SERVICE_NAMES if service == "all" else (service,):
        try:
            upgrade(package_of(name), database_url.replace("{service}", name))
        except ReplicasRunning as error:
            raise click.ClickException(f"stop the replicas of {name} first, and start them after. {error}.") from error
        except Exception as error:
            if database_error_kind(error) is not DatabaseErrorKind.AWAY:
                raise
            raise click.ClickException(f"{name}: the database doesn't answer ({type(error).__name__}).") from error
        click.echo(f"{name}: up to date")


@main.command()
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(_ROLES), help="May be given again.")
@click.option("--subject", default="developer", show_default=True)
@click.option("--project", "projects", multiple=True, type=click.UUID, help="Limit it to projects; may be given again.")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), default=24, show_default=True)
@_KEYS
@_DATA
def token(
    roles: Sequence[str], subject: str, projects: Sequence[UUID], hours: float, folder: Path, data_dir: Path | None
) -> None:
    """Print a token signed with the private key of a folder of token keys."""
    from shared.kit.token_keys import mint_token

    with _usable_keys():
        key = _key_folder(folder, data_dir).load()
    audience = os.environ.get("TOUCHSTONE_OIDC_AUDIENCE", "touchstone")
    click.echo(mint_token(key, subject, roles, projects or None, hours * 3600, audience))


@main.group("token-keys")
def token_keys() -> None:
    """The keys of local tokens: one signs, and services accept what it and those before it signed.

    `private/` in the folder is for whoever mints; services get `public/` alone.
    """


@token_keys.command("rotate")
@_KEYS
@_DATA
def rotate_key(folder: Path, data_dir: Path | None) -> None:
    """Make the first key, or a new one that signs from now on; those before it stay accepted until `remove`."""
    with _usable_keys():
        click.echo(_key_folder(folder, data_dir).rotate().kid)


@token_keys.command("list")
@_KEYS
@_DATA
def list_keys(folder: Path, data_dir: Path | None) -> None:
    """Print the keys that services accept; the one that signs is marked."""
    with _usable_keys():
        keys = _key_folder(folder, data_dir)
        signing = keys.load().kid
        for key in keys.public_jwks():
            click.echo(f"{key['kid']}{'  signs' if key['kid'] == signing else ''}")


@token_keys.command("remove", context_settings={"ignore_unknown_options": True})  # an id may begin with a hyphen
@_KEYS
@_DATA
@click.argument("kid")
def remove_key(folder: Path, data_dir: Path | None, kid: str) -> None:
    """Refuse from now on what a former key signed."""
    with _usable_keys():
        _key_folder(folder, data_dir).remove(kid)


def _key_folder(folder: Path, data_dir: Path | None) -> "KeyFolder":
    from shared.kit.token_keys import KeyFolder

    return KeyFolder(folder if data_dir is None else data_dir / "token-keys")


@contextlib.contextmanager
def _usable_keys() -> Iterator[None]:
    from shared.kit.exceptions import KeysMalformed

    try:
        yield
    except KeysMalformed as error:
        raise click.ClickException(
            f"{error}. `touchstone up` makes a key (or `make up`), and so does `touchstone token-keys rotate`."
        ) from error
    except LookupError as error:
        raise click.ClickException(f"{error.args[0]}.") from error


@main.command()
@_ONE_SERVICE
def republish(service: str) -> None:
    """Publish a service's whole present state again, for services that joined late."""
    from shared.kit.republication import republish as run

    published = asyncio.run(run(_create_app(service).state.runtime))
    click.echo(f"{service}: {published} events")


@main.command()
@_ONE_SERVICE
def replay(service: str) -> None:
    """Give a service its dead letters again."""
    from shared.kit.bus import connect_bus
    from shared.kit.exceptions import BusUnavailable
    from shared.kit.replay import replay_dead_letters
    from shared.kit.settings import BusSettings

    async def run() -> int:
        settings = BusSettings()
        bus = connect_bus(settings.bus_url.get_secret_value(), prefix=settings.topic_prefix)
        try:
            return await replay_dead_letters(bus, service)
        finally:
            await bus.close()

    try:
        click.echo(f"{service}: {asyncio.run(run())} events")
    except BusUnavailable as error:
        raise click.ClickException(f"The bus doesn't answer: {error}") from error


@main.command()
@_ONE_SERVICE
@click.option("--drop", type=click.UUID, help="Give this event up instead, so that those behind it go on.")
def unblock(service: str, drop: UUID | None) -> None:
    """Send again what the broker refused for itself (see the metric touchstone_outbox_set_aside_events)."""
    from shared.kit.outbox import drop_set_aside, retry_set_aside

    async def run() -> int:
        database = _create_app(service).state.runtime.database
        try:
            async with database.transaction() as session:
                return await retry_set_aside(session) if drop is None else int(await drop_set_aside(session, drop))
        finally:
            await database.close()

    click.echo(f"{service}: {asyncio.run(run())} events {'will be sent again' if drop is None else 'given up'}")


@main.command()
@click.option(
    "--grant",
    is_flag=True,
    help="Also let each service, as the Kafka user of its name, read and write what the registry of topics says.",
)
def topics(*, grant: bool) -> None:
    """Create the topics of the bus that are missing, and set how long they are kept."""
    from shared.kit.bus import connect_bus, grant_rights, service_topics
    from shared.kit.exceptions import BusUnavailable
    from shared.kit.settings import BusSettings

    async def ensure() -> int:
        settings = BusSettings()
        wanted = {
            topic.name: topic for name in SERVICE_NAMES for topic in service_topics(name, settings.event_retention_days)
        }
        bus = connect_bus(settings.bus_url.get_secret_value(), prefix=settings.topic_prefix)
        try:
            await bus.ensure_topics(list(wanted.values()))
            if grant:
                await grant_rights(bus)
        finally:
            await bus.close()
        return len(wanted)

    try:
        click.echo(f"{asyncio.run(ensure())} topics are there")
    except NotImplementedError as error:
        raise click.UsageError(str(error)) from error
    except BusUnavailable as error:
        raise click.ClickException(f"The bus doesn't answer: {error}") from error


@main.command()
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("docs/openapi"), show_default=True
)
@click.argument("services", nargs=-1, type=click.Choice(SERVICE_NAMES))
def openapi(folder: Path, services: Sequence[str]) -> None:
    """Write each service's OpenAPI document."""
    from shared.kit.settings import placeholder_settings

    folder.mkdir(parents=True, exist_ok=True)
    for service in services or SERVICE_NAMES:
        document = _create_app(service, placeholder_settings(package_of(service))).openapi()
        _write(folder / f"{service}.json", document)


@main.command()
@click.option(
    "--file", type=click.Path(dir_okay=False, path_type=Path), default=Path("docs/asyncapi.json"), show_default=True
)
def asyncapi(file: Path) -> None:
    """Write the AsyncAPI document of the bus."""
    from shared.contracts.asyncapi import document

    file.parent.mkdir(parents=True, exist_ok=True)
    _write(file, document(__version__))


def _write(file: Path, document: Any) -> None:
    file.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    click.echo(file)


if __name__ == "__main__":
    main()
