"""The road, step by step: where it ends, what was forwarded by then, and what stays on record."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.database import ChangeWatcher, create_engine
from gateway.exchange import Principal, Role
from gateway.identity.suspensions import Suspensions
from tests.support.gateway import allowlist, tool
from tests.support.road import MAIL, NUMBER, PERSON, SECRET, InProcess, in_process, until
from tests.support.upstream import Upstream

STRICT = {**dict.fromkeys(("personal", "special", "confidential", "security"), "block"), "none_found": "allow"}


def tools(upstream: str) -> str:
    """`pseudo` replaces personal data, `strict` blocks them, `open-…` takes any model's name and images."""
    return allowlist(
        tool("pseudo", upstream, visible_label=True),
        tool("strict", upstream, data=STRICT),
        tool("wide", upstream, models=["open-*"], unscannable="allow"),
    )


DPO = Principal(key_id="test", subject="dpo", role=Role.DPO, unit="DPO")


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def upstream(server: Upstream) -> Upstream:
    server.requests.clear()
    server.left.clear()
    return server


@pytest.fixture
async def gate(tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[InProcess]:
    async with in_process(tmp_path, tools(upstream.base_url), monkeypatch, read_timeout=5.0) as started:
        yield started


async def test_a_value_stays_here_and_comes_back(gate: InProcess, upstream: Upstream) -> None:
    for stream in (False, True):
        reply = await gate.ask(f"Schrijf aan {PERSON}, {MAIL}.", stream=stream)
        assert reply.status == 200
        assert reply.content.startswith(f"U schreef: Schrijf aan {PERSON}, {MAIL}.")
        assert await gate.ending(reply) == [("completed", 200)]
    assert len(upstream.requests) == 2
    assert PERSON not in upstream.texts
    assert MAIL not in upstream.texts


async def test_a_filter_that_fails_stops_the_request(gate: InProcess, upstream: Upstream) -> None:
    gate.scanner.works = False
    reply = await gate.ask(f"Wie is {PERSON}?")
    assert (reply.status, reply.code) == (503, "scan_unavailable")
    assert upstream.requests == []


async def test_nothing_is_forwarded_before_its_intent_is_stored(gate: InProcess, upstream: Upstream) -> None:
    with gate.locked():
        asking = asyncio.create_task(gate.ask("Dag"))
        await asyncio.sleep(0.5)
        assert upstream.requests == []
        assert not asking.done()
    reply = await asking
    assert reply.status == 200
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("place", ["key", "number", "id", "argument", "name"])
async def test_a_value_where_no_placeholder_fits_is_blocked(gate: InProcess, upstream: Upstream, place: str) -> None:
    message: dict[str, Any] = {"role": "user", "content": "Dag"}
    call = {"id": "call_1", "type": "function", "function": {"name": "zoek", "arguments": "{}"}}
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    body: dict[str, Any] = {"model": "pseudo", "messages": [message, asked]}
    match place:
        case "key":
            body["metadata"] = {NUMBER: "x"}
        case "number":
            body["metadata"] = {"x": int(NUMBER)}
        case "id":
            call["id"] = NUMBER
        case "argument":
            call["function"] = {"name": "zoek", "arguments": json.dumps({NUMBER: 1})}
        case "name":
            call["function"] = {"name": NUMBER, "arguments": "{}"}
    reply = await gate.post(body)
    assert (reply.status, reply.code) == (400, "content_filter")
    assert NUMBER not in reply.text
    assert upstream.requests == []
    assert await gate.ending(reply) == [("refused", 400)]


async def test_a_value_in_tool_arguments_is_replaced(gate: InProcess, upstream: Upstream) -> None:
    arguments = json.dumps({"naar": PERSON, "lijst": [f"aan {MAIL}"]})
    call = {"id": "call_1", "type": "function", "function": {"name": "zoek", "arguments": arguments}}
    messages = [{"role": "user", "content": "Dag"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    assert (await gate.post({"model": "pseudo", "messages": messages})).status == 200
    assert PERSON not in upstream.texts
    assert MAIL not in upstream.texts
    sent = json.loads(upstream.requests[0].body["messages"][1]["tool_calls"][0]["function"]["arguments"])
    assert list(sent) == ["naar", "lijst"]


async def test_two_people_never_share_a_placeholder(gate: InProcess, upstream: Upstream) -> None:
    for who in ("staff", "french", "staff"):
        assert (await gate.ask(f"Wie is {PERSON}?", who=who)).status == 200
    first, other, again = (request.body["messages"][0]["content"] for request in upstream.requests)
    assert first == again
    assert first != other


async def test_a_suspended_tool_is_not_used(gate: InProcess, upstream: Upstream) -> None:
    engine = create_engine(gate.settings.database)
    async with engine.begin() as connection:
        await Suspensions.suspend(connection, "pseudo", "proef", DPO, 1.0)
    await engine.dispose()
    await gate.parts.watcher.poll()
    reply = await gate.ask("Dag")
    assert (reply.status, reply.code) == (403, "tool_suspended")
    assert upstream.requests == []
    assert (await gate.ask("Dag", model="strict")).status == 200


async def test_a_tool_suspended_while_the_request_was_under_way_is_not_used(
    gate: InProcess, upstream: Upstream
) -> None:
    with gate.locked():  # the request waits for its intent; meanwhile the kill switch falls
        asking = asyncio.create_task(gate.ask("Dag"))
        await asyncio.sleep(0.3)
        gate.parts.suspensions.current = frozenset({"pseudo"})
    reply = await asking
    assert (reply.status, reply.json()["error"]["code"]) == (403, "tool_suspended")
    assert upstream.requests == []
    assert await gate.ending(reply) == [("failed", 403)]


async def test_a_worker_that_does_not_know_what_is_in_force_refuses(gate: InProcess, upstream: Upstream) -> None:
    engine = create_engine(gate.settings.database)
    gate.with_parts(watcher=ChangeWatcher(engine))  # it never looked
    reply = await gate.ask("Dag")
    await engine.dispose()
    assert (reply.status, reply.code) == (503, "stale_state")
    assert upstream.requests == []
    assert await gate.rows("SELECT request_id FROM intents") == []  # refused at the door


@pytest.mark.parametrize("model", ["onbekend", "pseudo2", "PSEUDO"])
async def test_a_tool_that_is_not_listed_gets_nothing(gate: InProcess, upstream: Upstream, model: str) -> None:
    reply = await gate.ask("Dag", model=model)
    assert reply.status == 404
    assert upstream.requests == []
    assert await gate.ending(reply) == [("refused", 404)]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/embeddings"), ("POST", "/v1/chat/completions/"), ("GET", "/v1/chat/completions"), ("POST", "/v1/x")],
)
async def test_an_unknown_path_leads_nowhere(gate: InProcess, upstream: Upstream, method: str, path: str) -> None:
    body = {"model": "pseudo", "messages": [{"role": "user", "content": "Dag"}]}
    reply = await gate.call(method, path, body)
    assert (reply.status, reply.code) == (404, "unknown_path")
    assert upstream.requests == []


async def test_no_key_no_word(gate: InProcess, upstream: Upstream) -> None:
    for who in ("", "sluis_nobody"):
        assert (await gate.post({"model": "pseudo"}, who=who)).status == 401
    assert upstream.requests == []


async def test_no_header_of_the_client_goes_up(gate: InProcess, upstream: Upstream) -> None:
    body = {"model": "pseudo", "messages": [{"role": "user", "content": "Dag"}]}
    await gate.post(body, x_user=MAIL, cookie="a=b", traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    allowed = {"host", "accept-encoding", "content-type", "content-length", "user-agent"}
    assert set(upstream.requests[0].headers) == allowed


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_upstreams_own_words_are_not_passed_on(
    gate: InProcess, upstream: Upstream, status: int, stream: bool
) -> None:
    reply = await gate.ask(f"[[status:{status}]] aan {PERSON}", stream=stream)
    assert reply.status >= 400
    assert "secret" not in reply.text
    assert "x-up" not in reply.headers
    assert "set-cookie" not in reply.headers
    assert await gate.ending(reply) == [("failed", reply.status)]


async def test_a_client_that_hangs_up_has_its_outcome(gate: InProcess, upstream: Upstream) -> None:
    body = {"model": "pseudo", "messages": [{"role": "user", "content": "[[slow:0.05]] een lang antwoord"}]}
    reply = await gate.post({**body, "stream": True}, leave_after=3)
    assert await gate.ending(reply) == [("client_left", 200)]
    assert gate.parts.records.open_count == 0
    await until(lambda: upstream.left == ["slow"])  # the upstream is hung up on as well


async def test_a_cancelled_exchange_has_its_outcome(gate: InProcess, upstream: Upstream) -> None:
    body = {"model": "pseudo", "messages": [{"role": "user", "content": "[[hang:30]] wacht"}]}
    asking = asyncio.create_task(gate.post(body))
    await until(lambda: upstream.requests)  # under way: an earlier cancellation is the store's own case
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await gate.rows("SELECT ended_by FROM outcomes") == [("interrupted",)]


async def test_usage_is_read_and_kept_from_clients_that_did_not_ask(gate: InProcess, upstream: Upstream) -> None:
    reply = await gate.ask("Dag", stream=True)
    assert upstream.requests[0].body["stream_options"] == {"include_usage": True}
    assert all(chunk["choices"] for chunk in reply.chunks)
    assert "usage" not in reply.text
    assert (await gate.rows("SELECT gen_ai_usage_output_tokens FROM outcomes"))[-1] == (12,)
    asked = await gate.ask("Dag", stream=True, stream_options={"include_usage": True})
    assert asked.chunks[-1]["usage"]["completion_tokens"] == 12


async def test_a_models_name_that_a_client_chose_is_not_recorded(gate: InProcess, upstream: Upstream) -> None:
    for model in ("open-fatima", "wide/open-fatima"):
        assert (await gate.ask("Dag", model=model)).status == 200
    assert await gate.rows("SELECT DISTINCT gen_ai_request_model FROM intents") == [("wide/*",)]
    assert [request.body["model"] for request in upstream.requests] == ["open-fatima", "open-fatima"]
    for table in ("intents", "outcomes"):  # the upstream's answer repeats the name
        assert "fatima" not in str(await gate.rows(f"SELECT * FROM {table}"))
    await gate.ask("Dag", model="pseudo")
    assert (await gate.rows("SELECT gen_ai_request_model FROM intents"))[-1] == ("pseudo",)


async def test_what_no_filter_could_read_is_on_record(gate: InProcess, upstream: Upstream) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {"messages": [{"role": "user", "content": [image, {"type": "text", "text": "Wat is dit?"}]}]}
    assert (await gate.post({**body, "model": "open-x"})).status == 200
    assert (await gate.post({**body, "model": "pseudo"})).status == 400
    assert await gate.rows("SELECT decision, unscanned FROM intents") == [
        ("allowed", '["image_url"]'),
        ("blocked", "[]"),
    ]
    assert len(upstream.requests) == 1


async def test_no_log_record_holds_a_word_of_anybody(gate: InProcess) -> None:
    """Every way out of the road, at DEBUG, third-party loggers included; fields too, whatever a formatter shows."""
    word = "Kanarievogel"
    for stream in (False, True):
        for text in ("", f" {PERSON}", " [[status:500]]", " [[garbage]]", " [[cut]]", " [[error]]", f" {SECRET}"):
            await gate.ask(word + text, stream=stream, user=word)
        await gate.ask(word, model=word, stream=stream)
    await gate.post({"model": "pseudo", "messages": word})
    await gate.post({"model": "pseudo", "messages": [{"role": word, "content": word}]})
    gate.scanner.works = False
    await gate.ask(word)
    assert gate.log
    assert not [line for line in gate.log if word in line or PERSON in line or SECRET in line]
