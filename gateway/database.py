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
from gateway.logs import Log

log = Log(__name__)

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
    result = await connection.execute(update(change_counter).values(value=change_counter.c.value + 1))
    if result.rowcount != 1:
        raise RuntimeError("the change counter's row is missing: run the migrations")  # a change nobody would hear of
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(f"NOTIFY {CHANNEL}")


async def seed_counter(connection: AsyncConnection) -> None:
    """Create the counter's only row where it is missing (migrations do this too; tests use it)."""
    if (await connection.execute(select(change_counter.c.value))).first() is None:
        await connection.execute(insert(change_counter).values(id=1, value=0))


Listener = Callable[[], Awaitable[None]]

CHANNEL = "sluis_change"
LISTENER_TIMEOUT = 10.0
"""Seconds that one room may take to reload; longer is a failed poll, tried again at the next tick."""


class ChangeWatcher:
    """Polls the counter and calls every listener when it moved; knows how old its knowledge is.

    `check()` is what the road calls on each request: it raises Unavailable when the counter has not been seen for
    `max_age` seconds (two: the kill switch must hold). The watcher has one connection of its own, outside the pool: a
    pool that busy requests drained must not make the worker look blind. On PostgreSQL the same connection listens, so
    that a change is seen at once; polling goes on beside it, because a notification can be lost with its connection.
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
        self._polling = asyncio.Lock()
        self._connection: AsyncConnection | None = None
        self._looking: asyncio.Task[tuple[float, int]] | None = None

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
        """Read the counter once; reload all listeners when it moved. Raises what the database or a listener raises.

        One poll at a time: an older reload may not end after a newer one.
        """
        async with self._polling:
            began, value = await self._look()
            if value != self._value:
                for listener in self._listeners:
                    async with asyncio.timeout(LISTENER_TIMEOUT):
                        await listener()
                self._value = value
            self._seen = began

    async def run(self) -> None:
        """Poll until cancelled. A failing poll only ages the state: requests are refused after `max_age`."""
        failing = False
        poll: asyncio.Task[None] | None = None
        try:
            while True:
                self._wake.clear()
                poll = asyncio.create_task(self.poll())
                try:
                    await asyncio.shield(poll)
                except Exception as error:  # noqa: BLE001 - the outermost layer of this task: it refuses, and tries again
                    if not failing:
                        log.warning("state_not_confirmed", error_type=type(error).__name__)
                    failing = True
                else:
                    if failing:
                        log.info("state_confirmed_again")
                    failing = False
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._interval):
                        await self._wake.wait()
        finally:
            if poll is not None:
                await _ended(poll)
            await self.close()

    async def close(self) -> None:
        """Close the watcher's own connection; a later poll opens another."""
        if self._looking is not None:
            await _ended(self._looking)
            self._looking = None
        await self._disconnect()

    async def _look(self) -> tuple[float, int]:
        """(when the reading began, the counter). Raises TimeoutError after `max_age` seconds.

        A driver that is cut off in the middle leaves its connection behind, with aiosqlite a thread too (measured). So
        a reading that takes too long goes on by itself, within the database's own time-outs; the next poll picks it up.
        """
        if self._looking is None:
            self._looking = asyncio.create_task(self._read())
        try:
            async with asyncio.timeout(self._max_age):
                return await asyncio.shield(self._looking)
        finally:
            if self._looking.done():
                self._looking = None

    async def _read(self) -> tuple[float, int]:
        began = self._clock()
        try:
            if self._connection is None:
                self._connection = await self._connect()
            value: int = (await self._connection.execute(select(change_counter.c.value))).scalar_one()
        except BaseException:
            await self._disconnect()
            raise
        return began, value

    async def _connect(self) -> AsyncConnection:
        connection = await self._engine.connect()
        try:
            # Autocommit: every read sees the latest commit, and costs PostgreSQL one round trip instead of three.
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            raw = await connection.get_raw_connection()
            if connection.dialect.name == "postgresql" and raw.driver_connection is not None:
                await raw.driver_connection.add_listener(CHANNEL, self._notified)
            await connection.run_sync(lambda sync: sync.detach())
        except BaseException:
            await connection.close()
            raise
        return connection

    def _notified(self, *_: object) -> None:
        self.wake()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError, OSError, TimeoutError):
                await connection.close()


async def _ended(task: "asyncio.Task[Any]") -> None:
    """Wait until a task that nobody asks for its result any more has ended, however."""
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
