"""One persistent connection from a gateway worker to one scanning process."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from filters.findings import Finding, OperatingPoint, ScanError
from filters.scanning import frames
from filters.scanning.frames import FrameError, FrameReader, Item

_FIRST_PAUSE: Final = 0.02
_LAST_PAUSE: Final = 0.25
_CONNECT_TIMEOUT: Final = 5.0


class LinkLost(Exception):
    """The scanner went away before it answered. The items may be asked for again. Carries no text."""


class Call:
    """Items on their way to a scanner; `answer` resolves to one tuple of findings per item."""

    __slots__ = ("answer", "items", "link", "number", "size")

    def __init__(self, link: "Link", number: int, items: tuple[Item, ...]) -> None:
        self.link = link
        self.number = number
        self.items = items
        self.size = sum(item.size for item in items)
        self.answer: asyncio.Future[list[tuple[Finding, ...]]] = asyncio.get_running_loop().create_future()

    def end(self) -> None:
        """Give up waiting, if still waiting; the scanner is told."""
        if not self.answer.done():
            self.answer.cancel()
            self.link.forget(self)
        elif not self.answer.cancelled():
            self.answer.exception()  # seen: asyncio need not complain that nobody looked


class Link(asyncio.Protocol):
    """Connects, says who is there (`version`, empty while nobody is), reconnects when the scanner restarts.

    `changed` is called whenever `version` did.
    """

    def __init__(self, path: Path, changed: Callable[[], None]) -> None:
        self.version = ""
        self.load = 0  # characters asked for and not yet answered
        self._path = path
        self._changed = changed
        self._calls: dict[int, Call] = {}
        self._number = 0
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._gone = asyncio.Event()

    async def keep(self) -> None:
        """Stay connected until cancelled."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        try:
            while True:
                self._gone.clear()
                with contextlib.suppress(OSError, TimeoutError):  # not there (yet): try again
                    async with asyncio.timeout(_CONNECT_TIMEOUT):
                        await loop.create_unix_connection(lambda: self, str(self._path))
                    pause = _FIRST_PAUSE
                    await self._gone.wait()
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LAST_PAUSE)
        finally:
            if self._transport is not None:
                self._transport.abort()
            self._lose()

    def send(self, items: tuple[Item, ...], point: OperatingPoint, weight: int) -> Call:
        """Ask for items. Raises LinkLost when nobody is there."""
        if self._transport is None or not self.version:
            raise LinkLost
        self._number += 1
        call = Call(self, self._number, items)
        data = frames.ask(call.number, weight, point, items)
        self._calls[call.number] = call
        self.load += call.size
        self._transport.write(data)
        return call

    def forget(self, call: Call) -> None:
        """Tell the scanner that nobody waits for this answer any more."""
        if self._calls.pop(call.number, None) is not None:
            self.load -= call.size
            if self._transport is not None:
                self._transport.write(frames.forget(call.number))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's transport reads and writes
        self._reader = FrameReader()

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._reader.feed(data):
                self._hear(frames.parse(payload))
        except FrameError:
            if self._transport is not None:
                self._transport.abort()
            self._lose()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self._lose()

    def _hear(self, said: Any) -> None:
        match said:
            case {"version": str(version)} if version and not self.version:
                self.version = version
                self._changed()
            case [int(number), list(found)]:
                call = self._calls.get(number)
                if call is not None:  # else it was given up
                    answer = _read(found, call.items)
                    self._take(call).answer.set_result(answer)
            case [int(number), None, str(name)]:
                call = self._calls.get(number)
                if call is not None:
                    self._take(call).answer.set_exception(ScanError(f"scanner failed: {name}"))
            case _:
                raise FrameError("not an answer")

    def _take(self, call: Call) -> Call:
        del self._calls[call.number]
        self.load -= call.size
        return call

    def _lose(self) -> None:
        self._transport = None
        calls, self._calls, self.load = self._calls, {}, 0
        for call in calls.values():
            if not call.answer.done():
                call.answer.set_exception(LinkLost())
        self._gone.set()
        if self.version:
            self.version = ""
            self._changed()


def _read(found: list[Any], items: tuple[Item, ...]) -> list[tuple[Finding, ...]]:
    if len(found) != len(items):
        raise FrameError("answer of another length")
    return [frames.read_findings(one, item) for one, item in zip(found, items, strict=True)]
