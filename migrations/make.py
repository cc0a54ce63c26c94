"""Write a revision from the tables that the code defines: `python migrations/make.py "what changes"`.

With `--initial` the first revision is written anew; only before the first release, never after.
"""

import argparse
import asyncio
import importlib
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, MetaData

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from gateway.database import create_engine, metadata  # noqa: E402 the checkout must be importable first
from gateway.records.migrate import config, upgrade  # noqa: E402

ROOMS = ("identity", "policy", "records", "leaks")


def all_tables() -> MetaData:
    """The metadata once every room that defines tables is imported."""
    for room in ROOMS:
        package = importlib.import_module(f"gateway.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"gateway.{room}."):
            importlib.import_module(module.name)
    return metadata


async def make(message: str, revision: str) -> None:
    """Compare a scratch database at the newest revision with the code, and write the difference down."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'scratch.db'}"
        if any((HERE / "versions").glob("*.py")):
            await upgrade(url)
        engine = create_engine(url)
        async with engine.connect() as connection:
            await connection.run_sync(_revise, message, revision)
        await engine.dispose()


def _revise(connection: Connection, message: str, revision: str) -> None:
    settings = config()
    settings.attributes.update(connection=connection, metadata=all_tables())
    settings.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    command.revision(settings, message=message, autogenerate=True, rev_id=revision)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("message", nargs="?", default="initial")
    parser.add_argument("--initial", action="store_true")
    arguments = parser.parse_args()
    versions = HERE / "versions"
    if arguments.initial:
        for old in versions.glob("*.py"):
            old.unlink()
    number = len(list(versions.glob("*.py"))) + 1
    asyncio.run(make(arguments.message, f"{number:04}"))
    for action in (["check", "--quiet", "--select", "I,F", "--fix"], ["format", "--quiet"]):
        subprocess.run(["ruff", *action, str(versions)], check=True)  # noqa: S603, S607 a developer's tool


if __name__ == "__main__":
    main()
