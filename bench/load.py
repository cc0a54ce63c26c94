"""The load: closed loop (N connections, back to back) or open loop (a rate, latency from the scheduled time).

Run as a process of its own, pinned beside the upstream; prints one JSON line. `--stream` reads the upstream's clock in
each chunk and reports time to first token and delay per chunk.
"""

import argparse
import asyncio
import itertools
import json
import random
import re
import time
from pathlib import Path

import httptools
import uvloop

_CLOCK = re.compile(rb"@(\d+)@")


class Client(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        self.done: asyncio.Future[bool] | None = None
        self.transport: asyncio.Transport | None = None
        self.first = 0.0
        self.delays: list[int] = []
        self.status = 0
        self.size = 0
        self.closed = False

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, exc):
        self.closed = True
        if self.done and not self.done.done():
            self.done.set_result(False)

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_body(self, body):
        now = time.monotonic_ns()
        self.size += len(body)
        clocks = _CLOCK.findall(body)
        if clocks and not self.first:
            self.first = time.monotonic()
        self.delays.extend(now - int(c) for c in clocks)

    def on_message_complete(self):
        self.status = self.parser.get_status_code()
        if self.done and not self.done.done():
            self.done.set_result(True)

    async def request(self, data: bytes) -> bool:
        self.parser = httptools.HttpResponseParser(self)
        self.first, self.delays, self.size, self.status = 0.0, [], 0, 0
        self.done = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return await self.done


def bodies(options) -> list[bytes]:
    """Requests; with --fresh each holds words that were never sent before, so that no cache knows them."""
    texts = (
        [t for t in Path(options.text).read_text(encoding="utf-8").split("\n\n") if t.strip()] if options.text else []
    )
    made = []
    rng = random.Random(options.seed)
    for i in range(options.variants):
        words = " ".join(texts).split() if texts else ["Dag"]
        start = rng.randrange(max(1, len(words) - 10))
        text = " ".join((words[start:] + words * (1 + options.chars // max(1, len(" ".join(words)))))[: options.chars])
        text = text[: max(1, options.chars - 12)] + (f" nr {options.seed % 90 + 10}{i:06d}" if options.fresh else "")
        messages = [{"role": "user", "content": text}]
        if options.history:
            fixed = " ".join(words)[: options.chars] or "Dag."
            past = [{"role": ("user", "assistant")[n % 2], "content": f"{n}. {fixed}"} for n in range(options.history)]
            messages = [*past, *messages]
        body = {"model": options.model, "messages": messages}
        if options.stream:
            body["stream"] = True
        raw = json.dumps(body).encode()
        head = (
            f"POST {options.path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {options.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        made.append(head.encode() + raw)
    return made


async def run(options) -> dict:
    loop = asyncio.get_running_loop()
    requests = itertools.cycle(bodies(options))
    latencies: list[float] = []
    firsts: list[float] = []
    delays: list[int] = []
    bad = 0
    idle: list[Client] = []

    async def connect() -> Client:
        while idle:
            client = idle.pop()
            if not client.closed:
                return client
        _, client = await loop.create_connection(Client, "127.0.0.1", options.port)
        return client

    async def one(scheduled: float) -> None:
        nonlocal bad
        client = await connect()
        ok = await client.request(next(requests))
        now = time.monotonic()
        if not ok or client.status != 200:
            bad += 1
        else:
            latencies.append(now - scheduled)
            delays.extend(client.delays)
            if client.first:
                firsts.append(client.first - scheduled)
        idle.append(client)

    began = time.monotonic()
    if options.rate:
        tasks = []
        for i in range(int(options.rate * options.seconds)):
            at = began + i / options.rate
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            tasks.append(asyncio.ensure_future(one(at)))
        await asyncio.gather(*tasks)
    else:

        async def worker() -> None:
            while time.monotonic() - began < options.seconds:
                await one(time.monotonic())

        await asyncio.gather(*(worker() for _ in range(options.connections)))
    took = time.monotonic() - began
    return {
        "requests": len(latencies),
        "bad": bad,
        "rps": len(latencies) / took,
        "latency_ms": quantiles([v * 1000 for v in latencies]),
        "ttft_ms": quantiles([v * 1000 for v in firsts]),
        "delay_us": quantiles([v / 1000 for v in delays]),
    }


def quantiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    return {f"p{q}": round(ordered[min(len(ordered) - 1, int(len(ordered) * q / 100))], 4) for q in (50, 95, 99)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/v1/chat/completions")
    parser.add_argument("--key", default="none")
    parser.add_argument("--model", default="bench")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--chars", type=int, default=900)
    parser.add_argument("--variants", type=int, default=1)
    parser.add_argument("--history", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--text", default="")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--stream", action="store_true")
    print(json.dumps(uvloop.run(run(parser.parse_args()))))
