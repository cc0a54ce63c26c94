"""`python -m tests.coverage_gate`: each safety module at full branch coverage from its own tests, or status 1.

Its own tests only: a line that other tests happen to pass through has nobody who would notice that it is wrong.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]

OWN_TESTS: dict[str, tuple[str, ...]] = {
    "gateway.wire": ("tests/gateway/wire",),
    "gateway.sse": ("tests/gateway/test_sse.py",),
    "gateway.policy": ("tests/gateway/policy",),
    "filters.pseudonyms": ("tests/filters/pseudonyms",),
    "filters.slots": ("tests/filters/test_slots.py",),
}
"""Package or module → where its own tests are."""


def covered(module: str) -> tuple[str, bool, str]:
    """(module, whether all of it is covered, what is missing or failed)."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluis-coverage-") as folder:
        data = f"--data-file={folder}/data"
        # An own configuration: the project's would trace everything else too, which takes twice as long.
        options = [f"--rcfile={os.devnull}", data]
        run = ["run", *options, "--branch", f"--source={module}", "-m", "pytest", "-q", "-x", *OWN_TESTS[module]]
        tests = coverage(*run)
        if tests.returncode:
            return module, False, tests.stdout[-3000:] + tests.stderr[-1000:]
        report = coverage("report", *options, "--show-missing", "--skip-covered", "--fail-under=100", "--precision=2")
    seconds = f"{time.monotonic() - began:.0f} s"
    return module, report.returncode == 0, seconds if report.returncode == 0 else report.stdout


def coverage(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coverage", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def main() -> int:
    wanted = sys.argv[1:] or list(OWN_TESTS)
    whole = True
    with ThreadPoolExecutor(2) as pool:
        for module, full, said in pool.map(covered, wanted):
            print(f"{module}: {f'full branch coverage, {said}' if full else f'NOT FULL{chr(10)}{said}'}", flush=True)
            whole &= full
    return 0 if whole else 1


if __name__ == "__main__":
    raise SystemExit(main())
