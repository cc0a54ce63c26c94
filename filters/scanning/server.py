"""The scanning process: one thread, one inspection at a time, several workers connected.

Between two inspections it reads what has come in and takes the lightest request first. A request's weight is what it
asked for so far plus when it came, so that a short message passes a long document but a document is never starved.
"""

import heapq
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from filters.findings import Finding, OperatingPoint, SlotKind
from filters.scanning import frames
from filters.scanning.frames import BORDER, FrameError, FrameReader, Item, Request

AGEING: Final = 40_000
"""Characters that a second of waiting outweighs: about what the engine inspects in a second (measured)."""

_READ: Final = 256 * 1024
_MAX_QUEUED: Final = 32 * 1024 * 1024  # characters of one worker; above that nothing more is read from it
_MAX_UNREAD: Final = 32 * 1024 * 1024  # bytes of answers that a worker does not read


class TextEngine(Protocol):
    """What a scanning process runs; `filters.engine.Engine` in production."""

    version: str

    def inspect_text(self, text: str, kind: SlotKind, point: OperatingPoint) -> list[Finding]: ...

    def inspect_border(self, before: str, after: str) -> tuple[list[Finding], list[Finding]]: ...


@dataclass(slots=True, repr=False)
class _Peer:
    """One connected worker."""

    sock: socket.socket
    reader: FrameReader = field(default_factory=FrameReader)
    unsent: bytearray = field(default_factory=bytearray)
    jobs: dict[int, "_Job"] = field(default_factory=dict)
    queued: int = 0  # characters


@dataclass(slots=True, repr=False)
class _Job:
    peer: _Peer
    request: Request
    size: int
    dropped: bool = False


class ScanServer:
    """Serves `listener` until the lifeline ends.

    An inspection that takes longer than `job_limit` seconds ends the process: SIGALRM does that by its default action,
    inside C code too, and the supervisor starts a new one. 0: no limit.
    """

    def __init__(
        self,
        engine: TextEngine,
        listener: socket.socket,
        *,
        lifeline: int | None = None,
        job_limit: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._listener = listener
        self._lifeline = lifeline
        self._job_limit = job_limit
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._queue: list[tuple[float, int, _Job]] = []
        self._order = 0

    def run(self) -> None:
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        if self._lifeline is not None:
            self._selector.register(self._lifeline, selectors.EVENT_READ, None)
        while True:
            for key, events in self._selector.select(0 if self._queue else None):
                if key.fd == self._lifeline:
                    return
                if key.data is None:
                    self._accept()
                else:
                    self._serve(key.data, events)
            if self._queue:
                self._work(heapq.heappop(self._queue)[2])

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        peer = _Peer(sock)
        self._selector.register(sock, selectors.EVENT_READ, peer)
        try:
            self._send(peer, frames.hello(self._engine.version))
        except OSError:
            self._close(peer)

    def _serve(self, peer: _Peer, events: int) -> None:
        if peer.sock.fileno() < 0:  # closed earlier in this round
            return
        try:
            if events & selectors.EVENT_WRITE:
                self._send(peer, b"")
            # A full queue is not empty, so this loop does not wait, and turns once per inspection.
            if events & selectors.EVENT_READ and peer.queued < _MAX_QUEUED:
                self._receive(peer)
        except (OSError, FrameError):
            self._close(peer)

    def _receive(self, peer: _Peer) -> None:
        try:
            data = peer.sock.recv(_READ)
        except BlockingIOError:
            return
        if not data:
            self._close(peer)
            return
        for payload in peer.reader.feed(data):
            said = frames.read_request(frames.parse(payload))
            if isinstance(said, int):
                job = peer.jobs.pop(said, None)
                if job is not None:
                    job.dropped = True
            else:
                self._enqueue(peer, said)

    def _enqueue(self, peer: _Peer, request: Request) -> None:
        job = _Job(peer, request, sum(item.size for item in request.items))
        peer.jobs[request.number] = job
        peer.queued += job.size
        self._order += 1
        heapq.heappush(self._queue, (request.weight + AGEING * self._clock(), self._order, job))

    def _work(self, job: _Job) -> None:
        peer, number = job.peer, job.request.number
        peer.queued -= job.size
        if job.dropped or peer.sock.fileno() < 0:
            return
        peer.jobs.pop(number, None)
        if self._job_limit:
            signal.setitimer(signal.ITIMER_REAL, self._job_limit)
        try:
            reply = frames.answer(number, [self._inspect(item, job.request.point) for item in job.request.items])
        except Exception as error:  # noqa: BLE001 - the outermost: whatever goes wrong refuses the request (promise 2)
            reply = frames.failure(number, error)
        finally:
            if self._job_limit:
                signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            self._send(peer, reply)
        except OSError:
            self._close(peer)

    def _inspect(self, item: Item, point: OperatingPoint) -> list[Finding]:
        if item.kind != BORDER:
            return self._engine.inspect_text(item.text, SlotKind(item.kind), point)
        before, after = self._engine.inspect_border(item.text, item.after)
        return [_on_side(0, f) for f in before] + [_on_side(1, f) for f in after]

    def _send(self, peer: _Peer, data: bytes) -> None:
        """Send what can be sent now, the rest when the worker reads. Raises OSError."""
        peer.unsent += data
        while peer.unsent:
            try:
                sent = peer.sock.send(peer.unsent)
            except BlockingIOError:
                break
            del peer.unsent[:sent]
        if len(peer.unsent) > _MAX_UNREAD:
            self._close(peer)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.unsent else 0)
        if events != self._selector.get_key(peer.sock).events:
            self._selector.modify(peer.sock, events, peer)

    def _close(self, peer: _Peer) -> None:
        if peer.sock.fileno() < 0:
            return
        self._selector.unregister(peer.sock)
        peer.sock.close()
        for job in peer.jobs.values():
            job.dropped = True
        peer.jobs.clear()


def _on_side(side: int, f: Finding) -> Finding:
    return Finding(side, f.start, f.end, f.entity_type, f.category, f.score, f.origin)


def listen(path: Path) -> socket.socket:
    """A Unix socket that only our own user can connect to (mode 0600); a stale file of a killed process is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(umask)
    listener.listen(64)
    return listener
