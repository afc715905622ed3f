"""Each service's tables, by Alembic: `touchstone migrate <service>`, and the check that a service's schema is current.

The tables of the kit, which every service has in its own database, change by the `kit_NNNN` modules beside this one:
written-out SQL, which a revision of each service applies. `docs/decisions/0016-migrations-are-frozen.md` has the rules.
"""

import asyncio
import importlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.kit.database import APPLICATION_NAME, Database
from shared.kit.exceptions import ReplicasRunning, SchemaOutdated

if TYPE_CHECKING:  # Alembic and SQLAlchemy are imported by who migrates only: a service has no use for their memory
    from alembic.config import Config
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

VERSION_TABLE = "alembic_version"
_REVISION: Final = re.compile(r"^(revision|down_revision)\b[^=\n]*= *[\"']([^\"']+)[\"']", re.MULTILINE)
_URL = "touchstone.database_url"
_LOCK = 0x746F756368  # "touch": one migration at a time per database
_LOCK_TIMEOUT_MS = 30_000
_REPLICAS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = :name
"""


def upgrade(service: str, database_url: str) -> None:
    """Bring a service's database to the newest schema. `service` is its package: `services.queue`.

    Raises ReplicasRunning, having changed nothing, where a revision needs the service's replicas stopped and they aren't.
    """
    from alembic import command

    settings = config(service)
    settings.attributes[_URL] = database_url
    command.upgrade(settings, "head")


def upgrade_apart(service: str, database_url: str) -> None:
    """As `upgrade`, for callers on an event loop: Alembic runs its own, in a thread."""
    with ThreadPoolExecutor(1) as pool_of_one:
        pool_of_one.submit(upgrade, service, database_url).result()


def config(service: str) -> "Config":
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(_folder(service)).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings


@cache
def _folder(service: str) -> Path:
    package = importlib.import_module(service)
    assert package.__file__ is not None
    return Path(package.__file__).parent / "migrations"


@cache
def newest_revision(service: str) -> str | None:
    """The revision that this version of the code needs; None for a service without tables."""
    if not _folder(service).is_dir():
        return None
    said = [_REVISION.findall(file.read_text()) for file in (_folder(service) / "versions").glob("*.py")]
    revisions: set[str] = {value for pairs in said for name, value in pairs if name == "revision"}
    [newest] = revisions - {value for pairs in said for name, value in pairs if name == "down_revision"}
    return newest


async def check(database: Database, service: str) -> None:
    """Raises SchemaOutdated unless the database has the newest revision that this version knows, or a later one."""
    wanted = newest_revision(service)
    if wanted is None:
        return
    async with database.transaction() as session:
        exists = await session.raw.fetchval("SELECT to_regclass($1)", VERSION_TABLE)
        found = await session.raw.fetchval(f"SELECT version_num FROM {VERSION_TABLE}") if exists else None  # noqa: S608
    if found is None or found < wanted:
        name = service.rsplit(".", 1)[-1]
        raise SchemaOutdated(f"schema {found or 'none'}, needed {wanted}: run `touchstone migrate {name}`")


def run_env(needs_stop: Mapping[str, str] | None = None) -> None:
    """What every `migrations/env.py` calls.

    `needs_stop`: the revisions that a replica of the code before can't live with, and what would go wrong.
    """
    from alembic import context

    if context.is_offline_mode():
        raise RuntimeError("migrations run against a database only")
    url = context.config.attributes[_URL]
    asyncio.run(_migrate(url, needs_stop or {}))


def driver_url(url: str) -> "URL":
    """Turn libpq's form of a URL into the one that SQLAlchemy's asyncpg dialect takes."""
    from sqlalchemy.engine import make_url

    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    if "sslmode" in parsed.query:
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return parsed


async def _migrate(url: str, needs_stop: Mapping[str, str]) -> None:
    from sqlalchemy import pool
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(driver_url(url), poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run, needs_stop)
            await connection.commit()
    finally:
        await engine.dispose()


def _run(connection: "Connection", needs_stop: Mapping[str, str]) -> None:
    from alembic import context
    from sqlalchemy import text

    connection.execute(text(f"SET lock_timeout = {_LOCK_TIMEOUT_MS}"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    context.configure(connection=connection, version_table=VERSION_TABLE, transaction_per_migration=False)
    found, head = context.get_context().get_current_revision(), context.script.get_current_head()
    if found is not None and head is not None and found > head:
        return  # a later version has been here: what it added is in nobody's way
    stops = {revision: why for revision, why in needs_stop.items() if found is not None and revision > found}
    if stops and connection.execute(text(_REPLICAS), {"name": APPLICATION_NAME}).scalar_one():
        raise ReplicasRunning("; ".join(f"{revision}: {why}" for revision, why in sorted(stops.items())))
    with context.begin_transaction():
        context.run_migrations()
