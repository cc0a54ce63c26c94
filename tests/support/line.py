"""A TCP relay in a thread of its own that stands before PostgreSQL and can go away, as a network or a firewall does."""

import asyncio
import contextlib
import threading
from typing import Self


class Line:
    """`up`: relays. `silent`: takes connections and bytes and gives nothing back. `cut`: closes all, takes none."""

    def __init__(self, target: int = 5432) -> None:
        self.port = 0
        self._target = target
        self._mode = "up"
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.set("cut")
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def set(self, mode: str) -> None:
        asyncio.run_coroutine_threadsafe(self._set(mode), self._loop).result(10)

    async def _set(self, mode: str) -> None:
        self._mode = mode
        self._changed.set()
        self._changed = asyncio.Event()
        if mode == "cut":
            for writer in list(self._open):
                writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "cut":
            writer.transport.abort()
            return
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        both = {writer, up_writer}
        self._open |= both
        halves = [
            asyncio.create_task(self._half(reader, up_writer)),
            asyncio.create_task(self._half(up_reader, writer)),
        ]
        try:
            await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for half in halves:
                half.cancel()
            for one in both:
                one.transport.abort()
            self._open -= both

    async def _half(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                while self._mode == "silent":
                    await self._changed.wait()
                writer.write(data)
                await writer.drain()
