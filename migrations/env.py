"""Alembic's entry: with the connection that `gateway.records.migrate` holds, or its own for the `alembic` command."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from gateway.database import create_engine
from gateway.settings import Settings


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=context.config.attributes.get("metadata"),
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def by_command() -> None:
    """`alembic current`, `alembic history --verbose` …; upgrades belong to `sluis migrate`, which takes the lock."""
    engine = create_engine(Settings().database)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(by_command())
