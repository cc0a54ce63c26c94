"""Real databases: a SQLite file, and a PostgreSQL database of its own with a random name."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.database import create_engine, metadata
from gateway.records import tables
from gateway.records.store import RecordStore

ADMIN = "postgres@127.0.0.1:5432"
OURS = [tables.intents, tables.outcomes, tables.workers, tables.holds, tables.retention_runs, tables.policy_changes]


@pytest.fixture
async def postgres_url() -> AsyncIterator[str]:
    name = f"records_{secrets.token_hex(6)}"
    try:
        admin = await asyncpg.connect(f"postgresql://{ADMIN}/postgres", timeout=5)
    except OSError:
        pytest.skip("no PostgreSQL on 127.0.0.1:5432")
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        yield f"postgresql+asyncpg://{ADMIN}/{name}"
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


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
