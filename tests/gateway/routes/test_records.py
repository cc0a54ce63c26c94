"""`GET /admin/v1/records/{reference}`: the DPO alone sees what a reference stands for, and the look is recorded."""

import pytest
from sqlalchemy import text

from gateway.records.store import RecordStore
from gateway.routes.records import record_router
from tests.gateway.office import Office
from tests.gateway.records import samples


@pytest.fixture
async def reference(desk: Office) -> str:
    deps = desk.deps()
    desk.app.include_router(record_router(desk.engine, deps.gate, clock=lambda: desk.now))
    store = RecordStore(desk.engine, worker="w-test")
    await store.start()
    row = samples.intent()
    await store.intent(row)
    await store.stop()
    return row.request_id


async def looks(desk: Office) -> list[tuple[str, str]]:
    query = text("SELECT role, object FROM admin_acts WHERE act = 'record.look_up' ORDER BY id")
    async with desk.engine.connect() as connection:
        return [(row.role, row.object) for row in await connection.execute(query)]


async def test_the_dpo_sees_the_record_and_the_look_is_recorded(desk: Office, reference: str) -> None:
    answer = await desk.ask("dpo", "GET", f"/records/{reference}")
    assert (answer.status_code, answer.json()["intent"]["tool_id"]) == (200, "mistral-small")
    assert await looks(desk) == [("dpo", reference)]


@pytest.mark.parametrize("who", ["lies", "ict", "chat"])
async def test_nobody_else_does(desk: Office, reference: str, who: str) -> None:
    answer = await desk.ask(who, "GET", f"/records/{reference}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "record_dpo_only")
    assert await looks(desk) == []


async def test_an_unknown_reference_is_not_found_and_what_was_typed_is_not_kept(desk: Office, reference: str) -> None:
    answer = await desk.ask("dpo", "GET", "/records/what-somebody-typed")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "record_not_found")
    assert await looks(desk) == [("dpo", "unknown")]


async def test_without_a_record_of_the_look_nothing_is_shown(desk: Office, reference: str) -> None:
    async with desk.engine.begin() as connection:
        await connection.execute(text("DROP TABLE admin_acts"))
    answer = await desk.ask("dpo", "GET", f"/records/{reference}")
    assert answer.status_code == 503
    assert "mistral-small" not in answer.text
