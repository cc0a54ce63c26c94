"""`serve()` as real processes: what starts, what comes back after kill -9, and how it stops."""

import contextlib
import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.filters.scanning.conftest import alive, wait_for

Start = Callable[..., "Gateway"]


class Gateway:
    """A supervisor of this test."""

    def __init__(self, folder: Path, factory: str, engine: str, **settings: object) -> None:
        self.folder = folder
        given = {"data_dir": folder, "port": 0, "metrics_port": 0, "database_url": "postgresql+asyncpg://h/d"}
        env = {k: v for k, v in os.environ.items() if not k.startswith(("SLUIS_", "PROMETHEUS"))}
        env |= {f"SLUIS_{name.upper()}": str(value) for name, value in (given | settings).items()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.gateway.serve_small", factory, engine],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._log: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self._log.extend(self.process.stderr)

    def ready(self) -> "Gateway":
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log()
        self.first = json.loads(line)
        self.port, self.metrics_port = self.first["port"], self.first["metrics_port"]
        return self

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.folder / "run" / "state.json").read_text())
        return state

    def children(self) -> list[int]:
        return [*self.state["scanners"], *self.state["workers"]]

    def ask(self, path: str, body: str = "", *, port: int = 0, method: str = "POST") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def metric(self, name: str) -> float:
        _, text = self.ask("/metrics", port=self.metrics_port, method="GET")
        return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def log(self) -> str:
        self._reader.join(timeout=5 if self.process.poll() is not None else 0)
        return "".join(self._log)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(timeout=20)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Gateway] = []

    def starter(
        factory: str = "create_app",
        *,
        engine: str = "tests.filters.scanning.stand_in:Engine",
        folder: str = "data",
        **settings: object,
    ) -> Gateway:
        gateway = Gateway(tmp_path / folder, factory, engine, **settings)
        started.append(gateway)
        return gateway

    yield starter
    for gateway in started:
        gateway.end()


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False


def test_all_processes_start_and_every_worker_answers(start: Start) -> None:
    gateway = start(workers=2, scanners=2).ready()
    assert gateway.state == gateway.first
    assert len(gateway.first["scanners"]) == 2
    assert gateway.ask("/scan", "van jan@example.org") == (200, '["EMAIL_ADDRESS"]')
    seen: set[int] = set()
    end = time.monotonic() + 20
    while seen != set(gateway.first["workers"]) and time.monotonic() < end:
        held = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(20)]
        seen |= {int(gateway.ask("/pid")[1]) for _ in range(5)}
        for connection in held:
            connection.close()
    assert seen == set(gateway.first["workers"])


def test_folders_are_for_our_own_user_only(start: Start) -> None:
    gateway = start().ready()
    for folder in (gateway.folder, gateway.folder / "secrets", gateway.folder / "run"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in (gateway.folder / "run").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_workers_get_the_settings_and_the_real_ports(start: Start) -> None:
    gateway = start(scan_timeout=7.5).ready()
    settings = json.loads(gateway.ask("/settings")[1])
    assert settings["port"] == gateway.port
    assert settings["metrics_port"] == gateway.metrics_port
    assert settings["scan_timeout"] == 7.5
    assert settings["data_dir"] == str(gateway.folder)


def test_metrics_are_summed_over_workers_alive_and_gone(start: Start) -> None:
    gateway = start(workers=2).ready()
    for _ in range(10):
        gateway.ask("/pid")
    wait_for(lambda: gateway.metric("small_requests_total") == 10)
    assert gateway.metric("small_alive") == 2
    os.kill(gateway.state["workers"][0], signal.SIGKILL)
    wait_for(lambda: gateway.state["workers"][0] not in (0, gateway.first["workers"][0]))
    wait_for(lambda: gateway.metric("small_alive") == 2)  # the dead one's gauge is gone, the new one's is there
    assert gateway.metric("small_requests_total") == 10


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/metrics", 200), ("GET", "/metrics?name=x", 200), ("GET", "/", 404), ("GET", "/metrics/x", 404),
     ("POST", "/metrics", 501), ("DELETE", "/metrics", 501)],
)  # fmt: skip
def test_the_metrics_listener_has_one_page(start: Start, method: str, path: str, status: int) -> None:
    gateway = start().ready()
    assert gateway.ask(path, port=gateway.metrics_port, method=method)[0] == status


