"""HTTP by hand, for what no HTTP library does: half a request, a hang-up, a reader that does not read."""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

from tests.support.gateway import RunningGateway


def request(
    running: RunningGateway, body: Mapping[str, Any] | bytes, *, who: str = "staff", headers: str = "", length: int = -1
) -> bytes:
    """The bytes of one request for a chat completion; `length` states another Content-Length than the true one."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stated = f"Content-Length: {len(raw) if length < 0 else length}\r\n" if length != 0 else ""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {running.keys[who]}\r\n"
        f"Content-Type: application/json\r\n{stated}{headers}\r\n"
    )
    return head.encode() + raw


def connect(running: RunningGateway, *, receive_buffer: int = 0) -> socket.socket:
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(30)
    sock.connect(("127.0.0.1", running.port))
    return sock


def reset(sock: socket.socket) -> None:
    """Close with RST, as a machine that lost its connection would."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def until_closed(sock: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = bytearray()
    while piece := sock.recv(65536):
        found += piece
    return bytes(found)


def answer(sock: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer with a Content-Length: status, headers, body."""
    found = b""
    while b"\r\n\r\n" not in found:
        piece = sock.recv(1)
        if not piece:
            raise ConnectionError(f"closed after {len(found)} bytes")
        found += piece
    first, *lines = found.decode().rstrip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = b""
    while len(body) < int(headers["content-length"]):
        body += sock.recv(int(headers["content-length"]) - len(body))
    return int(first.split()[1]), headers, body
