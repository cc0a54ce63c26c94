"""The kill switch over `/admin/v1`: ICT or DPO suspends, the DPO alone lifts."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from gateway.errors import NotFound, sentence
from gateway.exchange import Principal, Role
from gateway.identity.suspensions import Suspension, list_suspensions
from gateway.routes.admin_deps import AdminDeps
from gateway.routes.admin_gate import AdminModel, utc

UNKNOWN_TOOL = sentence(
    "unknown_tool_id",
    "the tool list has no tool with this id, so there is nothing to suspend",
    nl="De toollijst kent geen tool met deze id; er is niets opgeschort. Kijk de spelling na met `sluis check`.",
    fr="La liste d'outils ne contient pas cet identifiant ; rien n'a été suspendu. Vérifiez l'orthographe avec "
    "`sluis check`.",
    de="Die Werkzeugliste kennt diese ID nicht; es wurde nichts gesperrt. Prüfen Sie die Schreibweise mit "
    "`sluis check`.",
    en="The tool list has no tool with this id; nothing was suspended. Check the spelling with `sluis check`.",
)

Why = Annotated[str, Field(min_length=1, max_length=500)]


class SuspendIn(AdminModel):
    """`why` is scanned and masked before it is stored."""

    tool: str = Field(min_length=1, max_length=64)
    why: Why


class LiftIn(AdminModel):
    why: Why


class SuspensionOut(AdminModel):
    """A suspension; `by` is the id of the key that did it."""

    tool: str
    why: str
    by: str
    role: Role
    since: str | None


class SuspensionList(AdminModel):
    suspensions: list[SuspensionOut]


def router(deps: AdminDeps) -> APIRouter:
    """Routes for suspensions."""
    gate = deps.gate
    routes = gate.router(tags=["suspensions"])
    admins = Depends(gate.require(Role.ICT, Role.DPO))

    @routes.get("/suspensions", dependencies=[admins])
    async def listing() -> SuspensionList:
        """The suspensions in force, oldest first. ICT, DPO."""
        async with deps.engine.connect() as connection:
            found = await list_suspensions(connection)
        return SuspensionList(suspensions=[_out(item) for item in found])

    @routes.post("/suspensions", status_code=201)
    async def suspend(body: SuspendIn, caller: Annotated[Principal, admins]) -> SuspensionOut:
        """Suspend a tool in every worker within a second. ICT, DPO."""
        if body.tool not in deps.known_tools():
            raise NotFound(UNKNOWN_TOOL)
        why = await deps.masked(body.why)  # before the transaction: a slow scan holds no lock
        async with deps.engine.begin() as connection:
            item = await deps.suspensions.suspend(connection, body.tool, why, caller, deps.clock())
            await deps.tell_suspension(connection, item, True)
        await deps.applied()
        return _out(item)

    @routes.delete("/suspensions/{tool}")
    async def lift(
        tool: Annotated[str, Path(max_length=64)],
        body: LiftIn,
        caller: Annotated[Principal, Depends(gate.require(Role.DPO))],
    ) -> SuspensionOut:
        """Lift a suspension, also of a tool that left the list meanwhile. DPO."""
        why = await deps.masked(body.why)
        async with deps.engine.begin() as connection:
            item = await deps.suspensions.lift(connection, tool, why, caller, deps.clock())
            await deps.tell_suspension(connection, item, False)
        await deps.applied()
        return _out(item)

    return routes


def _out(item: Suspension) -> SuspensionOut:
    return SuspensionOut(tool=item.tool, why=item.why, by=item.by, role=item.role, since=utc(item.since))
