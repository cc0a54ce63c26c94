"""Applies each patch in a throw-away copy of the tree and runs its test there; one that stays green saw nothing."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.sabotage.patches import Patch

ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(".*", "data", "dist", "__pycache__", "models", "bench", "*.pyc")
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the named test: passed, skipped, failed, broken or not run.

    `failed` is the test's own assertion; `broken` is an error around it, which proves nothing.
    """

    patch: Patch
    before: str
    after: str
    seconds: float = 0.0
    why: str = ""

    @property
    def caught(self) -> bool:
        return (self.before, self.after) == ("passed", "failed")

    @property
    def untried(self) -> bool:
        """The test needs something that this machine lacks (PostgreSQL, strace)."""
        return self.before == "skipped"


@contextmanager
def copy_of_tree() -> Iterator[Path]:
    """Everything that tests need; the language models by a link, since they are large and nobody changes them."""
    with tempfile.TemporaryDirectory(prefix="sluis-sabotage-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=_LEFT_OUT)
        (tree / "filters" / "models").symlink_to(ROOT / "filters" / "models")
        yield tree


def problem(patch: Patch, root: Path = ROOT) -> str:
    """Why the patch cannot be applied; empty when it can."""
    file = root / patch.file
    if not file.is_file():
        return "no such file"
    times = file.read_text(encoding="utf-8").count(patch.old)
    if times != 1:
        return f"the old text is there {times} times"
    return "" if patch.old != patch.new else "it changes nothing"


def apply(patch: Patch, root: Path) -> None:
    file = root / patch.file
    file.write_text(file.read_text(encoding="utf-8").replace(patch.old, patch.new), encoding="utf-8")


def outcomes(tree: Path, tests: Iterable[str], *more: str) -> dict[str, str]:
    """Test id (parameters dropped and kept) → the worst of passed, skipped, failed, broken. Empty: nothing ran."""
    report = tree / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", f"--junitxml={report}", *more, *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    with (tree / "output").open("wb") as output:
        subprocess.run(
            command, cwd=tree, env=environment, stdout=output, stderr=output, timeout=_SECONDS * 5, check=False
        )
    found: dict[str, str] = {}
    if not report.is_file():
        return found
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest wrote it just now
        where = f"{case.get('classname', '').replace('.', '/')}.py::"
        name = case.get("name", "")
        result = _result(case)
        for key in {where + name, where + name.partition("[")[0]}:
            found[key] = max(found.get(key, "passed"), result, key=_WORSE.index)
    return found


_WORSE = ("passed", "skipped", "failed", "broken")


def _result(case: ET.Element) -> str:
    for tag, word in (("error", "broken"), ("failure", "failed"), ("skipped", "skipped")):
        if case.find(tag) is not None:
            return word
    return "passed"


def try_patch(patch: Patch, *, before: str) -> Verdict:
    began = time.monotonic()
    why = problem(patch)
    if why or before == "skipped":
        return Verdict(patch, before, "not run", why=why)
    with copy_of_tree() as tree:
        apply(patch, tree)
        after = outcomes(tree, [patch.test], "-x", "--timeout", str(_SECONDS)).get(patch.test, "not run")
        told = (tree / "output").read_text(errors="replace")
    why = _reason(told) if after == "failed" else told[-2000:]
    return Verdict(patch, before, after, time.monotonic() - began, why)


def _reason(output: str) -> str:
    """The first line in which pytest says what did not hold."""
    return next((line[1:].strip() for line in output.splitlines() if line.startswith("E  ")), "")


def try_all(patches: Sequence[Patch], jobs: int) -> Iterator[Verdict]:
    """First all named tests without any patch, in one run; then each patch for itself, in order."""
    with copy_of_tree() as tree:
        before = outcomes(tree, dict.fromkeys(patch.test for patch in patches))
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda patch: try_patch(patch, before=before.get(patch.test, "not run")), patches)
