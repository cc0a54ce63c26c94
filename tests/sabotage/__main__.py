"""`python -m tests.sabotage [NAME…]`: break each promise on purpose; status 1 when one break goes unnoticed."""

import argparse
import time

from tests.sabotage.patches import PATCHES
from tests.sabotage.run import Verdict, try_all

_HEAD = "| patch | promise | file | test | green before | red after | s |\n|---|---|---|---|---|---|---|"


def row(verdict: Verdict) -> str:
    patch = verdict.patch
    before = "yes" if verdict.before == "passed" else f"no: {verdict.before}"
    after = "yes" if verdict.after == "failed" else f"no: {verdict.after}"
    cells = (patch.name, patch.promise, patch.file, patch.test.rpartition("::")[2], before, after)
    return f"| {' | '.join(map(str, cells))} | {verdict.seconds:.1f} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage", description=__doc__)
    parser.add_argument("names", nargs="*", help="words of a patch's name; all patches where none is given")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--why", action="store_true", help="also print what each test saw")
    given = parser.parse_args()
    chosen = [p for p in PATCHES if not given.names or any(name in p.name for name in given.names)]
    began = time.monotonic()
    print(_HEAD, flush=True)
    verdicts = []
    for verdict in try_all(chosen, given.jobs):
        print(row(verdict), flush=True)
        if given.why and verdict.caught:
            print(f"    {verdict.why[:200]}")
        verdicts.append(verdict)
    untried = [verdict for verdict in verdicts if verdict.untried]
    survivors = [verdict for verdict in verdicts if not (verdict.caught or verdict.untried)]
    print(f"\n{len(chosen)} patches, {len(survivors)} unnoticed, {time.monotonic() - began:.0f} s")
    for verdict in untried:
        print(f"Not tried here, since its test is skipped: {verdict.patch.name}")
    for verdict in survivors:
        print(f"\n--- {verdict.patch.name}: {verdict.before} before, {verdict.after} after. {verdict.why}")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    raise SystemExit(main())
