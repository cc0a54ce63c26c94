"""What a record costs: CPU µs and latency of an intent with its outcome, at saturation and at a stated rate.

`python -m bench.records [--url URL] [--callers 32] [--seconds 10] [--rate N]`; SQLite in a scratch folder by default.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import uvloop

from gateway.database import create_engine, metadata
from gateway.records import tables
from gateway.records.store import RecordStore
from tests.gateway.records import samples


async def measure(url: str, *, callers: int, seconds: float, rate: float) -> dict[str, float]:
    engine = create_engine(url)
    wanted = [tables.intents, tables.outcomes, tables.workers]
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all, tables=wanted)
        await connection.run_sync(metadata.create_all, tables=wanted)
    store = RecordStore(engine, worker="w-test", clock=time.time, max_pending=4096)
    await store.start()
    waits: list[float] = []
    ids = [samples.new_id() for _ in range(400_000)]
    pairs = [(samples.intent(i), samples.outcome(i)) for i in ids[:2000]]
    until = time.perf_counter() + seconds

    async def caller(number: int) -> None:
        due = time.perf_counter() + number / rate if rate else 0.0
        while time.perf_counter() < until and ids:
            if rate:
                await asyncio.sleep(max(due - time.perf_counter(), 0))
                due += callers / rate
            request_id = ids.pop()
            began = time.perf_counter()
            await store.intent(samples.intent(request_id))
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0)
            store.outcome(samples.outcome(request_id))

    del pairs
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(caller(n) for n in range(callers)))
    await store.drain()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    count = len(waits)
    commits = store.commits
    await store.stop()
    await engine.dispose()
    began = time.process_time()
    for _ in range(10_000):
        samples.outcome(samples.intent(samples.new_id()).request_id)
    making = (time.process_time() - began) / 10_000
    waits.sort()
    return {
        "exchanges": count,
        "per_second": round(count / wall),
        "cpu_us": round(cpu / count * 1e6 - making * 1e6, 1),
        "cpu_us_making_the_rows_not_counted": round(making * 1e6, 1),
        "rows_a_commit": round(2 * count / commits, 1),
        "intent_ms_p50": round(statistics.median(waits) * 1e3, 2),
        "intent_ms_p99": round(waits[int(count * 0.99)] * 1e3, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="")
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.url or f"sqlite+aiosqlite:///{Path(folder) / 'bench.db'}"
        result = uvloop.run(measure(url, callers=arguments.callers, seconds=arguments.seconds, rate=arguments.rate))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
