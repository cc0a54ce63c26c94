"""Which policy was in force when: every start, reload and rejected file, with what changed per tool, as closed keys."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.records.tables import policy_changes

_CODE: Final = re.compile(r"[!-~]{1,128}")
_CHANGES_LOCK: Final = 7_305_512  # advisory lock: of several workers that load one file, one records it


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """`version` is in force afterwards; `file_version` was read. `tools`: tool id → keys of its entry that changed.

    Only names of keys are kept, never what a person wrote into the file.
    """

    at: int  # ms UTC
    worker: str
    kind: Literal["start", "reload", "rejected"]
    version: str
    file_version: str
    good: bool
    tools: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lints: Sequence[str] = ()

    def __post_init__(self) -> None:
        codes = [self.worker, self.version, self.file_version, *self.lints, *self.tools]
        codes += [key for keys in self.tools.values() for key in keys]
        if not all(_CODE.fullmatch(code) for code in codes):
            raise ValueError("a policy change holds something that is not a code")


async def record_change(engine: AsyncEngine, change: PolicyChange) -> bool:
    """Store a change; False when it is the one recorded last, by another worker that saw the same file.

    A start is always recorded. Who gets True tells the DPO. Raises what the database raises.
    """
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHANGES_LOCK})
        else:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        last = (
            await connection.execute(
                select(policy_changes.c.version, policy_changes.c.file_version, policy_changes.c.good)
                .order_by(policy_changes.c.seq.desc())
                .limit(1)
            )
        ).first()
        if change.kind != "start" and last == (change.version, change.file_version, change.good):
            return False
        await connection.execute(
            insert(policy_changes).values(
                at=change.at,
                worker=change.worker,
                kind=change.kind,
                version=change.version,
                file_version=change.file_version,
                good=change.good,
                tools=orjson.dumps({tool: sorted(keys) for tool, keys in change.tools.items()}).decode(),
                lints=orjson.dumps(list(change.lints)).decode(),
            )
        )
    return True


async def changes(engine: AsyncEngine, *, limit: int = 100) -> list[dict[str, Any]]:
    """The newest changes first."""
    async with engine.connect() as connection:
        rows = await connection.execute(select(policy_changes).order_by(policy_changes.c.seq.desc()).limit(limit))
        return [
            {**row, "tools": orjson.loads(row["tools"]), "lints": orjson.loads(row["lints"])} for row in rows.mappings()
        ]
