"""Near misses, suspicions and incidents, on SQLite and PostgreSQL."""

import asyncio
import os
import signal
import sys
import threading
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from filters.findings import Category, ScanError
from gateway.database import change_counter, create_engine
from gateway.errors import BadRequest, NotFound, Unavailable
from gateway.leaks.alerts import Kind
from gateway.leaks.incidents import Case, State, incident
from gateway.leaks.leaks import NearMiss
from gateway.leaks.setup import LeaksRoom
from gateway.leaks.tables import incident_events, incidents, near_misses, outbox
from tests.gateway.leaks.conftest import START, Box, Clock, create_tables, make_room

HOUR = 3600.0


def miss(at: float = START, unit: str = "Burgerzaken", tool: str = "mistral", **more: Any) -> NearMiss:
    values: dict[str, Any] = {
        "categories": (Category.PERSONAL,),
        "entity_types": {"BE_NATIONAL_NUMBER": 1, "PERSON": 2},
        "reason_code": "internal_error",
    }
    return NearMiss(request_id=str(uuid.uuid4()), at=at, unit=unit, tool=tool, **(values | more))


def case(**more: Any) -> Case:
    values: dict[str, Any] = {
        "tool": "mistral",
        "unit": "Burgerzaken",
        "categories": (Category.PERSONAL,),
        "entity_types": {"IBAN_CODE": 1},
        "request_ids": (str(uuid.uuid4()),),
        "reason_code": "internal_error",
    }
    return Case(**(values | more))


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def room(engine: AsyncEngine, clock: Clock, box: Box) -> LeaksRoom:
    return make_room(engine, clock, box)


async def drain(room: LeaksRoom) -> None:
    while await room.dispatcher.once():
        pass


async def count(engine: AsyncEngine, table: Any) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_the_first_near_miss_of_a_unit_in_an_hour_is_mailed_at_once_and_the_rest_in_a_digest(
    room: LeaksRoom, box: Box, clock: Clock, engine: AsyncEngine
) -> None:
    first = miss()
    await room.leaks.near_miss(first)
    for _ in range(3):
        await room.leaks.near_miss(miss())
    await room.leaks.near_miss(miss(unit="Sociaal Huis", tool="azure"))
    await drain(room)
    assert sorted((p.alert.kind, p.alert.unit) for p in box.parcels) == [
        (Kind.NEAR_MISS_FIRST, "Burgerzaken"),
        (Kind.NEAR_MISS_FIRST, "Sociaal Huis"),
    ]
    told = next(p.alert for p in box.parcels if p.alert.unit == "Burgerzaken")
    assert told.references == (first.request_id,)
    assert told.entity_types == {"PERSON": 2, "BE_NATIONAL_NUMBER": 1}
    assert told.deadline_72h is None
    assert await count(engine, incidents) == 0  # no incident, no clock

    box.parcels.clear()
    clock.forward(HOUR)
    assert await room.leaks.digest() == 3
    assert await room.leaks.digest() == 0
    await drain(room)
    [digest] = [p.alert for p in box.parcels]
    assert (digest.kind, digest.count) == (Kind.NEAR_MISS_DIGEST, 3)
    assert [(g.unit, g.tool, g.count, g.entity_types) for g in digest.groups] == [
        ("Burgerzaken", "mistral", 3, {"PERSON": 6, "BE_NATIONAL_NUMBER": 3})
    ]
    await room.leaks.near_miss(miss(at=clock()))  # the next hour begins anew
    await drain(room)
    assert [p.alert.kind for p in box.parcels] == [Kind.NEAR_MISS_DIGEST, Kind.NEAR_MISS_FIRST]


async def test_twenty_near_misses_at_once_give_one_mail_and_lose_none(
    room: LeaksRoom, box: Box, engine: AsyncEngine
) -> None:
    await asyncio.gather(*(room.leaks.near_miss(miss()) for _ in range(20)))
    await drain(room)
    assert len(box.parcels) == 1
    assert await room.leaks.digest() == 19
    assert await count(engine, near_misses) == 20


