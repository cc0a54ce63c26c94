"""The same road on PostgreSQL with two workers: one setting, the same records, figures that add up."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from gateway.database import create_engine
from gateway.records.migrate import upgrade
from tests.gateway.databases import database_url
from tests.support.gateway import RunningGateway, both_tools, gateway
from tests.support.upstream import Upstream

ASKED = 60


@pytest.fixture
async def two_workers(tmp_path: Path, upstream: Upstream) -> AsyncIterator[RunningGateway]:
    async with database_url("postgresql", tmp_path) as url:
        await upgrade(url)
        context = gateway(tmp_path / "g", both_tools(upstream.base_url), database_url=url, workers=2)
        running = await asyncio.to_thread(context.__enter__)
        try:
            yield running
        finally:
            await asyncio.to_thread(context.__exit__, None, None, None)


def ask(running: RunningGateway, content: str, model: str = "pseudo") -> httpx.Response:
    with running.client() as http:  # a new connection each time, so that both workers are met
        body = {"model": model, "messages": [{"role": "user", "content": content}]}
        return http.post("/v1/chat/completions", json=body)


async def count(url: str, query: str) -> int:
    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            return int((await connection.execute(text(query))).scalar_one())
    finally:
        await engine.dispose()


def total(metrics: str, pattern: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{pattern} (\S+)$", metrics, re.MULTILINE))


async def test_two_workers_share_records_figures_keys_and_the_kill_switch(
    two_workers: RunningGateway, upstream: Upstream
) -> None:
    running, url = two_workers, two_workers.settings.database
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda i: ask(running, f"Vraag {i} van Fatima Van den Broeck"), range(ASKED)))
        blocked = list(threads.map(lambda i: ask(running, "Fatima Van den Broeck", "strict"), range(4)))
    assert {a.status_code for a in answers} == {200}
    assert all(f"Vraag {i} van Fatima Van den Broeck" in a.text for i, a in enumerate(answers))
    assert {a.status_code for a in blocked} == {400}
    assert "Fatima" not in upstream.texts
    for _ in range(100):
        if await count(url, "SELECT count(*) FROM outcomes") == ASKED + 4:
            break
        await asyncio.sleep(0.1)
    assert await count(url, "SELECT count(*) FROM intents") == ASKED + 4
    assert await count(url, "SELECT count(*) FROM outcomes") == ASKED + 4
    assert await count(url, "SELECT count(DISTINCT worker) FROM intents") == 2
    metrics = running.metrics()
    assert total(metrics, r'sluis_requests_total\{[^}]*tool="pseudo"[^}]*\}') == ASKED
    assert total(metrics, r"sluis_blocks_total\{[^}]*\}") == 4
    assert "Fatima" not in metrics
    with running.client("ict") as http:
        assert http.post("/admin/v1/suspensions", json={"tool": "pseudo", "why": "proef"}).status_code == 201
    time.sleep(1.0)
    with ThreadPoolExecutor(8) as threads:
        stopped = list(threads.map(lambda i: ask(running, "Dag"), range(16)))
    assert {(a.status_code, a.json()["error"]["code"]) for a in stopped} == {(403, "tool_suspended")}
