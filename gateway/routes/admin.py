"""`/admin/v1`: everything that changes what is in force goes through here, the command line included.

`admin_router` joins the groups of this room; incidents and records bring routers of their own, made with the same
`Gate` (`deps.gate`).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.openapi.utils import get_openapi

from gateway.exchange import Principal, Role
from gateway.routes import admin_acts, admin_keys, admin_suspensions
from gateway.routes.admin_deps import AdminDeps
from gateway.routes.admin_gate import AdminModel

__all__ = ["AdminDeps", "admin_router"]


class Me(AdminModel):
    """Who the caller is to the gateway."""

    key_id: str
    subject: str
    role: Role
    unit: str
    language: str
    answer_mode: bool
    vouched: bool


def admin_router(deps: AdminDeps) -> APIRouter:
    """All routes of identity's part of the administration API."""
    router = APIRouter()
    for part in (_self_router(deps), admin_keys.router(deps), admin_suspensions.router(deps), admin_acts.router(deps)):
        router.include_router(part)
    return router


def _self_router(deps: AdminDeps) -> APIRouter:
    gate = deps.gate
    router = gate.router(tags=["self"])

    @router.get("/me")
    async def me(caller: Annotated[Principal, Depends(gate.require())]) -> Me:
        """Who the caller is. For every key."""
        return Me(
            key_id=caller.key_id,
            subject=caller.subject,
            role=caller.role,
            unit=caller.unit,
            language=caller.language,
            answer_mode=caller.answer_mode,
            vouched=caller.vouched,
        )

    @router.get("/openapi.json", include_in_schema=False, dependencies=[Depends(gate.require(Role.ICT, Role.DPO))])
    async def openapi(request: Request) -> dict[str, Any]:
        """The description of this API, for those who administer only."""
        return get_openapi(title="Sluis administration", version="1", routes=request.app.routes)

    return router
