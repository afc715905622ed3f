"""Each service's tables, by Alembic: `touchstone migrate <service>`, and the check that a service's schema is current."""

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import create_async_engine

from shared.kit.database import Database, driver_url

VERSION_TABLE = "alembic_version"
_URL = "touchstone.database_url"
_LOCK = 0x746F756368  # "touch": one migration at a time per database
_LOCK_TIMEOUT_MS = 30_000


class SchemaOutdated(Exception):
    """The database's schema is not the one this version needs."""


def upgrade(service: str, database_url: str) -> None:
    """Bring a service's database to the newest schema. `service` is its package: `services.queue`."""
    settings = config(service)
    settings.attributes[_URL] = database_url
    command.upgrade(settings, "head")


def upgrade_apart(service: str, database_url: str) -> None:
    """As `upgrade`, for callers on an event loop: Alembic runs its own, in a thread."""
    with ThreadPoolExecutor(1) as pool_of_one:
        pool_of_one.submit(upgrade, service, database_url).result()


def config(service: str) -> Config:
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
    return ScriptDirectory.from_config(config(service)).get_current_head()


async def check(database: Database, service: str) -> None:
    """Raises SchemaOutdated unless the database has exactly the newest revision."""
    wanted = newest_revision(service)
    if wanted is None:
        return
    async with database.transaction() as session:
        exists = await session.raw.fetchval("SELECT to_regclass($1)", VERSION_TABLE)
        found = await session.raw.fetchval(f"SELECT version_num FROM {VERSION_TABLE}") if exists else None  # noqa: S608
    if found != wanted:
        name = service.rsplit(".", 1)[-1]
        raise SchemaOutdated(f"schema {found or 'none'}, needed {wanted}: run `touchstone migrate {name}`")


def run_env() -> None:
    """What every `migrations/env.py` calls."""
    if context.is_offline_mode():
        raise RuntimeError("migrations run against a database only")
    url = context.config.attributes[_URL]
    asyncio.run(_migrate(url))


async def _migrate(url: str) -> None:
    engine = create_async_engine(driver_url(url), poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run)
            await connection.commit()
    finally:
        await engine.dispose()


def _run(connection: sa.Connection) -> None:
    connection.execute(sa.text(f"SET lock_timeout = {_LOCK_TIMEOUT_MS}"))
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    context.configure(connection=connection, version_table=VERSION_TABLE, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()
