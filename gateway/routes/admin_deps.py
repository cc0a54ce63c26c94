"""What the app hands to the administration routers."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from filters.findings import ScanError
from gateway.database import ChangeWatcher
from gateway.identity.authenticator import Authenticator
from gateway.identity.key_form import TokenBytes
from gateway.identity.suspensions import Suspension, Suspensions
from gateway.routes.admin_gate import Gate

Mask = Callable[[str], Awaitable[str]]
"""Free text that a person wrote, with what the scanner found masked. Raises ScanError when it could not look."""

ResolveActor = Callable[[str, float, Collection[str]], str | None]
"""(pseudonym, POSIX seconds of the record, candidates) to the candidate it stands for (`ActorKeys.resolve` fits).

None where it is none of them, or where the key of that month is gone. Called in a thread.
"""

TellSuspension = Callable[[AsyncConnection, Suspension, bool], Awaitable[None]]
"""Puts the alert into the transaction of the change; True: suspended, False: lifted."""

MASK_TIMEOUT = 30.0
MAX_MASKED = 1000


async def _tell_nobody(_connection: AsyncConnection, _suspension: Suspension, _suspended: bool) -> None:  # noqa: FBT001
    return


@dataclass(frozen=True, slots=True)
class AdminDeps:
    """`known_tools`: the ids of the tool list now in force; denied tools too, they may become allowed."""

    engine: AsyncEngine
    authenticator: Authenticator
    watcher: ChangeWatcher
    suspensions: Suspensions
    mask: Mask
    known_tools: Callable[[], Collection[str]]
    resolve_actor: ResolveActor
    tell_suspension: TellSuspension = _tell_nobody
    clock: Callable[[], float] = time.time
    token_bytes: TokenBytes = secrets.token_bytes

    @property
    def gate(self) -> Gate:
        """For further routers of administration."""
        return Gate(self.authenticator, self.watcher)

    async def masked(self, text: str) -> str:
        """What people write is masked before it is stored (promise 4). Raises ScanError: then nothing is stored."""
        try:
            async with asyncio.timeout(MASK_TIMEOUT):
                return (await self.mask(text))[:MAX_MASKED]
        except (OSError, TimeoutError):
            raise ScanError("the scanner did not answer") from None

    async def applied(self) -> None:
        """Put a committed change in force in this worker before answering; the others see it at their next poll."""
        with contextlib.suppress(SQLAlchemyError, OSError, TimeoutError):
            await self.watcher.poll()
