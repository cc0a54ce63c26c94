"""The ASGI side of the road: `/v1/*` in, bytes out. Plain ASGI, since a framework's route costs more than the road.

Every way out of an exchange ends in `finish`: answered, refused, broken, hung up on, or cancelled at shutdown.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import uuid_utils

from gateway import pipeline, streaming
from gateway.errors import (
    INTERNAL_ERROR,
    Blocked,
    GatewayError,
    NotFound,
    Unavailable,
    sentence,
)
from gateway.exchange import Exchange, Principal
from gateway.identity.authenticator import Authenticator
from gateway.logs import Log
from gateway.pipeline import Parts, Prepared, finish, prepare
from gateway.routes.body import ClientLeftError, read_body
from gateway.wire import Call, WireFormat
from gateway.wire.openai_models import Model, model_body, models_body

_log = Log("gateway.road")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

UNKNOWN_PATH = sentence(
    "unknown_path",
    "no wire format answers to this path; unknown paths are denied (promise 5)",
    nl="Dit adres kent de gateway niet. Gebruik /v1/chat/completions of /v1/models, of vraag hulp aan ICT.",
    fr="Adresse inconnue de la passerelle. Utilisez /v1/chat/completions ou /v1/models, ou demandez à l'ICT.",
    de="Das Gateway kennt diese Adresse nicht. Nutzen Sie /v1/chat/completions, /v1/models oder fragen Sie die IT.",
    en="The gateway does not know this address. Use /v1/chat/completions or /v1/models, or ask ICT for help.",
)
UNKNOWN_MODEL = sentence(
    "model_not_found",
    "the model of /v1/models/{id} is not one that this person may use",
    nl="Dit model staat niet op de lijst van wat u mag gebruiken. Bekijk /v1/models of vraag hulp aan ICT.",
    fr="Ce modèle n'est pas sur la liste de ce que vous pouvez utiliser. Consultez /v1/models ou demandez à l'ICT.",
    de="Dieses Modell steht nicht auf Ihrer Liste. Sehen Sie /v1/models nach oder fragen Sie die IT.",
    en="This model is not on the list of what you may use. See /v1/models or ask ICT for help.",
)
OVERLOADED = sentence(
    "overloaded",
    "more exchanges are under way than SLUIS_MAX_CONCURRENT allows",
    nl="De gateway heeft het nu te druk. Wacht even en probeer het opnieuw.",
    fr="La passerelle est surchargée. Attendez un instant et réessayez.",
    de="Das Gateway ist gerade überlastet. Warten Sie kurz und versuchen Sie es noch einmal.",
    en="The gateway is too busy right now. Wait a moment and try again.",
)


class Road:
    """The ASGI application for `/v1/*`."""

    def __init__(self, parts: Parts, authenticator: Authenticator, formats: Iterable[WireFormat]) -> None:
        self._parts = parts
        self._authenticator = authenticator
        self._formats = tuple(formats)
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; never lets an exception out but cancellation."""
        parts = self._parts
        x = Exchange(request_id=str(uuid_utils.uuid7()), started=parts.clock(), started_at=parts.now())
        wire = self._formats[0]
        for candidate in self._formats:
            if candidate.matches(scope["method"], scope["path"]):
                wire = candidate
                x.wire, x.operation = wire.name, wire.operation
                break
        self._under_way += 1
        parts.metrics.started(self._under_way)
        try:
            await self._serve(x, wire, scope, receive, send)
        except GatewayError as error:
            await self._refuse(x, wire, error, send)
        except ClientLeftError:
            finish(parts, x, "client_left")
        except asyncio.CancelledError:
            finish(parts, x, "interrupted")
            raise
        except Exception as error:  # noqa: BLE001  (the outermost: it blocks, and tells the class of the error only)
            _log.error("internal_error", request_id=x.request_id, error_type=type(error).__name__)
            await self._refuse(x, wire, GatewayError(INTERNAL_ERROR), send)
        finally:
            self._under_way -= 1
            parts.metrics.ended(x, self._under_way)

    async def _serve(self, x: Exchange, wire: WireFormat, scope: Scope, receive: Receive, send: Send) -> None:
        parts = self._parts
        headers: Headers = scope["headers"]
        parts.watcher.check()
        peer = scope["client"][0] if scope.get("client") else ""
        principal = self._authenticator.authenticate(headers, peer)
        x.principal = principal
        if not x.wire:
            await self._other(x, scope, principal, send)
            return
        if self._under_way > parts.settings.max_concurrent:
            raise Unavailable(OVERLOADED, headers={"Retry-After": "2"})
        body = await read_body(headers, receive, parts.settings.max_body_bytes)
        call = wire.parse(body)
        x.stream = call.stream
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (we run inside one)
        hangup = _HangUp(receive, task)
        try:
            await self._walk(x, wire, call, principal, send)
        except asyncio.CancelledError:
            if hangup.seen and task.uncancel() == 0:
                raise ClientLeftError from None
            raise
        finally:
            hangup.stop()

    async def _walk(self, x: Exchange, wire: WireFormat, call: Call, principal: Principal, send: Send) -> None:
        parts = self._parts
        try:
            prepared = await prepare(parts, x, wire, call, principal)
        except Blocked as error:
            if not principal.answer_mode:
                raise
            await self._notice(x, wire, call, error.message(principal.language), send)
            return
        if call.stream:
            await self._stream(x, prepared, send)
            return
        body = await pipeline.answer(parts, x, prepared)
        x.status = 200
        await _respond(send, 200, [*self._headers(x), *parts.labels.headers(x)], body)
        finish(parts, x, "completed")

    async def _stream(self, x: Exchange, prepared: Prepared, send: Send) -> None:
        parts = self._parts
        response = await streaming.open_stream(parts, x, prepared)
        x.status = 200
        try:
            headers = [*self._headers(x, b"text/event-stream; charset=utf-8"), *parts.labels.headers(x)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})

            async def emit(piece: bytes) -> None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})

            await streaming.relay(parts, x, prepared, response, emit)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            response.close()
        finish(parts, x, "upstream_broke" if x.error_type else "completed")

    async def _notice(self, x: Exchange, wire: WireFormat, call: Call, text: str, send: Send) -> None:
        """Answer mode: the refusal as a reply that any chat client shows well; no upstream was called."""
        pieces = wire.notice(call, text, reference=x.request_id, created=int(x.started_at))
        kind = b"text/event-stream; charset=utf-8" if call.stream else b"application/json"
        x.status = 200
        headers = [*self._headers(x, kind), (b"ai-disclosure", b"mode=none")]
        await _respond(send, 200, headers, b"".join(pieces))

    async def _other(self, x: Exchange, scope: Scope, principal: Principal, send: Send) -> None:
        """`/v1/models`, or nothing that we know."""
        parts, path = self._parts, scope["path"]
        if scope["method"] == "GET" and (path == "/v1/models" or path.startswith("/v1/models/")):
            x.operation = "models"
            names = parts.policy.current.models_for(
                principal.role, principal.unit, pipeline.day_of(x), parts.suspensions.current
            )
            models = {name: Model(name, tool.provider.name) for name, tool in names}
            wanted = path.removeprefix("/v1/models").lstrip("/")
            if wanted and wanted not in models:
                raise NotFound(UNKNOWN_MODEL)
            body = model_body(models[wanted]) if wanted else models_body(list(models.values()))
            x.status = 200
            await _respond(send, 200, self._headers(x), body)
            return
        raise NotFound(UNKNOWN_PATH)

    async def _refuse(self, x: Exchange, wire: WireFormat, error: GatewayError, send: Send) -> None:
        language = x.principal.language if x.principal else self._parts.policy.current.organisation.default_language
        x.error_type = x.error_type or error.reason_code
        if x.status == 200:  # noqa: PLR2004  (the answer had begun: cut it, so that no client takes it for whole)
            finish(self._parts, x, "failed")
            raise ConnectionAbortedError
        x.status = error.status
        details = error.details if isinstance(error, Blocked) else {}
        body = wire.error(error, language, reference=x.request_id, details=details)
        headers = [*self._headers(x), (b"ai-disclosure", b"mode=none")]
        headers.extend((k.lower().encode(), v.encode()) for k, v in error.headers.items())
        finish(self._parts, x, "failed")
        await _respond(send, error.status, headers, body)

    def _headers(self, x: Exchange, kind: bytes = b"application/json") -> Headers:
        """Response headers come from this list, never from the upstream."""
        return [
            (b"content-type", kind),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-request-id", x.request_id.encode()),
        ]


class _HangUp:
    """Waits for the client's disconnect beside the request, and cancels the request when it comes."""

    __slots__ = ("_request", "_task", "seen")

    def __init__(self, receive: Receive, request: "asyncio.Task[Any]") -> None:
        self.seen = False
        self._request = request
        self._task = asyncio.ensure_future(self._wait(receive))

    async def _wait(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.seen = True
        self._request.cancel()

    def stop(self) -> None:
        self._task.cancel()


async def _respond(send: Send, status: int, headers: Headers, body: bytes) -> None:
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
