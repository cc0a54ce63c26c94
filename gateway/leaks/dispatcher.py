"""Sends what waits in the outbox. Every worker runs one; leases keep them from sending the same row together."""

import asyncio
import contextlib
from typing import Final

from gateway.errors import Unavailable
from gateway.leaks.channels import NotSentError
from gateway.leaks.outbox import Leased, Outbox
from gateway.logs import Log

BATCH: Final = 4  # parcels under way at once in one worker; all fit well within one lease
MARK_ATTEMPTS: Final = 5

log = Log(__name__)


class Dispatcher:
    """`run()` until cancelled; `once()` for one round."""

    def __init__(self, outbox: Outbox, *, worker: str, interval: float = 1.0) -> None:
        self._outbox = outbox
        self._worker = worker
        self._interval = interval

    async def run(self) -> None:
        """Send until cancelled. A store that does not answer is waited for; rows stay where they are."""
        while True:
            self._outbox.wake.clear()
            number = 0
            try:
                number = await self.once()
            except Unavailable:
                log.warning("outbox_unavailable")
            except Exception as error:  # noqa: BLE001 - the outermost layer of this task, which must go on
                log.error("dispatcher_failed", error_type=type(error).__name__)  # noqa: TRY400
            if number < BATCH:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._interval):
                        await self._outbox.wake.wait()

    async def once(self) -> int:
        """One round: lease, send at once, mark each. Returns how many rows were leased. Raises Unavailable."""
        items = await self._outbox.lease(self._worker, BATCH)
        results = await asyncio.gather(*(self._handle(item) for item in items), return_exceptions=True)
        for item, result in zip(items, results, strict=True):
            if isinstance(result, Exception) and not isinstance(result, Unavailable):
                # A row that trips a bug of ours must not stop the others; it waits and is tried again.
                log.error("alert_failed", channel=item.channel, error_type=type(result).__name__)
                await self._later(item, "internal")
            elif isinstance(result, BaseException) and not isinstance(result, Exception):
                raise result
        return len(items)

    async def _handle(self, item: Leased) -> None:
        channel = self._outbox.channels[item.channel]
        if channel.addressed and not item.parcel.recipient:
            if not await self._outbox.address(item):
                await self._later(item, "no_recipient")
            return
        try:
            await channel.send(item.parcel)
        except NotSentError as error:
            await self._later(item, error.failure)
            return
        await self._mark(item)

    async def _mark(self, item: Leased) -> None:
        """Say that it was sent; try hard, because an unmarked row is sent again when its lease ends."""
        for attempt in range(MARK_ATTEMPTS):
            try:
                await self._outbox.sent(item)
            except Unavailable:
                await asyncio.sleep(0.2 * 2**attempt)
            else:
                log.info("alert_sent", channel=item.channel, attempt=item.attempts)
                return
        log.error("alert_not_marked", channel=item.channel, attempt=item.attempts)

    async def _later(self, item: Leased, failure: str) -> None:
        given_up = await self._outbox.failed(item, failure, self._worker)
        event = "alert_given_up" if given_up else "alert_delayed"
        log.warning(event, channel=item.channel, attempt=item.attempts, error_type=failure)
