"""The change counter: every worker hears of a change, and one that hears nothing refuses."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.database import ChangeWatcher, bump, change_counter, create_engine
from gateway.errors import Unavailable
from tests.gateway.databases import POSTGRES, database


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with database(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def sqlite_file(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with database("sqlite", tmp_path) as made:
        yield made


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with database("postgresql", tmp_path) as made:
        yield made


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Room:
    """A room whose state is read from the database, as identity's are."""

    def __init__(self) -> None:
        self.reloads = 0
        self.happened = asyncio.Event()
        self.error: Exception | None = None

    async def reload(self) -> None:
        if self.error:
            raise self.error
        self.reloads += 1
        self.happened.set()


async def change(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await bump(connection)


async def until(
    true: Callable[[], bool], *, poll: Callable[[], Awaitable[None]] | None = None, tries: int = 200
) -> None:
    """Wait for something by counted tries, not by a deadline that a slow machine misses."""
    for _ in range(tries):
        if true():
            return
        if poll:
            await poll()
        await asyncio.sleep(0.05)
    raise AssertionError("did not happen")


@contextlib.asynccontextmanager
async def running(watcher: ChangeWatcher) -> AsyncIterator[None]:
    task = asyncio.create_task(watcher.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_before_the_first_look_it_refuses(engine: AsyncEngine) -> None:
    watcher = ChangeWatcher(engine)
    with pytest.raises(Unavailable, match="stale_state"):
        watcher.check()
    await watcher.poll()
    watcher.check()
    await watcher.close()


async def test_rooms_reload_at_start_and_after_each_change_only(engine: AsyncEngine) -> None:
    watcher, room = ChangeWatcher(engine), Room()
    watcher.subscribe(room.reload)
    counted = []
    for changed in (False, False, True, False, True):
        if changed:
            await change(engine)
        await watcher.poll()
        counted.append(room.reloads)
    assert counted == [1, 1, 2, 2, 3]
    await watcher.close()


async def test_two_workers_see_a_change_at_their_next_look(engine: AsyncEngine) -> None:
    """A look is due every quarter of a second: four of them make the second that is promised."""
    other_process = create_engine(engine.url.render_as_string(hide_password=False))
    watchers = [ChangeWatcher(engine), ChangeWatcher(other_process)]
    rooms = [Room(), Room()]
    for watcher, room in zip(watchers, rooms, strict=True):
        watcher.subscribe(room.reload)
        await watcher.poll()
    await change(engine)
    for watcher, room in zip(watchers, rooms, strict=True):
        await watcher.poll()
        assert room.reloads == 2
        await watcher.close()
    await other_process.dispose()


async def test_knowledge_of_two_seconds_ago_is_refused_to_the_tick(engine: AsyncEngine) -> None:
    clock = Clock()
    watcher = ChangeWatcher(engine, clock=clock)
    await watcher.poll()
    clock.now += 2.0
    watcher.check()
    clock.now += 0.001
    with pytest.raises(Unavailable) as caught:
        watcher.check()
    assert caught.value.headers == {"Retry-After": "2"}
    await watcher.poll()
    watcher.check()
    await watcher.close()


async def test_a_slow_look_counts_from_when_it_began(sqlite_file: AsyncEngine) -> None:
    clock = Clock()
    watcher = ChangeWatcher(sqlite_file, clock=clock)

    async def slow() -> None:
        clock.now += 3.0

    watcher.subscribe(slow)
    await watcher.poll()
    with pytest.raises(Unavailable):
        watcher.check()
    await watcher.close()


async def test_a_room_that_cannot_reload_is_tried_again_and_the_worker_refuses_meanwhile(engine: AsyncEngine) -> None:
    clock = Clock()
    watcher, room = ChangeWatcher(engine, clock=clock), Room()
    watcher.subscribe(room.reload)
    await watcher.poll()
    await change(engine)
    room.error = ValueError("a row that cannot be read")
    clock.now += 3
    with pytest.raises(ValueError, match="a row"):
        await watcher.poll()
    with pytest.raises(Unavailable):
        watcher.check()
    room.error = None
    await watcher.poll()
    watcher.check()
    assert room.reloads == 2
    await watcher.close()


async def test_an_older_reload_never_ends_after_a_newer_one(sqlite_file: AsyncEngine) -> None:
    under_way, highest = 0, 0
    watcher = ChangeWatcher(sqlite_file)

    async def reload() -> None:
        nonlocal under_way, highest
        under_way += 1
        highest = max(highest, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1

    watcher.subscribe(reload)
    for _ in range(3):
        await change(sqlite_file)
        await asyncio.gather(watcher.poll(), watcher.poll())
    assert highest == 1
    await watcher.close()


async def test_bumping_a_counter_that_is_missing_stops_the_change(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(delete(change_counter))
    with pytest.raises(RuntimeError, match="migrations"):
        await change(engine)
    watcher = ChangeWatcher(engine)
    with pytest.raises(SQLAlchemyError):
        await watcher.poll()


async def test_the_loop_keeps_polling_and_wakes_at_once(engine: AsyncEngine) -> None:
    watcher, room = ChangeWatcher(engine, interval=0.01), Room()
    watcher.subscribe(room.reload)
    async with running(watcher):
        await until(lambda: room.reloads == 1)
        await change(engine)
        await until(lambda: room.reloads == 2)
        watcher.check()


async def test_a_broken_room_does_not_end_the_loop_and_is_told_once(
    sqlite_file: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "gateway.database")
    watcher, room = ChangeWatcher(sqlite_file, interval=0.01), Room()
    room.error = ValueError("x")
    watcher.subscribe(room.reload)
    async with running(watcher):
        await asyncio.sleep(0.1)
        with pytest.raises(Unavailable):
            watcher.check()
        room.error = None
        await until(lambda: room.reloads == 1)
        watcher.check()
    assert [record.msg for record in caplog.records] == ["state_not_confirmed", "state_confirmed_again"]


async def test_postgresql_tells_the_worker_without_waiting_for_the_next_look(postgres: AsyncEngine) -> None:
    watcher, room = ChangeWatcher(postgres, interval=3600), Room()
    watcher.subscribe(room.reload)
    async with running(watcher):
        await until(lambda: room.reloads == 1)
        await change(postgres)
        await until(lambda: room.reloads == 2)  # an hour too early for the poll


async def test_a_change_that_is_rolled_back_tells_nobody(postgres: AsyncEngine) -> None:
    watcher, room = ChangeWatcher(postgres, interval=0.01), Room()
    watcher.subscribe(room.reload)
    async with running(watcher):
        await until(lambda: room.reloads == 1)
        async with postgres.connect() as connection:
            await bump(connection)
            await connection.rollback()
        await asyncio.sleep(0.1)
        assert room.reloads == 1


async def test_a_drained_pool_does_not_blind_the_worker(postgres: AsyncEngine) -> None:
    watcher = ChangeWatcher(postgres)
    await watcher.poll()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(8):  # pool_size and max_overflow
            await stack.enter_async_context(postgres.connect())
        await watcher.poll()
        watcher.check()
    await watcher.close()


async def test_a_cut_connection_is_replaced_and_listens_again(postgres: AsyncEngine) -> None:
    watcher, room = ChangeWatcher(postgres, interval=3600), Room()
    watcher.subscribe(room.reload)
    async with running(watcher):
        await until(lambda: room.reloads == 1)
        admin = await asyncpg.connect(f"{POSTGRES}/{postgres.url.database}")
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await admin.close()
        await postgres.dispose()
        watcher.wake()  # the poll that finds the connection gone
        await asyncio.sleep(0.1)
        watcher.wake()  # the one that opens another
        await until(lambda: watcher._connection is not None)
        await change(postgres)
        await until(lambda: room.reloads == 2)


async def test_a_locked_database_refuses_and_resumes_by_itself(tmp_path: Path) -> None:
    async with database("sqlite", tmp_path) as engine:
        await locked_and_resumed(engine, tmp_path)


async def locked_and_resumed(engine: AsyncEngine, folder: Path) -> None:
    watcher, room = ChangeWatcher(engine, interval=0.02, max_age=0.3), Room()
    watcher.subscribe(room.reload)
    async with running(watcher):
        await until(lambda: room.reloads == 1)
        watcher.check()
        await engine.dispose()
        await watcher.close()
        lock = sqlite3.connect(folder / "test.db", isolation_level=None)
        lock.execute("PRAGMA locking_mode=EXCLUSIVE")
        lock.execute("BEGIN EXCLUSIVE")
        try:
            await until(lambda: watcher.age > 0.3)
            with pytest.raises(Unavailable):
                watcher.check()
        finally:
            lock.execute("ROLLBACK")
            lock.close()
        await change(engine)
        await until(lambda: room.reloads == 2)
        watcher.check()


async def test_every_connection_commits_durably(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            shown = [
                (await connection.execute(text(f"PRAGMA {name}"))).scalar() for name in ("journal_mode", "synchronous")
            ]
            assert shown == ["wal", 2]
        else:
            assert (await connection.execute(text("SHOW synchronous_commit"))).scalar() == "on"
