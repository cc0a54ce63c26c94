"""The database is locked, silent or gone: requests are refused, nothing goes up unrecorded, service resumes by itself.

And what holds whatever the processes do: the kill switch on each worker and after a restart, the tool list in force.
"""

import asyncio
import contextlib
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.e2e.conftest import MailServer, mail
from tests.support.gateway import RunningGateway, both_tools, gateway, start
from tests.support.line import Line
from tests.support.upstream import Upstream

__all__ = ["mail"]  # a fixture
ENGINE = "tests.support.engine:Engine"
URL = "/v1/chat/completions"
ADMIN = "postgresql://postgres@127.0.0.1:5432"
REFUSALS = {"record_unavailable", "stale_state"}


def body(text: str, model: str = "pseudo", *, stream: bool = False) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}


def ask(running: RunningGateway, text: str = "dag", model: str = "pseudo") -> httpx.Response:
    """On a connection of its own, so that any of the workers may take it."""
    with running.client() as http:
        return http.post(URL, json=body(text, model))


def eventually(question: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := question()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def serves(running: RunningGateway) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return ask(running).status_code == 200
    return False


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def refused_meanwhile(running: RunningGateway, seconds: float) -> list[str]:
    """Ask for so long; the codes of the refusals. What is answered otherwise fails the test."""
    end = time.monotonic() + seconds
    codes: list[str] = []
    while time.monotonic() < end or not codes:
        answer = ask(running, f"vraag {len(codes)}")
        assert answer.status_code == 503, answer.text
        assert "retry-after" in answer.headers
        codes.append(answer.json()["error"]["code"])
        time.sleep(0.1)
    assert set(codes) <= REFUSALS
    return codes


# --- SQLite --------------------------------------------------------------------------------------------------------

LOCK = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
c.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
"""


def locked(tmp_path: Path, upstream: Upstream, seconds: float) -> None:
    with gateway(tmp_path / "g", both_tools(upstream.base_url), engine=ENGINE) as running:
        assert serves(running)
        stream = threading.Thread(target=lambda: answers.append(slow_stream(running)))
        answers: list[str] = []
        stream.start()
        assert eventually(lambda: len(upstream.requests) == 2)
        database = running.settings.data_dir / "sluis.db"
        locker = subprocess.Popen(
            [sys.executable, "-c", LOCK, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with locker:
            assert locker.stdout is not None
            assert locker.stdout.readline() == b"locked\n"
            refused_meanwhile(running, seconds)
            with running.client() as http:
                assert http.get("/readyz").status_code == 503
            assert len(upstream.requests) == 2, "something went up while nothing could be recorded"
            locker.communicate(b"\n")
        assert eventually(lambda: serves(running))
        stream.join(60)
        assert answers[0].endswith("data: [DONE]\n\n"), "an answer under way is not cut off"
        unclosed = "SELECT count(*) FROM intents WHERE request_id NOT IN (SELECT request_id FROM outcomes)"
        assert eventually(lambda: running.rows(unclosed) == [(0,)])
        sent = running.rows("SELECT count(*) FROM outcomes WHERE ended_by = 'completed'")
        assert sent == [(len(upstream.requests),)]


def slow_stream(running: RunningGateway) -> str:
    with running.client() as http:
        return http.post(URL, json=body("[[slow:0.2]] " + "dag " * 20, stream=True)).text


def test_a_locked_database_refuses_and_service_resumes(tmp_path: Path, upstream: Upstream) -> None:
    locked(tmp_path, upstream, 7)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_database_locked_for_a_minute_refuses_and_service_resumes(tmp_path: Path, upstream: Upstream) -> None:
    locked(tmp_path, upstream, 60)


# --- PostgreSQL, two workers ---------------------------------------------------------------------------------------


class Postgres:
    """A database of this test's own, reached through a line that can go away."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.name = f"chaos_{secrets.token_hex(6)}"
        self.url = f"postgresql+asyncpg://postgres@127.0.0.1:{line.port}/{self.name}?ssl=disable"

    def rows(self, query: str, database: str = "") -> list[tuple[Any, ...]]:
        async def run() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(f"{ADMIN}/{database or self.name}", timeout=10)
            try:
                return [tuple(row) for row in await connection.fetch(query)]
            finally:
                await connection.close()

        return asyncio.run(run())


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Line() as line:
        made = Postgres(line)
        try:
            made.rows(f"CREATE DATABASE {made.name}", "postgres")
        except OSError:
            pytest.skip("no PostgreSQL on 127.0.0.1:5432")
        yield made
        made.rows(f"DROP DATABASE {made.name} WITH (FORCE)", "postgres")


@pytest.fixture(scope="module")
def shared() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, shared: Upstream
) -> Iterator[list[RunningGateway]]:
    """A gateway of two workers, in a list: a test may put the one that it restarted in its place."""
    folder = tmp_path_factory.mktemp("two")
    held = [start(folder, both_tools(shared.base_url), engine=ENGINE, database_url=postgres.url, workers=2)]
    yield held
    postgres.line.set("up")
    held[0].stop()


