"""Principals and keys that the tests of administration share."""

from gateway.exchange import Principal, Role
from gateway.identity.checks import NewKey

NOW = 1_800_000_000.0
DAY = 86_400.0
ICT = Principal(key_id="1111111111", subject="ict@example.org", role=Role.ICT, unit="ICT")
DPO = Principal(key_id="2222222222", subject="dpo@example.org", role=Role.DPO, unit="DPO")
STAFF = Principal(key_id="3333333333", subject="lies@example.org", role=Role.STAFF, unit="Burgerzaken")


def staff(subject: str = "lies@example.org", **fields: object) -> NewKey:
    return NewKey(subject=subject, unit="Burgerzaken", **fields)  # type: ignore[arg-type]
