"""Who may make and revoke which key.

ICT runs the gateway; the DPO watches over it independently (GDPR art. 38(3)). So neither may make itself the other:

| caller | may create                                    | may revoke          |
|--------|-----------------------------------------------|---------------------|
| ict    | staff, service, ict; dpo while none is in force | staff, service, ict |
| dpo    | dpo; ict while none is in force               | any                 |

The exception is for the day that the last key of a role was lost or expired: otherwise nobody could make a new one. It
is recorded like any act. Revoking is not symmetric: an ICT key that could revoke the DPO's could then take its place.
"""

from collections.abc import Mapping
from typing import Final

from gateway.errors import Forbidden, sentence
from gateway.exchange import Role

ROLE_NOT_ALLOWED = sentence(
    "role_not_allowed",
    "the key's role may not do this",
    nl="Met uw sleutel mag u dit niet doen: daarvoor is een sleutel nodig met de rol {roles}. Vraag het aan ICT of de "
    "functionaris voor gegevensbescherming.",
    fr="Votre clé ne permet pas cette action : il faut une clé du rôle {roles}. Adressez-vous à l'ICT ou au délégué à "
    "la protection des données.",
    de="Ihr Schlüssel erlaubt das nicht: Nötig ist ein Schlüssel mit der Rolle {roles}. Wenden Sie sich an die IT oder "
    "den Datenschutzbeauftragten.",
    en="Your key may not do this: it takes a key with the role {roles}. Ask ICT or the data protection officer.",
)

_CREATE: Final[Mapping[Role, frozenset[Role]]] = {
    Role.ICT: frozenset({Role.STAFF, Role.SERVICE, Role.ICT}),
    Role.DPO: frozenset({Role.DPO}),
}
_CREATE_WHEN_NONE: Final[Mapping[Role, Role]] = {Role.ICT: Role.DPO, Role.DPO: Role.ICT}
_REVOKE: Final[Mapping[Role, frozenset[Role]]] = {
    Role.ICT: frozenset({Role.STAFF, Role.SERVICE, Role.ICT}),
    Role.DPO: frozenset(Role),
}


def check_role(caller: Role, *allowed: Role) -> None:
    """Raise Forbidden unless the caller has one of the roles."""
    if caller not in allowed:
        raise Forbidden(ROLE_NOT_ALLOWED, params={"roles": "/".join(allowed)})


def check_may_create(caller: Role, wanted: Role, *, in_force: frozenset[Role]) -> None:
    """Raise Forbidden where the table says no; `in_force` holds the roles of which a live key exists."""
    if wanted in _CREATE.get(caller, ()):
        return
    if _CREATE_WHEN_NONE.get(caller) is wanted and wanted not in in_force:
        return
    raise Forbidden(ROLE_NOT_ALLOWED, params={"roles": "/".join(r for r in _CREATE if wanted in _CREATE[r])})


def check_may_revoke(caller: Role, role: Role) -> None:
    """Raise Forbidden where the table says no."""
    if role not in _REVOKE.get(caller, ()):
        raise Forbidden(ROLE_NOT_ALLOWED, params={"roles": "/".join(r for r in _REVOKE if role in _REVOKE[r])})
