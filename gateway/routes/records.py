"""GET /admin/v1/records/{reference}: what a reference stands for, for the DPO only; every look is recorded first."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import Forbidden, NotFound, sentence
from gateway.exchange import Principal, Role
from gateway.records.lookup import find

RECORD_NOT_FOUND = sentence(
    "record_not_found",
    "no record has this reference: it was never given out, or its term has passed",
    nl="Er is geen registratie met dit kenmerk: het bestaat niet, of de bewaartermijn is voorbij. Kijk het kenmerk na.",
    fr="Aucun enregistrement ne porte cette référence : elle n'existe pas ou le délai de conservation est écoulé. "
    "Vérifiez la référence.",
    de="Zu diesem Zeichen gibt es keinen Eintrag: Es existiert nicht, oder die Aufbewahrungsfrist ist vorbei. Prüfen "
    "Sie das Zeichen.",
    en="There is no record with this reference: it does not exist, or its term has passed. Check the reference.",
)
RECORD_DPO_ONLY = sentence(
    "record_dpo_only",
    "only the data protection officer may look up what a reference stands for",
    nl="Alleen de functionaris voor gegevensbescherming (DPO) mag een kenmerk opzoeken. Geef het kenmerk aan de DPO.",
    fr="Seul le délégué à la protection des données (DPO) peut consulter une référence. Transmettez-la au DPO.",
    de="Nur die oder der Datenschutzbeauftragte (DPO) darf ein Zeichen nachschlagen. Geben Sie es dorthin weiter.",
    en="Only the data protection officer may look up a reference. Give the reference to the DPO.",
)

Authenticate = Callable[[Request], Awaitable[Principal]]
RecordAct = Callable[[Principal, str, str], Awaitable[None]]
"""principal, what was done, to what; it raises when the act cannot be recorded, and then nothing is shown."""


def router(engine: AsyncEngine, *, authenticate: Authenticate, record_act: RecordAct) -> APIRouter:
    """Errors of the tree are raised; the app renders them."""
    routes = APIRouter()

    @routes.get("/admin/v1/records/{reference}")
    async def look_up(request: Request, reference: str) -> dict[str, Any]:
        principal = await authenticate(request)
        if principal.role is not Role.DPO:
            raise Forbidden(RECORD_DPO_ONLY)
        record = await find(engine, reference)
        if record is None:
            await record_act(principal, "record.look_up", "unknown")
            raise NotFound(RECORD_NOT_FOUND)
        await record_act(principal, "record.look_up", record.reference)
        return record.as_json()

    return routes
