"""Real databases: a SQLite file, and a PostgreSQL database of its own with a random name."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.database import create_engine, metadata
from gateway.records import tables
from gateway.records.store import RecordStore

ADMIN = "postgres@127.0.0.1:5432"
OURS = [tables.intents, tables.outcomes, tables.workers, tables.holds, tables.retention_runs, tables.policy_changes]


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[str]:
    """The URL of a database of this run's own, dropped at its end."""
    name = f"records_{secrets.token_hex(6)}"
    try:
        asyncio.run(_administer("postgres", f"CREATE DATABASE {name}"))
    except OSError:
        pytest.skip("no PostgreSQL on 127.0.0.1:5432")
    yield f"postgresql+asyncpg://{ADMIN}/{name}"
    asyncio.run(_administer("postgres", f"DROP DATABASE {name} WITH (FORCE)"))


async def _administer(database: str, *statements: str) -> None:
    connection = await asyncpg.connect(f"postgresql://{ADMIN}/{database}", timeout=5)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def postgres_url(postgres_database: str) -> str:
    """That database, empty."""
    name = postgres_database.rsplit("/", 1)[1]
    asyncio.run(_administer(name, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public"))
    return postgres_database


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'sluis.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{'postgres' if request.param == 'postgresql' else 'sqlite'}_url"))


async def prepared(url: str) -> AsyncEngine:
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all, tables=OURS)
    return engine


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    made = await prepared(url)
    yield made
    await made.dispose()


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[AsyncEngine]:
    made = await prepared(sqlite_url)
    yield made
    await made.dispose()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    made = await prepared(postgres_url)
    yield made
    await made.dispose()


@pytest.fixture
async def store(engine: AsyncEngine) -> AsyncIterator[RecordStore]:
    made = RecordStore(engine, worker="w-test")
    await made.start()
    yield made
    await made.stop()