async def test_the_same_near_miss_told_twice_stands_once(room: LeaksRoom, engine: AsyncEngine) -> None:
    one = miss()
    await room.leaks.near_miss(one)
    await room.leaks.near_miss(one)
    assert (await count(engine, near_misses), await count(engine, outbox)) == (1, 1)


@pytest.mark.parametrize("request_id", ["", "85.07.30-000.61", "req-1", "x" * 36])
async def test_a_near_miss_without_our_own_request_id_is_a_programming_error(room: LeaksRoom, request_id: str) -> None:
    with pytest.raises(ValueError, match="own id") as caught:
        await room.leaks.near_miss(NearMiss(request_id, START, "u", "t", ()))
    assert "000.61" not in str(caught.value)


async def test_a_near_miss_and_its_mail_are_one_transaction(
    engine: AsyncEngine, clock: Clock, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = make_room(engine, clock, box)

    async def broken(*_args: Any, **_more: Any) -> bool:
        raise OSError

    monkeypatch.setattr(type(room.outbox), "post", broken)
    with pytest.raises(Unavailable):
        await room.leaks.near_miss(miss())
    assert await count(engine, near_misses) == 0


async def test_a_store_that_does_not_answer_raises_unavailable(clock: Clock, tmp_path: Any) -> None:
    for address in (f"sqlite+aiosqlite:///{tmp_path}/missing/x.db", "postgresql+asyncpg://x@127.0.0.1:1/x"):
        engine = create_engine(address)
        room = make_room(engine, clock, Box())
        with pytest.raises(Unavailable):
            await room.leaks.near_miss(miss())
        with pytest.raises(Unavailable):
            await room.leaks.forwarded(case())
        await engine.dispose()
    for thread in threading.enumerate():  # aiosqlite's, which would still tell this loop that they end
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 10)


async def test_a_locked_database_refuses_and_then_serves_again(clock: Clock, tmp_path: Any) -> None:
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'sluis.db'}")
    await create_tables(engine)
    room = make_room(engine, clock, Box())
    async with engine.connect() as holder:
        await holder.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await room.leaks.near_miss(miss())
        await holder.rollback()
    await room.leaks.near_miss(miss())
    assert await count(engine, near_misses) == 1
    await engine.dispose()


async def test_something_forwarded_opens_an_incident_whose_deadline_is_72_hours_after_it_was_known(
    room: LeaksRoom, box: Box, engine: AsyncEngine
) -> None:
    reference = await room.leaks.forwarded(case())
    assert reference == "INC-2026-0001"
    found, events = await room.leaks.show(reference)
    assert (found.state, found.source, found.opened_by) == (State.OPEN, "forwarded", "gateway")
    assert found.aware_at == START
    assert found.deadline_72h == START + 72 * HOUR
    assert [e.event for e in events] == ["open_opened"]
    await drain(room)
    [alert] = [p.alert for p in box.parcels]
    assert (alert.kind, alert.incident, alert.deadline_72h) == (Kind.INCIDENT_OPENED, reference, START + 72 * HOUR)
    async with engine.connect() as connection:  # other workers learn of it
        assert (await connection.execute(select(change_counter.c.value))).scalar_one() == 1


async def test_a_fault_that_forwards_many_requests_at_once_is_one_incident_and_one_mail(
    room: LeaksRoom, box: Box, clock: Clock
) -> None:
    references = await asyncio.gather(*(room.leaks.forwarded(case()) for _ in range(12)))
    assert set(references) == {"INC-2026-0001"}
    found, events = await room.leaks.show(references[0])
    assert len(found.request_ids) == 12
    assert found.entity_types == {"IBAN_CODE": 12}
    assert len(events) == 12
    assert await room.leaks.forwarded(case(unit="Archief")) == "INC-2026-0002"
    clock.forward(2 * HOUR)
    assert await room.leaks.forwarded(case()) == "INC-2026-0003"
    await drain(room)
    assert [p.alert.incident for p in box.parcels] == ["INC-2026-0001", "INC-2026-0002", "INC-2026-0003"]


