"""`serve`, `check`, `migrate`, `first-keys`, `trial`: the commands that touch the database or the file themselves."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from gateway.cli.output import print_json
from gateway.database import create_engine
from gateway.errors import GatewayError
from gateway.identity.checks import NewKey
from gateway.identity.first import FIRST_KEYS, create_first_keys
from gateway.policy.check import check as check_policy
from gateway.policy.check import render
from gateway.policy.shipped import shipped_allowlist, trial_policy
from gateway.records.migrate import is_current, upgrade
from gateway.settings import Settings
from gateway.supervisor import StartError, State
from gateway.supervisor import serve as supervise

REFUSED: Final = 1
_notes = Console(stderr=True)


class OnPersonal(StrEnum):
    """What a trial does with personal data."""

    PSEUDONYMIZE = "pseudonymize"
    BLOCK = "block"


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("serve")(serve)
    app.command("check")(check)
    app.command("migrate")(migrate)
    app.command("first-keys")(first_keys)
    app.command("trial")(trial)


def with_allowlist(settings: Settings) -> Settings:
    """Settings whose tool list exists: the shipped one where none was written yet."""
    if settings.allowlist.is_file():
        return settings.model_copy(update={"allowlist": settings.allowlist.resolve()})
    return settings.model_copy(update={"allowlist": shipped_allowlist()})


async def prepare_database(settings: Settings) -> None:
    """SQLite is brought to this version's schema; PostgreSQL must be already (several gateways may share it)."""
    if settings.is_sqlite:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        await upgrade(settings.database)
        return
    engine = create_engine(settings.database)
    try:
        current = await is_current(engine)
    finally:
        await engine.dispose()
    if not current:
        raise StartError("The database has another schema than this version of Sluis. Run `sluis migrate` first.")


def serve() -> None:
    """Run the gateway with the settings of the environment (SLUIS_…). Stops on Ctrl-C or SIGTERM."""
    settings = with_allowlist(Settings())
    problems, policy = check_policy(settings.allowlist, datetime.now().astimezone().date())
    if policy is None:
        for line in render(problems, policy):
            _notes.print(line, markup=False)
        raise typer.Exit(REFUSED)
    raise typer.Exit(run(settings))


def run(settings: Settings, on_ready: Callable[[State], None] | None = None) -> int:
    """Prepare the database and supervise; ends the command with a plain sentence where it cannot start."""
    try:
        asyncio.run(prepare_database(settings))
        return supervise(settings, on_ready=on_ready)
    except StartError as error:
        _notes.print(str(error), markup=False)
        return REFUSED


def check(
    path: Annotated[Path | None, typer.Argument(help="Default: SLUIS_ALLOWLIST, or the shipped one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check a tool list against the rules of the house: what would be refused, what is worth a second look."""
    file = path or with_allowlist(Settings()).allowlist
    problems, policy = check_policy(file, datetime.now().astimezone().date())
    if as_json:
        print_json({"usable": policy is not None, "problems": [asdict(problem) for problem in problems]})
    else:
        for line in render(problems, policy):
            typer.echo(line)
    raise typer.Exit(0 if policy is not None else REFUSED)


def migrate() -> None:
    """Bring the database to this version's schema."""
    settings = Settings()
    if settings.is_sqlite:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _notes.status("migrating"):
        asyncio.run(upgrade(settings.database))
    typer.echo("the database has the schema of this version")


def first_keys() -> None:
    """Make the very first keys, one for ICT and one for the DPO. They are shown once; refused when any key exists."""
    settings = Settings()
    try:
        asyncio.run(prepare_database(settings))
        made = asyncio.run(make_first_keys(settings, FIRST_KEYS))
    except (StartError, GatewayError) as error:
        text = error.message("en") if isinstance(error, GatewayError) else str(error)
        _notes.print(text, markup=False)
        raise typer.Exit(REFUSED) from None
    for new, key in zip(FIRST_KEYS, made, strict=True):
        typer.echo(f"{new.role}: {key}")
    _notes.print("Keep them now: they are stored as hashes and cannot be shown again.")


async def make_first_keys(settings: Settings, wanted: Sequence[NewKey]) -> list[str]:
    """The full text of each key. Raises Conflict when any key exists."""
    engine = create_engine(settings.database)
    try:
        return [key for _, key in await create_first_keys(engine, wanted, at=time.time())]
    finally:
        await engine.dispose()


def trial(
    upstream: Annotated[str, typer.Option(help="Base URL of an OpenAI-compatible endpoint, such as http://…/v1.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 0,
    on_personal: Annotated[OnPersonal, typer.Option(help="What happens to personal data.")] = OnPersonal.PSEUDONYMIZE,
) -> None:
    """A throw-away gateway in front of any OpenAI-compatible endpoint; every model name is passed through.

    Prints one JSON line when ready. A key for the endpoint is read from SLUIS_TRIAL_UPSTREAM_KEY where it is set.
    """
    folder = Path(tempfile.mkdtemp(prefix="sluis-trial-"))
    try:
        key_env = "SLUIS_TRIAL_UPSTREAM_KEY" if os.environ.get("SLUIS_TRIAL_UPSTREAM_KEY") else None
        allowlist = trial_policy(upstream, on_personal.value, folder, key_env=key_env)
        settings = Settings().model_copy(
            update={
                "data_dir": folder, "allowlist": allowlist, "database_url": "", "port": port, "metrics_port": 0,
                "workers": 1,
            }
        )  # fmt: skip
        asyncio.run(prepare_database(settings))
        [key] = asyncio.run(make_first_keys(settings, [NewKey(subject="trial", unit="trial", name="trial")]))

        def announce(state: State) -> None:
            line = {
                "base_url": f"http://{state.host}:{state.port}/v1",
                "api_key": key,
                "pid": state.pid,
                "database": settings.database,
                "metrics_url": f"http://{state.metrics_host}:{state.metrics_port}/metrics",
            }
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()

        status = run(settings, announce)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    raise typer.Exit(status)
