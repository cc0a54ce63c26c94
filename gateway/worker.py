"""One gateway process: serves the app on the listening socket that the supervisor bound and all workers share.

`python -m gateway.worker --fd N [--app module:factory]`; settings come from the environment.
"""

import argparse
import asyncio
import math
import socket
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

import uvicorn

from filters.scanning import lifeline
from gateway import logs
from gateway.connection import connection_class
from gateway.logs import Log
from gateway.settings import Settings

APP: Final = "gateway.app:create_app"
_FAILED: Final = 3  # uvicorn's own status for a start that failed
_POLL: Final = 0.05
_KEEP_ALIVE: Final = 75  # seconds; longer than the proxies before us keep idle connections (nginx: 60)

_log = Log("gateway.worker")
AsgiApp = Callable[..., Any]


def load_app(name: str, settings: Settings) -> AsgiApp:
    """Call the factory `module:function` with the settings."""
    module, _, attribute = name.partition(":")
    app: AsgiApp = getattr(import_module(module), attribute)(settings)
    return app


class Server(uvicorn.Server):
    """uvicorn, that tells the supervisor when this very worker answers /readyz.

    Over the shared socket one cannot choose a worker, so the app is asked in the process.
    """

    def __init__(self, config: uvicorn.Config, app: AsgiApp, ready_fd: int | None) -> None:
        super().__init__(config)
        self._asgi = app
        self._ready_fd = ready_fd
        self._announcing: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started and self._ready_fd is not None:
            self._announcing = asyncio.create_task(self._announce(self._ready_fd), name="announce ready")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._announcing is not None:
            self._announcing.cancel()
        await super().shutdown(sockets=sockets)

    async def _announce(self, ready_fd: int) -> None:
        while await self._readyz() != 200:  # noqa: PLR2004, ASYNC110 - nothing tells us; the app is asked
            await asyncio.sleep(_POLL)
        lifeline.say_ready(ready_fd)

    async def _readyz(self) -> int:
        status = 0
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/readyz",
            "raw_path": b"/readyz",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
            "state": self.lifespan.state.copy(),
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]

        try:
            await self._asgi(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the outermost for this call: the app is not ready
            _log.warning("readyz_failed", error_type=type(error).__name__)
            return 0
        return status


def configure(app: AsgiApp, settings: Settings) -> uvicorn.Config:
    """Uvicorn as we use it: no access log (promise 4), no trust in proxy headers, no server name."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=connection_class(settings.client_timeout),  # httptools
        ws="none",
        lifespan="on",
        interface="asgi3",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(settings.drain_timeout),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM; 3 when the app could not start. An app that calls sys.exit(78) is not started again."""
    parser = argparse.ArgumentParser(prog="python -m gateway.worker", description="One gateway process of Sluis.")
    parser.add_argument("--fd", type=int, required=True, help="the listening socket")
    parser.add_argument("--app", default=APP, metavar="MODULE:FACTORY")
    parser.add_argument("--lifeline", type=int, default=None, metavar="FD", help="pipe that ends with the parent")
    parser.add_argument("--ready", type=int, default=None, metavar="FD", help="gets a byte when /readyz answers 200")
    given = parser.parse_args(arguments)
    lifeline.bind_to_parent()
    if given.lifeline is not None:
        lifeline.watch(given.lifeline)
    settings = Settings()
    logs.configure(settings.log_level)
    listening = socket.socket(fileno=given.fd)
    try:
        app = load_app(given.app, settings)
    except Exception as error:  # noqa: BLE001 - its message may hold a password of a database URL
        _log.error("app_failed", error_type=type(error).__name__)
        return _FAILED
    server = Server(configure(app, settings), app, given.ready)
    server.run(sockets=[listening])
    return 0 if server.started else _FAILED


if __name__ == "__main__":
    raise SystemExit(main())
