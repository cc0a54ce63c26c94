"""A process of its own that stores records and says which were acknowledged; killed or traced by the tests.

`child.py steps DB SYNCHRONOUS` writes three intents one after the other and says `ACK id` after each; SYNCHRONOUS is
empty for the engine as it is, or weakens it.
`child.py kills DB ACKS ROUNDS` forks a gateway worker ROUNDS times, each killed with SIGKILL at a random moment while
many callers write; the worker appends every acknowledged id to ACKS before its caller would have gone upstream.
"""

import asyncio
import os
import random
import signal
import sqlite3
import sys
import time
from typing import Any

from sqlalchemy import event

from gateway.database import create_engine
from gateway.records.store import RecordStore, close_open
from tests.gateway.records import samples

CALLERS = 24


def url(database: str) -> str:
    return f"sqlite+aiosqlite:///{database}"


async def steps(database: str, synchronous: str) -> None:
    engine = create_engine(url(database))
    if synchronous:  # the counter-check: a weakened engine must be seen

        @event.listens_for(engine.sync_engine, "connect")
        def _weaken(connection: Any, _record: Any) -> None:
            connection.execute(f"PRAGMA synchronous={synchronous}").close()

    store = RecordStore(engine, worker="w-steps")
    await store.start()
    for _ in range(3):
        row = samples.intent(worker="w-steps")
        await store.intent(row)
        os.write(1, f"ACK {row.request_id}\n".encode())
    await store.stop()
    await engine.dispose()


async def work(database: str, acks: int, worker: str) -> None:
    """Half of the exchanges end; the other half stays open until the kill."""
    engine = create_engine(url(database))
    store = RecordStore(engine, worker=worker)
    await store.start()
    await close_open(engine, worker=worker, now=int(time.time() * 1000))

    async def caller(number: int) -> None:
        while True:
            row = samples.intent(worker=worker)
            await store.intent(row)
            os.write(acks, f"{row.request_id}\n".encode())
            if number % 2:
                store.outcome(samples.outcome(row.request_id))

    await asyncio.gather(*(caller(number) for number in range(CALLERS)))


def kills(database: str, acks: str, rounds: int) -> None:
    dice = random.Random(rounds)  # noqa: S311 a seed, so that a failure can be repeated
    handle = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in range(rounds):
        size = os.fstat(handle).st_size
        pid = os.fork()
        if pid == 0:
            asyncio.run(work(database, handle, f"w-{number}"))
            os._exit(0)
        while os.fstat(handle).st_size == size:  # until its first acknowledgement
            time.sleep(0.001)
        time.sleep(dice.random() * 0.02)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def check_database(database: str) -> str:
    with sqlite3.connect(database) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


if __name__ == "__main__":
    if sys.argv[1] == "steps":
        asyncio.run(steps(*sys.argv[2:4]))
    else:
        kills(sys.argv[2], sys.argv[3], int(sys.argv[4]))
