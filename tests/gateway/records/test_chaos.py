"""What happens to records when the database is locked, full, gone, or answers no more in the middle of a COMMIT."""

import asyncio
import contextlib
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.database import create_engine
from gateway.errors import Unavailable
from gateway.records.lookup import find
from gateway.records.store import RecordStore, close_open
from gateway.records.tables import intents, outcomes
from tests.gateway.records import samples
from tests.gateway.records.conftest import prepared


async def stored(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return set((await connection.execute(select(intents.c.request_id))).scalars())


async def closed(engine: AsyncEngine) -> dict[str, str]:
    async with engine.connect() as connection:
        rows = (await connection.execute(select(outcomes.c.request_id, outcomes.c.ended_by))).all()
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: row[1] for row in rows}


async def resumed(store: RecordStore) -> str:
    """Try until an intent is stored again; its request_id."""
    while True:
        row = samples.intent()
        with contextlib.suppress(Unavailable):
            await store.intent(row)
            return row.request_id
        await asyncio.sleep(0.02)


async def until_refused(store: RecordStore) -> list[str]:
    """Store intents until one is refused; the request_ids that were acknowledged."""
    kept: list[str] = []
    while True:
        row = samples.intent()
        try:
            await store.intent(row)
        except Unavailable:
            return kept
        kept.append(row.request_id)


def impatient(engine: AsyncEngine) -> RecordStore:
    return RecordStore(engine, worker="w-test", timeout=0.4)


async def with_short_busy_timeout(store: RecordStore) -> None:
    connection = await store._writer.connect()
    await connection.exec_driver_sql("PRAGMA busy_timeout=100")
    await connection.rollback()


