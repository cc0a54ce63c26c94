"""An upstream that records what it receives: a real HTTP server in a thread of its own, OpenAI-compatible.

The model's name (or a `scenario` in the first message, `[[scenario]]`) chooses what happens. `journal` appends every
request, synced to disk before the answer begins, so that it survives our own death (chaos tests join it to records).
"""

import asyncio
import json
import os
import re
import socket
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

_SCENARIO = re.compile(r"\[\[([a-z0-9_:.]+)\]\]")


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived."""

    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def text(self) -> str:
        return self.raw.decode()


class Upstream:
    """Use as a context manager. `requests` in order of arrival; `cut` splits streams into pieces of that many bytes."""

    def __init__(self, journal: Path | None = None) -> None:
        self.requests: list[Received] = []
        self.left: list[str] = []  # scenarios whose client hung up before the end
        self.cut = 0
        self._journal = journal
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        app = Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: self._server.run(sockets=[self._socket]), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    @property
    def texts(self) -> str:
        """Everything that ever arrived, headers included, as one text."""
        return "\n".join(f"{r.headers} {r.text}" for r in self.requests)

    async def _chat(self, request: Request) -> Response:
        raw = await request.body()
        if self._journal is not None:
            with self._journal.open("ab") as file:
                file.write(json.dumps({"raw": raw.decode()}).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        self.requests.append(Received(dict(request.headers), raw))
        body = json.loads(raw)
        said = _said(body)
        found = _SCENARIO.search(json.dumps(body["messages"]))
        scenario, _, value = (found[1] if found else "echo").partition(":")
        if scenario == "hang":
            await self._wait(request, scenario, float(value))
        return await self._answer(scenario, value, body, said)

    async def _wait(self, request: Request, scenario: str, seconds: float) -> None:
        """Answer nothing for a while; note a client that goes away meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if await request.is_disconnected():
                self.left.append(scenario)
                return
            await asyncio.sleep(0.02)

    async def _answer(self, scenario: str, value: str, body: dict[str, Any], said: str) -> Response:  # noqa: PLR0911
        if scenario == "status":
            leak = {"error": {"message": f"secret of the upstream: {said}", "code": "x"}}
            return JSONResponse(
                leak, status_code=int(value), headers={"Retry-After": "7", "Set-Cookie": "a=b", "X-Up": "1"}
            )
        if scenario == "garbage":
            return Response(b'{"choices": [', media_type="application/json")
        if scenario == "binary":
            kind = "text/event-stream" if body.get("stream") else "application/json"
            return Response(b"data: \xff\xfe\x00" + said.encode() + b"\n\n", media_type=kind)
        if scenario == "half":
            halves = _halves(json.dumps(_whole(scenario, body, said)).encode(), float(value))
            return StreamingResponse(self._sliced(halves, scenario), media_type="application/json")
        if scenario == "html":
            return Response(b"<html>no</html>", media_type="text/html")
        if body.get("stream"):
            pieces = _stream(scenario, value, body, said)
            return StreamingResponse(self._sliced(pieces, scenario), media_type="text/event-stream")
        return JSONResponse(_whole(scenario, body, said), headers={"Set-Cookie": "a=b", "X-Up": "1"})

    async def _sliced(self, pieces: AsyncIterator[bytes], scenario: str) -> AsyncIterator[bytes]:
        finished = False
        try:
            async for piece in pieces:
                step = self.cut or len(piece)
                for start in range(0, len(piece), step):
                    yield piece[start : start + step]
                    if self.cut:
                        await asyncio.sleep(0)
            finished = True
        finally:
            if not finished:
                self.left.append(scenario)


async def _halves(whole: bytes, seconds: float) -> AsyncIterator[bytes]:
    """A JSON answer that pauses in its middle."""
    yield whole[: len(whole) // 2]
    await asyncio.sleep(seconds)
    yield whole[len(whole) // 2 :]


def _said(body: dict[str, Any]) -> str:
    """The last message's text."""
    content = body["messages"][-1].get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _usage(body: dict[str, Any]) -> dict[str, int]:
    return {"prompt_tokens": len(json.dumps(body["messages"])) // 4, "completion_tokens": 12, "total_tokens": 20}


def _message(scenario: str, said: str) -> dict[str, Any]:
    if scenario == "tool":
        arguments = json.dumps({"naar": said, "lijst": [said]})
        call = {"id": "call_1", "type": "function", "function": {"name": "verstuur", "arguments": arguments}}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    if scenario == "link":
        return {"role": "assistant", "content": f"Zie [hier](https://kwaad.example.net/?q={said}) of {said}"}
    return {"role": "assistant", "content": f"U schreef: {said}"}


def _whole(scenario: str, body: dict[str, Any], said: str) -> dict[str, Any]:
    reason = "tool_calls" if scenario == "tool" else "stop"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_795_000_000,
        "model": body["model"],
        "choices": [{"index": 0, "message": _message(scenario, said), "finish_reason": reason}],
        "usage": _usage(body),
    }


async def _stream(  # noqa: C901 - one branch a scenario
    scenario: str, value: str, body: dict[str, Any], said: str
) -> AsyncIterator[bytes]:
    def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
        event = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_795_000_000,
            "model": body["model"],
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
            **more,
        }
        return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"

    message = _message(scenario, said)
    yield chunk({"role": "assistant", "content": ""})
    if scenario == "tool":
        [call] = message["tool_calls"]
        start = {**call, "index": 0, "function": {"name": "verstuur", "arguments": ""}}
        yield chunk({"tool_calls": [start]})
        arguments = call["function"]["arguments"]
        for i in range(0, len(arguments), 3):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments[i : i + 3]}}]})
    else:
        text = message["content"]
        for number, i in enumerate(range(0, len(text), 4)):
            if scenario == "slow":
                await asyncio.sleep(float(value))
            if scenario == "cut" and number == 3:
                return
            if scenario == "drop" and number == 3:
                raise ConnectionResetError  # the server closes the connection within a chunk
            if scenario == "stall" and number == 3:
                await asyncio.sleep(float(value))
            if scenario == "error" and number == 3:
                yield b'data: {"error": {"message": "secret of the upstream", "code": 500}}\n\n'
                return
            if scenario == "nonsense" and number == 3:
                yield b"data: {nonsense " + said.encode() + b"\n\n"
            yield chunk({"content": text[i : i + 4]})
    for _ in range(1500 if scenario == "flood" else 0):
        yield chunk({"content": "water " * 2000})
    yield chunk({}, "tool_calls" if scenario == "tool" else "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield chunk({}, usage=_usage(body)).replace(
            b'"choices": [{"index": 0, "delta": {}, "finish_reason": null}]', b'"choices": []'
        )
    yield b"data: [DONE]\n\n"
