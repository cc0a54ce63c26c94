"""The migrations lead to exactly the tables that the code defines; on an empty and on a filled database."""

import asyncio
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, select, text

from gateway.database import change_counter, create_engine
from gateway.records.lookup import find
from gateway.records.migrate import is_current, migrate, migrations_dir, upgrade
from gateway.records.store import RecordStore
from tests.gateway.records import samples
from tests.gateway.records.conftest import postgres_database, postgres_url, sqlite_url, url

__all__ = ["postgres_database", "postgres_url", "sqlite_url", "url"]


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), all_tables()))


def all_tables() -> Any:
    path = migrations_dir() / "make.py"
    spec = importlib.util.spec_from_file_location("migrations_make", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["migrations_make"] = module
    spec.loader.exec_module(module)
    return module.all_tables()


async def test_the_migrated_schema_is_the_one_the_code_defines(url: str) -> None:
    await upgrade(url)
    engine = create_engine(url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    assert await is_current(engine)
    await engine.dispose()


async def test_the_comparison_sees_a_difference(url: str) -> None:
    await upgrade(url)
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE intents ADD COLUMN prompt TEXT"))
        await connection.execute(text("DROP INDEX ix_intents_retain_until"))
    async with engine.connect() as connection:
        kinds = {difference[0] for difference in await connection.run_sync(differences)}
    assert kinds == {"remove_column", "add_index"}
    await engine.dispose()


async def test_an_empty_database_is_not_current(url: str) -> None:
    engine = create_engine(url)
    assert not await is_current(engine)
    await engine.dispose()


async def test_a_filled_database_is_left_as_it_is(url: str) -> None:
    await upgrade(url)
    engine = create_engine(url)
    store = RecordStore(engine, worker="w-test")
    await store.start()
    row = samples.intent()
    await store.intent(row)
    await store.stop()
    await upgrade(url)
    assert await find(engine, row.request_id) is not None
    async with engine.connect() as connection:
        assert (await connection.execute(select(change_counter.c.id, change_counter.c.value))).all() == [(1, 0)]
    await engine.dispose()


async def test_processes_that_migrate_together_do_it_once(url: str) -> None:
    await asyncio.gather(*(upgrade(url) for _ in range(4)))
    engine = create_engine(url)
    assert await is_current(engine)
    await engine.dispose()


async def test_a_migration_that_fails_leaves_nothing_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_connection: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("gateway.records.migrate.seed_counter", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        await upgrade(url)
    engine = create_engine(url)
    async with engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert tables == []
    await engine.dispose()


def test_migrate_works_outside_an_event_loop(tmp_path: Path) -> None:
    address = f"sqlite+aiosqlite:///{tmp_path / 'a%20b.db'}"
    migrate(address)
    migrate(address)
