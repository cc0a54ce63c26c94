"""`create_app(settings)`: the only place where parts are joined.

The application is FastAPI for administration, pages and health; `/v1/*` goes straight to the road before it.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from starlette.types import Receive, Scope, Send

from filters.findings import OperatingPoint, Scanner, Slot
from filters.masking import mask as mask_text
from filters.scanning import ScanClient
from gateway import logs
from gateway.database import ChangeWatcher, create_engine
from gateway.energy import Estimator
from gateway.exchange import Principal
from gateway.identity.acts import ACTS, act, record_act
from gateway.identity.authenticator import Authenticator
from gateway.identity.suspensions import Suspension, Suspensions
from gateway.labels import Labels
from gateway.leaks.alerts import AUDIENCE, Alert, Kind
from gateway.leaks.setup import LeaksRoom, open_leaks
from gateway.logs import Log
from gateway.metrics import Metrics
from gateway.pipeline import Parts
from gateway.policy.compiled import Policy
from gateway.policy.diff import PolicyDiff
from gateway.policy.loader import PolicyStore
from gateway.policy.problems import Problem
from gateway.policy.reviews import review_warnings
from gateway.records.actors import ActorKeys
from gateway.records.changes import PolicyChange, record_change
from gateway.records.migrate import is_current
from gateway.records.retention import purge_daily
from gateway.records.store import RecordStore
from gateway.records.workers import close_open_always
from gateway.routes.admin import AdminDeps, admin_router
from gateway.routes.console import console_router
from gateway.routes.leaks import ACTS as LEAK_ACTS
from gateway.routes.leaks import LeaksDeps, incident_router, report_router
from gateway.routes.records import record_router
from gateway.routes.road import Road
from gateway.settings import Settings, secret_key
from gateway.upstream import UpstreamClient
from gateway.wire.formats import FORMATS

_log = Log("gateway.app")
_PULSE = 1.0  # seconds between two reports of a worker's state to the metrics


class Gateway(FastAPI):
    """The ASGI application. The road is there once the lifespan has begun."""

    road: Road | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.road is not None and scope["path"].startswith("/v1/"):
            await self.road(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings, *, scanner: Scanner | None = None) -> Gateway:
    """The application of one worker. `scanner` replaces the pool's client (benchmarks, tests)."""
    logs.configure(settings.log_level)
    worker = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"

    def life(app: FastAPI) -> contextlib.AbstractAsyncContextManager[None]:
        assert isinstance(app, Gateway)  # noqa: S101  (it is the one made below)
        return _life(app, settings, worker, scanner)

    return Gateway(title="Sluis", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)


@contextlib.asynccontextmanager
async def _life(app: Gateway, settings: Settings, worker: str, scanner: Scanner | None) -> AsyncIterator[None]:
    """Join the parts, run what runs beside requests, and take all apart in reverse order."""
    async with contextlib.AsyncExitStack() as stack:
        engine = create_engine(settings.database)
        stack.push_async_callback(engine.dispose)
        if not await is_current(engine):
            raise RuntimeError("the database has another schema than this version; run `sluis migrate`")
        joined = _Joined(settings, engine, worker, scanner)
        await joined.start(stack)
        app.road = Road(joined.parts, joined.authenticator, FORMATS)
        joined.mount(app)
        _log.info("worker_ready", worker=worker, policy_version=joined.policy.current.version)
        yield


