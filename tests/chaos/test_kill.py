"""`kill -9` under load: every request that reached the upstream has a durable intent, none is double (promise 3).

Each request has a model name of its own. It is on the tool list, so that it stands in the record, and it goes upstream,
so that it stands in the upstream's journal (synced before the upstream answers): the two can be joined. The scanners run
a stand-in engine, for speed only: a restart with the language models takes seconds. All else is what `sluis serve` runs.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.support.gateway import RunningGateway, allowlist, start, tool
from tests.support.upstream import Upstream

LONG = 24  # exchanges that stay open until the kill, half of them streams
SHORT = 6  # callers that ask again and again: some are before, some within, some after their intent
OPEN = 20  # so many have reached the upstream before anything is killed
TARGETS = ("worker", "group", "scanner")


@dataclass
class Chaos:
    """One gateway on one data folder, killed again and again."""

    folder: Path
    upstream: Upstream
    journal: Path
    rounds: int
    seed: int = field(default_factory=lambda: time.time_ns() % 1_000_000)
    answered: dict[str, str] = field(default_factory=dict)  # model name → reference, where a client got an answer
    long_ones: dict[str, int] = field(default_factory=dict)  # model name → round
    used: int = 0
    gateway: RunningGateway | None = None

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.names = [f"n{number:05d}" for number in range(self.rounds * 150)]
        self.policy = allowlist(tool("chaos", self.upstream.base_url, models=self.names))

    def name(self) -> str:
        self.used += 1
        return self.names[self.used - 1]

    def up(self) -> RunningGateway:
        """Started where it is not running, by the same command as ever; then ready."""
        if self.gateway is None or self.gateway.process.poll() is not None:
            keys = self.gateway.keys if self.gateway else None
            self.gateway = start(self.folder, self.policy, keys=keys, engine="tests.support.engine:Engine")
        with self.gateway.client() as http:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                with contextlib.suppress(httpx.TransportError):
                    if http.get("/readyz").status_code == 200:
                        return self.gateway
                time.sleep(0.02)
        raise AssertionError(f"not ready again: {self.gateway.log[-2000:]}")

    def sent(self) -> list[str]:
        """The model names that reached the upstream, as its journal has them."""
        lines = self.journal.read_bytes().splitlines() if self.journal.exists() else []
        return [json.loads(json.loads(line)["raw"])["model"] for line in lines]

    async def round(self, gateway: RunningGateway, number: int, target: str) -> None:
        key = {"Authorization": f"Bearer {gateway.keys['staff']}"}
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(
            base_url=gateway.base, headers=key, timeout=60, trust_env=False, limits=limits
        ) as http:
            tasks = [asyncio.create_task(self.long(http, number, stream=n % 2 == 0)) for n in range(LONG)]
            while (open_now := self.open_in(number)) < OPEN:
                assert not all(task.done() for task in tasks), gateway.log[-2000:]
                await asyncio.sleep(0.02)
            tasks += [asyncio.create_task(self.short(http)) for _ in range(SHORT)]
            await asyncio.sleep(self.random.random())
            assert open_now >= OPEN
            self.kill(gateway, target)
            if target == "scanner":  # exchanges under way do not need it any more; their clients end them
                await asyncio.sleep(0.2)
            for task in tasks:
                if target == "scanner":
                    task.cancel()
            await asyncio.wait(tasks, timeout=90)
            for task in tasks:
                task.cancel()

    def open_in(self, number: int) -> int:
        mine = {name for name, where in self.long_ones.items() if where == number}
        return len(mine & {str(r.body["model"]) for r in self.upstream.requests})

    async def long(self, http: httpx.AsyncClient, number: int, *, stream: bool) -> None:
        name = self.name()
        self.long_ones[name] = number
        text = "[[slow:0.5]] " + "een lange vraag " * 20 if stream else "[[hang:60]] een vraag"
        await self.ask(http, name, text, stream=stream)

    async def short(self, http: httpx.AsyncClient) -> None:
        for turn in range(15):
            await self.ask(http, self.name(), "een korte vraag", stream=turn % 2 == 0)

    async def ask(self, http: httpx.AsyncClient, name: str, text: str, *, stream: bool) -> None:
        body = {"model": name, "messages": [{"role": "user", "content": f"{text} {name}"}], "stream": stream}
        with contextlib.suppress(httpx.HTTPError):
            async with http.stream("POST", "/v1/chat/completions", json=body) as answer:
                if answer.status_code == 200:
                    self.answered[name] = answer.headers["x-request-id"]
                await answer.aread()

    def kill(self, gateway: RunningGateway, target: str) -> None:
        state = gateway.state
        found = {"worker": state["workers"], "scanner": state["scanners"]}.get(
            target, [state["pid"], *state["workers"], *state["scanners"]]
        )
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        if target == "group":
            gateway.process.wait(20)

    def check(self, number: int, target: str) -> None:
        """What must hold after every kill, once the gateway is up again."""
        gateway = self.up()
        assert gateway.rows("PRAGMA integrity_check") == [("ok",)]
        unclosed = "SELECT count(*) FROM intents WHERE request_id NOT IN (SELECT request_id FROM outcomes)"
        end = time.monotonic() + 30
        while gateway.rows(unclosed) != [(0,)] and time.monotonic() < end:
            time.sleep(0.05)
        assert gateway.rows(unclosed) == [(0,)], f"round {number} ({target}), seed {self.seed}"
        rows = gateway.rows(
            "SELECT i.gen_ai_request_model, i.request_id, o.ended_by FROM intents i JOIN outcomes o USING (request_id)"
        )
        per_name = Counter(name for name, _, _ in rows)
        ended = {name: (reference, by) for name, reference, by in rows}
        sent = self.sent()
        assert len(sent) == len(set(sent)), "a request was sent twice"
        assert set(sent) <= ended.keys(), f"sent without an intent: {len(set(sent) - ended.keys())}, seed {self.seed}"
        assert max(per_name.values()) == 1
        assert gateway.rows("SELECT count(*) - count(DISTINCT request_id) FROM outcomes") == [(0,)]
        assert all(ended[name][0] == reference for name, reference in self.answered.items())
        mine = {name for name, where in self.long_ones.items() if where == number} & set(sent)
        assert len(mine) >= OPEN
        expected = "client_left" if target == "scanner" else "interrupted"
        assert {ended[name][1] for name in mine} == {expected}, Counter(ended[name][1] for name in mine)

    def run(self) -> None:
        for number in range(self.rounds):
            target = TARGETS[number % len(TARGETS)]
            self.upstream.requests.clear()
            asyncio.run(self.round(self.up(), number, target))
            self.check(number, target)


@pytest.fixture
def journaled(tmp_path: Path) -> Iterator[tuple[Upstream, Path]]:
    journal = tmp_path / "journal"
    with Upstream(journal) as upstream:
        yield upstream, journal


def killed(folder: Path, journaled: tuple[Upstream, Path], rounds: int) -> None:
    chaos = Chaos(folder / "g", *journaled, rounds)
    try:
        chaos.run()
    finally:
        if chaos.gateway is not None:
            chaos.gateway.stop(signal.SIGKILL)
    print(f"{rounds} kills, {len(chaos.sent())} requests upstream, {chaos.used} asked, seed {chaos.seed}")


def test_three_kills_under_load_lose_no_record(tmp_path: Path, journaled: tuple[Upstream, Path]) -> None:
    killed(tmp_path, journaled, 3)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_fifty_kills_under_load_lose_no_record(tmp_path: Path, journaled: tuple[Upstream, Path]) -> None:
    killed(tmp_path, journaled, 50)
