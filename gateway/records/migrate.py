"""Bring a database to the schema of this version, and tell whether it is there. `migrations/` travels in the wheel."""

import asyncio
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

import gateway
from gateway.database import create_engine, seed_counter

_MIGRATION_LOCK: Final = 7_305_510  # advisory lock: one process migrates, others wait and then find nothing to do
_LOCK_SECONDS: Final = 60


def migrations_dir() -> Path:
    """`gateway/_shipped/migrations` in an installed wheel, `migrations/` beside the package in a source checkout."""
    package = Path(gateway.__file__).parent
    shipped = package / "_shipped" / "migrations"
    return shipped if shipped.is_dir() else package.parent / "migrations"


def config() -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    return settings


def migrate(url: str) -> None:
    """Upgrade the database at `url` to the newest revision. Not inside a running event loop: there, await `upgrade`."""
    asyncio.run(upgrade(url))


async def upgrade(url: str) -> None:
    """Upgrade in one transaction: all of it or nothing. Several processes may: one works, the others find it done.

    Raises TimeoutError when another migration holds the lock for a minute, and what the database raises.
    """
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            await _alone(connection)
            await connection.run_sync(_upgrade)
            await seed_counter(connection)
            await connection.commit()
    finally:
        await engine.dispose()


def _engine(url: str) -> AsyncEngine:
    """The gateway's own engine, but for PostgreSQL with time-outs fit for rewriting a large table."""
    if url.startswith("sqlite"):
        return create_engine(url)
    limits = {"lock_timeout": "10s", "statement_timeout": "30min", "synchronous_commit": "on"}
    return create_async_engine(url, poolclass=NullPool, connect_args={"timeout": 5, "server_settings": limits})


async def _alone(connection: AsyncConnection) -> None:
    """Everything after this is one transaction that no other migration runs beside."""
    if connection.dialect.name == "sqlite":
        # Python's driver opens no transaction before DDL by itself; this one makes the whole migration atomic.
        await connection.exec_driver_sql(f"PRAGMA busy_timeout={_LOCK_SECONDS * 1000}")
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    ask = text("SELECT pg_try_advisory_xact_lock(:key)")
    async with asyncio.timeout(_LOCK_SECONDS):
        while not (await connection.execute(ask, {"key": _MIGRATION_LOCK})).scalar_one():  # noqa: ASYNC110
            await asyncio.sleep(0.2)  # PostgreSQL gives no event for a freed advisory lock


def _upgrade(connection: Connection) -> None:
    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


async def is_current(engine: AsyncEngine) -> bool:
    """Whether the database has exactly the newest revision of this version. Raises what the database raises."""
    heads = set(ScriptDirectory.from_config(config()).get_heads())
    async with engine.connect() as connection:
        return await connection.run_sync(_revisions) == heads


def _revisions(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())
