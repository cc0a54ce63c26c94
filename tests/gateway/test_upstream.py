"""The upstream client contacts configured addresses only, keeps nothing, repeats nothing that may have arrived."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from gateway.errors import BadRequest, GatewayError, LimitReached, UpstreamError, UpstreamTimeout
from gateway.upstream import MAX_ANSWER, Destination, UpstreamClient, error_for

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """A raw server: sees each request's bytes, answers what the test says."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.heads: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
                body = await reader.readexactly(length)
                self.heads.append(head)
                await self.handler(body, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(answer: bytes | Handler, **options: object) -> AsyncIterator[Server]:
    async def fixed(_: bytes, writer: asyncio.StreamWriter) -> None:
        assert isinstance(answer, bytes)
        writer.write(answer)
        await writer.drain()

    server = Server(fixed if isinstance(answer, bytes) else answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, **options)  # type: ignore[arg-type]
    port = listening.sockets[0].getsockname()[1]
    server.url = f"http{'s' if 'ssl' in options else ''}://127.0.0.1:{port}/v1/chat/completions"
    async with listening:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    made = UpstreamClient(max_connections=8)
    await made.start()
    yield made
    await made.stop()


def to(url: str, **changes: object) -> Destination:
    options = {"connect_timeout": 1.0, "read_timeout": 0.4, "total_timeout": 5.0, "secret": {}, **changes}
    return Destination.build(url, **options)  # type: ignore[arg-type]


async def test_headers_are_built_from_nothing(client: UpstreamClient) -> None:
    async with serving(OK) as server:
        response = await client.post(to(server.url, secret={"api-key": "s3cret"}), b'{"a":1}')
        assert await response.read() == b"{}"
        response.close()
    names = {line.split(b":")[0].lower() for line in server.heads[0].split(b"\r\n")[1:] if line}
    assert names == {b"host", b"accept-encoding", b"content-type", b"user-agent", b"content-length", b"api-key"}


async def test_cookies_are_not_kept_and_connections_are(client: UpstreamClient) -> None:
    async with serving(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n\r\n", 1)) as server:
        for _ in range(3):
            response = await client.post(to(server.url), b"{}")
            await response.read()
            response.close()
    assert server.connections == 1
    assert not any(b"cookie" in head.lower() for head in server.heads)


async def test_a_redirect_is_not_followed(client: UpstreamClient) -> None:
    async with serving(OK) as other:
        moved = f"HTTP/1.1 307 Moved\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n".encode()
        async with serving(moved) as server:
            with pytest.raises(UpstreamError) as caught:
                await client.post(to(server.url), b"{}")
    assert caught.value.reason_code == "upstream_misconfigured"
    assert other.heads == []


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(OK) as proxy, serving(OK) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        made = UpstreamClient(max_connections=1)
        await made.start()
        (await made.post(to(server.url), b"{}")).close()
        await made.stop()
    assert (len(server.heads), proxy.heads) == (1, [])


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, BadRequest, "upstream_rejected"),
        (422, BadRequest, "upstream_rejected"),
        (401, UpstreamError, "upstream_misconfigured"),
        (404, UpstreamError, "upstream_misconfigured"),
        (429, LimitReached, "upstream_rate_limited"),
        (500, UpstreamError, "upstream_failed"),
        (503, UpstreamError, "upstream_failed"),
        (504, UpstreamTimeout, "upstream_timeout"),
    ],
)
async def test_a_status_becomes_our_error_without_the_upstreams_words(
    client: UpstreamClient, status: int, kind: type[GatewayError], code: str
) -> None:
    async with serving(b"HTTP/1.1 %d X\r\nContent-Length: 12\r\nRetry-After: 9\r\n\r\nsecret words" % status) as server:
        with pytest.raises(kind) as caught:
            await client.post(to(server.url), b"{}")
    assert caught.value.reason_code == code
    assert len(server.heads) == 1  # never repeated
    for language in ("nl", "fr", "de", "en"):
        assert "secret" not in caught.value.message(language)


@pytest.mark.parametrize(("given", "passed"), [("7", "7"), ("Fri, 01 Jan", "5"), (None, "5"), ("9999999", "5")])
def test_retry_after_is_a_number_or_ours(given: str | None, passed: str) -> None:
    assert error_for(429, given).headers["Retry-After"] == passed


async def test_no_connection_is_tried_twice_and_told(client: UpstreamClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(UpstreamError) as caught:
        await client.post(to(f"http://127.0.0.1:{port}/"), b"{}")
    assert caught.value.reason_code == "upstream_unreachable"


async def test_a_request_that_may_have_arrived_is_not_repeated(client: UpstreamClient) -> None:
    async def hang_up(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with serving(hang_up) as server:
        with pytest.raises(UpstreamError) as caught:
            await client.post(to(server.url), b"{}")
    assert caught.value.reason_code == "upstream_broken"
    assert len(server.heads) == 1


async def test_silence_is_a_time_out(client: UpstreamClient) -> None:
    async def say_nothing(_: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3)

    async with serving(say_nothing) as server:
        with pytest.raises(UpstreamTimeout):
            await client.post(to(server.url), b"{}")


async def test_silence_in_the_middle_is_a_time_out_too(client: UpstreamClient) -> None:
    async def half(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")
        await asyncio.sleep(3)

    async with serving(half) as server:
        response = await client.post(to(server.url), b"{}")
        with pytest.raises(UpstreamTimeout):
            await response.read()


async def test_a_body_that_breaks_off_is_an_error(client: UpstreamClient) -> None:
    async def half(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")
        writer.close()

    async with serving(half) as server:
        response = await client.post(to(server.url), b"{}")
        with pytest.raises(UpstreamError):
            await response.read()


async def test_a_compressed_answer_is_refused(client: UpstreamClient) -> None:
    async with serving(OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1)) as server:
        with pytest.raises(UpstreamError):
            await client.post(to(server.url), b"{}")


async def test_an_endless_answer_is_cut(client: UpstreamClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.upstream.MAX_ANSWER", 10_000)
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000
    async with serving(long) as server:
        response = await client.post(to(server.url), b"{}")
        with pytest.raises(UpstreamError):
            await response.read()
    assert MAX_ANSWER > 10_000_000


async def test_certificates_are_checked_and_an_own_authority_is_believed(
    client: UpstreamClient, tmp_path: Path
) -> None:
    import ssl

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with serving(OK, ssl=context) as server:
        with pytest.raises(UpstreamError):
            await client.post(to(server.url), b"{}")
        assert server.heads == []
        response = await client.post(to(server.url, ca_file=tmp_path / "ca.pem"), b"{}")
        assert await response.read() == b"{}"
        response.close()


async def test_the_secret_is_in_no_repr() -> None:
    assert "s3cret" not in repr(to("http://127.0.0.1:1/", secret={"api-key": "s3cret"}))


async def test_a_client_that_was_not_started_sends_nothing() -> None:
    with pytest.raises(UpstreamError):
        await UpstreamClient(max_connections=1).post(to("http://127.0.0.1:1/"), b"{}")
