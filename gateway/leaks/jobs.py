"""What this room does by the clock: the digest of near misses, review dates, old outbox rows.

Each job has one row in `jobs`; whoever leases it runs it, so that several workers run it once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from sqlalchemy import update

from gateway.leaks.alerts import Alert, Kind
from gateway.leaks.leaks import HOUR, Leaks
from gateway.leaks.store import insert_new, transaction
from gateway.leaks.tables import jobs
from gateway.logs import Log

LEASE: Final = 300.0  # seconds; a worker that died in a job is followed by another after this
REMIND_AT: Final = (1, 7, 30)  # days before a review date
KEEP_SENT: Final = 30 * 24 * HOUR
KEEP_TOLD: Final = 100 * 24 * HOUR

log = Log(__name__)

Reviews = Callable[[], Sequence[tuple[str, date]]]
"""Tool and review date of every tool in use; from the policy in force."""


@dataclass(frozen=True, slots=True)
class Job:
    """`run` is called once a period by one worker; it may be called again after a crash."""

    name: str
    period: float  # seconds
    run: Callable[[], Awaitable[object]]


class Jobs:
    """`run()` until cancelled; `once()` runs what is due."""

    def __init__(
        self, leaks: Leaks, *, reviews: Reviews, worker: str, zone: tzinfo, digest_hours: int, interval: float = 15.0
    ) -> None:
        self._leaks = leaks
        self._engine = leaks.outbox.engine
        self._clock = leaks.outbox.clock
        self._reviews = reviews
        self._worker = worker
        self._zone = zone
        self._interval = interval
        self._jobs: tuple[Job, ...] = (
            Job("near_miss_digest", digest_hours * HOUR, leaks.digest),
            Job("review_dates", HOUR, self.remind),
            Job("outbox_purge", 24 * HOUR, self._purge),
        )

    async def run(self) -> None:
        """Look for due jobs until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(self._interval)

    async def once(self) -> list[str]:
        """Run what is due and free. Returns the names of the jobs that ran; one that fails is tried again when its
        lease has ended, and does not stop the others.
        """
        ran = []
        for job in self._jobs:
            try:
                if await self._once(job):
                    ran.append(job.name)
            except Exception as error:  # noqa: BLE001 - the outermost layer of this task, which must go on
                log.error("job_failed", state=job.name, error_type=type(error).__name__)  # noqa: TRY400
        return ran

    async def _once(self, job: Job) -> bool:
        if not await self._claim(job):
            return False
        await job.run()
        values = {"locked_until": 0.0, "next_run": self._following(job)}
        async with transaction(self._engine) as connection:
            mine = (jobs.c.name == job.name, jobs.c.locked_by == self._worker)
            await connection.execute(update(jobs).where(*mine).values(**values))
        log.info("job_done", state=job.name)
        return True

    async def _claim(self, job: Job) -> bool:
        now = self._clock()
        first = {"name": job.name, "next_run": self._first(job), "locked_until": 0.0, "locked_by": ""}
        due = (jobs.c.name == job.name, jobs.c.next_run <= now, jobs.c.locked_until < now)
        lease = {"locked_until": now + LEASE, "locked_by": self._worker}
        async with transaction(self._engine) as connection:
            await insert_new(connection, jobs, first)
            return (await connection.execute(update(jobs).where(*due).values(**lease))).rowcount == 1

    def _first(self, job: Job) -> float:
        """A digest waits for its hour; review dates and the purge run at the first start."""
        return self._following(job) if job.name == "near_miss_digest" else self._clock()

    def _following(self, job: Job) -> float:
        """The next whole period, on the clock: an hourly digest comes on the hour."""
        return (self._clock() // job.period + 1) * job.period

    async def remind(self) -> int:
        """Mail review dates 30, 7 and 1 days ahead, each once; a day missed is made good on the next."""
        today = datetime.fromtimestamp(self._clock(), self._zone).date()
        told = 0
        for tool, due in self._reviews():
            days = (due - today).days
            step = next((step for step in REMIND_AT if 0 <= days <= step), None)
            if step is None:
                continue
            alert = Alert(kind=Kind.REVIEW_DUE, at=self._clock(), tool=tool, due=due.isoformat(), days=days)
            told += await self._leaks.tell(alert, once=f"review:{step}:{due.isoformat()}:{tool}")
        return told

    async def _purge(self) -> int:
        now = self._clock()
        return await self._leaks.outbox.purge(now - KEEP_SENT) + await self._leaks.outbox.forget(now - KEEP_TOLD)
