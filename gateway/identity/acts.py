"""Who changed what, when: every act of administration is one row, in the same transaction as the change itself.

The actor is the id of a personal key: its row in `api_keys` is never removed and says whose it is, so that no name is
stored twice (D4). An act holds no free text but a masked reason.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import BigInteger, Column, Double, Integer, String, Table, Text, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.database import metadata

OPERATOR: Final = "operator"
"""The actor of what is done on the machine itself, without a key: the very first keys."""

DETAIL_KEYS: Final = frozenset(
    {
        "role", "unit", "language", "answer_mode", "expires_at", "vouch_header", "vouch_networks", "vouch_required",
        "key_id", "count", "why", "state", "tool", "since", "from", "to", "reference", "policy_version", "found",
    }
)  # fmt: skip
DETAIL_LENGTH: Final = 2000
ACTS: dict[str, str] = {}
"""Every act with one line of explanation; `docs/configuration.md` must name each (a test compares)."""

_CODE: Final = re.compile(r"[a-z]+\.[a-z_]+")

admin_acts = Table(
    "admin_acts",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False, index=True),  # POSIX seconds, UTC
    Column("actor", String(32), nullable=False),  # a key's id, or `operator`
    Column("role", String(8), nullable=False),
    Column("act", String(40), nullable=False),
    Column("object", String(128), nullable=False),
    Column("detail", Text, nullable=False),  # JSON object, keys of DETAIL_KEYS
)

DetailValue = str | int | float | bool | None


def act(code: str, explanation: str) -> str:
    """Register an act: a stable string such as `key.create`."""
    if not _CODE.fullmatch(code):
        raise ValueError(f"not an act's name: {code}")
    ACTS[code] = explanation
    return code


@dataclass(frozen=True, slots=True)
class Act:
    """One recorded act; `at` in POSIX seconds, UTC."""

    id: int
    at: float
    actor: str
    role: str
    act: str
    object: str
    detail: Mapping[str, DetailValue]


async def record_act(  # noqa: PLR0917 - all routers of administration call it this way
    connection: AsyncConnection,
    actor: str,
    role: str,
    act: str,
    object: str,  # noqa: A002 - the column's name
    at: float,
    detail: Mapping[str, DetailValue] | None = None,
) -> None:
    """Write one act inside the transaction of the change. Raises ValueError for a name that is on no list."""
    await record_acts(connection, [(object, detail or {})], actor=actor, role=role, act=act, at=at)


async def record_acts(
    connection: AsyncConnection,
    objects: Sequence[tuple[str, Mapping[str, DetailValue]]],
    *,
    actor: str,
    role: str,
    act: str,
    at: float,
) -> None:
    """The same act on several objects, in one statement."""
    if act not in ACTS:
        raise ValueError("unregistered act")
    rows = []
    for target, detail in objects:
        if unknown := detail.keys() - DETAIL_KEYS:
            raise ValueError(f"detail keys not allowed: {sorted(unknown)}")
        text = json.dumps(dict(detail), ensure_ascii=False, sort_keys=True)
        if len(text) > DETAIL_LENGTH:
            raise ValueError("detail is too long")
        rows.append({"at": at, "actor": actor, "role": role, "act": act, "object": target, "detail": text})
    await connection.execute(insert(admin_acts), rows)


async def list_acts(
    connection: AsyncConnection,
    *,
    limit: int = 100,
    before: int | None = None,
    act: str = "",
    object: str = "",  # noqa: A002
) -> Sequence[Act]:
    """Newest first; `before` is the id of the last act seen."""
    query = select(admin_acts).order_by(admin_acts.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(admin_acts.c.id < before)
    if act:
        query = query.where(admin_acts.c.act == act)
    if object:
        query = query.where(admin_acts.c.object == object)
    rows = (await connection.execute(query)).all()
    return [Act(row.id, row.at, row.actor, row.role, row.act, row.object, json.loads(row.detail)) for row in rows]
