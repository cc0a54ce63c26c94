"""One engine, one metadata, one change counter: what identity, policy, records and leaks share.

Durable means: survives a power cut (SQLite WAL with `synchronous=FULL`, PostgreSQL `synchronous_commit=on`; promise 3).
The counter tells every worker within a second that something in force changed (a key, a suspension, an incident).
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, event, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.errors import Unavailable, sentence

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

change_counter = Table(
    "change_counter",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("value", BigInteger, nullable=False),
)

STALE_STATE = sentence(
    "stale_state",
    "this worker has not seen the change counter for two seconds, so it cannot know of a suspension or a revoked key",
    nl="De gateway kan nu niet nagaan welke tools en sleutels gelden. Probeer het zo dadelijk opnieuw.",
    fr="La passerelle ne peut pas vérifier quels outils et clés sont valables. Réessayez dans un instant.",
    de="Das Gateway kann gerade nicht prüfen, welche Werkzeuge und Schlüssel gelten. Versuchen Sie es gleich wieder.",
    en="The gateway cannot check right now which tools and keys are in force. Try again in a moment.",
)


def create_engine(url: str) -> AsyncEngine:
    """An engine whose every connection commits durably. SQLite: WAL, `synchronous=FULL`, 5 s busy time-out."""
    if not url.startswith("sqlite"):
        return create_async_engine(
            url,
            pool_size=4,
            max_overflow=4,
            pool_timeout=5,
            pool_pre_ping=False,
            connect_args={"timeout": 5, "command_timeout": 10, "server_settings": {"synchronous_commit": "on"}},
        )
    engine = create_async_engine(url, connect_args={"timeout": 5})

    @event.listens_for(engine.sync_engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA busy_timeout=5000")
        cursor.close()

    return engine


async def bump(connection: AsyncConnection) -> None:
    """Raise the change counter inside the transaction that makes the change."""
    await connection.execute(update(change_counter).values(value=change_counter.c.value + 1))
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql("NOTIFY sluis_change")


async def seed_counter(connection: AsyncConnection) -> None:
    """Create the counter's only row where it is missing (migrations do this too; tests use it)."""
    if (await connection.execute(select(change_counter.c.value))).first() is None:
        await connection.execute(insert(change_counter).values(id=1, value=0))


Listener = Callable[[], Awaitable[None]]


class ChangeWatcher:
    """Polls the counter and calls every listener when it moved; knows how old its knowledge is.

    `check()` is what the road calls on each request: it raises Unavailable when the counter has not been seen for
    `max_age` seconds (two: the kill switch must hold).
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        interval: float = 0.25,
        max_age: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._interval = interval
        self._max_age = max_age
        self._clock = clock
        self._listeners: list[Listener] = []
        self._seen = -float("inf")
        self._value: int | None = None
        self._wake = asyncio.Event()

    def subscribe(self, listener: Listener) -> None:
        """`listener` reloads one room's state; it runs at start and after every change."""
        self._listeners.append(listener)

    def check(self) -> None:
        """Raise Unavailable unless the state in force was confirmed within `max_age` seconds."""
        if self._clock() - self._seen > self._max_age:
            raise Unavailable(STALE_STATE, headers={"Retry-After": "2"})

    @property
    def age(self) -> float:
        """Seconds since the counter was last seen; infinite before the first time."""
        return self._clock() - self._seen

    def wake(self) -> None:
        """Look now instead of at the next tick (after our own change, or PostgreSQL's NOTIFY)."""
        self._wake.set()

    async def poll(self) -> None:
        """Read the counter once; reload all listeners when it moved. Raises what the database raises."""
        began = self._clock()
        async with asyncio.timeout(self._max_age), self._engine.connect() as connection:
            value = (await connection.execute(select(change_counter.c.value))).scalar_one()
        if value != self._value:
            for listener in self._listeners:
                await listener()
            self._value = value
        self._seen = began

    async def run(self) -> None:
        """Poll until cancelled. A failing poll only ages the state: requests are refused after `max_age`."""
        while True:
            with contextlib.suppress(SQLAlchemyError, OSError, TimeoutError):
                await self.poll()
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._wake.wait()
