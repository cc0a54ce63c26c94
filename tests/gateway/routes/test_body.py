"""A body is read whole, in time and within bounds, or refused (peers' failures 12, 27; promise 1)."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from gateway.errors import BadRequest, GatewayError, TooLarge, UnsupportedMedia
from gateway.routes import body
from gateway.routes.body import ClientLeftError, Receive, read_body

JSON = (b"content-type", b"application/json; charset=utf-8")


def messages(*given: MutableMapping[str, Any]) -> Receive:
    left = list(given)

    async def receive() -> MutableMapping[str, Any]:
        return left.pop(0)

    return receive


def part(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


async def test_pieces_are_joined() -> None:
    assert await read_body([JSON], messages(part(b"{", more=True), part(b"", more=True), part(b"}")), 10) == b"{}"


async def test_one_piece_is_given_as_it_came() -> None:
    assert await read_body([JSON, (b"content-length", b"2")], messages(part(b"{}")), 2) == b"{}"


@pytest.mark.parametrize(
    ("headers", "error", "code"),
    [
        ([(b"content-encoding", b"gzip")], UnsupportedMedia, "body_encoded"),
        ([(b"content-encoding", b"identity, br")], UnsupportedMedia, "body_encoded"),
        ([(b"content-type", b"text/plain")], UnsupportedMedia, "body_not_json"),
        ([(b"content-length", b"11")], TooLarge, "body_too_large"),
        ([(b"content-length", b"2"), (b"content-length", b"2")], BadRequest, "body_incomplete"),
        ([(b"content-length", b"+2")], BadRequest, "body_incomplete"),
        ([(b"transfer-encoding", b"chunked"), (b"content-length", b"2")], BadRequest, "body_incomplete"),
    ],
)
async def test_what_cannot_be_scanned_as_sent_is_refused_unread(
    headers: list[tuple[bytes, bytes]], error: type[GatewayError], code: str
) -> None:
    with pytest.raises(error) as caught:
        await read_body(headers, messages(), 10)
    assert caught.value.reason_code == code


async def test_more_than_was_stated_is_cut_off() -> None:
    with pytest.raises(TooLarge):
        await read_body([JSON], messages(part(b"123456", more=True), part(b"78901", more=True)), 10)


async def test_identity_is_no_encoding() -> None:
    assert await read_body([(b"content-encoding", b"Identity")], messages(part(b"{}")), 10) == b"{}"


async def test_a_hang_up_is_told_apart() -> None:
    with pytest.raises(ClientLeftError):
        await read_body([JSON], messages(part(b"{", more=True), {"type": "http.disconnect"}), 10)


async def test_a_body_that_never_ends_is_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_SECONDS", 0.01)

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.sleep(5)
        return part(b"")

    with pytest.raises(BadRequest) as caught:
        await read_body([JSON], receive, 10)
    assert caught.value.reason_code == "body_incomplete"
