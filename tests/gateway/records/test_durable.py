"""Promise 3: what was acknowledged survives a power cut and a kill at any moment."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.database import create_engine
from gateway.records.store import RecordStore, close_open
from gateway.records.tables import intents, outcomes
from tests.gateway.records import child, samples
from tests.gateway.records.conftest import prepared

ROOT = Path(__file__).parents[3]


def run_child(*arguments: str, before: tuple[str, ...] = ()) -> str:
    done = subprocess.run(
        [*before, sys.executable, "-m", "tests.gateway.records.child", *arguments],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


CALL = re.compile(r"^\d+ +(pwrite64|write|fdatasync|fsync|<\.\.\. (?:fdatasync|fsync) resumed)\b(.*)$")


def unsynced_acknowledgements(trace: str) -> list[str]:
    """Acknowledgements that were given while bytes written to the write-ahead log had not been synced to disk."""
    dirty = False
    wrote = False
    early = []
    for line in trace.splitlines():
        call = CALL.match(line)
        if call is None:
            continue
        name, rest = call.groups()
        if name == "pwrite64" and "-wal" in rest:
            dirty = wrote = True
        elif "sync" in name and ("resumed" in name or "-wal" in rest) and rest.rstrip().endswith("= 0"):
            dirty = False
        elif name == "write" and '"ACK ' in rest:
            if dirty or not wrote:
                early.append(rest)
            wrote = False
    return early


async def traced(tmp_path: Path, synchronous: str = "") -> str:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    engine = await prepared(child.url(str(tmp_path / "sluis.db")))
    await engine.dispose()
    log = tmp_path / "trace"
    strace = ("strace", "-f", "-y", "-s", "12", "-e", "trace=pwrite64,write,fdatasync,fsync", "-o", str(log))
    said = await asyncio.to_thread(run_child, "steps", str(tmp_path / "sluis.db"), synchronous, before=strace)
    assert said.count("ACK") == 3
    return log.read_text()


async def test_the_sync_to_disk_comes_before_the_acknowledgement(tmp_path: Path) -> None:
    """Red when `synchronous` is weakened to NORMAL or OFF in gateway/database.py."""
    trace = await traced(tmp_path)
    assert trace.count('"ACK ') == 3
    assert unsynced_acknowledgements(trace) == []


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
async def test_the_check_itself_sees_a_weakened_sync(tmp_path: Path, synchronous: str) -> None:
    assert len(unsynced_acknowledgements(await traced(tmp_path, synchronous))) == 3


async def test_fifty_kills_lose_no_acknowledged_intent(tmp_path: Path) -> None:
    database, acks = tmp_path / "sluis.db", tmp_path / "acks"
    engine = await prepared(child.url(str(database)))
    await engine.dispose()
    await asyncio.to_thread(run_child, "kills", str(database), str(acks), "50")
    acknowledged = acks.read_text().split()
    assert len(acknowledged) == len(set(acknowledged)) >= 50 * child.CALLERS / 2
    assert child.check_database(str(database)) == "ok"
    engine = create_engine(child.url(str(database)))
    store = RecordStore(engine, worker="w-last")
    await store.start()
    assert await close_open(engine, worker="w-last", now=samples.START) > 0
    async with engine.connect() as connection:
        stored = list((await connection.execute(select(intents.c.request_id))).scalars())
        ended = list((await connection.execute(select(outcomes.c.request_id))).scalars())
        interrupted = await connection.execute(
            select(func.count()).select_from(outcomes).where(outcomes.c.ended_by == "interrupted")
        )
        assert interrupted.scalar_one() >= 50
    assert set(acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))
    assert sorted(stored) == sorted(ended)  # each closed exactly once
    await store.stop()
    await engine.dispose()


async def test_nothing_is_acknowledged_before_its_commit(sqlite: AsyncEngine) -> None:
    """The order inside the process: the commit of the driver returns, then the caller goes on."""
    store = RecordStore(sqlite, worker="w-test")
    await store.start()
    connection = await store._writer.connect()
    driver = store._writer._sqlite
    assert driver is not None
    commit, order = driver.commit, []

    async def slow_commit() -> None:
        await asyncio.sleep(0.05)
        await commit()
        order.append("commit")

    driver.commit = slow_commit  # type: ignore[method-assign]
    await store.intent(samples.intent())
    order.append("acknowledged")
    assert order == ["commit", "acknowledged"]
    assert connection is store._writer._connection
    await store.stop()
