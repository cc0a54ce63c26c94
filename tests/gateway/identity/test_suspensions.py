import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import Conflict, Forbidden, NotFound
from gateway.identity.acts import list_acts
from gateway.identity.suspensions import Suspensions
from tests.gateway.identity.people import DPO, ICT, NOW, STAFF


async def test_ict_suspends_the_dpo_lifts_and_both_are_recorded(engine: AsyncEngine) -> None:
    room = Suspensions(engine)
    async with engine.begin() as connection:
        await room.suspend(connection, "mistral", "verdacht antwoord", ICT, NOW)
    assert room.current == frozenset()  # not before the reload
    await room.reload()
    assert room.current == {"mistral"}
    assert (room.active["mistral"].why, room.active["mistral"].by) == ("verdacht antwoord", ICT.key_id)

    async with engine.connect() as connection:
        with pytest.raises(Forbidden):
            await room.lift(connection, "mistral", "mag weer", ICT, NOW + 1)
    async with engine.begin() as connection:
        await room.lift(connection, "mistral", "beoordeeld", DPO, NOW + 2)
    await room.reload()
    assert room.current == frozenset()
    async with engine.connect() as connection:
        told = [(act.actor, act.act, act.object, dict(act.detail)) for act in await list_acts(connection)]
    assert told == [
        (DPO.key_id, "suspension.lift", "mistral", {"since": NOW, "why": "beoordeeld"}),
        (ICT.key_id, "suspension.start", "mistral", {"why": "verdacht antwoord"}),
    ]


async def test_it_survives_a_restart(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await Suspensions.suspend(connection, "mistral", "x", DPO, NOW)
    await engine.dispose()
    again = Suspensions(engine)
    await again.reload()
    assert again.current == {"mistral"}


async def test_a_tool_is_suspended_once_and_again_after_it_was_lifted(engine: AsyncEngine) -> None:
    async def suspend() -> None:
        async with engine.begin() as connection:
            await Suspensions.suspend(connection, "mistral", "x", ICT, NOW)

    ended = await asyncio.gather(*(suspend() for _ in range(3)), return_exceptions=True)
    assert [type(item) for item in ended if item is not None] == [Conflict, Conflict]
    async with engine.begin() as connection:
        await Suspensions.lift(connection, "mistral", "x", DPO, NOW)
    await suspend()


async def test_staff_cannot_suspend_and_nothing_can_be_lifted_that_is_not_suspended(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises(Forbidden):
            await Suspensions.suspend(connection, "mistral", "x", STAFF, NOW)
        with pytest.raises(NotFound):
            await Suspensions.lift(connection, "mistral", "x", DPO, NOW)
