"""Reports by staff (`POST /leaks/v1/reports`) and the DPO's incidents (`/admin/v1/incidents`, `/admin/v1/near-misses`).

Who calls is known before a byte of the body is read. Errors are JSON in the caller's language and quote nothing.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import Message

from gateway.errors import INTERNAL_ERROR, BadRequest, Forbidden, GatewayError, TooLarge
from gateway.exchange import Principal, Role
from gateway.leaks.incidents import Case, Incident, State
from gateway.leaks.leaks import Also, Leaks
from gateway.logs import Log
from gateway.routes.leaks_texts import DPO_ONLY, NOT_KEPT, REPORT_INVALID, REPORT_TOO_LARGE, THANKS

MAX_BODY: Final = 65_536
UUID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

ACTS: Final[Mapping[str, str]] = {
    "incident.report": "a person reported a possible leak",
    "incident.confirm": "the DPO confirmed that a suspicion is a leak",
    "incident.correct": "the DPO corrected since when a leak was known",
    "incident.close": "the DPO closed an incident or a suspicion",
}
"""Acts of this router with one line of explanation; the app registers them with the record of acts."""

log = Log(__name__)


class RecordAct(Protocol):
    """The record of acts, written in the transaction of the change (identity's `record_act` fits)."""

    async def __call__(  # noqa: PLR0917 - the shape that all routers of administration share
        self,
        connection: AsyncConnection,
        actor: str,
        role: str,
        act: str,
        object: str,  # noqa: A002 - the column's name
        at: float,
        /,
    ) -> None: ...


async def _applied() -> None:
    return


@dataclass(frozen=True, slots=True)
class LeaksDeps:
    """What the app hands in. `authenticate` raises what the caller may see; `known_tools`: ids of the list in force;
    `applied` is awaited after a change, to put it in force in this worker (ChangeWatcher.poll).
    """

    leaks: Leaks
    authenticate: Callable[[Request], Principal]
    known_tools: Callable[[], Collection[str]]
    record_act: RecordAct
    clock: Callable[[], float]
    applied: Callable[[], Awaitable[None]] = _applied
    language: Callable[[Request], str] = lambda _request: "en"  # of a caller who is not known (yet)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ReportIn(_Model):
    """A report. `text` is scanned, masked, kept with the incident and never mailed."""

    text: str = Field(min_length=1, max_length=8000)
    tool: str = Field("", max_length=120)  # an id of the tool list; any other name is left out
    references: list[Annotated[str, Field(pattern=UUID)]] = Field([], max_length=100)


class ConfirmIn(_Model):
    """`aware_at`: since when the organisation knew (RFC 3339 with an offset); absent: now."""

    aware_at: AwareDatetime | None = None


class CorrectIn(_Model):
    """The deadline of 72 hours follows `aware_at`."""

    aware_at: AwareDatetime


class CloseIn(_Model):
    """`reason` is scanned and masked before it is kept."""

    reason: str = Field(min_length=1, max_length=8000)


def report_router(deps: LeaksDeps) -> APIRouter:
    """`POST /leaks/v1/reports`: for everybody who has a key (L2)."""
    router = APIRouter(prefix="/leaks/v1", tags=["leaks"], route_class=_route_class(deps))

    @router.post("/reports", status_code=201)
    async def report(body: ReportIn, request: Request) -> dict[str, Any]:
        """Report a possible leak; opens an incident and tells the DPO."""
        caller: Principal = request.state.principal
        tool = body.tool if body.tool in deps.known_tools() else ""
        case = Case(tool=tool, unit=caller.unit, request_ids=tuple(body.references))
        also = _recorded(deps, caller, "incident.report")
        receipt = await deps.leaks.report(case, body.text, by_role=caller.role.value, also=also)
        await deps.applied()
        thanks = THANKS.get(caller.language, THANKS["en"]).format(reference=receipt.reference)
        if not receipt.note_kept:
            thanks += NOT_KEPT.get(caller.language, NOT_KEPT["en"])
        return {"reference": receipt.reference, "message": thanks, "tool": tool, "note_kept": receipt.note_kept}

    return router


def incident_router(deps: LeaksDeps) -> APIRouter:
    """`/admin/v1/incidents` and `/admin/v1/near-misses`: for the DPO."""
    router = APIRouter(prefix="/admin/v1", tags=["incidents"], route_class=_route_class(deps))
    dpo = Depends(_require_dpo)

    @router.get("/incidents", dependencies=[dpo])
    async def incidents(
        state: State | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, Any]:
        """Incidents and suspicions, newest first."""
        found = await deps.leaks.incidents(state, limit=limit, offset=offset)
        return {"incidents": [_incident(item) for item in found]}

    @router.get("/incidents/{reference}", dependencies=[dpo])
    async def show(reference: str) -> dict[str, Any]:
        """One incident with its masked note and its timeline."""
        found, events = await deps.leaks.show(reference)
        timeline = [
            {"at": _utc(step.at), "event": step.event, "by": step.by_role, "detail": dict(step.detail)}
            for step in events
        ]
        return _incident(found) | {"note": found.note, "closing_reason": found.closing_reason, "timeline": timeline}

    @router.post("/incidents/{reference}/confirm")
    async def confirm(reference: str, body: ConfirmIn, caller: Annotated[Principal, dpo]) -> dict[str, Any]:
        """A suspicion is a leak; the 72 hours run from `aware_at`."""
        aware_at = body.aware_at.timestamp() if body.aware_at else None
        also = _recorded(deps, caller, "incident.confirm")
        made = await deps.leaks.confirm(reference, by_role=caller.role.value, aware_at=aware_at, also=also)
        await deps.applied()
        return _incident(made)

    @router.post("/incidents/{reference}/aware")
    async def correct(reference: str, body: CorrectIn, caller: Annotated[Principal, dpo]) -> dict[str, Any]:
        """Correct since when an open incident was known; the old moment stays in the timeline."""
        also = _recorded(deps, caller, "incident.correct")
        aware_at = body.aware_at.timestamp()
        made = await deps.leaks.correct_aware_at(reference, by_role=caller.role.value, aware_at=aware_at, also=also)
        await deps.applied()
        return _incident(made)

    @router.post("/incidents/{reference}/close")
    async def close(reference: str, body: CloseIn, caller: Annotated[Principal, dpo]) -> dict[str, Any]:
        """Close an incident, or a suspicion that was none."""
        also = _recorded(deps, caller, "incident.close")
        made = await deps.leaks.close(reference, by_role=caller.role.value, reason=body.reason, also=also)
        await deps.applied()
        return _incident(made)

    @router.get("/near-misses", dependencies=[dpo])
    async def near_misses(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, Any]:
        """Blocked attempts, newest first; `request_id` is the reference for `sluis record`."""
        rows = await deps.leaks.recent_near_misses(limit=limit, offset=offset)
        times = [{"at": _utc(row["at"]), "told_at": _utc(row["told_at"])} for row in rows]
        return {"near_misses": [row | shown for row, shown in zip(rows, times, strict=True)]}

    return router


def _recorded(deps: LeaksDeps, caller: Principal, act: str) -> Also:
    """The record of who acted, for the transaction of the change."""

    async def also(connection: AsyncConnection, reference: str) -> None:
        await deps.record_act(connection, caller.key_id, caller.role.value, act, reference, deps.clock())

    return also


def _require_dpo(request: Request) -> Principal:
    principal: Principal = request.state.principal
    if principal.role is not Role.DPO:
        raise Forbidden(DPO_ONLY)
    return principal


def _route_class(deps: LeaksDeps) -> type[APIRoute]:
    """Routes that identify, bound the body, and answer every error as JSON."""

    class LeaksRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Any]:
            handler = super().get_route_handler()

            async def handle(request: Request) -> Response:
                return await _handle(deps, request, handler)

            return handle

    return LeaksRoute


