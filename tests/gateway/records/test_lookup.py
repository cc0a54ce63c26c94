import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.records.lookup import find
from gateway.records.store import RecordStore
from tests.gateway.records import samples


async def test_a_reference_leads_to_both_rows(store: RecordStore, engine: AsyncEngine) -> None:
    row = samples.intent(ts_start=1_795_000_000_123)
    await store.intent(row)
    store.outcome(samples.outcome(row.request_id))
    await store.drain()
    for reference in (row.request_id, row.request_id.upper(), f" {row.request_id}\n"):
        record = await find(engine, reference)
        assert record is not None
        shown = record.as_json()
        assert (shown["reference"], shown["state"], shown["on_hold"]) == (row.request_id, "closed", False)
        assert shown["intent"]["ts_start"] == "2026-11-18T11:06:40.123Z"
        assert shown["intent"]["stream"] is True
        assert shown["outcome"]["finish_reasons"] == ["stop"]


async def test_an_open_exchange_is_shown_as_open(store: RecordStore, engine: AsyncEngine) -> None:
    row = samples.intent()
    await store.intent(row)
    record = await find(engine, row.request_id)
    assert record is not None
    assert record.as_json()["state"] == "open"


UNKNOWN = "01a20115-1e53-7573-9f97-254df6c60780"


@pytest.mark.parametrize("reference", ["", "x", "' OR 1=1 --", "%", UNKNOWN, UNKNOWN[:-1]])
async def test_an_unknown_reference_leads_to_nothing(engine: AsyncEngine, reference: str) -> None:
    assert await find(engine, reference) is None
