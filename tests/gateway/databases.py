"""Real databases for tests: a SQLite file, and a PostgreSQL database of its own where a server listens."""

import asyncio
import atexit
import os
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.database import create_engine, metadata, seed_counter

POSTGRES = os.environ.get("SLUIS_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432")


def _listens() -> bool:
    host, _, port = POSTGRES.rpartition("@")[2].partition("/")[0].partition(":")
    try:
        socket.create_connection((host, int(port or 5432)), timeout=1).close()
    except OSError:
        return False
    return True


@asynccontextmanager
async def database_url(kind: str, folder: Path) -> AsyncIterator[str]:
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{folder / 'test.db'}"
        return
    if not _listens():
        pytest.skip("no PostgreSQL listens here")
    name = await _own_database()
    admin = await asyncpg.connect(f"{POSTGRES}/{name}", server_settings={"lock_timeout": "20s"})
    try:
        await admin.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    finally:
        await admin.close()
    yield f"{POSTGRES.replace('postgresql://', 'postgresql+asyncpg://')}/{name}"


_own: list[str] = []


async def _own_database() -> str:
    """One database for this test run, emptied for each test: making one costs up to a second each."""
    if not _own:
        name = f"sluis_test_{uuid.uuid4().hex}"
        await _administer(f"CREATE DATABASE {name}")
        _own.append(name)
        atexit.register(lambda: asyncio.run(_administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")))
    return _own[0]


async def _administer(statement: str) -> None:
    admin = await asyncpg.connect(f"{POSTGRES}/postgres")
    await admin.execute(statement)
    await admin.close()


async def fill(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await seed_counter(connection)


@asynccontextmanager
async def database(kind: str, folder: Path) -> AsyncIterator[AsyncEngine]:
    async with database_url(kind, folder) as url:
        engine = create_engine(url)
        try:
            await fill(engine)
            yield engine
        finally:
            await engine.dispose()
