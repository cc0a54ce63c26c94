"""A child process never outlives its parent: it would hold a port, a socket or texts that nobody answers for.

Two ways together. `prctl(PR_SET_PDEATHSIG)` makes Linux kill the child at once, even inside C code. The lifeline is
the read end of a pipe whose write end only the parent holds: it ends when the parent does, also where the parent died
before the child could call prctl, and on systems without it.
"""

import contextlib
import ctypes
import os
import resource
import signal
import threading
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def bind_to_parent() -> None:
    """Ask the kernel for SIGKILL when the parent's thread that started us ends; and never write a core dump.

    A core dump would put texts on the disk.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):  # not Linux: the lifeline alone
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def watch(lifeline: int) -> None:
    """End this process when the lifeline ends; the thread sleeps in the kernel until then."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(lifeline, 1):
                pass
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def say_ready(ready: int) -> None:
    """One byte tells the parent that we are up; then the pipe is closed."""
    with contextlib.suppress(OSError):  # the parent is gone: the lifeline ends us
        os.write(ready, b"R")
    os.close(ready)
