"""uvicorn's HTTP connection with three bounds that it lacks: how large a request's head may be, how long it may take,
and how long a client may leave its answer unread.

Without them anyone who reaches the port, without a key, fills the memory with one endless header (100 MB were taken in
a test) or holds connections open for good; and a client that stops reading holds its exchange and the upstream's work.
Bodies are bounded by the road (`max_body_bytes`).
"""

import contextlib
import socket
from asyncio import BaseTransport, TimerHandle
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD: Final = 64 * 1024  # bytes of request line and headers; what is read at once (256 KiB at most) may come on top
HEAD_TIMEOUT: Final = 20.0  # seconds

_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def connection_class(client_timeout: float) -> "type[Connection]":
    """Connections whose client may take nothing of its answer for `client_timeout` seconds at most."""
    return type("Connection", (Connection,), {"client_timeout": client_timeout})


class Connection(HttpToolsProtocol):
    """One client connection."""

    client_timeout = 120.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_open = True
        self._head_bytes = 0
        self._head_timer: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        sock = transport.get_extra_info("socket")
        with contextlib.suppress(AttributeError, OSError):  # not Linux, or no TCP: then only the client's own end counts
            # The kernel ends a connection whose bytes are not taken: a reader that stopped, or a network that is gone.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self.client_timeout * 1000))
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._head_open or not self._head_bytes or self.transport.is_closing():
            return
        if self._head_bytes > MAX_HEAD:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self.transport.abort)

    def on_message_begin(self) -> None:
        self._head_bytes = self._head_bytes or 1  # it may begin behind the end of the message before
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_open = False
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head_open = True
        self._head_bytes = 0
        super().on_message_complete()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
