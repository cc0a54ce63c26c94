"""Reports and incidents over HTTP, and the canary: no leaked value in mails, tables, logs or answers."""

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from filters.findings import Category
from gateway.database import metadata
from gateway.errors import LANGUAGES, Unauthenticated
from gateway.exchange import Principal, Role
from gateway.leaks.incidents import Case
from gateway.leaks.leaks import NearMiss
from gateway.leaks.setup import LeaksRoom
from gateway.leaks.smtp import SmtpChannel, SmtpOptions
from gateway.leaks.tables import outbox
from gateway.routes.leaks import ACTS, LeaksDeps, incident_router, report_router
from tests.gateway.leaks.conftest import (
    OUR_TABLES,
    START,
    Box,
    Certificates,
    Clock,
    Mailbox,
    certificates,
    clock,
    file_engine,
    mail_server,
    make_room,
)

__all__ = ["certificates", "clock", "file_engine"]

NUMBER, NAME = "85.07.30-000.61", "Jolijn Verstappeghem"
HOURS_72 = 72 * 3600


@dataclass
class Site:
    """The app under test with its seams."""

    room: LeaksRoom
    app: FastAPI
    client: httpx.AsyncClient
    acts: list[tuple[str, str, str, str]] = field(default_factory=list)
    applied: list[int] = field(default_factory=list)

    async def call(self, role: str, method: str, path: str, **more: Any) -> httpx.Response:
        language = more.pop("language", "nl")
        headers = {"x-role": role, "x-language": language}
        if "content" in more:
            headers["content-type"] = "application/json"
        return await self.client.request(method, path, headers=headers, **more)


def authenticate(request: Request) -> Principal:
    role = request.headers.get("x-role", "")
    if role not in set(Role):
        raise Unauthenticated("internal_error")
    language = request.headers["x-language"]
    return Principal(key_id=f"key-{role}", subject="s", role=Role(role), unit="Burgerzaken", language=language)


