"""A third party's measurement: `pii-leak-benchmark` of PyPI against a gateway that pseudonymizes.

Two halves of it are ours to pass: nothing that was sent in clear reaches the upstream, and the caller gets every value
back. Its third question, values that a model invents, is reported and not passed: answers are not scanned yet
(docs/measurements/pii-leak-benchmark.md).
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import RunningGateway, allowlist, gateway, tool


@pytest.fixture(scope="module")
def port() -> int:
    """Where the benchmark's own upstream will listen; it is started anew for every run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[RunningGateway]:
    every_model = tool("proef", f"http://127.0.0.1:{port}/v1", models=["*"])
    with gateway(tmp_path_factory.mktemp("measured"), allowlist(every_model)) as started:
        yield started


def benchmark(module: str, *arguments: str, key: str = "none") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CONFORMANCE_TARGET_API_KEY": key, "NO_PROXY": "*"}
    command = [sys.executable, "-m", f"pii_leak_benchmark.{module}", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110, check=False)


def selfcheck(base_url: str, port: int, key: str, out: Path, *more: str) -> tuple[int, str, dict[str, Any]]:
    done = benchmark(
        "cli", "selfcheck", "--target-base-url", base_url, "--capture-port", str(port), "--json-out", str(out), *more,
        key=key,
    )  # fmt: skip
    return done.returncode, done.stdout, json.loads(out.read_text())


def test_the_instrument_sees_a_leak_without_a_gateway(port: int, tmp_path: Path) -> None:
    status, said, _ = selfcheck("capture://self", port, "none", tmp_path / "floor.json", "--no-credentials")
    assert status == 1
    assert "LEAK" in said


def test_selfcheck_is_clean(measured: RunningGateway, port: int, tmp_path: Path) -> None:
    """Its three kinds of personal data: none goes up, all come back, in a stream of single characters."""
    key = measured.keys["staff"]
    status, said, report = selfcheck(measured.base_url, port, key, tmp_path / "report.json", "--no-credentials")
    assert status == 0, said
    assert "CLEAN" in said
    assert all(check["passed"] for check in report["checks"].values())
    assert report["checks"]["configured_upstream_boundary"]["correlated_requests"] == 3


def test_with_keys_among_the_values_nothing_leaves_at_all(measured: RunningGateway, port: int, tmp_path: Path) -> None:
    """Its default profile adds API keys. Those are blocked, never replaced (standards §6.2), so it measures nothing."""
    status, said, report = selfcheck(measured.base_url, port, measured.keys["staff"], tmp_path / "keys.json")
    assert status == 2, said
    assert "answered HTTP 400" in said
    assert report["checks"]["configured_upstream_boundary"]["captured_requests"] == 0


def test_v2_every_value_comes_back_and_none_leaks_upstream(measured: RunningGateway, port: int, tmp_path: Path) -> None:
    done = benchmark(
        "v2_cli", "--only", "sluis", "--gateway-url", f"{measured.base_url}/chat/completions",
        "--upstream-port", str(port), "--seed", "a1b2c3d4e5f60001",
        "--out", str(tmp_path), "--json-out", str(tmp_path / "summary.json"), key=measured.keys["staff"],
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    [row] = json.loads((tmp_path / "summary.json").read_text())["rows"]
    assert row["request_path_leak"] == []
    assert row["fidelity_rate"] == 1.0
    assert row["echo_observable"] == row["cases_applicable"] == row["cases_attempted"] > 0
    assert row["inconclusive"] == 0
    # Reported, not passed: what a model invents is not taken out. Splitting it makes no difference, since nobody looks.
    assert row["leak_single_chunk"] == row["leak_adversarial"] == 1.0
