"""Where records go: an intent is durable before anything leaves, an outcome is written exactly once afterwards.

One task writes. It takes all that is queued, commits once and tells every caller; while it commits, the next group
gathers. There is no waiting window for intents: alone, one costs one commit; under load a commit carries many rows. An
outcome rides along with the next intent, or goes alone after 50 ms: a process killed in between leaves it to be closed
as interrupted.

What can go wrong and what becomes of it:
- the store does not answer in time: `intent` raises Unavailable, so nothing is forwarded (promise 2). Outcomes stay
  queued until the store is back; it is tried again at growing intervals up to a second.
- the answer to COMMIT is lost: the next attempt looks which intents are there before it inserts.
- a caller gave up while its row was being committed: if the row turns out stored, the store writes the outcome itself.
- a row that the database will not take is separated from its group, so that it harms no other.

The file is longer than most: the states of a waiting row and the ways a commit can fail are one subject.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import Unavailable, sentence
from gateway.logs import Log
from gateway.records import binding
from gateway.records.binding import Bound
from gateway.records.rows import RECORD_INVALID, EndedBy, Intent, OutcomeRow, check
from gateway.records.workers import BEAT_EVERY, Beat, close_open, register
from gateway.records.writer import NotWritten, Unclear, Writer

__all__ = ["RECORD_UNAVAILABLE", "RecordStore", "close_open"]

RECORD_UNAVAILABLE: Final = sentence(
    "record_unavailable",
    "the record of the request could not be stored durably in time, so it was not forwarded",
    nl="De gateway kan nu niet vastleggen dat u deze vraag stelt; daarom is ze niet doorgestuurd. Probeer het zo "
    "dadelijk opnieuw. Blijft dit duren, meld het dan aan ICT.",
    fr="La passerelle ne peut pas enregistrer votre demande pour le moment ; elle n'a donc pas été transmise. "
    "Réessayez dans un instant. Si le problème persiste, prévenez l'ICT.",
    de="Das Gateway kann Ihre Anfrage gerade nicht protokollieren; sie wurde deshalb nicht weitergeleitet. Versuchen "
    "Sie es gleich noch einmal. Bleibt es dabei, melden Sie es der IT.",
    en="The gateway cannot record your request right now, so it was not passed on. Try again in a moment. "
    "If this goes on, tell ICT.",
)
_FAIL_FAST: Final = 2.0  # seconds of failing after which a new intent is refused at once instead of waiting
_OUTCOME_WAIT: Final = 0.05  # seconds an outcome waits for an intent to share a commit with; nobody waits for outcomes
_BACKOFF: Final = (0.05, 1.0)  # first and longest pause between attempts, seconds
_log = Log("gateway.records")


def _unavailable() -> Unavailable:
    return Unavailable(RECORD_UNAVAILABLE, headers={"Retry-After": "2"})


class _Waiting:
    """An intent on its way, with the caller that waits for it; `outcome` rides along when nothing is forwarded."""

    __slots__ = ("bound", "deadline", "future", "outcome", "request_id", "tried", "unclear")

    def __init__(
        self, request_id: str, bound: Bound, outcome: Bound | None, future: "asyncio.Future[None]", deadline: float
    ) -> None:
        self.request_id = request_id
        self.bound = bound
        self.outcome = outcome
        self.future = future
        self.deadline = deadline
        self.unclear = False  # whether it is stored is not known; look before inserting
        self.tried = False  # was unclear once: a backend may still store it behind our back


class RecordStore:
    """The store of one gateway worker. `worker` is unique to this process's life; `clock` gives POSIX seconds, UTC."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        worker: str,
        clock: Callable[[], float] = time.time,
        max_pending: int = 4096,
        timeout: float = 5.0,
    ) -> None:
        self._engine = engine
        self._writer = Writer(engine)
        self._worker = worker
        self._clock = clock
        self._max_pending = max_pending
        self._timeout = timeout
        self._intents: list[_Waiting] = []
        self._outcomes: list[Bound] = []
        self._flight: Sequence[_Waiting] = ()
        self._flight_outcomes = 0
        self._open: dict[str, int] = {}  # request_id → generation in which its intent was stored
        self._closing: dict[str, int] = {}  # the same, once the outcome is queued
        self._generation = 0
        self._mark = (0, -1)  # seq and generation of the last look; see `_advance`
        self._closed_seq = 0
        self._beat_due = False
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self._failing_since: float | None = None
        self._last_commit = -float("inf")
        self._task: asyncio.Task[None] | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._beater: asyncio.TimerHandle | None = None
        self._late: asyncio.TimerHandle | None = None
        self.commits = 0
        self.rows = 0

    # -- life

    async def start(self) -> None:
        """Register this worker and start to write. Raises what the database raises."""
        self._closed_seq = await register(self._engine, worker=self._worker, now=self._now())
        self._mark = (self._closed_seq, -1)
        self._last_commit = time.monotonic()
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="records")
        self._beater = asyncio.get_running_loop().call_later(BEAT_EVERY, self._beat)

    async def stop(self, timeout: float = 10.0) -> bool:  # noqa: ASYNC109 the caller's budget, part of the contract
        """Write what is queued, sign off and close; False when the store did not answer within `timeout` seconds."""
        self._stopping = True
        if self._beater is not None:
            self._beater.cancel()
        if self._task is None:
            return True
        self._wake.set()
        done, _ = await asyncio.wait({self._task}, timeout=timeout)
        if not done:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._ticker is not None:
            self._ticker.cancel()
        for waiting in [*self._flight, *self._intents]:
            self._refuse(waiting)
        broken = self._task.cancelled() or self._task.exception() is not None
        self._task = None
        await self._writer.close()
        return not broken

    # -- what the road calls

    async def intent(self, row: Intent) -> None:
        """Return when the row is durable. Raises Unavailable within `timeout` s, ValueError for a row with text."""
        check(row)
        await self._submit(row.request_id, binding.intent(row), None)

    async def refused(self, intent: Intent, outcome: OutcomeRow) -> None:
        """Store both rows of an exchange that is not forwarded, in one commit. Raises as `intent` does."""
        check(intent)
        if intent.request_id != outcome.request_id:
            raise ValueError("the two rows belong to different exchanges")
        await self._submit(intent.request_id, binding.intent(intent), binding.outcome(outcome))

    def outcome(self, row: OutcomeRow) -> None:
        """Queue the outcome of an exchange whose intent is stored. The first counts; a second is ignored."""
        generation = self._open.pop(row.request_id, None)
        if generation is None:
            return
        self._closing[row.request_id] = generation
        self._outcomes.append(binding.outcome(row))
        self._idle.clear()
        if self._late is None:
            self._late = asyncio.get_running_loop().call_later(_OUTCOME_WAIT, self._wake.set)

    async def drain(self) -> None:
        """Write what is queued without further delay; return when nothing is."""
        self._wake.set()
        await self._idle.wait()

    # -- what metrics and /readyz ask

    @property
    def open_count(self) -> int:
        """Exchanges with an intent and no outcome yet."""
        return len(self._open)

    @property
    def pending_count(self) -> int:
        """Rows that wait for their commit."""
        return len(self._intents) + len(self._outcomes) + len(self._flight) + self._flight_outcomes

    @property
    def last_commit_age(self) -> float:
        """Seconds since the last commit; a heartbeat keeps it below some five seconds when all is well."""
        return time.monotonic() - self._last_commit

    @property
    def ready(self) -> bool:
        """Whether a new intent has a chance: running, and the last attempt did not fail."""
        return self._task is not None and not self._task.done() and self._failing_since is None

    # -- queueing

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _stir(self) -> None:
        self._idle.clear()
        self._wake.set()

    async def _submit(self, request_id: str, bound: Bound, outcome: Bound | None) -> None:
        if self._stopping or self._task is None or self._task.done() or self.pending_count >= self._max_pending:
            raise _unavailable()
        loop = asyncio.get_running_loop()
        if self._failing_since is not None and loop.time() - self._failing_since > _FAIL_FAST:
            raise _unavailable()
        future: asyncio.Future[None] = loop.create_future()
        self._intents.append(_Waiting(request_id, bound, outcome, future, loop.time() + self._timeout))
        self._stir()
        if self._ticker is None:
            self._ticker = loop.call_later(self._timeout / 8, self._tick)
        try:
            await future  # a caller that is cancelled here leaves a cancelled future: `_settle` sees it
        except asyncio.CancelledError:
            # Cancelled between the commit and being told: the row is stored, and its caller will never close it.
            if outcome is None and future.done() and not future.cancelled() and future.exception() is None:
                self.outcome(self._unforwarded(request_id, bound, left=True))
            raise

    def _tick(self) -> None:
        """Refuse those that have waited too long; one timer for all costs less than one each."""
        loop = asyncio.get_running_loop()
        soon = loop.time() + self._timeout / 8
        for waiting in [*self._flight, *self._intents]:
            if waiting.deadline <= soon:
                self._refuse(waiting)
        self._intents = [w for w in self._intents if w.tried or not w.future.done()]
        busy = bool(self._flight or self._intents)
        self._ticker = loop.call_later(self._timeout / 8, self._tick) if busy else None

    @staticmethod
    def _refuse(waiting: _Waiting) -> None:
        if not waiting.future.done():
            waiting.future.set_exception(_unavailable())

    def _beat(self) -> None:
        self._beat_due = True
        self._wake.set()
        self._beater = asyncio.get_running_loop().call_later(BEAT_EVERY, self._beat)

    # -- the writer task

    async def _run(self) -> None:
        pause = _BACKOFF[0]
        while True:
            await self._wake.wait()
            await asyncio.sleep(0)  # callers that were just told may queue their next row: fuller groups, no delay
            self._wake.clear()
            if await self._group():
                pause = _BACKOFF[0]
                if self._stopping and not (self._intents or self._outcomes):
                    return
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _BACKOFF[1])
                self._wake.set()

    async def _group(self) -> bool:
        """Commit all that is queued; False when the store could not."""
        group = [w for w in self._intents if w.tried or not w.future.done()]
        outcomes = self._outcomes
        self._intents, self._outcomes = [], []
        if self._late is not None:
            self._late.cancel()
            self._late = None
        self._flight, self._flight_outcomes = group, len(outcomes)
        heartbeat = self._beat_due or self._failing_since is not None or self._stopping
        try:
            group = self._flight = await self._sort_out(group)
            if heartbeat:
                await self._advance()
            await self._write(group, outcomes, self._heartbeat() if heartbeat else None)
        except NotWritten as failure:
            if failure.rows_at_fault:
                done = await self._one_by_one(group, outcomes, failure)
            else:
                done = self._give_back(group, outcomes, failure)
        else:
            done = True
            self._beat_due = self._beat_due and not heartbeat
            self._settle(group, outcomes)
        self._flight, self._flight_outcomes = (), 0
        if self._intents:  # came while this group was under way, or must be looked up again
            self._wake.set()
        elif not self._outcomes:
            self._idle.set()
        return done

    async def _write(self, group: Sequence[_Waiting], outcomes: Sequence[Bound], heartbeat: Beat | None) -> None:
        if not (group or outcomes or heartbeat):
            return
        paired = [w.outcome for w in group if w.outcome is not None]
        await self._writer.write([w.bound for w in group], [*outcomes, *paired] if paired else outcomes, heartbeat)
        self.commits += 1
        self.rows += len(group) + len(outcomes) + len(paired)

    def _heartbeat(self) -> Beat:
        return Beat(self._worker, self._now(), self._closed_seq, ended=self._stopping)

    async def _sort_out(self, group: list[_Waiting]) -> list[_Waiting]:
        """After an unclear commit: what is stored is settled; what nobody waits for any more becomes a refusal.

        The latter is inserted too, not dropped: a database that is still busy with the lost COMMIT may store the intent
        after our look, and then it needs its outcome.
        """
        unclear = [w for w in group if w.unclear]
        if not unclear:
            return group
        stored = await self._writer.stored([w.request_id for w in unclear])
        there = [w for w in unclear if stored.get(w.request_id) == self._worker]
        self._settle(there, [])
        for waiting in unclear:
            waiting.unclear = False
            if waiting.future.done() and waiting.outcome is None:
                waiting.outcome = binding.outcome(self._abandoned(waiting))
        settled = {id(w) for w in there}
        return [w for w in group if id(w) not in settled]

    def _settle(self, group: Sequence[_Waiting], outcomes: Sequence[Bound]) -> None:
        """The rows are durable: tell the callers, and close for those who left."""
        self._failing_since = None
        self._last_commit = time.monotonic()
        for bound in outcomes:
            self._closing.pop(bound[0], None)
        for waiting in group:
            if waiting.outcome is None:
                self._open[waiting.request_id] = self._generation
            if not waiting.future.done():
                waiting.future.set_result(None)
            elif waiting.outcome is None:
                self.outcome(self._abandoned(waiting))

    def _abandoned(self, waiting: _Waiting) -> OutcomeRow:
        """The outcome of an intent whose caller gave up before it knew: nothing was forwarded."""
        return self._unforwarded(waiting.request_id, waiting.bound, left=waiting.future.cancelled())

    def _unforwarded(self, request_id: str, bound: Bound, *, left: bool) -> OutcomeRow:
        ended_by: EndedBy = "client_left" if left else "refused"
        now = self._now()
        return OutcomeRow(
            request_id=request_id,
            ts_end=now,
            status=499 if left else 503,
            ended_by=ended_by,
            error_type=None if left else RECORD_UNAVAILABLE,
            latency_ms=float(max(now - bound[2], 0)),
        )

    def _give_back(self, group: Sequence[_Waiting], outcomes: Sequence[Bound], failure: NotWritten) -> bool:
        """Queue what was not written again, before what came since; always False."""
        for waiting in group:
            waiting.unclear = waiting.unclear or isinstance(failure, Unclear)
            waiting.tried = waiting.tried or waiting.unclear
        self._intents[:0] = [w for w in group if w.tried or not w.future.done()]
        self._outcomes[:0] = outcomes
        if self._failing_since is None:
            self._failing_since = asyncio.get_running_loop().time()
            _log.error("record_store_failing", error_type=failure.error_type, count=self.pending_count)
        return False

    async def _one_by_one(self, group: list[_Waiting], outcomes: list[Bound], failure: NotWritten) -> bool:
        """The store answers but would not take the group: find the rows it will not take, keep the others."""
        for number, waiting in enumerate(group):
            try:
                await self._write([waiting], [], None)
            except NotWritten as single:
                if not single.rows_at_fault:
                    return self._give_back(group[number:], outcomes, single)
                if waiting.tried:
                    waiting.unclear = True  # stored behind our back? look again
                    self._intents.append(waiting)
                    continue
                _log.error("record_refused", request_id=waiting.request_id, error_type=single.error_type)
                self._refuse(waiting)
            else:
                self._settle([waiting], [])
        for number, bound in enumerate(outcomes):
            if not await self._write_outcome(bound):
                return self._give_back([], outcomes[number:], failure)
        return True

    async def _write_outcome(self, bound: Bound) -> bool:
        """One outcome by itself; reduced to its ending when the database will not take it whole."""
        request_id, ts_end = bound[0], bound[1]
        bare = OutcomeRow(
            request_id=request_id, ts_end=ts_end, status=500, ended_by="failed", error_type=RECORD_INVALID, latency_ms=0
        )
        for attempt in (bound, binding.outcome(bare)):
            try:
                await self._write([], [attempt], None)
            except NotWritten as failure:
                if not failure.rows_at_fault:
                    return False
                _log.error("record_invalid", request_id=request_id, error_type=failure.error_type)
            else:
                self._settle([], [attempt])
                return True
        return False

    async def _advance(self) -> None:
        """Move up the seq below which all of this worker's exchanges are closed, so that a later sweep is short.

        `_mark` is a past look: everything stored by then had a generation up to the mark's. When none of those is open
        any more, the mark's seq is safe to publish, and a new mark is set.
        """
        seq, generation = self._mark
        oldest = min((*self._open.values(), *self._closing.values()), default=self._generation + 1)
        if oldest > generation:
            self._closed_seq = seq
            self._generation += 1
            self._mark = (await self._writer.highest_seq(), self._generation - 1)