async def test_a_locked_database_refuses_cleanly_and_service_resumes(sqlite: AsyncEngine, tmp_path: Path) -> None:
    store = impatient(sqlite)
    await store.start()
    before = samples.intent()
    await store.intent(before)
    locker = sqlite3.connect(tmp_path / "sluis.db", isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")
    row = samples.intent()
    with pytest.raises(Unavailable) as caught:
        await store.intent(row)
    assert (caught.value.status, caught.value.reason_code) == (503, "record_unavailable")
    store.outcome(samples.outcome(before.request_id))
    assert store.pending_count >= 1
    locker.execute("ROLLBACK")
    locker.close()
    after = await resumed(store)
    await store.drain()
    known = await stored(sqlite)
    assert {before.request_id, after} <= known
    endings = await closed(sqlite)
    assert endings.pop(before.request_id) == "completed"
    # The refused intent waited at SQLite's door when its caller was told; if it got in, its record says it was refused.
    assert endings == dict.fromkeys(known & {row.request_id}, "refused")
    assert store.ready
    await store.stop()


async def test_while_the_store_fails_new_intents_are_refused_at_once(
    sqlite: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.records.store._FAIL_FAST", 0.0)
    store = RecordStore(sqlite, worker="w-test", timeout=60)
    await store.start()
    await with_short_busy_timeout(store)
    with contextlib.closing(sqlite3.connect(tmp_path / "sluis.db", isolation_level=None)) as locker:
        locker.execute("BEGIN EXCLUSIVE")
        waiting = asyncio.create_task(store.intent(samples.intent()))
        while store.ready:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(30):  # far below the store's own 60 s
            with pytest.raises(Unavailable):
                await store.intent(samples.intent())
        locker.execute("ROLLBACK")
    await waiting  # the one that came before waits and is stored
    assert store.ready
    await store.stop()


async def test_a_full_database_refuses_cleanly_and_service_resumes(sqlite: AsyncEngine) -> None:
    async with sqlite.connect() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
    await sqlite.dispose()
    full = True

    @event.listens_for(sqlite.sync_engine, "connect")
    def _limit(connection: Any, _record: Any) -> None:
        if full:
            connection.execute(f"PRAGMA max_page_count={pages + 2}").close()

    store = impatient(sqlite)
    await store.start()
    kept = await until_refused(store)
    assert set(kept) == await stored(sqlite)
    for reference in kept:
        store.outcome(samples.outcome(reference))
    await asyncio.sleep(0.2)
    assert store.pending_count >= len(kept)
    full = False
    kept.append(await resumed(store))
    await store.drain()
    assert set(kept) <= await stored(sqlite)
    assert set(await closed(sqlite)) >= set(kept[:-1])
    await store.stop()


async def test_a_file_system_without_room_refuses_and_resumes(small_disk: Path) -> None:
    engine = await prepared(f"sqlite+aiosqlite:///{small_disk / 'sluis.db'}")
    store = impatient(engine)
    await store.start()
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    kept = await until_refused(store)
    for reference in kept:
        store.outcome(samples.outcome(reference))
    ballast.unlink()
    kept.append(await resumed(store))
    await store.drain()
    assert set(kept) <= await stored(engine)
    assert set(await closed(engine)) >= set(kept[:-1])
    assert await store.stop()
    await engine.dispose()


@pytest.fixture
async def small_disk(tmp_path: Path) -> AsyncIterator[Path]:
    """A tmpfs of 1 MiB."""
    mount = await asyncio.create_subprocess_exec(
        "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path), stderr=asyncio.subprocess.DEVNULL
    )
    if await mount.wait():
        pytest.skip("mounting a tmpfs needs root; the page limit test covers the same path")
    yield tmp_path
    await (await asyncio.create_subprocess_exec("umount", "--lazy", str(tmp_path))).wait()


async def test_a_missing_table_refuses_and_does_not_lose_outcomes(engine: AsyncEngine) -> None:
    store = impatient(engine)
    await store.start()
    row = samples.intent()
    await store.intent(row)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE outcomes RENAME TO elsewhere"))
    store.outcome(samples.outcome(row.request_id))
    while store.ready:
        await asyncio.sleep(0.01)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE elsewhere RENAME TO outcomes"))
    await store.drain()
    assert await closed(engine) == {row.request_id: "completed"}
    await store.stop()


async def backend(store: RecordStore) -> int:
    connection = await store._writer.connect()
    pid = int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())
    await connection.rollback()
    return pid


async def terminate(engine: AsyncEngine, pid: int) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


async def test_a_terminated_backend_costs_a_retry_and_no_row(postgres: AsyncEngine) -> None:
    store = RecordStore(postgres, worker="w-test")
    await store.start()
    for _ in range(3):
        await terminate(postgres, await backend(store))
        await store.intent(samples.intent())
    assert len(await stored(postgres)) == 3
    await store.stop()


SLOW = """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$"""
SLOWLY = """CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON intents DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION slow()"""


async def test_a_backend_terminated_during_commit_stores_nothing_twice_and_loses_nothing(
    postgres: AsyncEngine,
) -> None:
    async with postgres.begin() as connection:  # COMMIT takes half a second: time to be terminated in
        await connection.execute(text(SLOW))
        await connection.execute(text(SLOWLY))
    store = RecordStore(postgres, worker="w-test", timeout=30)
    await store.start()
    pid = await backend(store)
    row = samples.intent()
    waiting = asyncio.create_task(store.intent(row))
    question = text(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = :pid AND query LIKE 'COMMIT%' AND state='active'"
    )
    async with postgres.connect() as connection:
        while not (await connection.execute(question, {"pid": pid})).scalar_one():
            await connection.rollback()
    await terminate(postgres, pid)
    await waiting
    store.outcome(samples.outcome(row.request_id))
    await store.drain()
    assert await stored(postgres) == {row.request_id}
    assert await closed(postgres) == {row.request_id: "completed"}
    assert await store.stop()


class Cutter:
    """A TCP relay to PostgreSQL. When armed it cuts the line at the server's next answer to a COMMIT, undelivered."""

    def __init__(self) -> None:
        self.armed = False
        self.cuts = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(task := asyncio.current_task())  # type: ignore[arg-type]
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", 5432)
        committing = False

        async def up() -> None:
            nonlocal committing
            while data := await reader.read(65536):
                committing = b"COMMIT" in data
                up_writer.write(data)
                await up_writer.drain()

        async def down() -> None:
            while data := await up_reader.read(65536):
                if self.armed and committing:
                    self.cuts += 1
                    self.armed = False
                    return
                writer.write(data)
                await writer.drain()

        with contextlib.suppress(OSError, asyncio.CancelledError):
            _, pending = await asyncio.wait(
                {asyncio.create_task(up()), asyncio.create_task(down())}, return_when=asyncio.FIRST_COMPLETED
            )
            for half in pending:
                half.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        writer.close()
        up_writer.close()
        self._tasks.discard(task)


@pytest.fixture
async def cut_line(postgres_url: str) -> AsyncIterator[tuple[Cutter, AsyncEngine, AsyncEngine]]:
    """The relay, an engine through it, and one past it."""
    direct = await prepared(postgres_url)
    cutter = Cutter()
    async with cutter as port:
        through = create_engine(re.sub(r":5432/", f":{port}/", postgres_url) + "?ssl=disable")
        yield cutter, through, direct
        await through.dispose()
    await direct.dispose()


async def test_an_answer_lost_after_commit_is_looked_up_and_not_stored_twice(
    cut_line: tuple[Cutter, AsyncEngine, AsyncEngine],
) -> None:
    cutter, through, direct = cut_line
    store = RecordStore(through, worker="w-test", timeout=30)
    await store.start()
    rows = [samples.intent() for _ in range(5)]
    blocked = samples.intent(decision="blocked")
    cutter.armed = True
    await asyncio.gather(
        *(store.intent(row) for row in rows),
        store.refused(blocked, samples.outcome(blocked.request_id, ended_by="refused")),
    )
    assert cutter.cuts == 1
    cutter.armed = True
    for row in rows:
        store.outcome(samples.outcome(row.request_id))
    await store.drain()
    assert cutter.cuts == 2
    assert await stored(direct) == {row.request_id for row in [*rows, blocked]}
    endings = await closed(direct)
    assert endings == {row.request_id: "completed" for row in rows} | {blocked.request_id: "refused"}
    assert store.open_count == 0
    await store.stop()


async def test_an_intent_stored_behind_its_callers_back_is_closed_as_refused(
    cut_line: tuple[Cutter, AsyncEngine, AsyncEngine],
) -> None:
    cutter, through, direct = cut_line
    store = RecordStore(through, worker="w-test", timeout=30)
    await store.start()
    row = samples.intent()
    cutter.armed = True
    waiting = asyncio.create_task(store.intent(row))
    while not cutter.cuts:
        await asyncio.sleep(0)
    for held in [*store._flight, *store._intents]:
        store._refuse(held)  # as the timer does when it has waited too long
    with pytest.raises(Unavailable):
        await waiting
    while not await closed(direct):
        await asyncio.sleep(0.02)
    record = await find(direct, row.request_id)
    assert record is not None
    assert record.outcome is not None
    assert (record.outcome["ended_by"], record.outcome["error_type"]) == ("refused", "record_unavailable")
    await store.stop()


async def test_backends_terminated_at_random_lose_no_acknowledged_row(postgres: AsyncEngine) -> None:
    store = RecordStore(postgres, worker="w-test", timeout=30)
    await store.start()
    acknowledged: list[str] = []
    running = True

    async def caller() -> None:
        while running:
            row = samples.intent()
            await store.intent(row)
            acknowledged.append(row.request_id)
            store.outcome(samples.outcome(row.request_id))

    callers = [asyncio.create_task(caller()) for _ in range(8)]
    dice = random.Random(7)  # noqa: S311 a seed, so that a failure can be repeated
    admin = await asyncpg.connect(str(postgres.url.set(drivername="postgresql")))
    for _ in range(15):
        await asyncio.sleep(dice.random() * 0.05)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await admin.close()
    running = False
    await asyncio.gather(*callers)
    await store.drain()
    assert await store.stop()
    assert acknowledged
    await postgres.dispose()
    assert set(acknowledged) == await stored(postgres)
    assert set(acknowledged) == set(await closed(postgres))
    async with postgres.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(outcomes))).scalar_one() == len(acknowledged)


