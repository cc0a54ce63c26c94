"""Real parts for this room: a SQLite file and a PostgreSQL database, mail servers with TLS, a clock that tests move."""

import asyncio
import os
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.database import create_engine, metadata, seed_counter
from gateway.leaks import tables
from gateway.leaks.channels import AlertChannel, NotSentError, Parcel
from gateway.leaks.setup import LeaksRoom, open_leaks
from gateway.settings import Settings

START = 1_795_002_600.0  # 2026-11-18 11:50:00 UTC, ten minutes before a whole hour
DPO = ("dpo@gemeente.example.org", "nl")
PG = os.environ.get("SLUIS_TEST_PG", "postgresql://postgres@127.0.0.1:5432")


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Box:
    """A channel that collects, or refuses while `down`; for tests that are not about a channel."""

    name: str = "smtp"
    addressed: bool = True
    parcels: list[Parcel] = field(default_factory=list)
    down: bool = False

    async def send(self, parcel: Parcel) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise NotSentError("unreachable")
        self.parcels.append(parcel)

    async def close(self) -> None:
        return


@dataclass
class Mailbox:
    """A real mail server's handler; `connections` counts what reached it at all."""

    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    tls: list[bool] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.raw.append(envelope.content)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients.append(envelope.rcpt_tos)
        self.tls.append(session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None)
        return "250 OK"


@dataclass(frozen=True)
class Certificates:
    folder: Path
    ca: trustme.CA

    def ca_file(self, ca: trustme.CA | None = None) -> Path:
        path = self.folder / f"{secrets.token_hex(4)}.pem"
        (ca or self.ca).cert_pem.write_to_path(str(path))
        return path

    def server(self, *names: str, ca: trustme.CA | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (ca or self.ca).issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
        return context


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"), trustme.CA())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def mail_server(
    box: Mailbox,
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    port: int = 0,
    login: tuple[str, str] | None = None,
    require: bool = True,
) -> AsyncIterator[int]:
    """A mail server on loopback in this loop; yields its port. `require`: it takes no mail before STARTTLS."""

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login.decode(), data.password.decode()) == login, handled=False)

    def factory() -> SMTP:
        options: dict[str, Any] = {"hostname": "mail.example.org", "loop": loop}
        if starttls is not None:
            options |= {"tls_context": starttls, "require_starttls": require}
        if login is not None:
            options |= {"authenticator": check, "auth_required": True}
        return SMTP(box, **options)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def postgres_url() -> AsyncIterator[str]:
    """A database of its own, dropped afterwards."""
    name = f"sluis_leaks_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(f"{PG}/postgres")
    await admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{PG.replace('postgresql://', 'postgresql+asyncpg://')}/{name}"
    finally:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()


async def create_tables(engine: AsyncEngine) -> None:
    ours = [table for table in metadata.sorted_tables if table.name in OUR_TABLES or table.name == "change_counter"]
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: metadata.create_all(sync, tables=ours))
        await seed_counter(connection)


OUR_TABLES = {table.name for table in vars(tables).values() if isinstance(table, Table)}


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'sluis.db'}"
        return
    async with postgres_url() as found:
        yield found


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(url)
    await create_tables(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def file_engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """SQLite only: for tests where the database makes no difference."""
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'sluis.db'}")
    await create_tables(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def mask(text: str) -> str:
    """Stands for the scanner: numbers of the tests are replaced, as the pipeline's mask replaces findings."""
    return text.replace("85.07.30-000.61", "[BE_NATIONAL_NUMBER]").replace("Jolijn Verstappeghem", "[PERSON]")


Room = Callable[..., LeaksRoom]


def make_room(
    engine: AsyncEngine,
    clock: Callable[[], float],
    *channels: AlertChannel,
    recipients: Sequence[tuple[str, str]] = (DPO,),
    **more: Any,
) -> LeaksRoom:
    settings = Settings(timezone="UTC", **more.pop("settings", {}))
    more = {"mask": mask} | more
    return open_leaks(engine, settings, recipients=lambda _kind: recipients, clock=clock, channels=channels, **more)
