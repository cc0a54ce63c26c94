"""The kill switch: a tool that is suspended is not used until the DPO lifts it (T4; 001 art. 6).

It lives in the database, so it survives restarts and beats the tool list's file. Rows stay as history: who, when, why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Double, Index, Integer, Row, String, Table, Text, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.database import bump, metadata
from gateway.errors import Conflict, NotFound, sentence
from gateway.exchange import Principal, Role
from gateway.identity.acts import act, record_act
from gateway.identity.roles import check_role

suspensions = Table(
    "suspensions",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("tool", String(64), nullable=False),
    Column("why", Text, nullable=False),  # scanned and masked before it comes here
    Column("suspended_at", Double, nullable=False),
    Column("suspended_by", String(32), nullable=False),  # a key's id
    Column("suspended_role", String(8), nullable=False),
    Column("lifted_at", Double),
    Column("lifted_by", String(32)),
)
_OPEN = suspensions.c.lifted_at.is_(None)
# One suspension in force per tool, whoever races whom.
Index("uq_suspensions_in_force", suspensions.c.tool, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)

SUSPENSION_START: Final = act("suspension.start", "a tool was suspended")
SUSPENSION_LIFT: Final = act("suspension.lift", "a suspension was lifted")

ALREADY_SUSPENDED = sentence(
    "already_suspended",
    "the tool is suspended already",
    nl="Deze tool is al opgeschort. Wie het deed en waarom staat in `sluis suspensions`.",
    fr="Cet outil est déjà suspendu. Qui l'a fait et pourquoi : `sluis suspensions`.",
    de="Dieses Werkzeug ist schon gesperrt. Wer das tat und warum, zeigt `sluis suspensions`.",
    en="This tool is suspended already. Who did it and why: `sluis suspensions`.",
)
NOT_SUSPENDED = sentence(
    "not_suspended",
    "the tool is not suspended",
    nl="Deze tool is niet opgeschort. Bekijk de lijst met `sluis suspensions`.",
    fr="Cet outil n'est pas suspendu. Consultez la liste avec `sluis suspensions`.",
    de="Dieses Werkzeug ist nicht gesperrt. Die Liste zeigt `sluis suspensions`.",
    en="This tool is not suspended. See the list with `sluis suspensions`.",
)


@dataclass(frozen=True, slots=True)
class Suspension:
    """One tool that is not used. `since` in POSIX seconds, UTC; `by` is a key's id; `why` is masked."""

    tool: str
    why: str
    by: str
    role: Role
    since: float


class Suspensions:
    """What is suspended now. `reload` is a listener of the change watcher."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.current: frozenset[str] = frozenset()
        self.active: Mapping[str, Suspension] = MappingProxyType({})

    async def reload(self) -> None:
        """Read the suspensions in force. Raises what the database raises; then nothing changes."""
        async with self._engine.connect() as connection:
            active = {item.tool: item for item in await list_suspensions(connection)}
        self.active = MappingProxyType(active)
        self.current = frozenset(active)

    @staticmethod
    async def suspend(connection: AsyncConnection, tool: str, why: str, by: Principal, at: float) -> Suspension:
        """Suspend a tool; `why` is masked already. ICT or DPO. Raises Forbidden, Conflict."""
        check_role(by.role, Role.ICT, Role.DPO)
        await bump(connection)
        if await _in_force(connection, tool) is not None:
            raise Conflict(ALREADY_SUSPENDED)
        await connection.execute(
            insert(suspensions).values(
                tool=tool, why=why, suspended_at=at, suspended_by=by.key_id, suspended_role=by.role.value
            )
        )
        await record_act(connection, by.key_id, by.role, SUSPENSION_START, tool, at, {"why": why})
        return Suspension(tool, why, by.key_id, by.role, at)

    @staticmethod
    async def lift(connection: AsyncConnection, tool: str, why: str, by: Principal, at: float) -> Suspension:
        """Lift a suspension; the DPO alone. Returns what was lifted. Raises Forbidden, NotFound."""
        check_role(by.role, Role.DPO)
        await bump(connection)
        row = await _in_force(connection, tool)
        if row is None:
            raise NotFound(NOT_SUSPENDED)
        await connection.execute(
            update(suspensions).where(suspensions.c.id == row.id).values(lifted_at=at, lifted_by=by.key_id)
        )
        detail = {"why": why, "since": row.suspended_at}
        await record_act(connection, by.key_id, by.role, SUSPENSION_LIFT, tool, at, detail)
        return _suspension(row)


async def list_suspensions(connection: AsyncConnection) -> list[Suspension]:
    """Those in force, oldest first."""
    rows = await connection.execute(select(suspensions).where(_OPEN).order_by(suspensions.c.id))
    return [_suspension(row) for row in rows.all()]


async def _in_force(connection: AsyncConnection, tool: str) -> Row[Any] | None:
    return (await connection.execute(select(suspensions).where(_OPEN, suspensions.c.tool == tool))).first()


def _suspension(row: Row[Any]) -> Suspension:
    return Suspension(row.tool, row.why, row.suspended_by, Role(row.suspended_role), row.suspended_at)