class _Joined:
    """The parts of one worker and how they know of one another."""

    def __init__(self, settings: Settings, engine: AsyncEngine, worker: str, scanner: Scanner | None) -> None:
        self.settings = settings
        self.engine = engine
        self.worker = worker
        self.watcher = ChangeWatcher(engine)
        self.authenticator = Authenticator(engine, trusted_proxies=settings.trusted_proxies)
        self.suspensions = Suspensions(engine)
        self.client = ScanClient(settings.scanner_sockets, timeout=settings.scan_timeout) if scanner is None else None
        self.scanner: Scanner = scanner or self.client  # type: ignore[assignment]  # one of the two is set
        self.policy = PolicyStore(settings.allowlist, on_change=self._changed, on_bad=self._rejected)
        self.actors = ActorKeys(settings.secrets_dir)
        self.leaks: LeaksRoom = open_leaks(
            engine, settings, mask=self.mask, recipients=self._recipients, reviews=self._reviews
        )
        self.parts = Parts(
            settings=settings,
            watcher=self.watcher,
            suspensions=self.suspensions,
            policy=self.policy,
            scanner=self.scanner,
            placeholder_key=secret_key(settings.secrets_dir / "placeholder.key"),
            actors=self.actors,
            records=RecordStore(engine, worker=worker),
            leaks=self.leaks.leaks,
            labels=Labels(),
            metrics=Metrics(),
            energy=Estimator(),
            upstream=UpstreamClient(max_connections=settings.max_concurrent),
            worker=worker,
        )

    async def start(self, stack: contextlib.AsyncExitStack) -> None:
        """Everything that must work before the first request, then the tasks beside them."""
        await self.policy.start()
        stack.push_async_callback(self.policy.stop)
        self._new_epoch()
        stack.push_async_callback(self.watcher.close)
        self.watcher.subscribe(self.authenticator.reload)
        self.watcher.subscribe(self.suspensions.reload)
        await self.watcher.poll()
        await self.parts.records.start()
        stack.push_async_callback(self.parts.records.stop)
        await record_change(self.engine, self._change("start", self.policy.current, good=True))
        await self.parts.upstream.start()
        stack.push_async_callback(self.parts.upstream.stop)
        stack.push_async_callback(self.leaks.close)
        if self.client is not None:
            stack.push_async_callback(self.client.close)
        for work in (
            self.watcher.run(),
            self.leaks.dispatcher.run(),
            self.leaks.jobs.run(),
            purge_daily(self.engine, clock=time.time),
            close_open_always(self.engine, worker=self.worker, clock=time.time),
            self._pulse(),
        ):
            stack.push_async_callback(_run(work))

    def mount(self, app: FastAPI) -> None:
        """The routes that FastAPI serves."""
        deps = AdminDeps(
            engine=self.engine,
            authenticator=self.authenticator,
            watcher=self.watcher,
            suspensions=self.suspensions,
            mask=self.mask,
            known_tools=self._known_tools,
            resolve_actor=self.actors.resolve,
            tell_suspension=self._suspension,
        )
        leaks = LeaksDeps(
            leaks=self.leaks.leaks,
            authenticate=self._authenticate,
            known_tools=self._known_tools,
            record_act=record_act,
            clock=time.time,
            applied=deps.applied,
        )
        app.include_router(admin_router(deps))
        app.include_router(report_router(leaks))
        app.include_router(incident_router(leaks))
        app.include_router(record_router(self.engine, deps.gate))
        app.include_router(console_router(lambda: self.policy.current, lambda: self.suspensions.current))
        app.add_api_route("/healthz", self._alive, methods=["GET"], include_in_schema=False)
        app.add_api_route("/readyz", self._ready, methods=["GET"], include_in_schema=False)

    async def mask(self, text: str) -> str:
        """What people write themselves, with every finding replaced for good. Raises ScanError."""
        findings = await self.scanner.scan([Slot((), text)], OperatingPoint.THOROUGH)
        return mask_text(text, findings)

    def _authenticate(self, request: Request) -> Principal:
        self.watcher.check()
        client = request.scope.get("client")
        return self.authenticator.authenticate(request.scope["headers"], client[0] if client else "")

    def _known_tools(self) -> Sequence[str]:
        return tuple(self.policy.current.tools)

    def _recipients(self, kind: Kind) -> Sequence[tuple[str, str]]:
        organisation = self.policy.current.organisation
        contacts = {"dpo": organisation.contacts.dpo, "ict": organisation.contacts.ict}
        return [
            (contacts[role].email, organisation.default_language)
            for role in sorted(AUDIENCE[kind])
            if contacts[role].email
        ]

    def _reviews(self) -> Sequence[tuple[str, Any]]:
        return [(tool.id, tool.review_by) for tool in self.policy.current.tools.values() if tool.review_by is not None]

    def _new_epoch(self) -> None:
        """What was scanned under another policy is scanned again."""
        if self.client is not None:
            self.client.epoch = self.policy.current.version

    def _change(self, kind: Any, policy: Policy, *, good: bool, difference: PolicyDiff | None = None) -> PolicyChange:
        tools = {change.tool: [f.field for f in change.fields] for change in difference.tools} if difference else {}
        return PolicyChange(
            at=int(time.time() * 1000),
            worker=self.worker,
            kind=kind,
            version=policy.version,
            file_version=policy.version if good else "rejected",
            good=good,
            tools=tools,
        )

    async def _changed(self, old: Policy, new: Policy, difference: PolicyDiff) -> None:
        self._new_epoch()
        if await record_change(self.engine, self._change("reload", new, good=True, difference=difference)):
            lines = tuple(difference.lines(new.organisation.default_language))
            alert = Alert(kind=Kind.POLICY_CHANGED, at=time.time(), lines=lines)
            await self.leaks.leaks.tell(alert, once=f"policy-{old.version}-{new.version}-{int(time.time() // 60)}")

    async def _rejected(self, problems: Sequence[Problem]) -> None:
        change = self._change("rejected", self.policy.current, good=False)
        if await record_change(self.engine, change):
            lines = tuple(str(problem) for problem in problems)
            await self.leaks.leaks.tell(Alert(kind=Kind.POLICY_BAD, at=time.time(), lines=lines))

    async def _suspension(self, connection: AsyncConnection, item: Suspension, suspended: bool) -> None:  # noqa: FBT001
        kind = Kind.TOOL_SUSPENDED if suspended else Kind.TOOL_LIFTED
        alert = Alert(kind=kind, at=time.time(), tool=item.tool, by_role=item.role)
        if await self.leaks.outbox.post(connection, alert, once=f"{kind}-{item.tool}-{item.since}"):
            self.leaks.outbox.wake.set()

    async def _alive(self) -> Response:
        return Response("alive\n", media_type="text/plain")

    async def _ready(self) -> Response:
        """Ready means: models loaded, database reachable, policy valid."""
        problems = []
        if self.client is not None and not await self.client.ready():
            problems.append("scanner")
        if self.watcher.age > 2.0 or not self.parts.records.ready:  # noqa: PLR2004 - as ChangeWatcher.check
            problems.append("database")
        if self.policy.state != "ok":
            problems.append("policy (the last good one is in force)")
        blocking = [p for p in problems if not p.startswith("policy")]
        text = "ready\n" if not problems else "not ready: " + ", ".join(problems) + "\n"
        return Response(text, status_code=503 if blocking else 200, media_type="text/plain")

    async def _pulse(self) -> None:
        while True:
            policy = self.policy.current
            with contextlib.suppress(Exception):  # figures only; the next pulse tries again
                outbox = await self.leaks.outbox.state()
                self.parts.metrics.state(
                    suspended=len(self.suspensions.current),
                    outbox=outbox.waiting,
                    given_up=outbox.failed,
                    policy_ok=self.policy.state == "ok",
                    policy_version=policy.version,
                    reviews_due=len(review_warnings(policy, datetime.now(UTC).date())),
                    records_pending=self.parts.records.pending_count,
                    state_age=self.watcher.age,
                    tasks=len(asyncio.all_tasks()),
                    pue={t.id: t.energy.pue for t in policy.tools.values() if t.energy.pue},
                )
            await asyncio.sleep(_PULSE)


def _run(work: Coroutine[Any, Any, None]) -> Callable[[], Coroutine[Any, Any, None]]:
    """Start `work` now; the returned callback ends it."""
    task = asyncio.ensure_future(work)

    async def end() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return end


for _name, _explanation in LEAK_ACTS.items():
    if _name not in ACTS:
        act(_name, _explanation)
