"""`python -m bench.soak --minutes 10 --rate 20`: a steady mixed load, and what it does to memory, tasks and sockets.

Starts `sluis trial` (SQLite, one worker, one scanning process with the language models) in front of the benchmark's
upstream, and asks at a fixed rate: JSON and streams with personal data (pseudonymized, restored), texts with a secret
(blocked), long texts, and clients that hang up in the middle of a stream. Every text is new, so that no cache serves it.
Every 5 seconds the whole process tree is sampled into a CSV file; the end compares minute 2 with the last minute.
"""

import argparse
import asyncio
import contextlib
import csv
import json
import random
import re
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import httpx
import psutil

HERE = Path(__file__).parent
RAW = HERE.parent / "docs" / "measurements" / "soak.csv"
EVERY = 5.0
COLUMNS = (
    "seconds", "rss_mb", "rss_supervisor_mb", "rss_worker_mb", "rss_scanner_mb", "tasks", "threads", "sockets", "fds",
    "sent", "done", "blocked", "left", "bad",
)  # fmt: skip
MIX = (("json", 40), ("stream", 35), ("block", 12), ("long", 5), ("leave", 8))


class Load:
    """Asks at a fixed rate; `counts` says what became of it."""

    def __init__(self, base_url: str, key: str, seed: int) -> None:
        self.random = random.Random(seed)
        self.words = (HERE / "text_nl.txt").read_text(encoding="utf-8").split() * 8
        self.counts: Counter[str] = Counter()
        self.number = 0
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        self.client = httpx.AsyncClient(
            base_url=base_url + "/",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
            limits=limits,
            trust_env=False,
        )

    def text(self, words: int) -> str:
        start = self.random.randrange(len(self.words) - words)
        return " ".join(self.words[start : start + words])

    def person(self) -> str:
        """A national number with serial 000 and an address of nobody, new each time."""
        self.number += 1
        digits = f"{date(1940, 1, 1) + timedelta(days=self.number % 20_000):%y%m%d}000"
        return f"{digits}{97 - int(digits) % 97:02d} en inwoner{self.number}@example.org"

    def body(self, kind: str) -> dict:
        text = f"{self.text(600 if kind == 'long' else 60)} Dossier {self.number}: {self.person()}."
        if kind == "block":
            text += f" -----BEGIN RSA PRIVATE KEY-----\n{self.random.randbytes(48).hex()}\n-----END RSA PRIVATE KEY-----"
        return {
            "model": "bench",
            "messages": [{"role": "user", "content": text}],
            "stream": kind in ("stream", "leave"),
        }

    async def one(self, kind: str) -> None:
        self.counts["sent"] += 1
        try:
            async with self.client.stream("POST", "chat/completions", json=self.body(kind)) as answer:
                if kind == "leave":
                    async for _ in answer.aiter_raw():
                        break
                    self.counts["left"] += 1
                    return
                raw = await answer.aread()
        except httpx.HTTPError:
            self.counts["bad"] += 1
            return
        if kind == "block":
            good = answer.status_code == 400 and b"content_filter" in raw
        else:
            good = answer.status_code == 200 and (kind != "stream" or raw.rstrip().endswith(b"[DONE]"))
        self.counts["bad" if not good else "blocked" if kind == "block" else "done"] += 1

    async def run(self, rate: float, seconds: float) -> None:
        kinds, weights = zip(*MIX, strict=True)
        began = time.monotonic()
        tasks: set[asyncio.Task] = set()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            task = asyncio.ensure_future(self.one(self.random.choices(kinds, weights)[0]))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)


def tree(pid: int) -> dict[str, list[psutil.Process]]:
    found: dict[str, list[psutil.Process]] = {"supervisor": [psutil.Process(pid)], "worker": [], "scanner": []}
    for child in found["supervisor"][0].children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            line = " ".join(child.cmdline())
            found["scanner" if "filters.scanning" in line else "worker"].append(child)
    return found


async def sample(pid: int, metrics_url: str, load: Load, began: float) -> dict[str, float]:
    row: dict[str, float] = {"seconds": round(time.monotonic() - began, 1)}
    total = threads = sockets = fds = 0
    for kind, processes in tree(pid).items():
        memory = sum(p.memory_info().rss for p in processes)
        row[f"rss_{kind}_mb"] = round(memory / 1e6, 1)
        total += memory
        threads += sum(p.num_threads() for p in processes)
        fds += sum(p.num_fds() for p in processes)
        sockets += sum(len(p.net_connections("all")) for p in processes)
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(metrics_url)).text
    tasks = re.search(r"^sluis_tasks (\S+)$", text, re.MULTILINE)
    row |= {"rss_mb": round(total / 1e6, 1), "threads": threads, "sockets": sockets, "fds": fds}
    row["tasks"] = float(tasks[1]) if tasks else -1
    return row | {name: load.counts[name] for name in ("sent", "done", "blocked", "left", "bad")}


async def measure(pid: int, ready: dict, options: argparse.Namespace) -> list[dict[str, float]]:
    load = Load(ready["base_url"], ready["api_key"], options.seed)
    began = time.monotonic()
    rows: list[dict[str, float]] = []
    running = asyncio.ensure_future(load.run(options.rate, options.minutes * 60))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        while not running.done():
            rows.append(await sample(pid, ready["metrics_url"], load, began))
            writer.writerow(rows[-1])
            file.flush()
            await asyncio.wait({running}, timeout=EVERY)
        await running
        await load.client.aclose()
        await asyncio.sleep(EVERY + 1)  # connections upward that idle are closed after 4 s
        rows.append(await sample(pid, ready["metrics_url"], load, began))
        writer.writerow(rows[-1])
    return rows


def summary(rows: list[dict[str, float]], options: argparse.Namespace) -> str:
    """Medians of minute 2 and of the last minute, and the sample after the load ended."""

    def minute(number: int) -> list[dict[str, float]]:
        return [row for row in rows[:-1] if (number - 1) * 60 <= row["seconds"] < number * 60] or rows[-1:]

    last = max(2, int(options.minutes))
    lines = [
        f"{rows[-1]['sent']:.0f} requests in {options.minutes:g} min at {options.rate:g}/s: {rows[-1]['done']:.0f} answered, "
        f"{rows[-1]['blocked']:.0f} blocked, {rows[-1]['left']:.0f} hung up on, {rows[-1]['bad']:.0f} bad",
        f"{'':<20}{'minute 2':>10}{f'minute {last}':>11}{'change':>9}{'afterwards':>12}",
    ]
    for name in COLUMNS[1:9]:
        early, late = (statistics.median(row[name] for row in minute(n)) for n in (2, last))
        change = f"{(late - early) / early:+.1%}" if early else ""
        lines.append(f"{name:<20}{early:>10.1f}{late:>11.1f}{change:>9}{rows[-1][name]:>12.1f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=20, help="requests a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RAW)
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    upstream = subprocess.Popen(
        [sys.executable, "-m", "bench.upstream", "--port", str(port), "--chunks", "40", "--gap", "0.02"]
    )
    gateway = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "trial", "--upstream", f"http://127.0.0.1:{port}/v1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        ready = json.loads(gateway.stdout.readline())
        rows = asyncio.run(measure(ready["pid"], ready, options))
    finally:
        gateway.terminate()
        upstream.terminate()
        gateway.wait(60)
        upstream.wait(10)
    print(summary(rows, options))


if __name__ == "__main__":
    main()
