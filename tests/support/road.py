"""The whole application in this process: real database, real policy, real upstream server; ASGI instead of sockets.

Starting it costs a fraction of a second, so it serves tests of the road that need no processes of their own. Scanning
is played by `MarkScanner`, which knows a few invented values.
"""

import asyncio
import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from filters.findings import Category, Finding, OperatingPoint, ScanError, Slot
from gateway.app import Gateway, create_app
from gateway.cli.run import make_first_keys, prepare_database
from gateway.metrics import Metrics
from gateway.pipeline import Parts
from gateway.routes.road import Road
from gateway.settings import Settings
from tests.support.gateway import KEYS

PERSON = "Fatima Van den Broeck"
MAIL = "fatima@example.org"
NUMBER = "85073000061"
SECRET = "GEHEIM: dossier Vogelsang"
MARKS: Mapping[str, tuple[str, Category]] = {
    PERSON: ("PERSON", Category.PERSONAL),
    MAIL: ("EMAIL_ADDRESS", Category.PERSONAL),
    NUMBER: ("BE_NATIONAL_NUMBER", Category.PERSONAL),
    SECRET: ("MARKING_CONFIDENTIAL", Category.CONFIDENTIAL),
}


@dataclass
class MarkScanner:
    """Finds the values of `MARKS`; `works = False` plays a filter that fails."""

    version: str = "marks/1"
    works: bool = True
    seen: list[str] = field(default_factory=list)

    async def scan(self, slots: Sequence[Slot], point: OperatingPoint) -> list[Finding]:
        if not self.works:
            raise ScanError
        self.seen += [slot.text for slot in slots]
        return sorted(_marks(slots), key=lambda f: (f.slot, f.start))


def _marks(slots: Sequence[Slot]) -> Iterator[Finding]:
    for number, slot in enumerate(slots):
        for value, (kind, category) in MARKS.items():
            start = slot.text.find(value)
            while start >= 0:
                yield Finding(number, start, start + len(value), kind, category, 1.0, "marks")
                start = slot.text.find(value, start + len(value))


@dataclass
class Reply:
    """What the client got; `left` when it hung up before the end."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    pieces: int = 0

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code; empty where there is no error."""
        return str(self.json().get("error", {}).get("code", ""))

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The data of a stream, end mark left out."""
        lines = [line.removeprefix("data: ") for line in self.text.split("\n\n") if line.startswith("data: {")]
        return [json.loads(line) for line in lines]

    @property
    def content(self) -> str:
        if self.headers["content-type"].startswith("text/event-stream"):
            return "".join(choice["delta"].get("content") or "" for c in self.chunks for choice in c["choices"])
        return str(self.json()["choices"][0]["message"]["content"])


class _Log(logging.Handler):
    """Everything that any logger was given, with all its fields, whatever a formatter would show of it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.getMessage()} {record.__dict__}")


@dataclass
class InProcess:
    """One worker. `keys` by name as in `tests.support.gateway.KEYS`."""

    app: Gateway
    settings: Settings
    scanner: MarkScanner
    keys: Mapping[str, str]
    log: list[str]

    @property
    def road(self) -> Road:
        assert self.app.road is not None
        return self.app.road

    @property
    def parts(self) -> Parts:
        return self.road._parts

    def with_parts(self, **changes: Any) -> None:
        """Put another part in place of the app's own."""
        self.app.road = Road(replace(self.parts, **changes), self.road._authenticator, self.road._formats)

    async def ask(self, text: str, *, model: str = "pseudo", who: str = "staff", **fields: Any) -> Reply:
        """One chat request with one message of the user."""
        return await self.post({"model": model, "messages": [{"role": "user", "content": text}], **fields}, who=who)

    async def post(self, body: Any, *, who: str = "staff", leave_after: int | None = None, **headers: str) -> Reply:
        """`leave_after`: the client hangs up after that many pieces of the answer's body."""
        return await self.call("POST", "/v1/chat/completions", body, who=who, leave_after=leave_after, **headers)

    async def call(
        self, method: str, path: str, body: Any = None, *, who: str = "staff", leave_after: int | None = None,
        **headers: str,
    ) -> Reply:  # fmt: skip
        raw = b"" if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json", "content-length": str(len(raw)), **headers}
        if who:
            sent["authorization"] = f"Bearer {self.keys.get(who, who)}"
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in sent.items()],
            "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        reply, left = Reply(), asyncio.Event()
        arriving = iter([{"type": "http.request", "body": raw, "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in arriving:
                return message
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {k.decode(): v.decode() for k, v in message["headers"]}
                return
            reply.body += message["body"]
            reply.pieces += 1
            if leave_after is not None and reply.pieces >= leave_after:
                left.set()
                await asyncio.sleep(0)

        with contextlib.suppress(ConnectionAbortedError):
            await self.app(scope, receive, send)
        return reply

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database holds once all that is queued is written."""
        await self.parts.records.drain()
        with contextlib.closing(sqlite3.connect(self.settings.data_dir / "sluis.db", timeout=10)) as connection:
            return connection.execute(query).fetchall()

    async def ending(self, reply: Reply) -> list[tuple[Any, ...]]:
        """(ended_by, status) of that exchange."""
        reference = reply.headers["x-request-id"]
        return await self.rows(f"SELECT ended_by, status FROM outcomes WHERE request_id = '{reference}'")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else can write to the database meanwhile."""
        with contextlib.closing(
            sqlite3.connect(self.settings.data_dir / "sluis.db", timeout=10, isolation_level=None)
        ) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")


async def until(happened: Any, seconds: float = 10.0) -> None:
    """Wait for what another task or thread does; an AssertionError when it does not."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def in_process(folder: Path, policy: str, patch: pytest.MonkeyPatch, **settings: Any) -> AsyncIterator[InProcess]:
    """Start it and stop it again. The test's own logging is put back afterwards."""
    allowlist = folder / "allowlist.yaml"
    allowlist.write_text(policy, encoding="utf-8")
    made = Settings(data_dir=folder / "data", allowlist=allowlist, log_level="DEBUG", **settings)
    await prepare_database(made)
    made.run_dir.mkdir(parents=True, exist_ok=True)
    keys = dict(zip((k.name for k in KEYS), await make_first_keys(made, KEYS), strict=True))
    patch.setattr("gateway.app.Metrics", lambda: Metrics(CollectorRegistry()))  # one worker a process, elsewhere
    root, log, scanner = logging.getLogger(), _Log(), MarkScanner()
    before, level = root.handlers[:], root.level
    try:
        app = create_app(made, scanner=scanner)
        root.handlers[:] = [log]
        async with app.router.lifespan_context(app):
            yield InProcess(app, made, scanner, keys, log.lines)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