async def test_a_commit_that_lands_after_the_look_is_found_at_the_second_look(
    cut_line: tuple[Cutter, AsyncEngine, AsyncEngine],
) -> None:
    """A backend may still be busy with the COMMIT whose line was cut: not stored when looked, stored when inserted."""
    cutter, through, direct = cut_line
    store = RecordStore(through, worker="w-test", timeout=30)
    await store.start()
    look, looks = store._writer.stored, []

    async def too_early(request_ids: Sequence[str]) -> dict[str, str]:
        looks.append(len(request_ids))
        return {} if len(looks) == 1 else await look(request_ids)

    store._writer.stored = too_early  # type: ignore[method-assign]
    rows = [samples.intent() for _ in range(3)]
    cutter.armed = True
    await asyncio.gather(*(store.intent(row) for row in rows))
    assert looks == [3, 3]
    for row in rows:
        store.outcome(samples.outcome(row.request_id))
    await store.drain()
    assert await stored(direct) == {row.request_id for row in rows}
    assert await closed(direct) == {row.request_id: "completed" for row in rows}
    await store.stop()


async def test_stop_gives_up_on_a_database_that_does_not_answer_and_says_so(
    sqlite: AsyncEngine, tmp_path: Path
) -> None:
    store = RecordStore(sqlite, worker="w-test", timeout=60)
    await store.start()
    kept = samples.intent()
    await store.intent(kept)
    await with_short_busy_timeout(store)
    with contextlib.closing(sqlite3.connect(tmp_path / "sluis.db", isolation_level=None)) as locker:
        locker.execute("BEGIN EXCLUSIVE")
        store.outcome(samples.outcome(kept.request_id))
        waiting = asyncio.create_task(store.intent(samples.intent()))
        await asyncio.sleep(0)
        assert not await store.stop(timeout=0.3)
        with pytest.raises(Unavailable):
            await waiting
        locker.execute("ROLLBACK")
    assert await close_open(sqlite, worker="w-next", now=samples.START) == 1
    assert await closed(sqlite) == {kept.request_id: "interrupted"}


async def test_a_writer_that_dies_refuses_everything(sqlite: AsyncEngine) -> None:
    store = impatient(sqlite)
    await store.start()
    assert store._task is not None
    store._task.cancel()
    await asyncio.wait({store._task})
    assert not store.ready
    with pytest.raises(Unavailable):
        await store.intent(samples.intent())
    assert not await store.stop()