async def build(engine: AsyncEngine, clock: Clock, *channels: Any, **more: Any) -> Site:
    room = make_room(engine, clock, *channels, **more)
    app = FastAPI()
    site = Site(room, app, httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sluis"))

    async def record_act(_connection: AsyncConnection, actor: str, role: str, act: str, target: str, at: float) -> None:
        assert at == clock()
        site.acts.append((actor, role, act, target))

    async def applied() -> None:
        site.applied.append(1)

    deps = LeaksDeps(
        leaks=room.leaks,
        authenticate=authenticate,
        known_tools=lambda: ("mistral", "azure"),
        record_act=record_act,
        clock=clock,
        applied=applied,
    )
    app.include_router(report_router(deps))
    app.include_router(incident_router(deps))
    return site


@pytest.fixture
async def site(file_engine: AsyncEngine, clock: Clock) -> AsyncIterator[Site]:
    made = await build(file_engine, clock, Box())
    yield made
    await made.client.aclose()


@pytest.mark.parametrize("role", Role)
async def test_everybody_with_a_key_can_report(site: Site, role: Role) -> None:
    body = {"text": f"Ik plakte {NUMBER}", "tool": "mistral", "references": [str(uuid.uuid4())]}
    answer = await site.call(role, "POST", "/leaks/v1/reports", json=body)
    assert answer.status_code == 201
    assert answer.json()["reference"] == "INC-2026-0001"
    assert answer.json()["note_kept"] is True
    shown = (await site.call("dpo", "GET", "/admin/v1/incidents/INC-2026-0001")).json()
    assert (shown["tool"], shown["unit"], shown["opened_by"]) == ("mistral", "Burgerzaken", role.value)
    assert shown["note"] == "Ik plakte [BE_NATIONAL_NUMBER]"
    assert shown["request_ids"] == body["references"]
    assert (shown["aware_at"], shown["deadline_72h"]) == ("2026-11-18T11:50:00Z", "2026-11-21T11:50:00Z")
    assert site.acts == [(f"key-{role.value}", role.value, "incident.report", "INC-2026-0001")]
    assert site.applied == [1]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_reporter_reads_the_reference_and_what_to_do_in_their_language(site: Site, language: str) -> None:
    answer = await site.call("staff", "POST", "/leaks/v1/reports", json={"text": "x"}, language=language)
    word = {"nl": "vastgelegd", "fr": "enregistré", "de": "festgehalten", "en": "on record"}[language]
    assert "INC-2026-0001" in answer.json()["message"]
    assert word in answer.json()["message"]
    assert len(site.room.outbox.channels["smtp"].parcels) == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_text_that_cannot_be_scanned_is_not_kept_and_the_reporter_is_told(
    file_engine: AsyncEngine, clock: Clock, language: str
) -> None:
    async def broken(_text: str) -> str:
        raise TimeoutError

    site = await build(file_engine, clock, Box(), mask=broken)
    answer = await site.call("staff", "POST", "/leaks/v1/reports", json={"text": NUMBER}, language=language)
    assert (answer.status_code, answer.json()["note_kept"]) == (201, False)
    assert {"nl": "niet bewaard", "fr": "n'a pas été conservé", "de": "nicht gespeichert", "en": "not kept"}[
        language
    ] in answer.json()["message"]


@pytest.mark.parametrize("role", ["staff", "ict", "service"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/v1/incidents"),
        ("GET", "/admin/v1/incidents/INC-2026-0001"),
        ("POST", "/admin/v1/incidents/INC-2026-0001/confirm"),
        ("POST", "/admin/v1/incidents/INC-2026-0001/aware"),
        ("POST", "/admin/v1/incidents/INC-2026-0001/close"),
        ("GET", "/admin/v1/near-misses"),
    ],
)
async def test_incidents_are_for_the_dpo(site: Site, role: str, method: str, path: str) -> None:
    await site.room.leaks.suspicion(Case())
    bodies = {"confirm": {}, "aware": {"aware_at": "2026-11-18T10:00Z"}, "close": {"reason": "x"}}
    body = bodies.get(path.rsplit("/", 1)[-1])
    answer = await site.call(role, method, path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "dpo_only")
    allowed = await site.call("dpo", method, path, json=body)
    assert allowed.status_code in {200, 400}  # 400: `aware` is for open incidents
    assert (await site.call("nobody", method, path, json=body)).status_code == 401


async def test_the_dpo_confirms_corrects_and_closes(site: Site, clock: Clock) -> None:
    reference = await site.room.leaks.suspicion(Case(tool="azure", unit="Archief", categories=(Category.SPECIAL,)))
    clock.forward(3600)
    path = f"/admin/v1/incidents/{reference}"
    listed = (await site.call("dpo", "GET", "/admin/v1/incidents?state=suspicion")).json()["incidents"]
    assert [(i["reference"], i["deadline_72h"]) for i in listed] == [(reference, None)]
    confirmed = (
        await site.call("dpo", "POST", f"{path}/confirm", json={"aware_at": "2026-11-18T13:00:00+01:00"})
    ).json()
    assert (confirmed["state"], confirmed["deadline_72h"]) == ("open", "2026-11-21T12:00:00Z")
    corrected = (await site.call("dpo", "POST", f"{path}/aware", json={"aware_at": "2026-11-18T11:55:00Z"})).json()
    assert corrected["deadline_72h"] == "2026-11-21T11:55:00Z"
    closed = (await site.call("dpo", "POST", f"{path}/close", json={"reason": f"{NAME} gebeld"})).json()
    assert closed["state"] == "closed"
    shown = (await site.call("dpo", "GET", path)).json()
    assert shown["closing_reason"] == "[PERSON] gebeld"
    assert [step["event"] for step in shown["timeline"]] == [
        "suspicion_opened",
        "confirmed",
        "aware_at_corrected",
        "closed",
    ]
    assert [act for _, _, act, _ in site.acts] == ["incident.confirm", "incident.correct", "incident.close"]
    assert {act for _, _, act, _ in site.acts} < set(ACTS)
    again = await site.call("dpo", "POST", f"{path}/close", json={"reason": "x"}, language="en")
    assert again.status_code == 400
    assert again.json()["error"]["message"].startswith("This is not possible any more: the incident is 'closed'")


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("POST", "/leaks/v1/reports", b"{", 400),
        ("POST", "/leaks/v1/reports", b"\xff\xfe", 400),
        ("POST", "/leaks/v1/reports", b'{"text": ""}', 400),
        ("POST", "/leaks/v1/reports", json.dumps({"text": "x", NUMBER: NAME}).encode(), 400),
        ("POST", "/leaks/v1/reports", json.dumps({"text": "x", "references": [NUMBER]}).encode(), 400),
        ("POST", "/leaks/v1/reports", json.dumps({"text": {NUMBER: NAME}}).encode(), 400),
        ("POST", "/leaks/v1/reports", json.dumps({"text": NAME * 5000}).encode(), 413),
        ("POST", "/leaks/v1/reports", json.dumps({"text": NAME * 450}).encode(), 400),
        ("GET", f"/admin/v1/incidents/{NUMBER}", b"", 404),
        ("GET", f"/admin/v1/incidents?state={NUMBER}", b"", 400),
        ("GET", "/admin/v1/incidents?limit=0", b"", 400),
        ("POST", f"/admin/v1/incidents/{NUMBER}/close", json.dumps({"reason": NAME}).encode(), 404),
        ("POST", f"/admin/v1/incidents/{NUMBER}/confirm", json.dumps({"aware_at": NUMBER}).encode(), 400),
        ("POST", f"/admin/v1/incidents/{NUMBER}/aware", b'{"aware_at": "2026-11-18T10:00:00"}', 400),
    ],
)
async def test_a_wrong_request_is_refused_without_quoting_it(  # noqa: PLR0917
    site: Site, method: str, path: str, sent: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="gateway")
    answer = await site.call("dpo", method, path, content=sent)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["message"]
    for value in (NUMBER, NAME):
        assert value not in answer.text
        assert value not in str(answer.headers)
        assert value not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("gateway"))


