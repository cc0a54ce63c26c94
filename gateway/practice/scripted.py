"""The scripted practice model: no language model, an OpenAI-compatible answer that repeats the question and says so."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

TEXT = (
    "Dit is een nagespeeld antwoord van het praktijkmodel: hier draait geen taalmodel. "
    "(This is a scripted answer: no language model is running.) Uw vraag luidde: {question}"
)
LONGEST_QUESTION = 2_000
BETWEEN_CHUNKS = 0.02  # seconds: about the pace of a small model
_ID = "chatcmpl-praktijkmodel-script"


def create(model: str) -> Starlette:
    """The application; `model` is the name that it lists and reports."""

    async def models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": model, "object": "model", "owned_by": "sluis"}]})

    async def chat(request: Request) -> Response:
        try:
            body = orjson.loads(await request.body())
            question = _question(body["messages"])
        except (ValueError, TypeError, KeyError):
            error = {"message": "not a chat completion request", "type": "invalid_request_error", "code": None}
            return JSONResponse({"error": error}, 400)
        text = TEXT.format(question=question)
        usage = {"prompt_tokens": len(question.split()), "completion_tokens": len(text.split())}
        usage["total_tokens"] = sum(usage.values())
        if body.get("stream"):
            wants = (body.get("stream_options") or {}).get("include_usage")
            return StreamingResponse(_stream(model, text, usage if wants else None), media_type="text/event-stream")
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        head = {"id": _ID, "object": "chat.completion", "created": int(time.time()), "model": model}
        return JSONResponse({**head, "choices": [choice], "usage": usage})

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/v1/models", models),
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/health", health),
        ],
    )


def _question(messages: list[dict[str, Any]]) -> str:
    """The last message of the user, as text."""
    content = next((m.get("content") for m in reversed(messages) if m.get("role") == "user"), "")
    if isinstance(content, list):
        content = " ".join(part["text"] for part in content if part.get("type") == "text")
    return str(content or "")[:LONGEST_QUESTION]


async def _stream(model: str, text: str, usage: dict[str, int] | None) -> AsyncIterator[bytes]:
    head = {"id": _ID, "object": "chat.completion.chunk", "created": int(time.time()), "model": model}

    def event(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\n"

    yield event({"role": "assistant", "content": ""})
    for piece in text.splitlines(keepends=True):
        for number, word in enumerate(piece.split(" ")):
            yield event({"content": word if number == 0 else " " + word})
            await asyncio.sleep(BETWEEN_CHUNKS)
    yield event({}, "stop")
    if usage:
        yield b"data: " + orjson.dumps({**head, "choices": [], "usage": usage}) + b"\n\n"
    yield b"data: [DONE]\n\n"


def serve(listener: socket.socket, *, model: str) -> None:
    """Answer on a bound socket until the process ends."""
    config = uvicorn.Config(create(model), log_level="warning", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])
