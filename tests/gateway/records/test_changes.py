import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.records.changes import PolicyChange, changes, record_change


def change(**fields: object) -> PolicyChange:
    given: dict[str, object] = {
        "at": 1_795_000_000_000, "worker": "w-1", "kind": "reload", "version": "v2", "file_version": "v2", "good": True,
        "tools": {"mistral-small": ["status", "personal"]},
    }  # fmt: skip
    return PolicyChange(**(given | fields))  # type: ignore[arg-type]


async def test_a_change_is_recorded_with_the_keys_that_changed(engine: AsyncEngine) -> None:
    assert await record_change(engine, change())
    (row,) = await changes(engine)
    assert (row["version"], row["good"], row["tools"]) == ("v2", True, {"mistral-small": ["personal", "status"]})


async def test_several_workers_record_one_reload_once(engine: AsyncEngine) -> None:
    done = await asyncio.gather(*(record_change(engine, change(worker=f"w-{n}")) for n in range(4)))
    assert sorted(done) == [False, False, False, True]
    assert len(await changes(engine)) == 1


async def test_a_policy_that_comes_back_is_a_change_again(engine: AsyncEngine) -> None:
    for version in ("v1", "v2", "v1"):
        assert await record_change(engine, change(version=version, file_version=version))
    assert [row["version"] for row in await changes(engine)] == ["v1", "v2", "v1"]


async def test_a_rejected_file_is_recorded_with_its_lints_and_the_policy_that_stays(engine: AsyncEngine) -> None:
    await record_change(engine, change())
    rejected = change(kind="rejected", file_version="v3", good=False, tools={}, lints=["consumer_terms"])
    assert await record_change(engine, rejected)
    newest = (await changes(engine))[0]
    assert (newest["version"], newest["file_version"], newest["good"]) == ("v2", "v3", False)
    assert newest["lints"] == ["consumer_terms"]


async def test_every_start_is_recorded(engine: AsyncEngine) -> None:
    for worker in ("w-1", "w-2"):
        assert await record_change(engine, change(kind="start", worker=worker))
    assert len(await changes(engine)) == 2


@pytest.mark.parametrize(
    "fields", [{"lints": ["what a person wrote"]}, {"tools": {"t": ["a reason in words"]}}, {"version": ""}]
)
def test_what_a_person_wrote_is_not_accepted(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a code"):
        change(**fields)