def test_a_killed_worker_comes_back(start: Start) -> None:
    gateway = start().ready()
    for _ in range(3):
        (before,) = gateway.state["workers"]
        os.kill(before, signal.SIGKILL)
        wait_for(partial(_replaced, gateway, before))
        assert gateway.ask("/scan", "van jan@example.org") == (200, '["EMAIL_ADDRESS"]')  # waits in the shared socket
    assert gateway.log().count('"worker_died"') == 3


def test_with_two_workers_one_killed_is_hardly_noticed(start: Start) -> None:
    gateway = start(workers=2).ready()
    os.kill(gateway.state["workers"][1], signal.SIGKILL)
    assert [gateway.ask("/pid")[0] for _ in range(20)] == [200] * 20


def test_a_scanner_killed_during_a_scan_is_replaced_and_the_scan_answered(start: Start, tmp_path: Path) -> None:
    gateway = start().ready()
    died = tmp_path / "died"
    assert gateway.ask("/scan", f"die-once:{died} jan@example.org") == (200, '["EMAIL_ADDRESS"]')
    assert died.exists()
    assert gateway.log().count('"scanner_died"') == 1


def test_a_text_that_kills_scanners_is_refused_and_the_next_one_is_scanned(start: Start) -> None:
    gateway = start().ready()
    assert gateway.ask("/scan", "please die") == (503, "refused")
    assert gateway.ask("/scan", "van jan@example.org") == (200, '["EMAIL_ADDRESS"]')


def test_a_hanging_scanner_is_refused_replaced_and_forgotten(start: Start) -> None:
    gateway = start(scan_timeout=0.5).ready()
    (before,) = gateway.state["scanners"]
    assert gateway.ask("/scan", "sleep:100") == (503, "refused")
    wait_for(lambda: gateway.state["scanners"][0] not in (0, before))
    wait_for(lambda: gateway.ask("/readyz")[0] == 200)
    assert gateway.ask("/scan", "van jan@example.org") == (200, '["EMAIL_ADDRESS"]')


def test_killing_the_supervisor_frees_the_port_and_leaves_no_process(start: Start) -> None:
    gateway = start(workers=2, scanners=2).ready()
    children = gateway.children()
    sleeper = threading.Thread(target=_quiet, args=(gateway, "/slow/30"))
    sleeper.start()
    time.sleep(0.2)
    gateway.process.kill()
    gateway.process.wait()
    wait_for(lambda: refused(gateway.port) and not any(alive(pid) for pid in children), seconds=5)
    sleeper.join()
    again = start(workers=2, scanners=2, port=gateway.port).ready()  # same folder, same port, no manual step
    assert again.ask("/scan", "van jan@example.org") == (200, '["EMAIL_ADDRESS"]')


def _replaced(gateway: Gateway, worker: int) -> bool:
    return gateway.state["workers"][0] not in (0, worker)


