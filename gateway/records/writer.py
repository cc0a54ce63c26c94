"""The one connection that writes records: held open, one transaction a group, its answer never guessed.

A failed write is either `NotWritten` (the transaction cannot have been committed) or `Unclear` (the connection was lost
while COMMIT was under way: only looking tells). The store decides what to do; this module only says which it was.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence

import aiosqlite
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.records.binding import Bound, Statements
from gateway.records.tables import intents
from gateway.records.workers import Beat, beat, highest_seq

_LOOK_UP = 500  # ids in one question; old SQLite takes 999 parameters
_BUSY_MS = 1000  # nothing can interrupt SQLite's own wait for a lock, so it is short; the store tries again anyway
_PATIENCE = 5.0  # seconds for tidying up a connection that failed


class NotWritten(Exception):
    """Nothing of the group is stored. `rows_at_fault` when the store answered but would not take these rows."""

    def __init__(self, error_type: str, *, rows_at_fault: bool = False) -> None:
        super().__init__(error_type)
        self.error_type = error_type
        self.rows_at_fault = rows_at_fault


class Unclear(NotWritten):
    """The group may be stored: COMMIT was sent and its answer did not come."""


def _blames_rows(error: Exception) -> bool:
    """Whether an error is about values, keys or columns; anything unknown is held to be the store's own trouble."""
    cause = getattr(error, "orig", None) or error
    sqlstate = getattr(cause, "sqlstate", None)
    if sqlstate is not None:
        return str(sqlstate)[:2] in {"22", "23", "42"}  # data exception, integrity violation, unknown table or column
    rows = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
    return isinstance(cause, (*rows, OverflowError, TypeError, ValueError))


class Writer:
    """Not safe for two tasks at once: the store's writer task is the only caller."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._statements = Statements.of(engine.dialect)
        self._connection: AsyncConnection | None = None
        self._sqlite: aiosqlite.Connection | None = None

    async def connect(self) -> AsyncConnection:
        if self._connection is None:
            self._connection = await self._engine.connect()
            driver = (await self._connection.get_raw_connection()).driver_connection
            self._sqlite = driver if isinstance(driver, aiosqlite.Connection) else None
            if self._sqlite is not None:
                await self._sqlite.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        return self._connection

    async def write(self, intent_rows: Sequence[Bound], outcome_rows: Sequence[Bound], heartbeat: Beat | None) -> None:
        """Store all in one transaction; return when it is durable. Raises NotWritten or Unclear."""
        committing = False
        try:
            connection = await self.connect()
            if self._sqlite is not None and heartbeat is None:
                await self._execute_sqlite(self._sqlite, intent_rows, outcome_rows)
                committing = True
                await self._sqlite.commit()
            else:
                await connection.run_sync(self._execute, intent_rows, outcome_rows, heartbeat)
                committing = True
                await connection.commit()
        except Exception as error:  # noqa: BLE001 the outermost of the writer: whatever it was, nothing is acknowledged
            at_fault = await self._recover(error, committing=committing)
            if committing:
                raise Unclear(type(error).__name__) from None
            raise NotWritten(type(error).__name__, rows_at_fault=at_fault) from None

    def _execute(
        self,
        connection: Connection,
        intent_rows: Sequence[Bound],
        outcome_rows: Sequence[Bound],
        heartbeat: Beat | None,
    ) -> None:
        if intent_rows:
            connection.exec_driver_sql(self._statements.intent, list(intent_rows))
        if outcome_rows:
            connection.exec_driver_sql(self._statements.outcome, list(outcome_rows))
        if heartbeat is not None:
            beat(connection, heartbeat)

    async def _execute_sqlite(
        self, driver: aiosqlite.Connection, intent_rows: Sequence[Bound], outcome_rows: Sequence[Bound]
    ) -> None:
        """The same on the driver's connection: SQLAlchemy's cursor costs five hops to aiosqlite's thread, this one.

        Measured: alone in its group a row costs 370 µs CPU this way and 840 the other.
        """
        if intent_rows:
            await driver.executemany(self._statements.intent, intent_rows)
        if outcome_rows:
            await driver.executemany(self._statements.outcome, outcome_rows)

    async def _recover(self, error: Exception, *, committing: bool = False) -> bool:
        """Back to a clean connection; True when the store answers, so that the rows are to blame.

        A connection in doubt is dropped and the next write opens another.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return False
        in_doubt = committing or connection.invalidated or not _blames_rows(error)
        if not in_doubt:
            with contextlib.suppress(SQLAlchemyError, sqlite3.Error, OSError, TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    if self._sqlite is not None:
                        await self._sqlite.rollback()
                    await connection.rollback()
                    if not connection.invalidated:
                        await connection.exec_driver_sql("SELECT 1")
                        await connection.rollback()
                        self._connection = connection
                        return True
        with contextlib.suppress(SQLAlchemyError, sqlite3.Error, OSError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await connection.invalidate()
                await connection.close()
        return False

    async def stored(self, request_ids: Sequence[str]) -> dict[str, str]:
        """Which of these intents are stored, and by which worker. Raises NotWritten when the store does not answer."""
        found: dict[str, str] = {}
        try:
            connection = await self.connect()
            for start in range(0, len(request_ids), _LOOK_UP):
                some = request_ids[start : start + _LOOK_UP]
                rows = await connection.execute(
                    select(intents.c.request_id, intents.c.worker).where(intents.c.request_id.in_(some))
                )
                found.update((row.request_id, row.worker) for row in rows)
            await connection.rollback()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            await self._recover(error)
            raise NotWritten(type(error).__name__) from None
        return found

    async def highest_seq(self) -> int:
        """The newest intent's seq; between two groups of this worker it bounds all that this worker has stored."""
        try:
            connection = await self.connect()
            value = await connection.run_sync(highest_seq)
            await connection.rollback()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            await self._recover(error)
            raise NotWritten(type(error).__name__) from None
        return value

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError, OSError, TimeoutError):
                async with asyncio.timeout(5):
                    await connection.close()
