"""A trace of system calls: the intent is synced to disk before the first byte goes upstream (promise 3).

strace shows the worker's own calls in order: the write of the intent into SQLite's write-ahead log, the sync of that
log, the connection to the upstream's port and the first bytes on it.
"""

import contextlib
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.gateway import RunningGateway, both_tools, start
from tests.support.upstream import Upstream

STRACE = shutil.which("strace")
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed: system calls cannot be watched")
CALLS = "trace=pwrite64,pwritev,write,writev,sendto,sendmsg,fsync,fdatasync,connect"
_CALL = re.compile(r"^(?P<pid>\d+) +(?P<at>[\d.]+) (?P<name>\w+)\((?P<fd>\d+)(?:<(?P<what>.*?)>(?=[,)]| <unf))?(?P<rest>.*)")
_UNFINISHED = re.compile(r"<unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(?P<pid>\d+) +(?P<at>[\d.]+) <\.\.\. (?P<name>\w+) resumed>")


@dataclass(frozen=True)
class Step:
    """One call, by when it ended."""

    name: str
    what: str  # the file, or the two ends of the socket
    rest: str


def steps(trace: Path) -> list[Step]:
    """The calls in the order in which they returned: a sync counts when it is done, a write when it is handed over.

    A write to the upstream counts when it begins: that is the earliest moment at which a byte may leave.
    """
    found: list[Step] = []
    open_calls: dict[str, Step] = {}
    for line in trace.read_text(errors="replace").splitlines():
        if resumed := _RESUMED.match(line):
            step = open_calls.pop(resumed["pid"], None)
            if step is not None and step.name == resumed["name"]:
                found.append(step)
        elif call := _CALL.match(line):
            step = Step(call["name"], call["what"] or "", call["rest"])
            if _UNFINISHED.search(line) and "TCP" not in step.what:
                open_calls[call["pid"]] = step
            else:
                found.append(step)
    return found


def traced(tmp_path: Path, upstream: Upstream, app: str) -> tuple[list[Step], RunningGateway]:
    """One request under strace; what the worker did from the request on."""
    assert STRACE is not None
    running = start(tmp_path / "g", both_tools(upstream.base_url), engine="tests.support.engine:Engine", app=app)
    trace = tmp_path / "trace"
    [worker] = running.state["workers"]
    with running.client() as http:
        ask(http, "warm up")
        tracer = subprocess.Popen(
            [STRACE, "-f", "-yy", "-ttt", "-s", "5000", "-e", CALLS, "-o", str(trace), "-p", str(worker)],
            stderr=subprocess.PIPE,
        )
        try:
            assert tracer.stderr is not None
            said = tracer.stderr.readline().decode()
            if "attached" not in said:
                pytest.skip(f"strace may not attach here: {said.strip()}")
            time.sleep(6)  # idle connections to the upstream are closed: the request below opens its own
            ask(http, "the request that is watched")
        finally:
            with contextlib.suppress(ProcessLookupError):
                tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=20)
    return steps(trace), running


def ask(http: httpx.Client, text: str) -> None:
    body = {"model": "pseudo", "messages": [{"role": "user", "content": text}]}
    assert http.post("/v1/chat/completions", json=body).status_code == 200


def to_upstream(step: Step, port: int) -> bool:
    return step.name in {"write", "writev", "sendto", "sendmsg"} and f"->127.0.0.1:{port}" in step.what


def unsafe(tmp_path: Path, app: str) -> str:
    """Why the intent of the watched request was not on disk before its first byte went upstream; empty when it was."""
    with Upstream() as upstream:
        found, running = traced(tmp_path, upstream, app)
        try:
            [reference] = running.rows("SELECT request_id FROM intents ORDER BY seq DESC LIMIT 1")[0]
        finally:
            running.stop()
    first = next(i for i, step in enumerate(found) if to_upstream(step, upstream.port))
    log = [(i, step) for i, step in enumerate(found[:first]) if step.what.endswith("sluis.db-wal")]
    logged = [i for i, step in log if step.name.startswith("pwrite") and reference in step.rest]
    if not logged:
        return "the intent was not written before the first byte went upstream"
    if not [i for i, step in log if step.name in {"fsync", "fdatasync"} and i > logged[-1]]:
        return "the intent was written, but not synced, before the first byte went upstream"
    return ""


@needs_strace
def test_the_intent_is_on_disk_before_the_first_upstream_byte(tmp_path: Path) -> None:
    assert unsafe(tmp_path, "gateway.app:create_app") == ""


@needs_strace
def test_a_database_that_does_not_sync_is_seen_by_the_trace(tmp_path: Path) -> None:
    """The control of the test above: `synchronous=OFF` turns it red."""
    assert "not synced" in unsafe(tmp_path, "tests.support.weak:create_app")
