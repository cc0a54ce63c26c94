"""The supervisor's loop: start, watch, restart, report ready, stop in order. No asyncio: it sleeps in one select()."""

import contextlib
import http.client
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from gateway import logs
from gateway.logs import Log
from gateway.settings import Settings
from gateway.supervisor import prepare
from gateway.supervisor.child import Child
from gateway.supervisor.listener import MetricsListener

APP: Final = "gateway.app:create_app"
ENGINE: Final = "filters.engine:Engine"

_GIVE_UP: Final = 3  # deaths in a row of a process that was never up
_CONFIG_ERROR: Final = os.EX_CONFIG  # a worker that ends so says that starting it again cannot help
_GRACE: Final = 5.0  # seconds beyond the drain time before a worker is killed
_SCANNER_GRACE: Final = 2.0
_POLL: Final = 0.05

_log = Log("gateway.supervisor")


@dataclass(frozen=True, slots=True)
class State:
    """Which processes run and where they listen; also in `run/state.json`."""

    pid: int
    host: str
    port: int
    metrics_host: str
    metrics_port: int
    scanners: tuple[int, ...]
    workers: tuple[int, ...]


def serve(
    settings: Settings, *, on_ready: Callable[[State], None] | None = None, app: str = APP, engine: str = ENGINE
) -> int:
    """Run the gateway until SIGTERM or SIGINT; return the exit status. Call from the main thread.

    `on_ready` is called once, when every worker answers /readyz. Raises StartError for settings that cannot work, a
    port that is taken, or a gateway already running on the same data folder.
    """
    logs.configure(settings.log_level)
    os.umask(0o077)  # what we and our children write is for our own user
    prepare.check(settings)
    prepare.folders(settings)
    with contextlib.ExitStack() as stack:
        stack.enter_context(prepare.lock(settings))
        folder = prepare.metrics_folder(settings)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # before anything here imports prometheus_client
        listening = stack.enter_context(prepare.bind(settings.host, settings.port))
        metrics = MetricsListener(prepare.bind(settings.metrics_host, settings.metrics_port), folder)
        stack.callback(metrics.close)
        supervisor = Supervisor(settings, listening, metrics.port, folder, app=app, engine=engine)
        return supervisor.run(on_ready)


