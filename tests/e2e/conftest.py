"""One gateway, one upstream and one mail server for all tests of this folder: real processes on loopback."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.support.gateway import RunningGateway, both_tools, gateway
from tests.support.upstream import Upstream


@dataclass
class MailServer:
    """A real SMTP server; `messages` are what arrived."""

    port: int = 0
    raw: list[bytes] = field(default_factory=list)

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(data, policy=policy.default) for data in self.raw]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  (aiosmtpd's name)
        self.raw.append(envelope.content)
        return "250 OK"


@pytest.fixture(scope="session")
def mail() -> Iterator[MailServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = MailServer(port=free.getsockname()[1])
    controller = Controller(server, hostname="127.0.0.1", port=server.port, ready_timeout=30)
    controller.start()
    yield server
    controller.stop()


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(upstream: Upstream) -> None:
    upstream.requests.clear()
    upstream.left.clear()
    upstream.cut = 0


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream, mail: MailServer) -> Iterator[RunningGateway]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    with gateway(
        folder,
        both_tools(upstream.base_url),
        smtp_host="127.0.0.1",
        smtp_port=mail.port,
        smtp_tls="none",
        mail_from="sluis@example.org",
        log_level="DEBUG",
        read_timeout=2.0,
    ) as started:
        yield started


STAND_IN = "tests.support.engine:Engine"


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[RunningGateway]:
    """A gateway whose scanners run the stand-in engine: `poison` makes it raise, `die` kills it, `sleep:S` holds it."""
    folder: Path = tmp_path_factory.mktemp("small")
    with gateway(
        folder,
        both_tools(upstream.base_url),
        engine=STAND_IN,
        log_level="DEBUG",
        read_timeout=2.0,
        scan_timeout=4.0,
        client_timeout=3.0,
    ) as started:
        yield started