async def _handle(deps: LeaksDeps, request: Request, handler: Callable[[Request], Any]) -> Response:
    language = deps.language(request)
    try:
        principal = deps.authenticate(request)
        language = principal.language
        request.state.principal = principal
        body = await _read(request)

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        response: Response = await handler(Request(request.scope, replay))
    except GatewayError as error:
        response = _error(error, language)
    except (RequestValidationError, HTTPException):
        response = _error(BadRequest(REPORT_INVALID), language)  # the cause quotes what was sent
    except Exception as error:  # noqa: BLE001 - the outermost layer: nothing was committed, nothing is quoted
        log.error("leaks_route_failed", error_type=type(error).__name__)  # noqa: TRY400 - a traceback may quote text
        response = _error(GatewayError(INTERNAL_ERROR), language)
    response.headers["Cache-Control"] = "no-store"
    return response


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLarge(REPORT_TOO_LARGE)
    return bytes(body)


def _error(error: GatewayError, language: str) -> JSONResponse:
    body = {
        "message": error.message(language),
        "type": error.error_type,
        "code": error.reason_code,
        "param": error.param,
    }
    return JSONResponse({"error": body}, status_code=error.status, headers=dict(error.headers))


def _utc(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _incident(item: Incident) -> dict[str, Any]:
    """An incident without its texts; times as RFC 3339."""
    return {
        "reference": item.reference,
        "state": item.state.value,
        "source": item.source,
        "opened_at": _utc(item.opened_at),
        "aware_at": _utc(item.aware_at),
        "deadline_72h": _utc(item.deadline_72h),
        "tool": item.tool,
        "unit": item.unit,
        "categories": list(item.categories),
        "entity_types": dict(item.entity_types),
        "request_ids": list(item.request_ids),
        "reason_code": item.reason_code,
        "opened_by": item.opened_by,
        "closed_at": _utc(item.closed_at),
    }