def recorded(postgres: Postgres, shared: Upstream) -> None:
    """Each request that the upstream has seen has one intent, and its outcome."""
    closed = "SELECT count(*) FROM intents JOIN outcomes USING (request_id) WHERE decision = 'allowed'"
    open_ones = "SELECT count(*) FROM intents WHERE request_id NOT IN (SELECT request_id FROM outcomes)"
    assert eventually(lambda: postgres.rows(open_ones) == [(0,)])
    assert postgres.rows(closed)[0][0] >= len(shared.requests)
    done = "SELECT count(*) FROM outcomes WHERE ended_by = 'completed'"
    assert postgres.rows(done)[0][0] == len(shared.requests)


def both_answer(running: RunningGateway, postgres: Postgres) -> bool:
    since = postgres.rows("SELECT coalesce(max(seq), 0) FROM intents")[0][0]
    for _ in range(12):
        ask(running)
    return postgres.rows(f"SELECT count(DISTINCT worker) FROM intents WHERE seq > {since}") == [(2,)]


@pytest.mark.parametrize("how", ["silent", "cut"])
def test_a_database_that_is_gone_refuses_and_service_resumes(
    two: list[RunningGateway], postgres: Postgres, shared: Upstream, how: str
) -> None:
    [running] = two
    assert eventually(lambda: serves(running))
    postgres.line.set(how)
    try:
        assert eventually(lambda: ask(running).status_code == 503)
        before = len(shared.requests)
        codes = refused_meanwhile(running, 6)
        assert "stale_state" in codes, "after two seconds without the change counter nothing may be decided"
        assert len(shared.requests) == before
    finally:
        postgres.line.set("up")
    assert eventually(lambda: serves(running) and both_answer(running, postgres), 90)
    recorded(postgres, shared)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("how", ["silent", "cut"])
def test_a_database_that_is_gone_for_a_minute(
    two: list[RunningGateway], postgres: Postgres, shared: Upstream, how: str
) -> None:
    [running] = two
    assert eventually(lambda: serves(running))
    postgres.line.set(how)
    try:
        assert eventually(lambda: ask(running).status_code == 503)
        before = len(shared.requests)
        refused_meanwhile(running, 60)
        assert len(shared.requests) == before
    finally:
        postgres.line.set("up")
    assert eventually(lambda: serves(running) and both_answer(running, postgres), 90)
    recorded(postgres, shared)


def test_terminated_backends_cost_at_most_a_refusal(
    two: list[RunningGateway], postgres: Postgres, shared: Upstream
) -> None:
    [running] = two
    terminate = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{postgres.name}'"
    for _ in range(5):
        postgres.rows(terminate, "postgres")
        for _ in range(4):
            answer = ask(running)
            assert answer.status_code == 200 or answer.json()["error"]["code"] in REFUSALS
    assert eventually(lambda: serves(running) and both_answer(running, postgres))
    recorded(postgres, shared)


