"""The scanning process on its own: who may connect, what it says, when it ends."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from filters.findings import OperatingPoint
from filters.scanning import frames
from filters.scanning.frames import FrameReader, Item
from tests.filters.scanning.conftest import ENGINE, Scanners, alive, wait_for


def dial(path: Path) -> socket.socket:
    end = time.monotonic() + 20
    while True:
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(20)
        try:
            peer.connect(str(path))
        except OSError:
            peer.close()
            assert time.monotonic() < end
            time.sleep(0.01)
        else:
            return peer


def hear(peer: socket.socket, reader: FrameReader, count: int) -> list[Any]:
    heard: list[Any] = []
    while len(heard) < count:
        data = peer.recv(65536)
        assert data, "the scanner hung up"
        heard += [frames.parse(payload) for payload in reader.feed(data)]
    return heard


def test_only_our_own_user_may_connect(scanners: Scanners) -> None:
    path = scanners.start()
    dial(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_stale_socket_of_a_killed_process_is_replaced(scanners: Scanners) -> None:
    path = scanners.start()
    dial(path).close()
    scanners.kill()
    assert path.exists()
    dial(scanners.start()).close()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x03{]}",
        frames.frame({"id": 1}),
        frames.frame([1, 0, "lenient", []]),
        frames.frame([1, 0, "precise", [["smell", "x"]]]),
        frames.frame([1, 0, "precise", [["text", 5]]]),
    ],
)
def test_nonsense_costs_the_connection_and_nobody_else(scanners: Scanners, nonsense: bytes) -> None:
    path = scanners.start()
    with dial(path) as bad, dial(path) as good:
        reader = FrameReader()
        hear(good, reader, 1)
        hear(bad, FrameReader(), 1)
        bad.sendall(nonsense)
        assert bad.recv(10) == b""
        good.sendall(frames.ask(7, 1, OperatingPoint.PRECISE, [Item("text", "jan@example.org")]))
        ((number, found),) = hear(good, reader, 1)
        assert number == 7
        assert found[0][0][:4] == [0, 0, 15, "EMAIL_ADDRESS"]


def test_a_worker_that_hangs_up_with_work_queued_harms_nobody(scanners: Scanners) -> None:
    path = scanners.start()
    with dial(path) as good:
        reader = FrameReader()
        hear(good, reader, 1)
        with dial(path) as leaving:
            hear(leaving, FrameReader(), 1)
            for n in range(50):
                leaving.sendall(frames.ask(n, 1, OperatingPoint.PRECISE, [Item("text", f"sleep:0.01 left {n}")]))
        good.sendall(frames.ask(1, 1, OperatingPoint.PRECISE, [Item("text", "stays")]))
        assert hear(good, reader, 1) == [[1, [[]]]]


def test_answers_that_nobody_reads_are_kept_until_they_are_read(scanners: Scanners) -> None:
    path = scanners.start()
    many = "a@example.org " * 1000
    with dial(path) as peer:
        reader = FrameReader()
        hear(peer, reader, 1)
        for n in range(20):
            peer.sendall(frames.ask(n, 1, OperatingPoint.PRECISE, [Item("text", many)]))
        time.sleep(0.3)
        answers = hear(peer, reader, 20)
        assert sorted(number for number, _ in answers) == list(range(20))
        assert all(len(found[0]) == 1000 for _, found in answers)


def test_nothing_of_a_text_is_printed_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with subprocess.Popen(
        [sys.executable, "-m", "filters.scanning", "--socket", str(path), "--engine", ENGINE],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        with dial(path) as peer:
            reader = FrameReader()
            hear(peer, reader, 1)
            peer.sendall(frames.ask(1, 1, OperatingPoint.PRECISE, [Item("text", "poison kanarie")]))
            assert hear(peer, reader, 1) == [[1, None, "PoisonError"]]
        process.terminate()
        output, _ = process.communicate(timeout=20)
    assert output == b""


PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, '-m', 'filters.scanning', *sys.argv[1:]]).pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_the_process_ends_with_its_parent(tmp_path: Path, state: str) -> None:
    path = tmp_path / "a.sock"
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            PARENT,
            "--socket",
            str(path),
            "--engine",
            ENGINE,
        ],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    peer = dial(path)
    hear(peer, FrameReader(), 1)
    if state == "busy":
        peer.sendall(frames.ask(1, 1, OperatingPoint.PRECISE, [Item("text", "sleep:600")]))
        time.sleep(0.1)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not alive(child), seconds=5)
    peer.close()


def test_the_process_ends_with_its_lifeline(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    read, write = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "filters.scanning", "--socket", str(path), "--engine", ENGINE, "--lifeline", str(read)],
        pass_fds=[read],
    ) as process:
        os.close(read)
        dial(path).close()
        assert process.poll() is None
        os.close(write)
        assert process.wait(timeout=20) == 0


def test_ctrl_c_of_the_terminal_does_not_end_it(scanners: Scanners) -> None:
    path = scanners.start()
    dial(path).close()
    scanners.processes["a"].send_signal(signal.SIGINT)
    with dial(path) as peer:
        assert hear(peer, FrameReader(), 1) == [{"version": "stand-in 1"}]
