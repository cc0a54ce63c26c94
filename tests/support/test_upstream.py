"""The test upstream itself: it records, and each scenario is what its name says."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.support.upstream import SCENARIOS, SECRET, Upstream

TEXT = 'Beste Zoë 😀,\n"dag" \u2028 tot ziens'


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(pause=0.001) as running:
        yield running


@pytest.fixture
def client(upstream: Upstream) -> Iterator[openai.OpenAI]:
    upstream.clear()
    with openai.OpenAI(base_url=upstream.base_url, api_key="k-1", max_retries=0, timeout=5) as client:
        yield client


def ask(client: openai.OpenAI, model: str, **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": TEXT}], **more)


@pytest.mark.parametrize("model", ["echo", "bytes", "crlf", "slow", "two", "vendor/echo"])
def test_echo_in_json_and_in_streams(client: openai.OpenAI, model: str) -> None:
    answer = ask(client, model)
    assert {c.message.content for c in answer.choices} == {TEXT}
    assert answer.usage.completion_tokens == len(TEXT.split())
    chunks = list(ask(client, model, stream=True, stream_options={"include_usage": True}))
    for index in {0, 1} if model == "two" else {0}:
        own = [c.choices[0] for c in chunks if c.choices and c.choices[0].index == index]
        assert "".join(c.delta.content or "" for c in own) == TEXT
        assert own[-1].finish_reason == "stop"
    assert chunks[-1].usage.total_tokens > 0


def test_tool_calls_and_json(client: openai.OpenAI) -> None:
    call = ask(client, "tool").choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"text": TEXT}
    chunks = list(ask(client, "tool", stream=True))
    pieces = [t.function.arguments for c in chunks for t in c.choices[0].delta.tool_calls or []]
    assert json.loads("".join(pieces)) == {"text": TEXT}
    assert len(pieces) > 3
    assert json.loads(ask(client, "json").choices[0].message.content) == {"answer": TEXT}


def test_everything_received_is_recorded(client: openai.OpenAI, upstream: Upstream) -> None:
    ask(client, "echo", extra_body={"x": "nonce-abc123"})
    (received,) = upstream.requests
    assert received.json["messages"][0]["content"] == TEXT
    assert received.header("Authorization") == "Bearer k-1"
    assert (received.method, received.path, received.nonce) == ("POST", "/v1/chat/completions", "nonce-abc123")
    assert {m.id for m in client.models.list()} == set(SCENARIOS)


def test_the_test_decides_what_is_answered(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.reply, upstream.scenario = lambda body: f"{len(body['messages'])} bericht", "echo"
    try:
        assert ask(client, "error-500").choices[0].message.content == "1 bericht"
    finally:
        upstream.reply = upstream.scenario = None


@pytest.mark.parametrize("status", [400, 429, 500])
def test_errors_quote_what_they_should_not(client: openai.OpenAI, status: int) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, f"error-{status}")
    assert caught.value.status_code == status
    assert SECRET in caught.value.response.text
    assert "Beste Zo" in caught.value.response.text
    assert SECRET in caught.value.response.headers["set-cookie"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_truncated_answer_breaks_off(upstream: Upstream, *, stream: bool) -> None:
    body = {"model": "truncated", "stream": stream, "messages": [{"role": "user", "content": TEXT}]}
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(upstream.base_url + "/chat/completions", json=body)


def test_a_stream_may_end_without_a_finish(client: openai.OpenAI) -> None:
    chunks = list(ask(client, "nofinish", stream=True))
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == []


@pytest.mark.parametrize("model", ["timeout", "stall"])
def test_silence_lasts_until_the_client_leaves(upstream: Upstream, model: str) -> None:
    upstream.clear()
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": TEXT}]}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(upstream.base_url + "/chat/completions", json=body, timeout=0.3)
    for _ in range(100):
        if upstream.hung_up:
            return
        time.sleep(0.02)
    pytest.fail("the upstream did not notice")


@pytest.mark.parametrize("stream", [False, True])
def test_garbage_and_nothing(upstream: Upstream, *, stream: bool) -> None:
    for model in ["garbage", "empty"]:
        body = {"model": model, "stream": stream, "messages": []}
        answer = httpx.post(upstream.base_url + "/chat/completions", json=body)
        assert answer.status_code == 200
        with pytest.raises(ValueError):  # noqa: PT011 - json's own
            json.loads(answer.content)
    assert httpx.post(upstream.base_url + "/chat/completions", content=b"{").status_code == 400


def test_the_journal_is_written_before_the_answer(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    with Upstream(journal=journal) as upstream:
        body = {"model": "echo", "messages": [{"role": "user", "content": "nonce-0000ff"}]}
        httpx.post(upstream.base_url + "/chat/completions", json=body)
        assert [json.loads(line)["nonce"] for line in journal.read_text().splitlines()] == ["nonce-0000ff"]


def test_many_clients_at_once(upstream: Upstream) -> None:
    upstream.clear()

    def work(number: int) -> None:
        body = {"model": "bytes", "stream": True, "messages": [{"role": "user", "content": f"nonce-{number:06}"}]}
        assert f"{number:06}"[-1] in httpx.post(upstream.base_url + "/chat/completions", json=body).text

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {r.nonce for r in upstream.requests} == {f"nonce-{n:06}" for n in range(20)}


def test_it_also_runs_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.upstream", f"--journal={tmp_path / 'j'}", "--scenario=echo"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    base_url = json.loads(process.stdout.readline())["base_url"]
    body = {"model": "x", "messages": [{"role": "user", "content": TEXT}]}
    answer = httpx.post(base_url + "/chat/completions", json=body).json()
    process.terminate()
    process.wait()
    process.stdout.close()
    assert answer["choices"][0]["message"]["content"] == TEXT
    assert len((tmp_path / "j").read_text().splitlines()) == 1
