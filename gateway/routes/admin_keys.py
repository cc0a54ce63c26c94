"""Keys over `/admin/v1`: list, make, import, revoke. Who may do what stands in `gateway.identity.roles`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field

from gateway.errors import UnsupportedMedia, sentence
from gateway.exchange import Principal, Role
from gateway.identity.checks import VOUCH_INVALID, InvalidFields, Problem, Vouch, build_key, parse_vouch
from gateway.identity.csv_import import import_csv
from gateway.identity.key_form import ID_PATTERN
from gateway.identity.keys import KeyInfo, create_key, list_keys, revoke_key
from gateway.routes.admin_deps import AdminDeps
from gateway.routes.admin_gate import AdminModel, utc

NOT_CSV = sentence(
    "not_csv",
    "an import must be sent as text/csv",
    nl="Stuur het bestand als text/csv. Er is niets gewijzigd.",
    fr="Envoyez le fichier en text/csv. Rien n'a été modifié.",
    de="Senden Sie die Datei als text/csv. Es wurde nichts geändert.",
    en="Send the file as text/csv. Nothing was changed.",
)


class VouchIn(AdminModel):
    """How a service key speaks for persons."""

    header: str = Field("x-openwebui-user-email", max_length=64)
    networks: list[str] = Field(max_length=16)
    required: bool = True


class KeyIn(AdminModel):
    """A key to be made. `expires`: YYYY-MM-DD, `never`, or empty for a year."""

    subject: str = Field(max_length=200)
    unit: str = Field(max_length=200)
    role: Role = Role.STAFF
    name: str = Field("", max_length=200)
    language: str = Field("nl", max_length=10)
    expires: str = Field("", max_length=20)
    answer_mode: bool = False
    vouch: VouchIn | None = None


class KeyOut(AdminModel):
    """A key as it may be shown."""

    id: str
    subject: str
    name: str
    unit: str
    language: str
    role: Role
    answer_mode: bool
    vouch: VouchIn | None
    state: str
    created_at: str | None
    created_by: str
    expires_at: str | None
    revoked_at: str | None
    revoked_by: str | None


class KeyMade(AdminModel):
    """A new key with its full text, which is shown this once."""

    key: KeyOut
    secret: str


class KeysMade(AdminModel):
    keys: list[KeyMade]


class KeyList(AdminModel):
    """`next`: give it as `after` for the following page; null on the last."""

    keys: list[KeyOut]
    next: str | None


def router(deps: AdminDeps) -> APIRouter:
    """Routes for keys."""
    gate = deps.gate
    routes = gate.router(tags=["keys"])
    admins = Depends(gate.require(Role.ICT, Role.DPO))

    @routes.get("/keys", dependencies=[admins])
    async def keys(
        role: Role | None = None,
        unit: Annotated[str, Query(max_length=64)] = "",
        after: Annotated[str, Query(max_length=10)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    ) -> KeyList:
        """Keys without their secret, in order of id. ICT, DPO. (No filter by person: addresses reach access logs.)"""
        async with deps.engine.connect() as connection:
            found = await list_keys(connection, role=role or "", unit=unit, after=after, limit=limit)
        now = deps.clock()
        return KeyList(keys=[_out(info, now) for info in found], next=found[-1].id if len(found) == limit else None)

    @routes.post("/keys", status_code=201)
    async def create(body: KeyIn, caller: Annotated[Principal, admins]) -> KeyMade:
        """Make one key. ICT: staff, service, ict. DPO: dpo."""
        now = deps.clock()
        new = build_key(
            subject=body.subject,
            unit=body.unit,
            role=body.role,
            name=body.name,
            language=body.language,
            expires=body.expires,
            answer_mode=body.answer_mode,
            vouch=_vouch(body.vouch),
            now=now,
        )
        async with deps.engine.begin() as connection:
            info, key = await create_key(connection, new, by=caller, at=now, token_bytes=deps.token_bytes)
        await deps.applied()
        return KeyMade(key=_out(info, now), secret=key)

    @routes.post("/keys/import", status_code=201)
    async def import_keys(request: Request, caller: Annotated[Principal, admins]) -> KeysMade:
        """Make a key for every row of a CSV body (name, subject, unit, language, role, expires), or none."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
            raise UnsupportedMedia(NOT_CSV)
        now = deps.clock()
        data = await request.body()
        async with deps.engine.begin() as connection:
            made = await import_csv(connection, data, by=caller, at=now, token_bytes=deps.token_bytes)
        await deps.applied()
        return KeysMade(keys=[KeyMade(key=_out(info, now), secret=key) for info, key in made])

    @routes.delete("/keys/{key_id}")
    async def revoke(key_id: Annotated[str, Path(pattern=ID_PATTERN)], caller: Annotated[Principal, admins]) -> KeyOut:
        """Revoke a key; it is refused within a second. ICT: staff, service, ict. DPO: any."""
        now = deps.clock()
        async with deps.engine.begin() as connection:
            info = await revoke_key(connection, key_id, by=caller, at=now)
        await deps.applied()
        return _out(info, now)

    return routes


def _vouch(vouch: VouchIn | None) -> Vouch | None:
    if vouch is None:
        return None
    try:
        return parse_vouch(vouch.header, vouch.networks, required=vouch.required)
    except ValueError:
        raise InvalidFields([Problem(VOUCH_INVALID, "vouch")]) from None


def _out(info: KeyInfo, now: float) -> KeyOut:
    vouch = info.vouch
    return KeyOut(
        id=info.id,
        subject=info.subject,
        name=info.name,
        unit=info.unit,
        language=info.language,
        role=info.role,
        answer_mode=info.answer_mode,
        vouch=VouchIn(header=vouch.header, networks=list(vouch.networks), required=vouch.required) if vouch else None,
        state=info.state(now),
        created_at=utc(info.created_at),
        created_by=info.created_by,
        expires_at=utc(info.expires_at),
        revoked_at=utc(info.revoked_at),
        revoked_by=info.revoked_by,
    )
