"""A real OpenAI-compatible server that records every request it receives and misbehaves on demand.

    with Upstream() as upstream:
        ...                       # call upstream.base_url, or the gateway in front of it
        assert b"Jan Peeters" not in upstream.requests[0].body

The model's name picks the scenario (SCENARIOS); `upstream.scenario` overrides it, `upstream.reply` makes the answer's
text. It runs in a thread with an event loop of its own, or alone:
`python -m tests.support.upstream --port 9001 --journal FILE`.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, AnyStr, Self

import uvicorn

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

SCENARIOS = {
    "echo": "answers with the user's last message; in a stream, pieces of `upstream.delta` characters",
    "bytes": "echo, the response's bytes sent one by one",
    "crlf": "echo, events with CRLF and comments between them",
    "tool": "one tool call `note` whose argument `text` is the user's last message",
    "json": 'a JSON document {"answer": the message} as content',
    "two": "echo in two choices, interleaved in a stream",
    "error-429": "429 with Retry-After, a cookie and a secret in the body",
    "error-500": "500 with the request quoted in the body",
    "error-400": "400 with the request quoted in the body",
    "timeout": "takes the request and never answers",
    "stall": "answers half, then stays silent with the connection open",
    "truncated": "answers half, then closes the connection in the middle of an event",
    "nofinish": "a stream that ends in good order without finish_reason and [DONE]",
    "slow": "echo with `upstream.pause` seconds between pieces",
    "garbage": "200 with something that is not what was asked for",
    "empty": "200 without a body",
}
SECRET = "sk-upstream-secret-that-must-not-leak"  # in error bodies and cookies
GARBAGE = b"data: {not json\n\n: \xff\xfe\n\nevent: x\ndata\n\n<html>"
NONCE = re.compile(rb"nonce-[0-9a-zA-Z]{6,64}")


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def nonce(self) -> str:
        """What a test wrote in the prompt as `nonce-…`, so that requests, journal and records can be joined."""
        found = NONCE.search(self.body)
        return found.group().decode() if found else ""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)


@dataclass
class Upstream:
    """The server; a context manager. `requests` grows as they arrive, before they are answered."""

    journal: Path | None = None
    port: int = 0
    scenario: str | None = None
    reply: Callable[[Any], str] | None = None
    delta: int = 3
    pause: float = 0.05
    models: tuple[str, ...] = tuple(SCENARIOS)
    requests: list[Received] = field(default_factory=list)
    hung_up: int = 0  # requests whose client left before the answer was complete

    def __post_init__(self) -> None:
        self._file = os.open(self.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if self.journal else None
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        config = uvicorn.Config(self._app, interface="asgi3", log_level="critical", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)

    @property
    def base_url(self) -> str:
        """Ends in /v1, as OpenAI clients want it."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        if self._file is not None:
            os.close(self._file)

    def run(self) -> None:
        """Serve in this process until it is stopped."""
        self._server.run(sockets=[self._listener])

    def clear(self) -> None:
        """Forget what was received."""
        self.requests.clear()
        self.hung_up = 0

    async def _app(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = tuple((k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in scope["headers"])
        received = Received(scope["method"], scope["path"], headers, body, time.time())
        self._write(received)
        self.requests.append(received)
        answer = asyncio.ensure_future(self._answer(received, send))
        left = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                self.hung_up += 1
        finally:
            left.cancel()
            answer.cancel()
            await asyncio.gather(answer, left, return_exceptions=True)
        if answer.done() and not answer.cancelled() and answer.exception() is not None:
            raise BrokenPipeError  # uvicorn closes the connection without the last chunk

    def _write(self, received: Received) -> None:
        """One line per request, on disk before anything is answered."""
        if self._file is not None:
            line = {"nonce": received.nonce, "path": received.path, "at": received.at, "bytes": len(received.body)}
            os.write(self._file, json.dumps(line).encode() + b"\n")
            os.fsync(self._file)

    async def _answer(self, received: Received, send: Send) -> None:
        if received.path == "/v1/models":
            data = [{"id": name, "object": "model", "created": 0, "owned_by": "tests"} for name in self.models]
            return await _respond(send, 200, json.dumps({"object": "list", "data": data}).encode())
        try:
            body = received.json
        except ValueError:
            return await _respond(send, 400, b'{"error": {"message": "not JSON", "type": "invalid_request_error"}}')
        scenario = self.scenario or str(body.get("model", "")).rpartition("/")[2]
        if scenario.startswith("error-"):
            return await _refuse(send, int(scenario[6:]), received.body)
        if scenario == "timeout":
            await asyncio.Event().wait()
        if scenario in {"garbage", "empty"}:
            kind = b"text/event-stream" if body.get("stream") else b"application/json"
            return await _respond(send, 200, GARBAGE if scenario == "garbage" else b"", kind)
        text = self.reply(body) if self.reply else last_message(body)
        if body.get("stream"):
            return await self._stream(send, scenario, body, text)
        return await self._whole(send, scenario, body, text)

    async def _whole(self, send: Send, scenario: str, body: Any, text: str) -> None:
        count = 2 if scenario == "two" else 1
        choices = [{"index": i, **_message(scenario, text)} for i in range(count)]
        usage = _usage(body, text)
        head = {"id": "chatcmpl-test", "object": "chat.completion", "created": int(time.time())}
        whole = json.dumps({**head, "model": body.get("model"), "choices": choices, "usage": usage}, ensure_ascii=False)
        data = whole.encode("utf-8", "surrogatepass")
        if scenario in {"truncated", "stall"}:
            await _begin(send, 200, b"application/json", length=len(data))
            await _piece(send, data[: len(data) // 2])
            await _break_off(scenario)
        await _begin(send, 200, b"application/json", length=len(data))
        for piece in _cut(data, 1 if scenario == "bytes" else len(data)):
            await _piece(send, piece)
        await _end(send)

    async def _stream(self, send: Send, scenario: str, body: Any, text: str) -> None:
        await _begin(send, 200, b"text/event-stream; charset=utf-8")
        events = list(self._events(scenario, body, text))
        half = len(events) // 2
        for number, event in enumerate(events):
            data = b"data: " + event.encode("utf-8", "surrogatepass") + b"\n\n"
            if scenario == "crlf":
                data = b": comment\r\n\r\n" + data.replace(b"\n", b"\r\n")
            if scenario in {"truncated", "stall"} and number == half:
                await _piece(send, data[: len(data) // 2] if scenario == "truncated" else b"")
                await _break_off(scenario)
            for piece in _cut(data, 1 if scenario == "bytes" else len(data)):
                await _piece(send, piece)
            await asyncio.sleep(self.pause if scenario == "slow" else 0)
        await _end(send)

    def _events(self, scenario: str, body: Any, text: str) -> Iterator[str]:
        head = {"id": "chatcmpl-test", "object": "chat.completion.chunk", "created": int(time.time())}
        head["model"] = body.get("model")

        def chunk(index: int, delta: dict[str, Any], finish: str | None = None) -> str:
            choice = {"index": index, "delta": delta, "finish_reason": finish}
            return json.dumps({**head, "choices": [choice]}, ensure_ascii=False)

        indexes = (0, 1) if scenario == "two" else (0,)
        for index in indexes:
            yield chunk(index, {"role": "assistant", "content": None if scenario == "tool" else ""})
        for delta in _deltas(scenario, text, self.delta):
            for index in indexes:
                yield chunk(index, delta)
        if scenario == "nofinish":
            return
        for index in indexes:
            yield chunk(index, {}, "tool_calls" if scenario == "tool" else "stop")
        if (body.get("stream_options") or {}).get("include_usage"):
            yield json.dumps({**head, "choices": [], "usage": _usage(body, text)})
        yield "[DONE]"


def last_message(body: Any) -> str:
    """The user's last message as text."""
    messages = [m for m in body.get("messages", []) if m.get("role") == "user"]
    content = messages[-1].get("content") if messages else ""
    if isinstance(content, list):
        content = " ".join(part.get("text", "") for part in content)
    return str(content or "")


def _message(scenario: str, text: str) -> dict[str, Any]:
    if scenario == "tool":
        call = {"name": "note", "arguments": json.dumps({"text": text}, ensure_ascii=False)}
        calls = [{"id": "call_1", "type": "function", "function": call}]
        return {"message": {"role": "assistant", "content": None, "tool_calls": calls}, "finish_reason": "tool_calls"}
    content = json.dumps({"answer": text}, ensure_ascii=False) if scenario == "json" else text
    return {"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}


def _deltas(scenario: str, text: str, size: int) -> Iterator[dict[str, Any]]:
    message = _message(scenario, text)["message"]
    if scenario != "tool":
        for piece in _cut(message["content"], size):
            yield {"content": piece}
        return
    call = message["tool_calls"][0]
    function = {"name": "note", "arguments": ""}
    yield {"tool_calls": [{"index": 0, "id": call["id"], "type": "function", "function": function}]}
    for piece in _cut(call["function"]["arguments"], size):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _cut(whole: AnyStr, size: int) -> Iterator[AnyStr]:
    for start in range(0, len(whole), max(1, size)):
        yield whole[start : start + max(1, size)]


def _usage(body: Any, text: str) -> dict[str, int]:
    prompt = sum(len(str(m.get("content")).split()) for m in body.get("messages", []))
    completion = len(text.split())
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


async def _begin(send: Send, status: int, kind: bytes, *, length: int | None = None, extra: bytes = b"") -> None:
    headers = [(b"content-type", kind), (b"x-upstream-internal", b"node-17")]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    if extra:
        headers += [(b"set-cookie", extra), (b"retry-after", b"7")]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _piece(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b""})


async def _respond(send: Send, status: int, data: bytes, kind: bytes = b"application/json") -> None:
    await _begin(send, status, kind, length=len(data))
    await send({"type": "http.response.body", "body": data})


async def _refuse(send: Send, status: int, request: bytes) -> None:
    """An error as bad services write them: it quotes the request and a key."""
    message = f"{SECRET} failed on: {request.decode('utf-8', 'replace')}"
    data = json.dumps({"error": {"message": message, "type": "server_error", "code": None}}).encode()
    await _begin(send, status, b"application/json", length=len(data), extra=f"session={SECRET}".encode())
    await send({"type": "http.response.body", "body": data})


async def _break_off(scenario: str) -> None:
    if scenario == "stall":
        await asyncio.Event().wait()
    raise BrokenPipeError


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description="A test upstream that records what it receives.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--scenario", choices=sorted(SCENARIOS))
    options = parser.parse_args()
    upstream = Upstream(journal=options.journal, port=options.port, scenario=options.scenario)
    print(json.dumps({"base_url": upstream.base_url, "pid": os.getpid()}), flush=True)
    upstream.run()


if __name__ == "__main__":
    main()
