"""One child process: a scanner or a worker, started again when it dies, later each time that it dies soon."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

_FIRST_PAUSE: Final = 0.1
_LAST_PAUSE: Final = 10.0
_HEALTHY: Final = 10.0  # seconds of life after which earlier deaths are forgotten


class Child:
    """`command` gets `--lifeline FD --ready FD` added: the first ends with us, a byte on the second says "I am up".

    A child runs in a process group of its own, so that Ctrl-C in a terminal reaches the supervisor alone, which then
    stops all in order.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], lifeline: int, fds: Sequence[int] = ()
    ) -> None:
        self.name = name
        self.ready = False
        self.ever_ready = False
        self.deaths = 0  # in a row
        self.due = 0.0  # when to start, while not running
        self.ready_fd = -1
        self._command = command
        self._env = env
        self._lifeline = lifeline
        self._fds = fds
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    @property
    def pid(self) -> int:
        """0 while not running."""
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self, now: float) -> None:
        """Call from the main thread: the kernel's parent-death signal follows the thread that started the child."""
        self.ready = False
        self._started = now
        self.ready_fd, write = os.pipe()
        os.set_blocking(self.ready_fd, False)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [*self._command, "--lifeline", str(self._lifeline), "--ready", str(write)],
                env=self._env,
                pass_fds=(self._lifeline, write, *self._fds),
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        finally:
            os.close(write)

    def failed(self, now: float) -> None:
        """It ended, or could not even be started (no memory, no processes left): when to try again."""
        if self.ready and now - self._started > _HEALTHY:
            self.deaths = 0
        self.deaths += 1
        self.due = now + min(_LAST_PAUSE, _FIRST_PAUSE * 2 ** min(self.deaths - 1, 10))
        self.ready = False
        self._process = None
        self._close_ready()

    def check_ready(self) -> None:
        """Read what the child said. Its end of the pipe closes when it is up or dead."""
        if self.ready_fd < 0:
            return
        try:
            said = os.read(self.ready_fd, 1)
        except BlockingIOError:
            return
        self._close_ready()
        if said:
            self.ready = self.ever_ready = True

    def reap(self, now: float) -> int | None:
        """The exit status when the child has ended since the last call; sets when to start it again."""
        if self._process is None:
            return None
        status = self._process.poll()
        if status is None:
            return None
        self.check_ready()
        self.failed(now)
        return status

    def signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it now, and wait until it has."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._close_ready()

    def _close_ready(self) -> None:
        if self.ready_fd >= 0:
            os.close(self.ready_fd)
            self.ready_fd = -1
