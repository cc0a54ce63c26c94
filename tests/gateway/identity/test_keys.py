import asyncio
import secrets

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.database import change_counter
from gateway.errors import Conflict, Forbidden, NotFound
from gateway.exchange import Principal, Role
from gateway.identity.acts import OPERATOR, list_acts
from gateway.identity.checks import NewKey, Vouch
from gateway.identity.first import create_first_key, create_first_keys
from gateway.identity.key_form import digest, key_id_of
from gateway.identity.keys import api_keys, create_key, list_keys, revoke_key, roles_in_force
from tests.gateway.identity.people import DAY, DPO, ICT, NOW, STAFF, staff


async def counter(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        value: int = (await connection.execute(select(change_counter.c.value))).scalar_one()
    return value


async def acts(engine: AsyncEngine) -> list[tuple[str, str, str]]:
    async with engine.connect() as connection:
        return [(act.actor, act.act, act.object) for act in await list_acts(connection)]


def new(role: Role) -> NewKey:
    return NewKey(subject="piet@example.org", unit="ICT", role=role)


async def test_a_key_is_stored_as_a_hash_recorded_and_counted(engine: AsyncEngine) -> None:
    before = await counter(engine)
    async with engine.begin() as connection:
        info, key = await create_key(connection, staff(name="laptop"), by=ICT, at=NOW)
    async with engine.connect() as connection:
        row = (await connection.execute(select(api_keys))).one()
        everything = str([tuple(r) for r in (await connection.execute(text("select * from admin_acts"))).all()])
    assert row.digest == digest(key.encode())
    assert key not in str(tuple(row))
    assert key[17:] not in str(tuple(row)) + everything
    assert "lies@example.org" not in everything  # an act names the key; the key's row names the person
    assert await counter(engine) == before + 1
    assert await acts(engine) == [(ICT.key_id, "key.create", info.id)]


async def test_a_rolled_back_key_leaves_no_act_and_no_change(engine: AsyncEngine) -> None:
    before = await counter(engine)
    async with engine.connect() as connection:
        await create_key(connection, staff(), by=ICT, at=NOW)
        await connection.rollback()
        assert await list_keys(connection) == []
    assert await acts(engine) == []
    assert await counter(engine) == before


@pytest.mark.parametrize(
    ("caller", "role", "allowed"),
    [
        (ICT, Role.STAFF, True),
        (ICT, Role.SERVICE, True),
        (ICT, Role.ICT, True),
        (ICT, Role.DPO, False),
        (DPO, Role.DPO, True),
        (DPO, Role.STAFF, False),
        (DPO, Role.SERVICE, False),
        (DPO, Role.ICT, False),
        (STAFF, Role.STAFF, False),
        (STAFF, Role.DPO, False),
    ],
)
async def test_who_may_create_which_key(engine: AsyncEngine, caller: Principal, role: Role, *, allowed: bool) -> None:
    await create_first_keys(engine, at=NOW)
    async with engine.connect() as connection:
        if allowed:
            info, _ = await create_key(connection, new(role), by=caller, at=NOW)
            assert info.role is role
        else:
            with pytest.raises(Forbidden):
                await create_key(connection, new(role), by=caller, at=NOW)


@pytest.mark.parametrize(("caller", "lost"), [(ICT, Role.DPO), (DPO, Role.ICT)])
async def test_a_role_that_has_no_key_in_force_can_be_given_one_by_the_other(
    engine: AsyncEngine, caller: Principal, lost: Role
) -> None:
    made = await create_first_keys(engine, [new(Role.ICT), new(Role.DPO)], at=NOW, token_bytes=secrets.token_bytes)
    [lost_id] = [info.id for info, _ in made if info.role is lost]
    async with engine.begin() as connection:
        await connection.execute(api_keys.update().where(api_keys.c.id == lost_id).values(expires_at=NOW - 1))
        assert lost not in await roles_in_force(connection, NOW)
        info, _ = await create_key(connection, new(lost), by=caller, at=NOW)
    assert info.role is lost
    async with engine.connect() as connection:
        with pytest.raises(Forbidden):  # one is in force again
            await create_key(connection, new(lost), by=caller, at=NOW)


@pytest.mark.parametrize(
    ("caller", "role", "allowed"),
    [
        (ICT, Role.STAFF, True),
        (ICT, Role.SERVICE, True),
        (ICT, Role.ICT, True),
        (ICT, Role.DPO, False),
        (DPO, Role.STAFF, True),
        (DPO, Role.SERVICE, True),
        (DPO, Role.ICT, True),
        (DPO, Role.DPO, True),
        (STAFF, Role.STAFF, False),
    ],
)
async def test_who_may_revoke_which_key(engine: AsyncEngine, caller: Principal, role: Role, *, allowed: bool) -> None:
    made = await create_first_keys(engine, [*(new(role) for role in Role), new(Role.ICT)], at=NOW)
    key_id = next(info.id for info, _ in made if info.role is role)
    async with engine.connect() as connection:
        if allowed:
            assert (await revoke_key(connection, key_id, by=caller, at=NOW + 1)).revoked_at == NOW + 1
        else:
            with pytest.raises(Forbidden):
                await revoke_key(connection, key_id, by=caller, at=NOW + 1)


async def test_revoking_twice_keeps_the_first_moment_and_one_act(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        info, _ = await create_key(connection, staff(), by=ICT, at=NOW)
    for moment in (NOW + 1, NOW + 2):
        async with engine.begin() as connection:
            revoked = await revoke_key(connection, info.id, by=ICT, at=moment)
    assert (revoked.revoked_at, revoked.revoked_by, revoked.state(NOW)) == (NOW + 1, ICT.key_id, "revoked")
    assert [act for _, act, _ in await acts(engine)] == ["key.revoke", "key.create"]


async def test_the_last_key_that_can_administer_stays(engine: AsyncEngine) -> None:
    made = await create_first_keys(engine, at=NOW)
    ict, dpo = (info.id for info, _ in made)
    async with engine.begin() as connection:
        await revoke_key(connection, ict, by=DPO, at=NOW)
    async with engine.connect() as connection:
        with pytest.raises(Conflict, match="last_admin_key"):
            await revoke_key(connection, dpo, by=DPO, at=NOW)


async def test_an_unknown_key_cannot_be_revoked(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises(NotFound):
            await revoke_key(connection, "0000000000", by=DPO, at=NOW)


async def test_the_list_shows_state_and_vouching_and_pages(engine: AsyncEngine) -> None:
    vouch = Vouch("x-openwebui-user-email", ("10.0.0.0/24", "2001:db8::/64"), required=False)
    async with engine.begin() as connection:
        await create_key(connection, staff(expires_at=NOW + DAY), by=ICT, at=NOW)
        service, _ = await create_key(
            connection, NewKey(subject="chat", unit="ICT", role=Role.SERVICE, vouch=vouch), by=ICT, at=NOW
        )
    async with engine.connect() as connection:
        both = await list_keys(connection)
        assert [info.vouch for info in await list_keys(connection, role="service")] == [vouch]
        assert [info.subject for info in await list_keys(connection, unit="Burgerzaken")] == ["lies@example.org"]
        first = await list_keys(connection, limit=1)
        assert first + await list_keys(connection, after=first[0].id) == both
    assert {info.state(NOW) for info in both} == {"active"}
    assert {info.id: info.state(NOW + DAY) for info in both if info.id != service.id} == {
        info.id: "expired" for info in both if info.id != service.id
    }


async def test_the_first_keys_are_one_for_ict_and_one_for_the_dpo_and_never_come_again(engine: AsyncEngine) -> None:
    made = await create_first_keys(engine, at=NOW)
    assert [(info.role, info.expires_at) for info, _ in made] == [(Role.ICT, None), (Role.DPO, None)]
    assert {actor for actor, _, _ in await acts(engine)} == {OPERATOR}
    with pytest.raises(Conflict, match="keys_exist"):
        await create_first_key(engine, at=NOW)
    async with engine.begin() as connection:
        await revoke_key(connection, made[0][0].id, by=DPO, at=NOW)
        await connection.execute(api_keys.update().values(revoked_at=NOW))
    with pytest.raises(Conflict):  # revoked ones count too
        await create_first_keys(engine, at=NOW)


async def test_a_trial_needs_one_key_only(engine: AsyncEngine) -> None:
    info, key = await create_first_key(engine, staff(), at=NOW)
    assert (info.role, key_id_of(key), info.created_by) == (Role.STAFF, info.id, OPERATOR)


async def test_a_second_first_start_waits_for_the_one_under_way_and_then_sees_its_keys(engine: AsyncEngine) -> None:
    before = await counter(engine)
    async with engine.connect() as connection:
        await create_key(connection, staff(), by=ICT, at=NOW)  # not committed yet
        second = asyncio.create_task(create_first_keys(engine, at=NOW))
        await asyncio.sleep(0.2)
        await connection.commit()
    with pytest.raises(Conflict, match="keys_exist"):
        await second
    async with engine.begin() as connection:
        await connection.execute(api_keys.delete())
    await create_first_keys(engine, at=NOW)
    assert await counter(engine) == before + 2  # every worker hears of the first keys too
