"""Applies each patch in a throw-away copy of the tree and runs its test there; a test that stays green is a survivor."""

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
from xml.etree import ElementTree

from tests.sabotage.patches import Patch

ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(".*", "data", "dist", "__pycache__", "models", "bench", "*.pyc")
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Verdict:
    """`red`: the test itself failed, which is more than an import error of a patch that makes no sense."""

    patch: Patch
    green: bool
    red: bool
    seconds: float
    why: str = ""

    @property
    def survived(self) -> bool:
        return not (self.green and self.red)


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
    for case in ElementTree.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest wrote it just now
        where = f"{case.get('classname', '').replace('.', '/')}.py::"
        name = case.get("name", "")
        result = _result(case)
        for key in {where + name, where + name.partition("[")[0]}:
            found[key] = max(found.get(key, "passed"), result, key=_WORSE.index)
    return found


_WORSE = ("passed", "skipped", "failed", "broken")


def _result(case: ElementTree.Element) -> str:
    for tag, word in (("error", "broken"), ("failure", "failed"), ("skipped", "skipped")):
        if case.find(tag) is not None:
            return word
    return "passed"


def try_patch(patch: Patch, *, green: bool) -> Verdict:
    began = time.monotonic()
    why = problem(patch)
    if why:
        return Verdict(patch, green, red=False, seconds=0.0, why=why)
    with copy_of_tree() as tree:
        apply(patch, tree)
        result = outcomes(tree, [patch.test], "-x", "--timeout", str(_SECONDS)).get(patch.test, "not run")
        told = (tree / "output").read_text(errors="replace")[-2000:]
    red = result == "failed"
    return Verdict(patch, green, red, time.monotonic() - began, "" if red else f"{result}\n{told}")


def try_all(patches: Sequence[Patch], jobs: int) -> Iterator[Verdict]:
    """First all named tests without any patch, in one run; then each patch for itself, in order."""
    with copy_of_tree() as tree:
        before = outcomes(tree, dict.fromkeys(patch.test for patch in patches))
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda patch: try_patch(patch, green=before.get(patch.test) == "passed"), patches)