async def test_a_suspicion_has_no_clock_until_the_dpo_confirms_it(room: LeaksRoom, box: Box, clock: Clock) -> None:
    reference = await room.leaks.suspicion(case())
    found, _ = await room.leaks.show(reference)
    assert (found.state, found.aware_at, found.deadline_72h, found.source) == (State.SUSPICION, None, None, "")
    clock.forward(5 * HOUR)
    confirmed = await room.leaks.confirm(reference, by_role="dpo")
    assert (confirmed.state, confirmed.source) == (State.OPEN, "confirmed")
    assert confirmed.aware_at == clock()
    assert confirmed.deadline_72h == clock() + 72 * HOUR
    await drain(room)
    assert [p.alert.kind for p in box.parcels] == [Kind.SUSPICION_OPENED, Kind.INCIDENT_OPENED]
    assert [p.alert.deadline_72h for p in box.parcels] == [None, clock() + 72 * HOUR]


async def test_the_deadline_follows_aware_at_and_the_old_moment_stays_on_record(room: LeaksRoom, clock: Clock) -> None:
    reference = await room.leaks.suspicion(case())
    clock.forward(5 * HOUR)
    earlier = START + 60
    confirmed = await room.leaks.confirm(reference, by_role="dpo", aware_at=earlier)
    assert confirmed.deadline_72h == earlier + 72 * HOUR
    corrected = await room.leaks.correct_aware_at(reference, by_role="dpo", aware_at=START)
    assert (corrected.aware_at, corrected.deadline_72h) == (START, START + 72 * HOUR)
    _, events = await room.leaks.show(reference)
    assert [e.event for e in events] == ["suspicion_opened", "confirmed", "aware_at_corrected"]
    assert events[-1].detail == {"before": earlier, "aware_at": START}
    for wrong in (clock() + 1, 0.0):
        with pytest.raises(BadRequest) as caught:
            await room.leaks.correct_aware_at(reference, by_role="dpo", aware_at=wrong)
        assert caught.value.reason_code == "aware_at_invalid"


async def test_a_report_opens_an_incident_with_masked_text_that_is_not_in_the_mail(room: LeaksRoom, box: Box) -> None:
    receipt = await room.leaks.report(
        case(reason_code=""), "Ik plakte 85.07.30-000.61 van\x00 een \x1b[31mburger", by_role="staff"
    )
    assert receipt.note_kept
    found, _ = await room.leaks.show(receipt.reference)
    assert found.note == "Ik plakte [BE_NATIONAL_NUMBER] van een [31mburger"
    assert (found.source, found.opened_by, found.state) == ("self_report", "staff", State.OPEN)
    await drain(room)
    assert "plakte" not in str(box.parcels[0].alert.to_json())


@pytest.mark.parametrize("error", [ScanError(), Unavailable("internal_error"), OSError(), TimeoutError()])
async def test_a_report_is_kept_without_its_text_when_the_text_cannot_be_scanned(
    engine: AsyncEngine, clock: Clock, box: Box, error: Exception
) -> None:
    async def broken(_text: str) -> str:
        raise error

    room = make_room(engine, clock, box, mask=broken)
    receipt = await room.leaks.report(case(), "85.07.30-000.61", by_role="staff")
    assert not receipt.note_kept
    found, events = await room.leaks.show(receipt.reference)
    assert (found.note, events[0].detail) == ("", {"note_kept": False})
    with pytest.raises(Unavailable):  # a reason can wait; nothing is closed without it
        await room.leaks.close(receipt.reference, by_role="dpo", reason="85.07.30-000.61")
    assert (await room.leaks.show(receipt.reference))[0].state is State.OPEN


