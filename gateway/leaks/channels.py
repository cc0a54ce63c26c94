"""What a channel is: it sends one parcel or says, as a class from a closed list, why it could not."""

import ipaddress
from dataclasses import dataclass
from typing import Protocol

from gateway.leaks.alerts import Alert


@dataclass(frozen=True, slots=True)
class Parcel:
    """One alert for one recipient. `id` stays the same over all attempts, so that a receiver can drop doubles."""

    id: str
    alert_id: str
    recipient: str
    language: str
    created_at: float
    alert: Alert

    def __repr__(self) -> str:
        return f"Parcel({self.id}, {self.alert.kind})"


class NotSentError(Exception):
    """The parcel was not accepted. `failure` comes from our code, never from the other side's words."""

    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.failure = failure


class AlertChannel(Protocol):
    """One way out, one a file. `addressed`: a parcel per recipient of the organisation, else one in all."""

    name: str
    addressed: bool

    async def send(self, parcel: Parcel) -> None:
        """Deliver once. Raises NotSentError; returns only when the other side has accepted."""
        ...

    async def close(self) -> None: ...


def is_loopback(host: str) -> bool:
    """True for an address of this machine; a name other than `localhost` is never trusted to be one."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
