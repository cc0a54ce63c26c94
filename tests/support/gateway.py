"""A real gateway in processes of its own: `sluis serve` on a free port, with a tool list and keys made for the test."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from gateway.cli.run import make_first_keys, prepare_database
from gateway.exchange import Role
from gateway.identity.checks import NewKey
from gateway.records.migrate import upgrade
from gateway.settings import Settings

ROOT = Path(__file__).parents[2]
APPROVALS = {"ict": {"by": "test", "date": "2026-01-01"}, "dpo": {"by": "test", "date": "2026-01-01"}}
DPO_MAIL = "dpo@example.org"


def tool(tool_id: str, upstream: str, **changes: Any) -> dict[str, Any]:
    """One approved tool; `changes` replace its fields."""
    return {
        "id": tool_id,
        "name": f"Tool {tool_id}",
        "environment": "trial",
        "status": "approved",
        "provider": {"name": "Test", "otel_name": "openai"},
        "terms": "self-hosted",
        "trains_on_input": "no",
        "models": [tool_id],
        "upstream": {"base_url": upstream},
        "data": {
            "personal": "pseudonymize",
            "special": "block",
            "confidential": "block",
            "security": "block",
            "none_found": "allow",
        },
        "approvals": APPROVALS,
        "review_by": "2099-01-01",
        **changes,
    }


def allowlist(*tools: dict[str, Any], **organisation: Any) -> str:
    """A tool list as it is written. JSON is YAML, but a person would read this."""
    ict, dpo = {"name": "ICT", "email": "ict@example.org"}, {"name": "DPO", "email": DPO_MAIL}
    tree = {
        "profile": "trial",
        "organisation": {
            "name": "Gemeente Test",
            "languages": ["nl", "fr", "de", "en"],
            "default_language": "nl",
            "contacts": {"ict": ict, "dpo": dpo},
            **organisation,
        },
        "tools": list(tools),
    }
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def both_tools(upstream: str) -> str:
    """`pseudo` replaces personal data, `strict` blocks them, `open` lets them through; behind `dead` nobody listens."""
    strict = {
        "personal": "block",
        "special": "block",
        "confidential": "block",
        "security": "block",
        "none_found": "allow",
    }
    return allowlist(
        tool("pseudo", upstream, visible_label=True),
        tool("strict", upstream, data=strict),
        tool("open", upstream, data={**strict, "personal": "note"}, entities={"BE_NATIONAL_NUMBER": "note"}),
        tool("dead", "http://127.0.0.1:1/v1"),
    )


@dataclass
class RunningGateway:
    """What a test needs to know of it."""

    folder: Path
    settings: Settings
    process: subprocess.Popen[bytes]
    keys: Mapping[str, str]
    port: int
    metrics_port: int
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.base}/v1"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.settings.run_dir / "state.json").read_text())
        return found

    def metrics(self) -> str:
        return httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text

    def client(self, who: str = "staff", *, headers: Mapping[str, str] | None = None) -> httpx.Client:
        return httpx.Client(
            base_url=self.base,
            headers={"Authorization": f"Bearer {self.keys[who]}", **(headers or {})},
            timeout=60,
            trust_env=False,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read the SQLite database as it lies there."""
        path = self.settings.data_dir / "sluis.db"
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection:
            return connection.execute(query).fetchall()

    def every_cell(self) -> str:
        """All that the database holds, as one text (the canary test looks in it)."""
        tables = [name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return "\n".join(repr(row) for name in tables for row in self.rows(f'SELECT * FROM "{name}"'))

    def stop(self, how: int = signal.SIGTERM) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(how)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


KEYS = (
    NewKey(subject="ict", unit="ICT", role=Role.ICT, name="ict"),
    NewKey(subject="dpo", unit="DPO", role=Role.DPO, name="dpo"),
    NewKey(subject="an.voorbeeld@example.org", unit="Burgerzaken", role=Role.STAFF, name="staff"),
    NewKey(subject="bo.voorbeeld@example.org", unit="Groen", role=Role.STAFF, name="answer", answer_mode=True),
    NewKey(subject="cy.voorbeeld@example.org", unit="Communication", role=Role.STAFF, name="french", language="fr"),
)


@contextlib.contextmanager
def gateway(folder: Path, policy: str, *, seconds: float = 90, **settings: Any) -> Iterator[RunningGateway]:
    """Start it, wait until it is ready, stop it. `settings` are fields of Settings."""
    running = start(folder, policy, seconds=seconds, **settings)
    try:
        yield running
    finally:
        running.stop()


def start(
    folder: Path,
    policy: str,
    *,
    seconds: float = 90,
    keys: Mapping[str, str] | None = None,
    engine: str = "",
    app: str = "gateway.app:create_app",
    **settings: Any,
) -> RunningGateway:
    """The same without an end; `keys` of an earlier start on the same folder.

    `engine` replaces the scanners' engine (`module:Class`), and with it `app` the application (`module:factory`). A
    PostgreSQL database is brought to the schema first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "allowlist.yaml").write_text(policy, encoding="utf-8")
    made = Settings(
        data_dir=folder / "data",
        allowlist=folder / "allowlist.yaml",
        port=settings.pop("port", 0),
        metrics_port=0,
        **settings,
    )
    if keys is None:
        asyncio.run(prepare_database(made) if made.is_sqlite else upgrade(made.database))
        keys = dict(zip((k.name for k in KEYS), asyncio.run(make_first_keys(made, KEYS)), strict=True))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUIS_")}
    environment |= {f"SLUIS_{k.upper()}": str(v) for k, v in made.model_dump().items() if v is not None}
    environment["PYTHONPATH"] = str(ROOT)
    (made.run_dir / "state.json").unlink(missing_ok=True)
    command = ["tests.support.serve", engine, app] if engine else ["gateway.cli", "serve"]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], env=environment, stdout=log, stderr=log, cwd=folder
        )
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the gateway ended with {process.returncode}: {(folder / 'log').read_text()[-3000:]}")
        with contextlib.suppress(OSError, ValueError):
            state = json.loads((made.run_dir / "state.json").read_text())
            if state["pid"] == process.pid:
                return RunningGateway(folder, made, process, keys, state["port"], state["metrics_port"], environment)
        time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"the gateway was not ready in time: {(folder / 'log').read_text()[-3000:]}")
