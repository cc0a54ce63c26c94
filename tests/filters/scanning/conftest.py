import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from filters.findings import OperatingPoint, Slot
from filters.scanning import ScanClient

ENGINE = "tests.filters.scanning.stand_in:Engine"
PRECISE = OperatingPoint.PRECISE


class Scanners:
    """Real scanning processes of this test; `keep` restarts nothing by itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = folder / "seen"
        self.version = folder / "version"
        self.version.write_text("stand-in 1", encoding="utf-8")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str = "a", *options: str) -> Path:
        path = self.folder / f"{name}.sock"
        path.unlink(missing_ok=True)
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", "filters.scanning", "--socket", str(path), "--engine", ENGINE, *options],
            env=os.environ | {"SLUIS_TEST_SEEN": str(self.seen), "SLUIS_TEST_VERSION": str(self.version)},
        )
        return path

    def kill(self, name: str = "a") -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def inspected(self) -> list[str]:
        lines = self.seen.read_text(encoding="utf-8").splitlines() if self.seen.exists() else []
        return [line for line in lines if not line.startswith("border")]

    def borders(self) -> int:
        lines = self.seen.read_text(encoding="utf-8").splitlines() if self.seen.exists() else []
        return len(lines) - len(self.inspected())


@pytest.fixture
def scanners(tmp_path: Path) -> Iterator[Scanners]:
    running = Scanners(tmp_path)
    yield running
    for process in running.processes.values():
        process.kill()
        process.wait()


Connect = Callable[..., AbstractAsyncContextManager[ScanClient]]


@pytest.fixture
def connect() -> Connect:
    @asynccontextmanager
    async def connected(sockets: Sequence[Path], *, timeout: float = 20.0, **more: int) -> AsyncIterator[ScanClient]:
        client = ScanClient(sockets, timeout=timeout, **more)
        try:
            yield client
        finally:
            await client.close()

    return connected


def texts(*contents: str) -> list[Slot]:
    """The messages of one chat."""
    return [Slot(("messages", n, "content"), text, turn=n) for n, text in enumerate(contents)]


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return False