def test_the_kill_switch_holds_on_each_worker_and_after_a_restart(
    two: list[RunningGateway], postgres: Postgres, shared: Upstream
) -> None:
    [running] = two
    assert eventually(lambda: both_answer(running, postgres)), "both workers must have the tool in use"
    with running.client("ict") as http:
        assert http.post("/admin/v1/suspensions", json={"tool": "pseudo", "why": "proef"}).status_code == 201
    time.sleep(1)  # T4: on every worker within a second
    since = postgres.rows("SELECT max(seq) FROM intents")[0][0]
    before = len(shared.requests)
    answers = [ask(running) for _ in range(24)]
    assert {(a.status_code, a.json()["error"]["code"]) for a in answers} == {(403, "tool_suspended")}
    assert postgres.rows(f"SELECT count(DISTINCT worker) FROM intents WHERE seq > {since}") == [(2,)]
    assert ask(running, model="open").status_code == 200
    running.stop()
    two[0] = running = start(
        running.folder,
        both_tools(shared.base_url),
        keys=running.keys,
        engine=ENGINE,
        database_url=postgres.url,
        workers=2,
    )
    assert {ask(running).status_code for _ in range(12)} == {403}
    assert len(shared.requests) == before + 1
    with running.client("ict") as http:
        assert http.request("DELETE", "/admin/v1/suspensions/pseudo", json={"why": "ict"}).status_code == 403
    with running.client("dpo") as http:
        assert http.request("DELETE", "/admin/v1/suspensions/pseudo", json={"why": "dpo"}).status_code == 200
    time.sleep(1)
    assert {ask(running).status_code for _ in range(12)} == {200}


def test_a_revoked_key_is_refused_by_each_worker_within_a_second(two: list[RunningGateway], postgres: Postgres) -> None:
    [running] = two
    key = {"Authorization": f"Bearer {running.keys['french']}"}

    def status() -> int:
        return httpx.post(running.base + URL, json=body("dag"), headers=key, trust_env=False).status_code

    assert {status() for _ in range(12)} == {200}
    with running.client("ict") as http:
        keys = http.get("/admin/v1/keys").json()["keys"]
        [one] = [item["id"] for item in keys if item["name"] == "french"]
        assert http.delete(f"/admin/v1/keys/{one}").status_code == 200
    time.sleep(1)
    assert {status() for _ in range(24)} == {401}


# --- the tool list -------------------------------------------------------------------------------------------------


def test_a_changed_tool_list_is_taken_and_a_bad_one_keeps_the_last_good(
    tmp_path: Path, upstream: Upstream, mail: MailServer
) -> None:
    settings: dict[str, Any] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": mail.port,
        "smtp_tls": "none",
        "mail_from": "s@example.org",
    }
    with gateway(tmp_path / "g", both_tools(upstream.base_url), engine=ENGINE, **settings) as running:
        file = running.settings.allowlist
        assert ask(running).status_code == 200
        good = file.read_text()
        file.write_text(good.replace("id: strict", "id: anders").replace("- strict", "- anders"))
        changed = time.monotonic()
        assert eventually(lambda: ask(running, model="anders").status_code == 200, 20)
        print(f"taken after {time.monotonic() - changed:.2f} s")
        assert ask(running, model="strict").status_code in (403, 404)
        assert eventually(lambda: any("anders" in m.get_content() for m in mail.messages)), (
            "the DPO gets the difference"
        )

        mails = len(mail.messages)
        file.write_text("profile: trial\ntools: [")
        assert eventually(lambda: "sluis_policy_ok 0.0" in running.metrics(), 20)
        assert ask(running, model="anders").status_code == 200
        assert eventually(lambda: len(mail.messages) > mails), "a bad file is told"
        assert '"policy_rejected"' in running.log

        file.write_text(good)
        assert eventually(lambda: ask(running, model="strict").status_code == 200, 20)
        assert eventually(lambda: "sluis_policy_ok 1.0" in running.metrics(), 20)
        kinds = running.rows("SELECT kind, good FROM policy_changes ORDER BY seq")
        assert kinds == [("start", 1), ("reload", 1), ("rejected", 0), ("reload", 1)]


def test_other_tools_stay_in_force_while_the_list_is_rewritten(tmp_path: Path, upstream: Upstream) -> None:
    """A rewrite that is not atomic (cut, then filled) is never taken half."""
    with gateway(tmp_path / "g", both_tools(upstream.base_url), engine=ENGINE) as running:
        file = running.settings.allowlist
        good = file.read_text()
        over = threading.Event()

        def rewrite() -> None:
            while not over.is_set():
                with file.open("w") as handle:
                    for at in range(0, len(good), 200):
                        handle.write(good[at : at + 200])
                        handle.flush()
                        over.wait(0.01)
                over.wait(0.3)

        writing = threading.Thread(target=rewrite)
        writing.start()
        try:
            assert {ask(running).status_code for _ in range(40)} == {200}
        finally:
            over.set()
            writing.join()
