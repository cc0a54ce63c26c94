import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import uvicorn

from tests.gateway.office import Office, office


class Served:
    """The administration API behind a real socket, in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.office: Office | None = None
        self._ready = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        async with office("sqlite", self._folder) as made:
            self.office = made
            config = uvicorn.Config(made.app, log_level="critical", lifespan="off", proxy_headers=False)
            self._server = uvicorn.Server(config)
            polling = asyncio.create_task(made.watcher.run())
            self._ready.set()
            await self._server.serve(sockets=[self._socket])
            polling.cancel()
            await asyncio.wait([polling])

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(30)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with Served(tmp_path) as made:
        monkeypatch.setenv("SLUIS_URL", made.url)
        yield made
