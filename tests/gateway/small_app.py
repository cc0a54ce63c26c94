"""A small ASGI app for tests of the supervisor and the worker: real scanning, a real metric, slow answers."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from prometheus_client import Counter, Gauge

from filters.findings import OperatingPoint, ScanError, Slot
from filters.scanning import ScanClient
from gateway.settings import Settings

REQUESTS = Counter("small_requests", "requests")
ALIVE = Gauge("small_alive", "workers", multiprocess_mode="livesum")


def create_app(settings: Settings) -> Callable[..., Any]:  # noqa: C901 - one small function a page
    client = ScanClient(settings.scanner_sockets, timeout=settings.scan_timeout)
    ALIVE.set(1)

    async def scan(text: str) -> tuple[int, str]:
        try:
            found = await client.scan([Slot((), text)], OperatingPoint.PRECISE)
        except ScanError:
            return 503, "refused"
        return 200, json.dumps([f.entity_type for f in found])

    async def answer(path: str, body: bytes) -> tuple[int, str]:
        match path.split("/"):
            case ["", "readyz"]:
                return (200 if await client.ready() else 503), "ready"
            case ["", "slow", seconds]:
                await asyncio.sleep(float(seconds))
                return 200, "slow but done"
            case ["", "scan"]:
                return await scan(body.decode())
        pages = {"/pid": str(os.getpid()), "/settings": settings.model_dump_json()}
        return (200, pages[path]) if path in pages else (404, "nothing here")

    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await client.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["path"] != "/readyz":
            REQUESTS.inc()
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, text = await answer(scope["path"], body)
        with contextlib.suppress(OSError):
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": text.encode()})

    return app


def broken(settings: Settings) -> Callable[..., Any]:
    raise RuntimeError("password=hunter2")


def misconfigured(settings: Settings) -> Callable[..., Any]:
    sys.stderr.write("the tool list has a mistake in line 3\n")
    raise SystemExit(os.EX_CONFIG)


def never_starts(settings: Settings) -> Callable[..., Any]:
    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    return app
