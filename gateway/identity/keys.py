"""Personal and service keys: made, listed, revoked. A key is shown once; the table holds its hash.

Rows are never removed: a revoked key still says whose act an act was. Every change raises the change counter first,
which also makes administration take turns: what is checked afterwards holds until the commit.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Boolean, Column, Double, LargeBinary, Row, String, Table, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.database import bump, metadata
from gateway.errors import Conflict, NotFound, sentence
from gateway.exchange import Principal, Role
from gateway.identity.acts import DetailValue, act, record_act, record_acts
from gateway.identity.checks import NewKey, Vouch
from gateway.identity.key_form import TokenBytes, digest, make_key
from gateway.identity.roles import check_may_create, check_may_revoke

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(10), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("subject", String(128), nullable=False, index=True),
    Column("name", String(100), nullable=False),
    Column("unit", String(64), nullable=False),
    Column("language", String(2), nullable=False),
    Column("role", String(8), nullable=False),
    Column("answer_mode", Boolean, nullable=False),
    Column("vouch_header", String(64), nullable=False),  # empty: the key speaks for its owner only
    Column("vouch_networks", String(1000), nullable=False),  # comma-separated
    Column("vouch_required", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),  # POSIX seconds, UTC, as all times here
    Column("created_by", String(32), nullable=False),  # a key's id, or `operator`
    Column("expires_at", Double),  # null: never
    Column("revoked_at", Double),
    Column("revoked_by", String(32)),
)

KEY_CREATE: Final = act("key.create", "a key was made")
KEY_REVOKE: Final = act("key.revoke", "a key was revoked")

KEY_NOT_FOUND = sentence(
    "key_not_found",
    "there is no key with this id",
    nl="Er is geen sleutel met deze id. Bekijk de lijst met `sluis key list`.",
    fr="Il n'y a pas de clé avec cet identifiant. Consultez la liste avec `sluis key list`.",
    de="Es gibt keinen Schlüssel mit dieser ID. Die Liste zeigt `sluis key list`.",
    en="There is no key with this id. See the list with `sluis key list`.",
)
LAST_ADMIN_KEY = sentence(
    "last_admin_key",
    "this is the last key that can administer the gateway; make another one first",
    nl="Dit is de laatste sleutel waarmee de gateway beheerd kan worden. Maak eerst een andere.",
    fr="C'est la dernière clé qui permet d'administrer la passerelle. Créez-en d'abord une autre.",
    de="Das ist der letzte Schlüssel, mit dem das Gateway verwaltet werden kann. Legen Sie zuerst einen anderen an.",
    en="This is the last key that can administer the gateway. Make another one first.",
)


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be shown of a key: everything but its hash."""

    id: str
    subject: str
    name: str
    unit: str
    language: str
    role: Role
    answer_mode: bool
    vouch: Vouch | None
    created_at: float
    created_by: str
    expires_at: float | None
    revoked_at: float | None
    revoked_by: str | None

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


async def create_key(
    connection: AsyncConnection,
    new: NewKey,
    *,
    by: Principal,
    at: float,
    token_bytes: TokenBytes = secrets.token_bytes,
) -> tuple[KeyInfo, str]:
    """Make one key and return it with its full text, which is shown once. Raises Forbidden."""
    [made] = await create_keys(connection, [new], by=by, at=at, token_bytes=token_bytes)
    return made


async def create_keys(
    connection: AsyncConnection,
    wanted: Sequence[NewKey],
    *,
    by: Principal,
    at: float,
    token_bytes: TokenBytes = secrets.token_bytes,
) -> list[tuple[KeyInfo, str]]:
    """Make several keys, all or none. Raises Forbidden where `by` may not make one of them."""
    await bump(connection)
    in_force = await roles_in_force(connection, at)
    for role in {new.role for new in wanted}:
        check_may_create(by.role, role, in_force=in_force)
    return await insert_unchecked(connection, wanted, by=by, at=at, token_bytes=token_bytes)


async def insert_unchecked(
    connection: AsyncConnection, wanted: Sequence[NewKey], *, by: Principal, at: float, token_bytes: TokenBytes
) -> list[tuple[KeyInfo, str]]:
    """Make keys without asking the table of roles: `first.py` alone may call this from outside."""
    made = []
    rows = []
    for new in wanted:
        key_id, key = make_key(token_bytes)
        info = _new_info(key_id, new, by, at)
        made.append((info, key))
        rows.append(_row(info, digest(key.encode())))
    await connection.execute(insert(api_keys), rows)
    acts = [(info.id, _detail(info)) for info, _ in made]
    await record_acts(connection, acts, actor=by.key_id, role=by.role, act=KEY_CREATE, at=at)
    return made


def _new_info(key_id: str, new: NewKey, by: Principal, at: float) -> KeyInfo:
    return KeyInfo(
        id=key_id,
        subject=new.subject,
        name=new.name,
        unit=new.unit,
        language=new.language,
        role=new.role,
        answer_mode=new.answer_mode,
        vouch=new.vouch,
        created_at=at,
        created_by=by.key_id,
        expires_at=new.expires_at,
        revoked_at=None,
        revoked_by=None,
    )


