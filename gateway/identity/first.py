"""The very first keys, made on the machine itself: without them nobody could make one through `/admin/v1`.

Refused as soon as any key exists, in whatever state. One ICT and one DPO key, so that neither role has to make the
other (see `roles.py`).
"""

import secrets
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.database import bump
from gateway.errors import Conflict, sentence
from gateway.exchange import Principal, Role
from gateway.identity.acts import OPERATOR
from gateway.identity.checks import NewKey
from gateway.identity.key_form import TokenBytes
from gateway.identity.keys import KeyInfo, api_keys, insert_unchecked

KEYS_EXIST = sentence(
    "keys_exist",
    "the first key can only be made while there is none",
    nl="Er zijn al sleutels. Maak een nieuwe met `sluis key create` en een sleutel met de rol ict of dpo.",
    fr="Il existe déjà des clés. Créez-en une avec `sluis key create` et une clé du rôle ict ou dpo.",
    de="Es gibt bereits Schlüssel. Legen Sie einen neuen mit `sluis key create` und einem Schlüssel der Rolle ict oder "
    "dpo an.",
    en="There are keys already. Make another one with `sluis key create` and a key with the role ict or dpo.",
)

FIRST_KEYS: tuple[NewKey, ...] = (
    NewKey(subject="ict", unit="ICT", role=Role.ICT, name="first key"),
    NewKey(subject="dpo", unit="DPO", role=Role.DPO, name="first key"),
)
"""They do not expire: an installation that nobody looked at for a year must not lock everybody out."""

_OPERATOR = Principal(key_id=OPERATOR, subject=OPERATOR, role=Role.ICT, unit="")


async def create_first_keys(
    engine: AsyncEngine,
    wanted: Sequence[NewKey] = FIRST_KEYS,
    *,
    at: float,
    token_bytes: TokenBytes = secrets.token_bytes,
) -> list[tuple[KeyInfo, str]]:
    """Make the first keys, each with its full text. Raises Conflict when any key exists (two starts at once too)."""
    async with engine.begin() as connection:
        await bump(connection)  # first of all: whoever comes second waits here and then sees our keys
        if (await connection.execute(select(api_keys.c.id).limit(1))).first() is not None:
            raise Conflict(KEYS_EXIST)
        return await insert_unchecked(connection, wanted, by=_OPERATOR, at=at, token_bytes=token_bytes)


async def create_first_key(
    engine: AsyncEngine, new: NewKey = FIRST_KEYS[0], *, at: float, token_bytes: TokenBytes = secrets.token_bytes
) -> tuple[KeyInfo, str]:
    """Make one first key only (a trial needs no more). Raises Conflict when any key exists."""
    [made] = await create_first_keys(engine, [new], at=at, token_bytes=token_bytes)
    return made
