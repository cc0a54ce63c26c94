"""What a gateway worker holds of the scanning processes: ask the least busy one, remember the answers, never hang."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from filters.findings import Finding, OperatingPoint, ScanError, Slot
from filters.scanning.frames import Item
from filters.scanning.link import Call, Link, LinkLost
from filters.scanning.memory import Keys, Memory, Recollection
from filters.scanning.plan import Plan, Planner

_BATCH_CHARS: Final = 4096  # items that a scanner inspects without looking up; longer pieces travel alone
_BATCH_ITEMS: Final = 64
_LOST: Final = 2
"""A scanner that dies under a request is forgiven once: the second time the text itself may be the cause."""

_YIELD_EVERY: Final = 32  # batches of one large request, then other requests get their turn on the event loop


class ScanClient:
    """Implements `filters.findings.Scanner` over Unix sockets, one persistent connection per scanning process.

    `version` is the engine's, as the scanners said it; empty until the first one is there. While scanners disagree (a
    restart with other models or lists is under way) every scan is refused. `epoch` belongs to the key of everything
    that is remembered: set it to the policy version, and a change of policy has every text scanned anew.
    """

    version: str
    epoch: str

    def __init__(self, sockets: Sequence[Path], *, timeout: float, cache_bytes: int = 32 * 1024 * 1024) -> None:
        if not sockets:
            raise ValueError("at least one scanner is needed")
        self.version = ""
        self.epoch = ""
        self._timeout = timeout
        self._keys = Keys()
        self._memory = Memory(cache_bytes)
        self._links = [Link(path, self._changed) for path in sockets]
        self._tasks: list[asyncio.Task[None]] = []
        self._usable = asyncio.Event()
        self._mixed = False
        self._closed = False

    async def ready(self) -> bool:
        """Whether a scan can be answered now."""
        self._start()
        return self._usable.is_set() and not self._closed

    async def scan(self, slots: Sequence[Slot], point: OperatingPoint) -> list[Finding]:
        """Merged findings over all slots, in order of slot and start. Raises ScanError within the time-out."""
        self._start()
        self._check()
        recollection = Recollection(self._memory)
        plan = self._plan(slots, point, recollection) if self.version else None
        if plan is not None and not plan.missing:
            return plan.findings()
        try:
            async with asyncio.timeout(self._timeout):
                return await self._scan(slots, point, recollection)
        except TimeoutError:
            raise ScanError("scan timed out") from None

    async def close(self) -> None:
        """Disconnect. Scans under way end with ScanError."""
        self._closed = True
        self._usable.set()  # who waits for a scanner wakes up and sees that there will be none
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _start(self) -> None:
        if not self._tasks and not self._closed:
            self._tasks = [asyncio.create_task(link.keep(), name="scanner link") for link in self._links]

    def _check(self) -> None:
        if self._closed:
            raise ScanError("scan client closed")
        if self._mixed:
            raise ScanError("scanners of different versions")

    def _changed(self) -> None:
        versions = {link.version for link in self._links if link.version}
        self._mixed = len(versions) > 1
        if len(versions) == 1:
            (self.version,) = versions
            self._usable.set()
        elif not self._closed:
            self._usable.clear()

    def _plan(self, slots: Sequence[Slot], point: OperatingPoint, recollection: Recollection) -> Plan:
        return Planner(self._keys, (self.version, self.epoch), point, recollection).plan(slots)

    async def _scan(self, slots: Sequence[Slot], point: OperatingPoint, recollection: Recollection) -> list[Finding]:
        lost = 0
        while True:
            await self._usable.wait()
            self._check()
            plan = self._plan(slots, point, recollection)  # anew in each round: the version may have changed
            if not plan.missing:
                return plan.findings()
            try:
                await self._ask(plan, point, recollection)
            except LinkLost:
                lost += 1
                if lost == _LOST:
                    raise ScanError("scanner lost twice") from None

    async def _ask(self, plan: Plan, point: OperatingPoint, recollection: Recollection) -> None:
        """Have the missing items scanned. What was answered is kept even when the rest fails."""
        calls: list[tuple[tuple[bytes, ...], Call]] = []
        try:
            weight = 0
            version = self.version
            for keys, items in _batches(plan.missing, len(self._links)):
                weight += sum(item.size for item in items)
                link = min(
                    (one for one in self._links if one.version == version), key=lambda one: one.load, default=None
                )
                if link is None:
                    raise LinkLost
                calls.append((keys, link.send(items, point, weight)))
                if len(calls) % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)
            await asyncio.wait([call.answer for _, call in calls])
        finally:
            for _, call in calls:
                call.end()
        failed: list[BaseException] = []
        for keys, call in calls:
            error = call.answer.exception()
            if error is not None:
                failed.append(error)
                continue
            for key, found in zip(keys, call.answer.result(), strict=True):
                recollection.learn(key, found)
        if failed:
            raise next((e for e in failed if isinstance(e, ScanError)), failed[0])


def _batches(missing: dict[bytes, Item], scanners: int) -> Iterator[tuple[tuple[bytes, ...], tuple[Item, ...]]]:
    """Small items together, spread evenly over the scanners."""
    limit = min(_BATCH_CHARS, sum(item.size for item in missing.values()) // scanners + 1)
    keys: list[bytes] = []
    items: list[Item] = []
    size = 0
    for key, item in missing.items():
        if keys and (size + item.size > limit or len(keys) == _BATCH_ITEMS):
            yield tuple(keys), tuple(items)
            keys, items, size = [], [], 0
        keys.append(key)
        items.append(item)
        size += item.size
    if keys:
        yield tuple(keys), tuple(items)