class Supervisor:
    """Owns the child processes. `run()` once."""

    def __init__(
        self,
        settings: Settings,
        listening: socket.socket,
        metrics_port: int,
        metrics_folder: Path,
        *,
        app: str,
        engine: str,
    ) -> None:
        self._settings = settings
        self._listening = listening
        self._port: int = listening.getsockname()[1]
        self._metrics_port = metrics_port
        self._metrics_folder = metrics_folder
        self._stops = 0  # how often we were told to stop
        self._announced = False
        self._status = 0
        self._lifeline, self._life = os.pipe()  # children see the pipe end when we are gone, however we went
        env = prepare.environment(
            settings.model_copy(update={"port": self._port, "metrics_port": metrics_port}),
            PROMETHEUS_MULTIPROC_DIR=str(metrics_folder),
        )
        # -P: modules come from where ours did, not from the folder that the gateway was started in.
        python = [sys.executable, "-P", "-m"]
        limit = ["--limit", str(settings.scan_timeout)]  # whoever asked has given up by then
        self._scanners = [
            Child(
                "scanner",
                [*python, "filters.scanning", "--socket", str(path), "--engine", engine, *limit],
                env=env,
                lifeline=self._lifeline,
            )
            for path in settings.scanner_sockets
        ]
        self._workers = [
            Child(
                "worker",
                [*python, "gateway.worker", "--fd", str(listening.fileno()), "--app", app],
                env=env,
                lifeline=self._lifeline,
                fds=[listening.fileno()],
            )
            for _ in range(settings.workers)
        ]

    def run(self, on_ready: Callable[[State], None] | None) -> int:
        with self._signals() as wake:
            try:
                while not self._stops:
                    self._start_due([*self._scanners, *self._workers])
                    self._sleep(wake)
                    self._look_after([*self._scanners, *self._workers])
                    if not self._announced and not self._stops and self._all_ready():
                        self._announced = True
                        _log.info("ready", port=self._port, count=len(self._workers))
                        self._write_state()
                        if on_ready is not None:
                            on_ready(self.state())
            finally:
                self._stop(wake)
        return self._status

    def state(self) -> State:
        return State(
            pid=os.getpid(),
            host=self._settings.host,
            port=self._port,
            metrics_host=self._settings.metrics_host,
            metrics_port=self._metrics_port,
            scanners=tuple(child.pid for child in self._scanners),
            workers=tuple(child.pid for child in self._workers),
        )

    def _start_due(self, children: list[Child]) -> None:
        now = time.monotonic()
        started = [child for child in children if not child.running and child.due <= now]
        for child in started:
            try:
                child.start(now)
            except OSError as error:  # no memory or processes left: later
                child.failed(now)
                _log.error(f"{child.name}_not_started", error_type=type(error).__name__, count=child.deaths)
                continue
            _log.info(f"{child.name}_started", pid=child.pid)
        if started and self._announced:
            self._write_state()

    def _look_after(self, children: list[Child]) -> None:
        """See which children are up and which have died."""
        for child in children:
            child.check_ready()
            pid, status = child.pid, child.reap(time.monotonic())
            if status is None:
                continue
            _log.warning(f"{child.name}_died", pid=pid, status=status, count=child.deaths)
            if child in self._workers:
                self._forget_metrics(pid)
            hopeless = status == _CONFIG_ERROR or child.deaths >= _GIVE_UP
            if not self._announced and hopeless and not child.ever_ready:
                _log.error(f"{child.name}_cannot_start", status=status)
                self._status = status if status > 0 else 1
                self._stops += 1

    def _forget_metrics(self, pid: int) -> None:
        from prometheus_client import multiprocess  # noqa: PLC0415 - after the folder is set, see serve()

        with contextlib.suppress(OSError):
            multiprocess.mark_process_dead(pid, str(self._metrics_folder))  # type: ignore[no-untyped-call]

    def _all_ready(self) -> bool:
        return all(child.ready for child in self._workers) and self._answers()

    def _answers(self) -> bool:
        """Whether /readyz on the listening port says 200: the way in works too."""
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._settings.host, self._settings.host)
        connection = http.client.HTTPConnection(host, self._port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _sleep(self, wake: int, longest: float | None = None) -> None:
        """Until a signal, a word from a child, a restart that is due, or `longest` seconds."""
        children = [*self._scanners, *self._workers]
        times = [child.due - time.monotonic() for child in children if not child.running]
        if longest is not None:
            times.append(longest)
        if not self._announced and all(child.ready for child in self._workers):
            times.append(_POLL)
        waiting = [child.ready_fd for child in children if child.ready_fd >= 0]
        readable, _, _ = select.select([wake, *waiting], [], [], max(0.0, min(times)) if times else None)
        if wake in readable:
            os.read(wake, 4096)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        """Signals become bytes on a pipe that `_sleep` watches; the handlers that were there come back afterwards."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            self._stops += 1

        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        handlers: dict[int, Callable[[int, FrameType | None], None]] = {
            signal.SIGTERM: stop,
            signal.SIGINT: stop,
            signal.SIGCHLD: lambda _number, _frame: None,
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        try:
            yield read
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(read)
            os.close(write)

    def _stop(self, wake: int) -> None:
        """Workers first, with time for open exchanges; a second signal cuts it short. Then the scanners."""
        self._listening.close()  # the workers' copies close as they begin to drain: new connections are refused
        drain = self._settings.drain_timeout + _GRACE
        self._end(self._workers, drain, wake, keep=self._scanners)
        self._end(self._scanners, _SCANNER_GRACE, wake, keep=[])
        (self._settings.run_dir / "state.json").unlink(missing_ok=True)
        os.close(self._life)
        os.close(self._lifeline)
        _log.info("stopped")

    def _end(self, children: list[Child], seconds: float, wake: int, *, keep: list[Child]) -> None:
        """SIGTERM, wait, SIGKILL. What is in `keep` is looked after meanwhile."""
        stops, deadline = self._stops, time.monotonic() + seconds
        for child in children:
            child.due = float("inf")
            child.signal(signal.SIGTERM)
        while any(child.running for child in children) and self._stops == stops and time.monotonic() < deadline:
            self._start_due(keep)
            self._sleep(wake, _POLL)
            self._look_after(keep)
            for child in children:
                if child.reap(time.monotonic()) is not None:
                    child.due = float("inf")
        for child in children:
            if child.running:
                _log.warning(f"{child.name}_killed", pid=child.pid)
            child.kill()

    def _write_state(self) -> None:
        """Whole or not at all: readers never see half a file."""
        path = self._settings.run_dir / "state.json"
        fresh = path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(asdict(self.state())), encoding="utf-8")
            fresh.replace(path)
        except OSError as error:  # a full disk must not stop the gateway here; records decide on their own
            _log.error("state_not_written", error_type=type(error).__name__)
