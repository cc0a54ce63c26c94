from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import GatewayError, Unavailable
from gateway.exchange import Principal, Role
from gateway.records.store import RecordStore
from gateway.routes.records import router
from tests.gateway.records import samples
from tests.gateway.records.conftest import prepared


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    made = await prepared(f"sqlite+aiosqlite:///{tmp_path / 'sluis.db'}")
    yield made
    await made.dispose()


class Desk:
    """An app with the router, who calls it, and the acts that were recorded."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.role = Role.DPO
        self.acts: list[tuple[str, str]] = []
        self.acts_fail = False
        app = FastAPI()
        app.include_router(router(engine, authenticate=self.authenticate, record_act=self.record_act))

        @app.exception_handler(GatewayError)
        async def shown(_request: Request, error: GatewayError) -> JSONResponse:
            return JSONResponse({"code": error.reason_code}, error.status)

        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway.example.org")

    async def authenticate(self, _request: Request) -> Principal:
        return Principal(key_id="k", subject="dpo@example.org", role=self.role, unit="DPO")

    async def record_act(self, _principal: Principal, act: str, target: str) -> None:
        if self.acts_fail:
            raise Unavailable("internal_error")
        self.acts.append((act, target))


async def known(engine: AsyncEngine) -> str:
    store = RecordStore(engine, worker="w-test")
    await store.start()
    row = samples.intent()
    await store.intent(row)
    await store.stop()
    return row.request_id


async def test_the_dpo_sees_the_record_and_the_look_is_recorded(engine: AsyncEngine) -> None:
    reference, desk = await known(engine), Desk(engine)
    answer = await desk.client.get(f"/admin/v1/records/{reference}")
    assert (answer.status_code, answer.json()["intent"]["tool_id"]) == (200, "mistral-small")
    assert desk.acts == [("record.look_up", reference)]


@pytest.mark.parametrize("role", [Role.STAFF, Role.ICT, Role.SERVICE])
async def test_nobody_else_does(engine: AsyncEngine, role: Role) -> None:
    reference, desk = await known(engine), Desk(engine)
    desk.role = role
    answer = await desk.client.get(f"/admin/v1/records/{reference}")
    assert (answer.status_code, answer.json()) == (403, {"code": "record_dpo_only"})
    assert desk.acts == []


async def test_an_unknown_reference_is_not_found_and_not_kept(engine: AsyncEngine) -> None:
    desk = Desk(engine)
    answer = await desk.client.get("/admin/v1/records/what-somebody-typed")
    assert (answer.status_code, answer.json()) == (404, {"code": "record_not_found"})
    assert desk.acts == [("record.look_up", "unknown")]


async def test_nothing_is_shown_when_the_look_cannot_be_recorded(engine: AsyncEngine) -> None:
    reference, desk = await known(engine), Desk(engine)
    desk.acts_fail = True
    answer = await desk.client.get(f"/admin/v1/records/{reference}")
    assert answer.status_code == 503
    assert "intent" not in answer.text