def _row(info: KeyInfo, key_digest: bytes) -> dict[str, Any]:
    vouch = info.vouch
    return {
        "id": info.id,
        "digest": key_digest,
        "subject": info.subject,
        "name": info.name,
        "unit": info.unit,
        "language": info.language,
        "role": info.role.value,
        "answer_mode": info.answer_mode,
        "vouch_header": vouch.header if vouch else "",
        "vouch_networks": ",".join(vouch.networks) if vouch else "",
        "vouch_required": vouch.required if vouch else False,
        "created_at": info.created_at,
        "created_by": info.created_by,
        "expires_at": info.expires_at,
    }


def _detail(info: KeyInfo) -> dict[str, DetailValue]:
    detail: dict[str, DetailValue] = {
        "role": info.role.value,
        "unit": info.unit,
        "language": info.language,
        "answer_mode": info.answer_mode,
        "expires_at": info.expires_at,
    }
    if info.vouch:
        detail |= {"vouch_header": info.vouch.header, "vouch_networks": ",".join(info.vouch.networks)}
        detail["vouch_required"] = info.vouch.required
    return detail


async def revoke_key(connection: AsyncConnection, key_id: str, *, by: Principal, at: float) -> KeyInfo:
    """Revoke a key; revoking twice changes nothing. Raises NotFound, Forbidden, Conflict (the last one of all)."""
    await bump(connection)
    row = (await connection.execute(select(api_keys).where(api_keys.c.id == key_id))).first()
    if row is None:
        raise NotFound(KEY_NOT_FOUND)
    info = key_info(row)
    check_may_revoke(by.role, info.role)
    if info.revoked_at is not None:
        return info
    if info.state(at) == "active" and info.role in (Role.ICT, Role.DPO):
        others = select(api_keys.c.id).where(_live(at), api_keys.c.role.in_(["ict", "dpo"]), api_keys.c.id != key_id)
        if (await connection.execute(others.limit(1))).first() is None:
            raise Conflict(LAST_ADMIN_KEY)
    await connection.execute(
        update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=at, revoked_by=by.key_id)
    )
    await record_act(connection, by.key_id, by.role, KEY_REVOKE, key_id, at, {"role": info.role, "unit": info.unit})
    row = (await connection.execute(select(api_keys).where(api_keys.c.id == key_id))).one()
    return key_info(row)


async def list_keys(
    connection: AsyncConnection,
    *,
    role: str = "",
    unit: str = "",
    after: str = "",
    limit: int = 1000,
) -> list[KeyInfo]:
    """Keys in order of id; `after` is the id of the last one seen."""
    query = select(api_keys).order_by(api_keys.c.id).limit(limit)
    for column, value in ((api_keys.c.role, role), (api_keys.c.unit, unit)):
        if value:
            query = query.where(column == value)
    if after:
        query = query.where(api_keys.c.id > after)
    return [key_info(row) for row in (await connection.execute(query)).all()]


async def all_subjects(connection: AsyncConnection) -> list[str]:
    """Everybody who has or had a key: among whom an actor's pseudonym is looked for."""
    return list((await connection.execute(select(api_keys.c.subject).distinct())).scalars())


async def owners(connection: AsyncConnection, key_ids: Sequence[str]) -> dict[str, str]:
    """Whose keys these are: id to subject."""
    query = select(api_keys.c.id, api_keys.c.subject).where(api_keys.c.id.in_(set(key_ids)))
    return {row.id: row.subject for row in (await connection.execute(query)).all()}


async def roles_in_force(connection: AsyncConnection, at: float) -> frozenset[Role]:
    """The roles of which at least one live key exists."""
    rows = await connection.execute(select(api_keys.c.role).where(_live(at)).distinct())
    return frozenset(Role(role) for role in rows.scalars())


async def live_names(connection: AsyncConnection, at: float) -> set[tuple[str, str]]:
    """(subject, name) of every live key: an import does not make one twice."""
    rows = await connection.execute(select(api_keys.c.subject, api_keys.c.name).where(_live(at)))
    return {(row.subject, row.name) for row in rows.all()}


def _live(at: float) -> Any:
    not_expired = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > at)
    return and_(api_keys.c.revoked_at.is_(None), not_expired)


def key_info(row: Row[Any]) -> KeyInfo:
    """A row of `api_keys` without its hash."""
    vouch = None
    if row.vouch_header:
        vouch = Vouch(row.vouch_header, tuple(row.vouch_networks.split(",")), row.vouch_required)
    return KeyInfo(
        id=row.id,
        subject=row.subject,
        name=row.name,
        unit=row.unit,
        language=row.language,
        role=Role(row.role),
        answer_mode=row.answer_mode,
        vouch=vouch,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
    )