async def test_something_unexpected_is_an_error_without_a_word_of_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_args: Any, **_more: Any) -> None:
        raise KeyError(NUMBER)

    monkeypatch.setattr(type(site.room.leaks), "report", broken)
    answer = await site.call("staff", "POST", "/leaks/v1/reports", json={"text": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert NUMBER not in answer.text + caplog.text


async def test_who_calls_is_known_before_the_body_is_read(site: Site) -> None:
    read: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"{}"

    answer = await site.client.post("/leaks/v1/reports", content=body(), headers={"x-role": "x"})
    assert (answer.status_code, read) == (401, [])


async def test_near_misses_are_listed_for_the_dpo(site: Site) -> None:
    one = NearMiss(str(uuid.uuid4()), START, "Burgerzaken", "mistral", (Category.PERSONAL,), {"IBAN_CODE": 1})
    await site.room.leaks.near_miss(one)
    [row] = (await site.call("dpo", "GET", "/admin/v1/near-misses")).json()["near_misses"]
    assert (row["request_id"], row["at"], row["entity_types"]) == (
        one.request_id,
        "2026-11-18T11:50:00Z",
        {"IBAN_CODE": 1},
    )


async def test_no_leaked_value_is_found_in_any_mail_table_log_or_answer(
    file_engine: AsyncEngine, clock: Clock, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    """The canary goes into every place that a person or a faulty caller could fill."""
    caplog.set_level(logging.DEBUG, logger="gateway")
    box = Mailbox()
    seen: list[str] = []
    async with mail_server(box, starttls=certificates.server()) as port:
        options = SmtpOptions(
            host="127.0.0.1", port=port, tls="starttls", sender="s@example.org", ca_file=certificates.ca_file()
        )
        people = [(f"{language}@example.org", language) for language in LANGUAGES]
        site = await build(
            file_engine, clock, SmtpChannel(options), Box(name="webhook", addressed=False), recipients=people
        )
        text = f"Ik plakte {NUMBER} van {NAME}"
        case = Case(
            tool="mistral",
            unit="Burgerzaken",
            entity_types={NUMBER: 1, NAME: 2},
            request_ids=(NUMBER,),
            reason_code=NUMBER,
            categories=(NAME,),  # type: ignore[arg-type]
        )
        await site.room.leaks.forwarded(case)
        suspicion = await site.room.leaks.suspicion(case)
        for _ in range(2):
            await site.room.leaks.near_miss(
                NearMiss(str(uuid.uuid4()), START, "Burgerzaken", "mistral", (), {NAME: 1}, NUMBER)
            )
        await site.room.leaks.digest()
        for sent in (
            ("staff", "POST", "/leaks/v1/reports", {"text": text, "tool": NAME}),
            ("staff", "POST", "/leaks/v1/reports", {"text": text, "references": [NAME]}),
            ("dpo", "POST", f"/admin/v1/incidents/{suspicion}/confirm", {"aware_at": NAME}),
            ("dpo", "POST", f"/admin/v1/incidents/{suspicion}/confirm", {}),
            ("dpo", "POST", f"/admin/v1/incidents/{suspicion}/close", {"reason": text}),
            ("dpo", "GET", "/admin/v1/incidents", None),
            ("dpo", "GET", f"/admin/v1/incidents/{suspicion}", None),
            ("dpo", "GET", "/admin/v1/near-misses", None),
        ):
            answer = await site.call(*sent[:3], json=sent[3])
            seen.append(answer.text)
        while await site.room.dispatcher.once():
            await asyncio.sleep(0)
    assert len(box.mails) == 4 * 7  # 2 near miss, forwarded, suspicion, report, confirm, close; in four languages
    seen += [raw.decode() + mail.get_content() + mail["Subject"] for raw, mail in zip(box.raw, box.mails, strict=True)]
    async with file_engine.connect() as connection:
        for name in OUR_TABLES:
            seen.append(str((await connection.execute(select(metadata.tables[name]))).all()))
        assert (await connection.execute(select(outbox).where(outbox.c.sent_at.is_(None)))).all() == []
    seen += [record.getMessage() + str(vars(record)) for record in caplog.records if record.name.startswith("gateway")]
    assert len(seen) > 40
    for piece in seen:
        assert NUMBER not in piece
        assert NAME not in piece
        assert "Verstappeghem" not in piece
