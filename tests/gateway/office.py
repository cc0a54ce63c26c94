"""The administration API on a real database, as the app wires it: what the tests of routes and command line share."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from filters.findings import ScanError
from gateway.database import ChangeWatcher
from gateway.exchange import Role
from gateway.identity.authenticator import Authenticator
from gateway.identity.checks import NewKey, Vouch
from gateway.identity.first import create_first_keys
from gateway.identity.suspensions import Suspensions
from gateway.routes.admin import AdminDeps, admin_router
from tests.gateway.databases import database
from tests.gateway.identity.people import NOW

KEYS = (
    NewKey(subject="ict@example.org", unit="ICT", role=Role.ICT, language="nl"),
    NewKey(subject="dpo@example.org", unit="DPO", role=Role.DPO, language="fr"),
    NewKey(subject="lies@example.org", unit="Burgerzaken", role=Role.STAFF, language="de"),
    NewKey(subject="chat", unit="ICT", role=Role.SERVICE, vouch=Vouch("x-user", ("127.0.0.0/8",), required=False)),
)


@dataclass
class Office:
    """One worker with its rooms; `mask` and `resolve` stand at the seams to other rooms."""

    engine: AsyncEngine
    now: float = NOW
    scanner_works: bool = True
    scanner_delay: float = 0.0
    tools: set[str] = field(default_factory=lambda: {"mistral", "deepseek-web"})
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.watcher = ChangeWatcher(self.engine)
        self.authenticator = Authenticator(self.engine, clock=lambda: self.now)
        self.suspensions = Suspensions(self.engine)
        self.watcher.subscribe(self.authenticator.reload)
        self.watcher.subscribe(self.suspensions.reload)
        self.app = FastAPI(openapi_url=None)
        self.app.include_router(admin_router(self.deps()))

    def deps(self) -> AdminDeps:
        return AdminDeps(
            engine=self.engine,
            authenticator=self.authenticator,
            watcher=self.watcher,
            suspensions=self.suspensions,
            mask=self.mask,
            known_tools=lambda: self.tools,
            resolve_actor=self.resolve,
            clock=lambda: self.now,
        )

    async def mask(self, text: str) -> str:
        await asyncio.sleep(self.scanner_delay)
        if not self.scanner_works:
            raise ScanError
        return text.replace("Jan Peeters", "<PERSON>")

    def resolve(self, actor: str, at: float, candidates: Collection[str]) -> str | None:
        subject = {("act_0001", NOW): "lies@example.org", ("act_0002", NOW): "vouched@example.org"}.get((actor, at))
        return subject if subject in candidates else None

    async def open(self) -> None:
        for info, key in await create_first_keys(self.engine, KEYS, at=NOW):
            name = info.subject.split("@")[0]
            self.keys[name], self.ids[name] = key, info.id
        await self.watcher.poll()

    async def ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[who]}"} if who else {}
        headers |= more.pop("headers", {})
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.request(method, f"/admin/v1{path}", headers=headers, **more)


@asynccontextmanager
async def office(kind: str, folder: Path) -> AsyncIterator[Office]:
    async with database(kind, folder) as engine:
        made = Office(engine)
        await made.open()
        try:
            yield made
        finally:
            await made.watcher.close()
