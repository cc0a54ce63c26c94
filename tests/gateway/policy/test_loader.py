"""The list in force: taken at start, swapped when the file changes, kept when the file goes bad."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.compiled import Policy
from gateway.policy.diff import PolicyDiff
from gateway.policy.loader import PolicyStore
from gateway.policy.problems import PolicyError
from tests.gateway.policy.trees import TODAY, blocking, tool, tree


class Heard:
    """What the store told its callers."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str, PolicyDiff]] = []
        self.bad: list[list[str]] = []

    async def on_change(self, old: Policy, new: Policy, difference: PolicyDiff) -> None:
        self.changes.append((old.version, new.version, difference))

    def on_bad(self, problems: object) -> None:
        self.bad.append([problem.rule for problem in problems])  # type: ignore[attr-defined]


def write(path: Path, *tools: dict[str, Any], **changes: object) -> None:
    path.write_text(json.dumps(tree(*tools, **changes)), encoding="utf-8")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "allowlist.yaml"
    write(path, tool())
    return path


@pytest.fixture
def heard() -> Heard:
    return Heard()


def store_of(path: Path, heard: Heard, interval: float = 3600.0) -> PolicyStore:
    """Long interval: the tests look themselves, so that none depends on time."""
    return PolicyStore(
        path,
        today=lambda: TODAY,
        interval=interval,
        environ={},
        on_change=heard.on_change,
        on_bad=heard.on_bad,
    )


async def test_before_start_there_is_no_policy(path: Path, heard: Heard) -> None:
    store = store_of(path, heard)
    assert store.state == "stale"
    with pytest.raises(PolicyError):
        _ = store.current
    await store.stop()  # harmless


@pytest.mark.parametrize("content", [b"profile: [", None, json.dumps(tree(tool(review_by=...))).encode()])
async def test_at_start_a_bad_file_is_an_error_with_its_lint(path: Path, heard: Heard, content: bytes | None) -> None:
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        await store_of(path, heard).start()
    assert caught.value.problems
    assert heard.bad == []  # the caller has the error itself


async def test_a_change_is_taken_once_it_stood_still_for_one_look(path: Path, heard: Heard) -> None:
    store = store_of(path, heard)
    await store.start()
    try:
        first = store.current
        assert (store.state, store.problems) == ("ok", ())
        assert await store.poll() is False
        write(path, tool(), blocking())
        assert await store.poll() is False  # seen for the first time: it may still be being written
        assert store.current is first
        assert await store.poll() is True
        assert set(store.current.tools) == {"alpha", "beta"}
        assert set(first.tools) == {"alpha"}  # a request that began keeps what it had
        assert await store.poll() is False
        ((old, new, difference),) = heard.changes
        assert (old, new) == (first.version, store.current.version)
        assert [change.kind for change in difference.tools] == ["added"]
    finally:
        await store.stop()


async def test_a_file_that_is_still_being_written_is_not_taken(path: Path, heard: Heard) -> None:
    store = store_of(path, heard)
    await store.start()
    try:
        for count in range(5):
            write(path, tool(retention_days=count))
            assert await store.poll() is False
        assert heard.changes == []
    finally:
        await store.stop()


async def test_same_size_and_same_time_is_still_a_change(path: Path, heard: Heard) -> None:
    store = store_of(path, heard)
    await store.start()
    try:
        before = path.stat()
        path.write_bytes(path.read_bytes().replace(b'"Alpha"', b'"Omega"'))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        await store.poll()
        assert await store.poll() is True
        assert store.current.tools["alpha"].name == "Omega"
    finally:
        await store.stop()


async def test_a_bad_file_keeps_the_last_good_policy_and_is_told_once(path: Path, heard: Heard) -> None:
    store = store_of(path, heard)
    await store.start()
    try:
        good, content = store.current, path.read_bytes()
        path.write_bytes(b"profile: [")
        for _ in range(4):
            assert await store.poll() is False
        assert store.current is good
        assert str(store.state) == "stale"
        assert heard.bad == [["yaml"]]
        path.unlink()
        for _ in range(3):
            await store.poll()
        assert heard.bad == [["yaml"], ["unreadable"]]
        path.write_bytes(content)
        for _ in range(2):
            await store.poll()
        assert str(store.state) == "ok"
        assert store.current.version == good.version
        assert heard.changes == []  # the content is what it was
    finally:
        await store.stop()


async def test_reload_does_not_wait(path: Path, heard: Heard) -> None:
    store = store_of(path, heard)
    await store.start()
    try:
        assert await store.reload() is False
        write(path, tool(name="Omega"))
        assert await store.reload() is True
        assert store.current.tools["alpha"].name == "Omega"
        path.write_bytes(b"profile: [")
        assert await store.reload() is False
        assert (store.state, len(heard.bad)) == ("stale", 1)
    finally:
        await store.stop()


async def test_a_layout_change_is_no_change(path: Path, heard: Heard) -> None:
    store = store_of(path, heard)
    await store.start()
    try:
        path.write_bytes(b"# a comment\n" + path.read_bytes())
        assert await store.reload() is False
        assert heard.changes == []
    finally:
        await store.stop()


async def test_a_new_key_in_its_file_is_taken_without_a_change_of_content(path: Path, heard: Heard) -> None:
    key = path.parent / "alpha.key"
    key.write_text("first", encoding="utf-8")
    write(path, tool(upstream__key={"file": "alpha.key"}), blocking(upstream__key={"env": "ABSENT"}))
    store = store_of(path, heard)
    await store.start()
    try:

        def secret() -> str | None:
            upstream = store.current.tools["alpha"].upstream
            assert upstream is not None
            return upstream.secret()

        assert secret() == "first"
        assert [problem.rule for problem in store.problems] == ["key-missing"]
        key.write_text("second", encoding="utf-8")
        for _ in range(2):
            await store.poll()
        assert secret() == "second"
        assert heard.changes == []
    finally:
        await store.stop()


async def test_callbacks_may_be_left_out(path: Path) -> None:
    store = PolicyStore(path, today=lambda: TODAY, interval=3600.0)
    await store.start()
    try:
        write(path, tool(name="Omega"))
        assert await store.reload() is True
        path.write_bytes(b"")
        assert await store.reload() is False
    finally:
        await store.stop()


async def test_the_watch_takes_a_change_by_itself_and_survives_a_failing_callback(path: Path) -> None:
    called = asyncio.Event()

    def fails(*_: object) -> None:
        called.set()
        raise RuntimeError("mail is down")

    store = PolicyStore(path, today=lambda: TODAY, interval=0.02, on_change=fails)
    await store.start()
    try:
        for name in ("Omega", "Psi"):
            called.clear()
            write(path, tool(name=name))
            async with asyncio.timeout(30):
                await called.wait()
            assert store.current.tools["alpha"].name == name
    finally:
        await store.stop()
    write(path, tool(name="Chi"))
    await asyncio.sleep(0.1)
    assert store.current.tools["alpha"].name == "Psi"  # stopped


async def test_the_default_interval_holds_the_two_seconds(path: Path) -> None:
    store = PolicyStore(path, today=lambda: TODAY)
    await store.start()
    try:
        began = time.monotonic()
        write(path, tool(name="Omega"))
        async with asyncio.timeout(30):
            while store.current.tools["alpha"].name != "Omega":
                await asyncio.sleep(0.02)
        assert 2 * store._interval <= 1.5
        assert time.monotonic() - began < 30  # the machine may be slow; the two looks are what is promised
    finally:
        await store.stop()
