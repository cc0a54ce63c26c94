"""What was done by administration, and who stands behind an actor's pseudonym: both for the DPO."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, Field

from gateway.errors import NotFound, sentence
from gateway.exchange import Principal, Role
from gateway.identity.acts import act, list_acts, record_act
from gateway.identity.checks import SUBJECT_INVALID, InvalidFields, Problem, subject_of
from gateway.identity.keys import all_subjects, owners
from gateway.routes.admin_deps import AdminDeps
from gateway.routes.admin_gate import AdminModel, utc

ACTOR_RESOLVE: Final = act("actor.resolve", "an actor's pseudonym was led back to a person, or the attempt was made")

ACTOR_UNKNOWN = sentence(
    "actor_unknown",
    "nobody is found behind this pseudonym: it is not one of ours, or its key was removed with its month",
    nl="Achter dit pseudoniem is niemand te vinden: het is onbekend of de sleutel van die maand is verwijderd. De "
    "opzoeking is vastgelegd.",
    fr="Personne n'est trouvé derrière ce pseudonyme : il est inconnu ou la clé de ce mois a été supprimée. La "
    "recherche est consignée.",
    de="Hinter diesem Pseudonym ist niemand zu finden: Es ist unbekannt oder der Schlüssel dieses Monats wurde "
    "entfernt. Die Abfrage ist festgehalten.",
    en="Nobody is found behind this pseudonym: it is not known, or the key of that month was removed. The look-up was "
    "recorded.",
)


class ActOut(AdminModel):
    """One act; `owner` is whose key `actor` is."""

    id: int
    at: str | None
    actor: str
    owner: str | None
    role: str
    act: str
    object: str
    detail: dict[str, Any]


class ActList(AdminModel):
    """`next`: give it as `before` for older acts; null when there are none."""

    acts: list[ActOut]
    next: int | None


class ResolveIn(AdminModel):
    """`at`: when the record was made (RFC 3339); a pseudonym holds for a month. `why` is scanned, masked and recorded.

    Looked for among the owners of keys, and among `persons`: whom a chat server vouched for has no key here, and no
    list of them is kept, so the DPO names whom to try.
    """

    actor: str = Field(pattern=r"^[A-Za-z0-9_.:=-]{4,128}$")
    at: AwareDatetime
    persons: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=1000)
    why: str = Field(min_length=1, max_length=500)


class ResolveOut(AdminModel):
    actor: str
    subject: str


def router(deps: AdminDeps) -> APIRouter:
    """Routes for acts and actors."""
    gate = deps.gate
    routes = gate.router(tags=["acts"])
    dpo = Depends(gate.require(Role.DPO))

    @routes.get("/acts", dependencies=[dpo])
    async def acts(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        before: Annotated[int | None, Query(ge=1)] = None,
        act: Annotated[str, Query(max_length=40)] = "",
        object: Annotated[str, Query(max_length=128)] = "",  # noqa: A002 - the column's name
    ) -> ActList:
        """Acts of administration, newest first. DPO."""
        async with deps.engine.connect() as connection:
            found = await list_acts(connection, limit=limit, before=before, act=act, object=object)
            names = await owners(connection, [item.actor for item in found])
        listed = [
            ActOut(
                id=item.id,
                at=utc(item.at),
                actor=item.actor,
                owner=names.get(item.actor),
                role=item.role,
                act=item.act,
                object=item.object,
                detail=dict(item.detail),
            )
            for item in found
        ]
        return ActList(acts=listed, next=found[-1].id if len(found) == limit else None)

    @routes.post("/actors/resolve")
    async def resolve(body: ResolveIn, caller: Annotated[Principal, dpo]) -> ResolveOut:
        """Who stands behind a pseudonym. Recorded before the answer is looked for. DPO."""
        persons = [subject_of(person) for person in body.persons]
        if None in persons:
            raise InvalidFields([Problem(SUBJECT_INVALID, "persons")])
        why = await deps.masked(body.why)
        async with deps.engine.begin() as connection:
            await record_act(
                connection, caller.key_id, caller.role, ACTOR_RESOLVE, body.actor, deps.clock(), {"why": why}
            )
            candidates = [*(person for person in persons if person), *await all_subjects(connection)]
        subject = await asyncio.to_thread(deps.resolve_actor, body.actor, body.at.timestamp(), candidates)
        if subject is None:
            raise NotFound(ACTOR_UNKNOWN)
        return ResolveOut(actor=body.actor, subject=subject)

    return routes
