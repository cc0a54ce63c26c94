"""`make bench`: direct, nginx, LiteLLM with and without Presidio, and this gateway, interleaved in one run, as ratios.

The proxy under test has core 0, upstream and load core 1. Every figure is a median over rounds; only ratios inside one
run travel to another machine. `BENCH_LITELLM` names LiteLLM's environment; without it the table says that it is missing.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from bench import contestants as c

TEXT = str(Path(__file__).parent / "text_nl.txt")


def load(contestant: c.Contestant, **options: object) -> dict:
    """Run the load generator; add the CPU that the contestant used meanwhile, per good request."""
    command = ["taskset", "-c", c.OTHER_CORE, sys.executable, "-m", "bench.load", "--port", str(contestant.port)]
    command += ["--key", contestant.key, "--model", contestant.model, "--path", contestant.path]
    for name, value in options.items():
        command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    before = contestant.cpu()
    result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    result["cpu_us"] = (contestant.cpu() - before) / max(1, result["requests"]) * 1e6
    return result


def median(rows: Sequence[dict], *path: str) -> float:
    values = []
    for row in rows:
        value = row
        for key in path:
            value = value.get(key, {}) if isinstance(value, dict) else {}
        if isinstance(value, int | float):
            values.append(float(value))
    return statistics.median(values) if values else float("nan")


class Table:
    """Rounds of one scenario over all contestants."""

    def __init__(self, title: str, names: Sequence[str]) -> None:
        self.title = title
        self.rows: dict[str, list[dict]] = {name: [] for name in names}

    def print(self, columns: Sequence[tuple[str, tuple[str, ...]]], *, base: str) -> None:
        print(f"\n### {self.title}\n")
        print("| | " + " | ".join(name for name, _ in columns) + f" | CPU / {base}'s | bad |")
        print("|---|" + "--:|" * (len(columns) + 2))
        reference = median(self.rows.get(base, []), "cpu_us")
        for name, rows in self.rows.items():
            cells = [f"{median(rows, *path):,.1f}" for _, path in columns]
            ratio = median(rows, "cpu_us") / reference if reference else float("nan")
            bad = sum(row["bad"] for row in rows)
            print(f"| {name} | " + " | ".join(cells) + f" | {ratio:.4f} | {bad} |")
        sys.stdout.flush()


def run_scenario(title: str, field: Sequence[c.Contestant], rounds: int, **options: object) -> Table:
    """Rounds interleaved over all contestants, after one run each that is not counted (a chat's history was seen before)."""
    table = Table(title, [x.name for x in field])
    for contestant in field:
        load(contestant, **{**options, "seconds": 1.0, "seed": 7})
    for number in range(rounds):
        for contestant in field:
            seed = number * 1000 + int.from_bytes(os.urandom(2)) if options.get("fresh") else 1
            table.rows[contestant.name].append(load(contestant, seed=seed, **options))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--only", default="", help="comma-separated names of contestants")
    options = parser.parse_args()
    print(f"Machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    folder = Path(tempfile.mkdtemp(prefix="sluis-bench-"))
    started: list[c.Contestant] = []
    try:
        with c.upstream(chunks=60, gap=0.005) as port:
            direct = c.Contestant("direct", port)
            wanted = {n.strip() for n in options.only.split(",") if n.strip()}
            makers = {"nginx": lambda: c.nginx(port, folder)}
            if "BENCH_LITELLM" in os.environ:
                makers["litellm"] = lambda: c.litellm(port, folder, presidio=False)
                makers["litellm + presidio"] = lambda: c.litellm(port, folder, presidio=True)
            else:
                print("LiteLLM is missing: BENCH_LITELLM names no environment; its rows and ratios are left out.")
            for mode in ("noscan", "precise", "thorough"):
                makers[f"sluis {mode}"] = lambda mode=mode: c.sluis(port, folder, mode=mode)
            started += [make() for name, make in makers.items() if not wanted or name in wanted]
            time.sleep(5)  # what starts in the background has started
            field = [direct, *started]
            measure(field, options.rounds, options.seconds)
            stream_gaps([x for x in field if x.name in ("sluis precise", "sluis thorough")], 2 * options.seconds)
            print("\n### Memory and cold start\n\n| | PSS MB after the run | cold start s |\n|---|--:|--:|")
            for x in started:
                print(f"| {x.name} | {x.memory_mb():,.0f} | {x.cold_seconds:.2f} |")
    finally:
        for x in started:
            x.stop()


def commit_ms(contestant: c.Contestant) -> tuple[float, int]:
    """(seconds, count) that intents of this gateway waited for their commits so far, from its own metric."""
    text = urllib.request.urlopen(contestant.metrics_url, timeout=10).read().decode()
    found = dict(re.findall(r"^sluis_record_seconds_(sum|count) (\S+)$", text, re.MULTILINE))
    return float(found.get("sum", 0)), int(float(found.get("count", 0)))


def stream_gaps(field: Sequence[c.Contestant], seconds: float) -> None:
    """Delay of other people's chunks while texts of 16,000 new characters are scanned, beside the same without them.

    The scanning process may use both cores here, as it may in production; upstream and load keep core 1.
    """
    print("\n### Other streams while 16,000 new characters are scanned, once a second\n")
    print("| | delay per chunk p50 µs | p99 µs | while scanning p50 µs | p99 µs | added p99 ms |")
    print("|---|--:|--:|--:|--:|--:|")
    for contestant in field:
        for process in contestant.tree():
            if "filters.scanning" in " ".join(process.cmdline()):
                subprocess.run(["taskset", "-a", "-p", "-c", "0,1", str(process.pid)], check=True, capture_output=True)
        options = {"seconds": seconds, "rate": 10, "chars": 900, "stream": True}
        alone = load(contestant, **options)
        command = ["taskset", "-c", c.OTHER_CORE, sys.executable, "-m", "bench.load", "--port", str(contestant.port)]
        command += ["--key", contestant.key, "--model", contestant.model, "--rate", "1", "--seconds", str(seconds + 1)]
        command += [
            "--chars",
            "16000",
            "--text",
            TEXT,
            "--fresh",
            "--variants",
            "50",
            "--seed",
            str(time.time_ns() % 9999),
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as beside:
            scanning = load(contestant, **options)
            beside.wait()
        a, b = alone["delay_us"], scanning["delay_us"]
        added = (b["p99"] - a["p99"]) / 1000
        print(
            f"| {contestant.name} | {a['p50']:,.0f} | {a['p99']:,.0f} | {b['p50']:,.0f} | {b['p99']:,.0f} | {added:.2f} |"
        )


def measure(field: Sequence[c.Contestant], rounds: int, seconds: float) -> None:
    plain = [x for x in field if "presidio" not in x.name and x.name not in ("sluis precise", "sluis thorough")]
    scanning = [x for x in field if x.name in ("litellm + presidio", "sluis precise", "sluis thorough", "litellm")]
    proxies = [x for x in field if x.name != "direct"]
    latency = (("p50 ms", ("latency_ms", "p50")), ("p95 ms", ("latency_ms", "p95")))
    cpu = ("CPU µs/request", ("cpu_us",))
    run_scenario(
        "No scanning, 1 KB, saturation, 32 connections", plain, rounds, seconds=seconds, connections=32, chars=900
    ).print((("rps", ("rps",)), cpu, *latency), base="litellm")
    run_scenario("No scanning, 1 KB, 50 a second", plain, rounds, seconds=2 * seconds, rate=50, chars=900).print(
        (cpu, *latency), base="litellm"
    )
    run_scenario(
        "1,000 new Dutch characters, 4 a second", scanning, rounds, seconds=2 * seconds, rate=4, chars=1000,
        text=TEXT, fresh=True, variants=200,
    ).print((cpu, *latency), base="litellm + presidio")  # fmt: skip
    run_scenario(
        "20-message chat of 300 characters, the last one new, 2 a second", scanning, rounds, seconds=2 * seconds, rate=2,
        chars=300, history=19, text=TEXT, fresh=True, variants=200,
    ).print((cpu, *latency), base="litellm + presidio")  # fmt: skip
    ours = [x for x in field if x.metrics_url]
    before = {x.name: commit_ms(x) for x in ours}
    run_scenario(
        "Streams of 60 chunks, 5 ms apart, 10 a second, same text (scan cached)", [x for x in field if x in proxies or x.name == "direct"],
        rounds, seconds=seconds, rate=10, chars=900, stream=True,
    ).print(
        (cpu, ("TTFT p50 ms", ("ttft_ms", "p50")), ("delay per chunk p50 µs", ("delay_us", "p50")), ("p95 µs", ("delay_us", "p95"))),
        base="litellm",
    )  # fmt: skip
    for x in ours:
        (seconds, count), (earlier, first) = commit_ms(x), before[x.name]
        print(
            f"{x.name}: an intent's commit took {(seconds - earlier) / max(1, count - first) * 1000:.2f} ms on average"
        )


if __name__ == "__main__":
    main()
