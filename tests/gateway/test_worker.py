"""The worker process: what it refuses before the app sees it (request smuggling, endless heads), and when it ends."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.connection import MAX_HEAD
from gateway.settings import Settings
from gateway.worker import Server, configure
from tests.filters.scanning.conftest import alive, wait_for
from tests.gateway.small_app import create_app

APP = "tests.gateway.small_app:create_app"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = worker(listening, tmp_path_factory.mktemp("data"))
        yield listening.getsockname()[1]
        process.terminate()
        process.wait()


def worker(listening: socket.socket, data: Path) -> subprocess.Popen[bytes]:
    fd = listening.fileno()
    return subprocess.Popen(
        [sys.executable, "-m", "gateway.worker", "--fd", str(fd), "--app", APP],
        pass_fds=[fd],
        env={k: v for k, v in os.environ.items() if not k.startswith("PROMETHEUS")} | {"SLUIS_DATA_DIR": str(data)},
    )


def say(port: int, raw: bytes) -> tuple[list[bytes], bool]:
    """The status lines of the answers to raw bytes, and whether the connection was closed."""
    heard, closed = b"", False
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            peer.sendall(raw)
        with contextlib.suppress(ConnectionResetError):
            while data := peer.recv(65536):
                heard += data
                if b"GOODBYE" in raw and heard.count(b"HTTP/1.1 ") == 2:
                    break
            else:
                closed = True
    return [line for line in heard.split(b"\r\n") if line.startswith(b"HTTP/")], closed


POST = b"POST /pid HTTP/1.1\r\nHost: x\r\n"
INNER = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="length, then encoding"),
        pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", id="encoding, then length"),
        pytest.param(b"Content-Length: 5\r\nContent-Length: 0\r\n\r\nabcde", id="two lengths"),
        pytest.param(b"Content-Length: 5, 5\r\n\r\nabcde", id="list of lengths"),
        pytest.param(b"Content-Length: +5\r\n\r\nabcde", id="length with a sign"),
        pytest.param(b"Content-Length: 18446744073709551621\r\n\r\nabcde", id="length that overflows"),
        pytest.param(b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", id="unknown encoding"),
        pytest.param(b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", id="chunked is not last"),
        pytest.param(b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", id="space before the colon"),
        pytest.param(b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n", id="folded line"),
        pytest.param(b"X: a\rTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", id="bare CR"),
        pytest.param(b"X: a\nContent-Length: 0\r\n\r\n", id="bare LF"),
        pytest.param(b"X: a\x00b\r\nContent-Length: 0\r\n\r\n", id="NUL"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n0\n\n", id="chunk that ends in LF"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n", id="chunk length in C"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n", id="chunk overflows"),
    ],
)
def test_a_request_whose_end_is_in_doubt_is_refused_and_the_connection_closed(port: int, raw: bytes) -> None:
    answers, closed = say(port, POST + raw + INNER)
    assert closed
    # Bytes of a chunk may have reached the app when the fault shows; a second request never does.
    assert b"HTTP/1.1 404 Not Found" not in answers
    assert answers in ([b"HTTP/1.1 400 Bad Request"], [])


def test_two_sound_requests_on_one_connection_are_both_answered(port: int) -> None:
    answers, _ = say(port, POST + b"X: GOODBYE\r\nContent-Length: 0\r\n\r\n" + INNER)
    assert answers == [b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found"]


@pytest.mark.parametrize(
    "endless", [b"X: " + b"a" * 9_000_000, b"X: a\r\n" * 1_000_000], ids=["one header", "many headers"]
)
def test_an_endless_head_is_refused(port: int, endless: bytes) -> None:
    answers, closed = say(port, POST + endless)
    assert closed
    assert answers in ([b"HTTP/1.1 431 Request Header Fields Too Large"], [])  # a reset may overtake the answer


def test_a_large_body_after_a_sound_head_is_taken(port: int) -> None:
    body = b"a" * (20 * MAX_HEAD)
    answers, _ = say(port, POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert answers == [b"HTTP/1.1 200 OK"]


def test_many_requests_on_one_connection_do_not_add_up_to_a_large_head(port: int) -> None:
    one = POST + b"Content-Length: 1000\r\n\r\n" + b"a" * 1000
    last = POST + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
    answers, closed = say(port, one * 200 + last)
    assert closed
    assert answers == [b"HTTP/1.1 200 OK"] * 201


def test_no_header_tells_what_software_answers(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        peer.sendall(b"GET /pid HTTP/1.1\r\nHost: x\r\n\r\n")
        head = peer.recv(65536).lower()
    assert b"\r\nserver:" not in head
    assert b"\r\ndate:" in head


def test_a_worker_ends_with_its_lifeline(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.set_inheritable(read, True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fd = listening.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.worker", "--fd", str(fd), "--lifeline", str(read), "--app", APP],
            pass_fds=[fd, read],
            env=os.environ | {"SLUIS_DATA_DIR": str(tmp_path)},
        )
        assert say(listening.getsockname()[1], b"GET /pid HTTP/1.0\r\n\r\n")[0] == [b"HTTP/1.1 200 OK"]
    os.close(read)
    os.close(write)
    assert process.wait(timeout=20) == 1
    assert not alive(process.pid)


def test_a_worker_that_is_told_to_stop_while_starting_stops(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = worker(listening, tmp_path)
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: process.poll() is not None)
        assert process.returncode == -signal.SIGTERM


@pytest.mark.parametrize("start", [b"", b"POST /pid HTTP/1.1\r\nX:", POST + b"Content-Length: 0\r\n\r\nGET"])
async def test_a_head_that_does_not_come_costs_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr("gateway.connection.HEAD_TIMEOUT", 0.2)
    settings = Settings(data_dir=tmp_path)
    app = create_app(settings)
    server = Server(configure(app, settings), app, None)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(start)
        with contextlib.suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), timeout=20)  # until the server closes
        writer.close()
        server.should_exit = True
        await serving