def _quiet(gateway: Gateway, path: str) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        gateway.ask(path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_lets_open_exchanges_finish_and_takes_no_new_ones(start: Start, number: int) -> None:
    gateway = start().ready()
    children = gateway.children()
    answers: list[tuple[int, str]] = []
    open_exchange = threading.Thread(target=lambda: answers.append(gateway.ask("/slow/1.5")))
    open_exchange.start()
    time.sleep(0.3)
    gateway.process.send_signal(number)
    wait_for(lambda: refused(gateway.port), seconds=1.2)
    open_exchange.join()
    assert answers == [(200, "slow but done")]
    assert gateway.process.wait(timeout=20) == 0
    assert not any(alive(pid) for pid in children)
    assert {path.name for path in (gateway.folder / "run").iterdir()} <= {"lock", "scanner-0.sock"}


def test_an_exchange_longer_than_the_drain_time_is_cut(start: Start) -> None:
    gateway = start(drain_timeout=0.5).ready()
    sleeper = threading.Thread(target=_quiet, args=(gateway, "/slow/60"))
    sleeper.start()
    time.sleep(0.3)
    assert gateway.stop() == 0
    sleeper.join(timeout=10)
    assert not sleeper.is_alive()


def test_a_second_signal_cuts_the_draining_short(start: Start) -> None:
    gateway = start(drain_timeout=100).ready()
    sleeper = threading.Thread(target=_quiet, args=(gateway, "/slow/60"))
    sleeper.start()
    time.sleep(0.3)
    gateway.process.send_signal(signal.SIGINT)
    wait_for(lambda: refused(gateway.port))
    assert gateway.stop(signal.SIGINT) == 0
    sleeper.join(timeout=10)
    assert not sleeper.is_alive()


def test_scans_still_work_while_draining_even_when_the_scanner_dies(start: Start, tmp_path: Path) -> None:
    gateway = start().ready()
    answers: list[tuple[int, str]] = []
    text = f"sleep:1 die-once:{tmp_path / 'died'} jan@example.org"
    scan = threading.Thread(target=lambda: answers.append(gateway.ask("/scan", text)))
    scan.start()
    time.sleep(0.3)
    gateway.process.send_signal(signal.SIGTERM)
    scan.join()
    assert answers == [(200, '["EMAIL_ADDRESS"]')]
    assert gateway.process.wait(timeout=20) == 0


def test_sqlite_with_several_workers_is_refused(start: Start) -> None:
    gateway = start(workers=2, database_url="")
    assert gateway.process.wait(timeout=20) == 1
    assert "SQLite takes one worker only" in gateway.log()


def test_sqlite_with_one_worker_runs(start: Start) -> None:
    assert start(database_url="").ready().ask("/pid")[0] == 200


def test_a_second_gateway_on_the_same_folder_is_refused(start: Start) -> None:
    gateway = start().ready()
    second = start()
    assert second.process.wait(timeout=20) == 1
    assert "already running" in second.log()
    assert gateway.ask("/pid")[0] == 200


@pytest.mark.parametrize("name", ["port", "metrics_port"])
def test_a_port_that_is_taken_is_refused(start: Start, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway = start(**{name: taken.getsockname()[1]})
        assert gateway.process.wait(timeout=20) == 1
        assert "EADDRINUSE" in gateway.log()


def test_a_data_folder_too_deep_for_sockets_is_refused(start: Start) -> None:
    gateway = start(folder="d" * 100)
    assert gateway.process.wait(timeout=20) == 1
    assert "shorter path" in gateway.log()


@pytest.mark.parametrize(
    ("factory", "engine", "status", "event", "tries"),
    [
        ("misconfigured", "tests.filters.scanning.stand_in:Engine", 78, "worker_cannot_start", 1),
        ("broken", "tests.filters.scanning.stand_in:Engine", 3, "worker_cannot_start", 3),
        ("never_starts", "tests.filters.scanning.stand_in:Engine", 3, "worker_cannot_start", 3),
        ("create_app", "tests.filters.scanning.stand_in:Nothing", 1, "scanner_cannot_start", 3),
    ],
)
def test_what_cannot_start_ends_the_gateway(
    start: Start, *, factory: str, engine: str, status: int, event: str, tries: int
) -> None:
    gateway = start(factory, engine=engine)
    assert gateway.process.wait(timeout=60) == status
    log = gateway.log()
    assert event in log
    assert log.count(f'"{event.partition("_")[0]}_died"') == tries
    assert "hunter2" not in log
    assert ("mistake in line 3" in log) == (factory == "misconfigured")
