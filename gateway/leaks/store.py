"""The database as this room uses it: one durable transaction, and `insert where new` on both dialects."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.errors import Unavailable, sentence

TIMEOUT: Final = 12.0  # seconds; above SQLite's busy time-out and asyncpg's command time-out

LEAKS_UNAVAILABLE = sentence(
    "leaks_unavailable",
    "the store of near misses, incidents and alerts did not answer; nothing was written",
    nl="De gateway kan dit nu niet vastleggen. Probeer het zo dadelijk opnieuw. Gaat het om een datalek, bel dan "
    "meteen de DPO.",
    fr="La passerelle ne peut pas enregistrer ceci maintenant. Réessayez dans un instant. S'il s'agit d'une fuite de "
    "données, appelez le DPO sans attendre.",
    de="Das Gateway kann dies gerade nicht festhalten. Versuchen Sie es gleich noch einmal. Geht es um eine "
    "Datenpanne, rufen Sie sofort den DSB an.",
    en="The gateway cannot write this down right now. Try again in a moment. If it is about a data leak, call the DPO "
    "at once.",
)


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction: all or nothing, durable when the block has ended. Raises Unavailable."""
    try:
        async with asyncio.timeout(TIMEOUT), engine.begin() as connection:
            yield connection
    except (SQLAlchemyError, OSError, TimeoutError):
        raise Unavailable(LEAKS_UNAVAILABLE, headers={"Retry-After": "5"}) from None


async def insert_new(connection: AsyncConnection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless its key exists. True when it is new; a concurrent insert of the same key is waited for."""
    if connection.dialect.name == "sqlite":
        result = await connection.execute(sqlite.insert(table).values(**values).on_conflict_do_nothing())
    else:
        result = await connection.execute(postgresql.insert(table).values(**values).on_conflict_do_nothing())
    return result.rowcount == 1
