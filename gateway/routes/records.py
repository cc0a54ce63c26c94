"""GET /admin/v1/records/{reference}: what a reference stands for, for the DPO only; every look is recorded first."""

import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import Forbidden, NotFound, sentence
from gateway.exchange import Principal, Role
from gateway.identity.acts import act, record_act
from gateway.records.lookup import find
from gateway.routes.admin_gate import Gate

RECORD_LOOK_UP = act("record.look_up", "the DPO looked up what a reference stands for")

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


def record_router(engine: AsyncEngine, gate: Gate, *, clock: Callable[[], float] = time.time) -> APIRouter:
    """What a reference stands for. The look itself is an act, recorded before anything is shown."""
    router = gate.router(tags=["records"])

    @router.get("/records/{reference}")
    async def look_up(reference: str, caller: Annotated[Principal, Depends(gate.require())]) -> dict[str, Any]:
        if caller.role is not Role.DPO:
            raise Forbidden(RECORD_DPO_ONLY)
        record = await find(engine, reference)
        async with engine.begin() as connection:
            known = record.reference if record else "unknown"
            await record_act(connection, caller.key_id, caller.role, RECORD_LOOK_UP, known, clock())
        if record is None:
            raise NotFound(RECORD_NOT_FOUND)
        return record.as_json()

    return router