async def test_closing_keeps_the_masked_reason_and_happens_once(room: LeaksRoom, box: Box, clock: Clock) -> None:
    opened = await room.leaks.forwarded(case())
    clock.forward(60)
    closed = await room.leaks.close(opened, by_role="dpo", reason="Jolijn Verstappeghem belde")
    assert (closed.state, closed.closed_at, closed.closing_reason) == (State.CLOSED, clock(), "[PERSON] belde")
    steps = (
        room.leaks.close(opened, by_role="dpo", reason="x"),
        room.leaks.confirm(opened, by_role="dpo"),
        room.leaks.correct_aware_at(opened, by_role="dpo", aware_at=START),
    )
    for again in steps:
        with pytest.raises(BadRequest) as caught:
            await again
        assert caught.value.reason_code == "incident_state"
    with pytest.raises(NotFound):
        await room.leaks.show("INC-2026-9999")
    await drain(room)
    assert [p.alert.kind for p in box.parcels] == [Kind.INCIDENT_OPENED, Kind.INCIDENT_CLOSED]
    assert "belde" not in str([p.alert.to_json() for p in box.parcels])


async def test_a_suspicion_that_was_none_is_closed_without_a_clock(room: LeaksRoom) -> None:
    reference = await room.leaks.suspicion(case())
    closed = await room.leaks.close(reference, by_role="dpo", reason="vals alarm")
    assert (closed.state, closed.aware_at) == (State.CLOSED, None)
    assert [i.reference for i in await room.leaks.incidents(State.CLOSED)] == [reference]
    assert await room.leaks.incidents(State.OPEN) == []
    assert await room.leaks.states() == {State.SUSPICION: 0, State.OPEN: 0, State.CLOSED: 1}


async def test_references_count_per_year_without_gaps_or_doubles(
    room: LeaksRoom, clock: Clock, engine: AsyncEngine
) -> None:
    made = await asyncio.gather(*(room.leaks.report(case(), "x", by_role="staff") for _ in range(10)))
    assert sorted(r.reference for r in made) == [f"INC-2026-{n:04d}" for n in range(1, 11)]
    clock.forward(60 * 86400)
    assert (await room.leaks.report(case(), "x", by_role="dpo")).reference == "INC-2027-0001"
    assert [i.reference for i in await room.leaks.incidents(limit=1)] == ["INC-2027-0001"]
    assert await count(engine, incident_events) == 11


async def test_the_record_of_who_acted_is_in_the_same_transaction(room: LeaksRoom, engine: AsyncEngine) -> None:
    async def broken(_connection: Any, _reference: str) -> None:
        raise OSError

    with pytest.raises(Unavailable):
        await room.leaks.report(case(), "x", by_role="staff", also=broken)
    assert (await count(engine, incidents), await count(engine, outbox)) == (0, 0)


KILLED = """
import asyncio, os, signal, sys, uuid
from gateway.database import create_engine
from tests.gateway.leaks.conftest import Box, Clock, make_room
from tests.gateway.leaks.test_leaks import case, miss

async def main(url):
    room = make_room(create_engine(url), Clock(), Box())
    await room.leaks.near_miss(miss())
    await room.leaks.forwarded(case())
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(sys.argv[1]))
"""


async def test_what_was_told_is_there_when_the_process_is_killed_at_once(url: str, engine: AsyncEngine) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, url, env={**os.environ, "PYTHONPATH": "."}
    )
    assert await process.wait() == -signal.SIGKILL
    assert [await count(engine, table) for table in (near_misses, incidents, outbox)] == [1, 1, 2]


async def test_near_misses_are_listed_newest_first(room: LeaksRoom) -> None:
    for second in range(3):
        await room.leaks.near_miss(miss(at=START + second))
    found = await room.leaks.recent_near_misses(limit=2)
    assert [row["at"] for row in found] == [START + 2, START + 1]


def test_nothing_that_holds_text_prints_it() -> None:
    values = dict.fromkeys(
        ("id", "reference", "state", "source", "tool", "unit", "reason_code", "note", "opened_by", "closing_reason"),
        "x",
    )
    made = incident(
        values
        | {"note": "85.07.30-000.61", "state": "open", "categories": [], "entity_types": {}, "request_ids": []}
        | dict.fromkeys(("opened_at", "aware_at", "deadline_72h", "closed_at"), 1.0)
    )
    assert "000.61" not in repr(made)
