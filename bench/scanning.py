"""What scanning costs the gateway worker: `PYTHONPATH=. python bench/scanning.py`.

1. a chat of 20 messages that were all scanned before (no scanner is asked), with and without findings;
2. one new message, with an engine that does nothing: what the way to the scanner and back costs;
3. how long the event loop stands still while a scanner is busy, beside an idle loop.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from filters.findings import Finding, OperatingPoint, Slot, SlotKind
from filters.scanning import ScanClient

PRECISE = OperatingPoint.PRECISE
WORDS = "de aanvraag van de inwoner is gisteren ontvangen en wordt vandaag behandeld "


class NoOp:
    version = "no-op"

    def inspect_text(self, text: str, _kind: SlotKind, _point: OperatingPoint) -> list[Finding]:
        if text.startswith("sleep"):
            time.sleep(0.4)  # about what 16,000 characters take
        return []

    def inspect_border(self, _before: str, _after: str) -> tuple[list[Finding], list[Finding]]:
        return [], []


def chat(size: int, extra: str = "") -> list[Slot]:
    return [Slot(("messages", n, "content"), f"{n} {(WORDS * 200)[:size]} {extra}", turn=n) for n in range(20)]


async def timed(client: ScanClient, make: Callable[[int], list[Slot]], rounds: int) -> tuple[float, float]:
    wall: list[float] = []
    cpu = time.process_time()
    for n in range(rounds):
        slots = make(n)
        begun = time.perf_counter()
        await client.scan(slots, PRECISE)
        wall.append(time.perf_counter() - begun)
    return statistics.median(wall) * 1e6, (time.process_time() - cpu) / rounds * 1e6


async def lag(seconds: float) -> list[float]:
    found, end = [], time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        await asyncio.sleep(0.001)
        found.append(time.perf_counter() - begun - 0.001)
    return sorted(found)


def row(name: str, *figures: float) -> None:
    print(f"  {name:40}" + "".join(f"{figure:14.1f}" for figure in figures))


async def remembered(idle: ScanClient, finding: ScanClient) -> None:
    print("20 messages, all scanned before               µs (median)  µs CPU a scan")
    for size in (100, 300, 1000, 4000):
        slots = chat(size)
        await idle.scan(slots, PRECISE)
        row(f"{size} characters each", *await timed(idle, lambda _, slots=slots: slots, 2000))
    slots = chat(300, "jan@example.org piet@example.org")
    await finding.scan(slots, PRECISE)
    row("300 characters, 2 findings each", *await timed(finding, lambda _: slots, 2000))


async def new(idle: ScanClient) -> None:
    print("engine that does nothing                      µs (median)  µs CPU a scan (worker)")
    for size in (100, 1000, 4000, 16_000):
        text = (WORDS * 400)[:size]
        row(f"{size} characters", *await timed(idle, lambda n, text=text: [Slot((), f"{n}{text}"[:16_000])], 1000))
    history = chat(300)
    await idle.scan(history, PRECISE)
    figures = await timed(idle, lambda n: [*history, Slot((), f"nieuw {n} {WORDS * 4}", turn=20)], 1000)
    row("20 remembered, one of 300 new (+ border)", *figures)


async def standstill(idle: ScanClient) -> None:
    print("event loop, 1 ms ticker                            p50 µs        p99 µs        max µs")
    quiet = await lag(2)
    scans = asyncio.gather(*(idle.scan([Slot((), f"sleep {n} {WORDS * 200}")], PRECISE) for n in range(5)))
    busy = await lag(2)
    await scans
    for name, found in (("idle", quiet), ("while 16,000 characters are scanned", busy)):
        row(name, *(1e6 * v for v in (found[len(found) // 2], found[int(len(found) * 0.99)], found[-1])))


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sockets = [Path(folder) / f"{n}.sock" for n in range(2)]
        engines = ["bench.scanning:NoOp", "tests.filters.scanning.stand_in:Engine"]
        processes = [
            subprocess.Popen([sys.executable, "-m", "filters.scanning", "--socket", str(path), "--engine", engine])
            for path, engine in zip(sockets, engines, strict=True)
        ]
        idle, finding = (ScanClient([path], timeout=30) for path in sockets)
        await remembered(idle, finding)
        await new(idle)
        await standstill(idle)
        for client in (idle, finding):
            await client.close()
        for process in processes:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    uvloop.run(main())
