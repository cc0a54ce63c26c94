"""Webhooks: a real HTTPS server; the signature is verified with the library that receivers use."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.leaks.alerts import Alert, Kind
from gateway.leaks.channels import NotSentError, Parcel
from gateway.leaks.webhook import WebhookChannel, WebhookOptions
from tests.gateway.leaks.conftest import START, Certificates, free_port

SECRET = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
ID = "01999999-0000-7000-8000-000000000001"


def parcel() -> Parcel:
    alert = Alert(
        kind=Kind.NEAR_MISS_FIRST, at=START, unit="Financiën", tool="mistral", entity_types={"IBAN_CODE": 2}, count=1
    )
    return Parcel(id=ID, alert_id=ID, recipient="", language="en", created_at=START, alert=alert)


@dataclass
class Receiver:
    """What arrived; `answer` makes the reply."""

    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        self.paths.append(request.path)
        return await self.answer(request) if self.answer else web.Response(status=204)


@asynccontextmanager
async def serve(receiver: Receiver, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def channel(port: int, ca_file: Path | None, scheme: str = "https") -> AsyncIterator[WebhookChannel]:
    url = f"{scheme}://127.0.0.1:{port}/alerts"
    way = WebhookChannel(WebhookOptions(url, SECRET, source="https://sluis.example.org", ca_file=ca_file))
    try:
        yield way
    finally:
        await way.close()


async def failure(port: int, ca_file: Path | None) -> str:
    async with channel(port, ca_file) as way:
        with pytest.raises(NotSentError) as caught:
            await way.send(parcel())
    return caught.value.failure


async def test_the_event_arrives_signed_and_the_library_verifies_it(certificates: Certificates) -> None:
    receiver = Receiver()
    async with (
        serve(receiver, certificates.server()) as port,
        channel(port, certificates.ca_file()) as way,
    ):
        await way.send(parcel())
        await way.send(parcel())
    body, headers = receiver.bodies[0], receiver.headers[0]
    event = Webhook(SECRET.get_secret_value()).verify(body, headers)
    assert event == {
        "specversion": "1.0",
        "id": ID,
        "source": "https://sluis.example.org",
        "type": "sluis.near_miss_first",
        "time": "2026-11-18T11:50:00.000+00:00",
        "datacontenttype": "application/json",
        "subject": "mistral",
        "data": {
            "kind": "near_miss_first",
            "at": START,
            "unit": "Financiën",
            "tool": "mistral",
            "count": 1,
            "entity_types": {"IBAN_CODE": 2},
            "contains_values": False,
        },
    }
    assert headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert {h["webhook-id"] for h in receiver.headers} == {ID}  # the same on every attempt: receivers drop doubles
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET.get_secret_value()).verify(body.replace(b"mistral", b"another"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 32).verify(body, headers)
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 300


async def test_the_certificate_is_checked(certificates: Certificates) -> None:
    receiver = Receiver()
    for context in (certificates.server(ca=trustme.CA()), certificates.server("elsewhere.example.org")):
        async with serve(receiver, context) as port:
            assert await failure(port, certificates.ca_file()) == "tls"
    assert receiver.bodies == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(certificates: Certificates, status: int) -> None:
    async def away(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    receiver = Receiver(away)
    async with serve(receiver, certificates.server()) as port:
        assert await failure(port, certificates.ca_file()) == "redirect"
    assert receiver.paths == ["/alerts"]


@pytest.mark.parametrize(
    ("status", "expected"), [(200, ""), (202, ""), (204, ""), (400, "status"), (410, "status"), (500, "status")]
)
async def test_only_2xx_means_accepted(certificates: Certificates, status: int, expected: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with serve(Receiver(answer), certificates.server()) as port:
        if expected:
            assert await failure(port, certificates.ca_file()) == expected
        else:
            async with channel(port, certificates.ca_file()) as way:
                await way.send(parcel())


async def test_an_endless_answer_is_not_read(certificates: Certificates) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    async with serve(Receiver(endless), certificates.server()) as port, channel(port, certificates.ca_file()) as way:
        async with asyncio.timeout(10):
            await way.send(parcel())


async def test_a_receiver_that_is_away_or_breaks_off_is_a_failure(certificates: Certificates) -> None:
    assert await failure(free_port(), None) == "unreachable"

    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serve(Receiver(hang_up), certificates.server()) as port:
        assert await failure(port, certificates.ca_file()) == "protocol"


async def test_a_proxy_of_the_environment_is_not_used(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    receiver = Receiver()
    async with serve(receiver, certificates.server()) as port, channel(port, certificates.ca_file()) as way:
        await way.send(parcel())
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("http://hooks.example.org/x", "https"),
        ("ftp://127.0.0.1/x", "https"),
        ("hooks.example.org", "https"),
        ("https://user:secret@hooks.example.org/x", "password"),
    ],
)
def test_an_unsafe_address_is_refused_at_start(url: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        WebhookOptions(url, SECRET)


async def test_plain_http_is_accepted_on_this_machine() -> None:
    receiver = Receiver()
    async with serve(receiver, None) as port, channel(port, None, "http") as way:
        await way.send(parcel())
    assert json.loads(receiver.bodies[0])["id"] == ID


def test_a_secret_that_is_none_is_refused_at_start() -> None:
    for bad in ("whsec_", "", "whsec_c2hvcnQ=", "whsec_geen base64, en lang genoeg om er een te zijn"):
        with pytest.raises(ValueError, match="at least 24 bytes") as caught:
            WebhookChannel(WebhookOptions("https://hooks.example.org/x", SecretStr(bad)))
        assert "c2hv" not in str(caught.value)
