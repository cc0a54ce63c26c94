"""`python -m filters.scanning --socket PATH [--engine module:Class]`: one scanning process."""

import argparse
import contextlib
import gc
import logging
import os
import signal
import sys
import warnings
from importlib import import_module
from pathlib import Path
from types import TracebackType

from filters.scanning import lifeline
from filters.scanning.server import ScanServer, TextEngine, listen

DEFAULT_ENGINE = "filters.engine:Engine"


def load_engine(name: str) -> TextEngine:
    """Build the engine `module:Class`; seconds with the real models."""
    module, _, attribute = name.partition(":")
    engine: TextEngine = getattr(import_module(module), attribute)()
    return engine


def run_scanner(
    socket_path: Path,
    *,
    engine: str = DEFAULT_ENGINE,
    lifeline_fd: int | None = None,
    ready_fd: int | None = None,
    job_limit: float = 0.0,
) -> None:
    """The scanning process's main; returns when the lifeline ends.

    The socket appears when the models are loaded; then a byte is written to `ready_fd`.
    """
    lifeline.bind_to_parent()
    # Ctrl-C reaches the whole terminal group; the supervisor decides when scanning ends (SIGTERM, default action).
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # some containers forbid it
        os.nice(5)  # event loops go first
    for variable in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "VECLIB_MAXIMUM"):  # read when numpy is imported
        os.environ[f"{variable}_NUM_THREADS"] = "1"
    loaded = load_engine(engine)
    gc.collect()
    gc.freeze()  # models live as long as the process: the collector need not walk them
    _silence()
    listener = listen(socket_path)
    if ready_fd is not None:
        lifeline.say_ready(ready_fd)
    ScanServer(loaded, listener, lifeline=lifeline_fd, job_limit=job_limit).run()


def _silence() -> None:
    """From here on texts pass: nothing that a library logs, warns or raises may show one (promise 4)."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    sys.excepthook = _name_only


def _name_only(kind: type[BaseException], _error: BaseException, _trace: TracebackType | None) -> None:
    sys.stderr.write(f'{{"level": "ERROR", "logger": "filters.scanning", "error_type": "{kind.__name__}"}}\n')


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m filters.scanning", description="One scanning process of Sluis.")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--engine", default=DEFAULT_ENGINE, metavar="MODULE:CLASS")
    parser.add_argument("--lifeline", type=int, default=None, metavar="FD", help="pipe that ends with the parent")
    parser.add_argument("--ready", type=int, default=None, metavar="FD", help="gets a byte when the models are loaded")
    parser.add_argument("--limit", type=float, default=0.0, metavar="SECONDS", help="a longer inspection ends us")
    given = parser.parse_args()
    run_scanner(
        given.socket,
        engine=given.engine,
        lifeline_fd=given.lifeline,
        ready_fd=given.ready,
        job_limit=given.limit,
    )


if __name__ == "__main__":
    main()
