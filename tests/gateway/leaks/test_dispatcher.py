"""The outbox and its dispatchers: nothing is lost, nothing is sent twice while everybody lives."""

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.database import create_engine
from gateway.errors import Unavailable
from gateway.leaks.alerts import Alert, Kind
from gateway.leaks.channels import Parcel
from gateway.leaks.dispatcher import Dispatcher
from gateway.leaks.outbox import LEASE
from gateway.leaks.setup import LeaksRoom
from gateway.leaks.smtp import SmtpChannel, SmtpOptions
from gateway.leaks.store import transaction
from gateway.leaks.tables import outbox
from tests.gateway.leaks.conftest import (
    DPO,
    START,
    Box,
    Certificates,
    Clock,
    Mailbox,
    free_port,
    mail_server,
    make_room,
)

DAY = 86400.0


def alert(number: int = 0) -> Alert:
    return Alert(kind=Kind.TOOL_SUSPENDED, at=START, tool=f"tool-{number}", by_role="ict")


def smtp(port: int, ca_file: Path) -> SmtpChannel:
    options = SmtpOptions(
        host="127.0.0.1", port=port, tls="starttls", sender="sluis@gemeente.example.org", ca_file=ca_file
    )
    return SmtpChannel(options)


async def rows(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(select(outbox).order_by(outbox.c.id))).all())


async def test_a_mail_server_that_is_down_for_an_hour_loses_nothing_and_gets_each_mail_once(
    engine: AsyncEngine, clock: Clock, certificates: Certificates
) -> None:
    port, box = free_port(), Mailbox()
    room = make_room(engine, clock, smtp(port, certificates.ca_file()))
    for number in range(3):
        await room.leaks.tell(alert(number))
    for _ in range(60):
        await room.dispatcher.once()
        clock.forward(60)
    waiting = await rows(engine)
    assert [row.sent_at for row in waiting] == [None] * 3
    assert {row.failure for row in waiting} == {"unreachable"}
    assert all(8 <= row.attempts <= 16 for row in waiting)  # it backs off
    assert (await room.outbox.state()).waiting == 3
    assert (await room.outbox.state()).oldest == 3600.0
    async with mail_server(box, starttls=certificates.server(), port=port):
        clock.forward(900)  # no more than a quarter of an hour after it came back
        for _ in range(5):
            await room.dispatcher.once()
            clock.forward(3600)
    assert sorted(mail["Message-ID"] for mail in box.mails) == [
        f"<{row.id}@gemeente.example.org>" for row in await rows(engine)
    ]
    state = await room.outbox.state()
    assert (state.waiting, state.failed, state.oldest) == (0, 0, 0.0)


async def test_it_tries_for_at_least_three_days_and_then_says_that_it_gave_up(
    file_engine: AsyncEngine, clock: Clock
) -> None:
    box = Box(down=True)
    room = make_room(file_engine, clock, box, settings={"alert_retry_days": 3})
    await room.leaks.tell(alert())
    while clock() < START + 3 * DAY:
        await room.dispatcher.once()
        assert (await room.outbox.state()).waiting == 1
        clock.forward(900)
    await room.dispatcher.once()
    assert (await room.outbox.state()) == type(await room.outbox.state())(waiting=0, failed=1, oldest=0.0)
    [row] = await rows(file_engine)
    assert (row.failure, row.sent_at, row.next_attempt_at) == ("unreachable", None, None)
    box.down = False
    clock.forward(DAY)
    assert await room.dispatcher.once() == 0


async def test_two_dispatchers_send_each_row_once(url: str, engine: AsyncEngine, clock: Clock) -> None:
    """Two workers with connections of their own, racing over the same rows."""
    box = Box()
    room = make_room(engine, clock, box)
    for number in range(40):
        await room.leaks.tell(alert(number))
    other_engine = create_engine(url)
    other = make_room(other_engine, clock, box)
    workers = [Dispatcher(r.outbox, worker=f"w{i}") for i, r in enumerate((room, other, room, other))]

    async def work(dispatcher: Dispatcher) -> int:
        done = 0
        for _ in range(60):
            done += await dispatcher.once()
            if len(box.parcels) >= 40:
                break
        return done

    done = await asyncio.gather(*(work(dispatcher) for dispatcher in workers))
    await other_engine.dispose()
    assert sum(done) == 40
    assert len({parcel.id for parcel in box.parcels}) == len(box.parcels) == 40
    assert {row.attempts for row in await rows(engine)} == {1}


async def test_a_row_under_lease_is_left_alone_until_the_lease_ends(engine: AsyncEngine, clock: Clock) -> None:
    box = Box()
    room = make_room(engine, clock, box)
    await room.leaks.tell(alert())
    assert len(await room.outbox.lease("dead", 4)) == 1
    clock.forward(LEASE - 1)
    assert await room.dispatcher.once() == 0
    clock.forward(2)
    assert await room.dispatcher.once() == 1
    assert len(box.parcels) == 1


async def test_a_late_failure_of_a_worker_that_lost_its_lease_changes_nothing(
    engine: AsyncEngine, clock: Clock
) -> None:
    box = Box()
    room = make_room(engine, clock, box)
    await room.leaks.tell(alert())
    [item] = await room.outbox.lease("slow", 4)
    clock.forward(LEASE + 1)
    await room.dispatcher.once()
    await room.outbox.failed(item, "timeout", "slow")
    clock.forward(DAY)
    assert await room.dispatcher.once() == 0
    assert len(box.parcels) == 1


CRASH = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway.database import create_engine
from tests.gateway.leaks.conftest import Clock, make_room
from tests.gateway.leaks.test_dispatcher import smtp

async def main(url, port, ca, now):
    room = make_room(create_engine(url), Clock(float(now)), smtp(int(port), Path(ca)))
    async def die(_item):
        os.kill(os.getpid(), signal.SIGKILL)
    object.__setattr__(room.outbox, "sent", die)
    await room.dispatcher.once()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_killed_between_sending_and_marking_the_mail_comes_at_most_twice_with_one_message_id(
    url: str, engine: AsyncEngine, clock: Clock, certificates: Certificates
) -> None:
    box = Mailbox()
    async with mail_server(box, starttls=certificates.server()) as port:
        ca = certificates.ca_file()
        room = make_room(engine, clock, smtp(port, ca))
        await room.leaks.tell(alert())
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CRASH, url, str(port), str(ca), str(clock()), env={**os.environ, "PYTHONPATH": "."}
        )
        assert await process.wait() == -signal.SIGKILL
        assert len(box.mails) == 1
        assert await room.dispatcher.once() == 0  # still leased to the dead
        clock.forward(LEASE + 1)
        assert await room.dispatcher.once() == 1
        clock.forward(DAY)
        assert await room.dispatcher.once() == 0
    assert len(box.mails) == 2
    assert len({mail["Message-ID"] for mail in box.mails}) == 1


async def test_a_store_that_fails_when_marking_is_asked_again(
    file_engine: AsyncEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box()
    room = make_room(file_engine, clock, box)
    await room.leaks.tell(alert())
    real, failures = room.outbox.sent, [1, 1]

    async def flaky(item: Any) -> None:
        if failures:
            failures.pop()
            raise Unavailable("leaks_unavailable")
        await real(item)

    monkeypatch.setattr(room.outbox, "sent", flaky)
    await room.dispatcher.once()
    clock.forward(LEASE + 1)
    assert await room.dispatcher.once() == 0
    assert len(box.parcels) == 1


@dataclass
class Buggy(Box):
    """A channel with a bug for one tool."""

    broken: set[str] = field(default_factory=lambda: {"tool-0"})

    async def send(self, parcel: Parcel) -> None:
        if parcel.alert.tool in self.broken:
            raise KeyError("85.07.30-000.61")
        await super().send(parcel)


async def test_a_row_that_trips_a_bug_does_not_stop_the_others_and_waits(
    file_engine: AsyncEngine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    box = Buggy()
    room = make_room(file_engine, clock, box)
    for number in range(6):
        await room.leaks.tell(alert(number))
    for _ in range(3):
        await room.dispatcher.once()
    assert [parcel.alert.tool for parcel in box.parcels] == [f"tool-{n}" for n in range(1, 6)]
    assert next(row for row in await rows(file_engine) if row.sent_at is None).failure == "internal"
    box.broken.clear()
    clock.forward(DAY / 24)
    await room.dispatcher.once()
    assert len(box.parcels) == 6
    assert "000.61" not in caplog.text


async def test_a_row_of_another_version_waits_and_does_not_stop_the_others(
    file_engine: AsyncEngine, clock: Clock
) -> None:
    box = Box()
    room = make_room(file_engine, clock, box)
    for number in range(2):
        await room.leaks.tell(alert(number))
    [first, _] = await rows(file_engine)
    async with transaction(file_engine) as connection:
        payload = first.payload | {"kind": "of_the_future"}
        await connection.execute(update(outbox).where(outbox.c.id == first.id).values(payload=payload))
    assert await room.dispatcher.once() == 1
    assert [parcel.alert.tool for parcel in box.parcels] == ["tool-1"]
    assert (await rows(file_engine))[0].failure == "payload"


async def test_every_recipient_has_a_row_and_one_refused_address_does_not_hold_up_the_others(
    file_engine: AsyncEngine, clock: Clock, certificates: Certificates
) -> None:
    class Refusing(Mailbox):
        async def handle_RCPT(  # noqa: N802
            self, server: Any, session: Any, envelope: Any, address: str, options: Any
        ) -> str:
            if address.startswith("weg"):
                return "550 unknown"
            envelope.rcpt_tos.append(address)
            return "250 OK"

    box = Refusing()
    people = (DPO, ("weg@gemeente.example.org", "fr"), ("ict@gemeente.example.org", "de"), DPO)
    async with mail_server(box, starttls=certificates.server()) as port:
        room = make_room(file_engine, clock, smtp(port, certificates.ca_file()), recipients=people)
        await room.leaks.tell(alert())
        await room.dispatcher.once()
    assert sorted((mail["To"], mail["Content-Language"]) for mail in box.mails) == [
        ("dpo@gemeente.example.org", "nl"),
        ("ict@gemeente.example.org", "de"),
    ]
    assert [row.failure for row in await rows(file_engine) if row.sent_at is None] == ["refused"]


async def test_an_alert_without_known_recipients_waits_until_policy_names_them(
    engine: AsyncEngine, clock: Clock
) -> None:
    box = Box()
    nobody = make_room(engine, clock, box, recipients=())
    await nobody.leaks.tell(alert())
    await nobody.dispatcher.once()
    assert [(row.recipient, row.failure) for row in await rows(engine)] == [("", "no_recipient")]
    clock.forward(3600)
    named = make_room(engine, clock, box, recipients=(DPO, ("ict@gemeente.example.org", "fr")))
    for _ in range(3):
        await named.dispatcher.once()
    assert sorted(parcel.recipient for parcel in box.parcels) == [
        "dpo@gemeente.example.org",
        "ict@gemeente.example.org",
    ]
    assert len({parcel.alert_id for parcel in box.parcels}) == 1


async def test_mail_and_webhook_each_get_the_alert_and_one_that_is_down_does_not_hold_up_the_other(
    file_engine: AsyncEngine, clock: Clock
) -> None:
    mail, hook = Box(down=True), Box(name="webhook", addressed=False)
    room = make_room(file_engine, clock, mail, hook)
    await room.leaks.tell(alert())
    await room.dispatcher.once()
    assert (len(mail.parcels), len(hook.parcels)) == (0, 1)
    mail.down = False
    clock.forward(60)
    await room.dispatcher.once()
    assert (len(mail.parcels), len(hook.parcels)) == (1, 1)


async def test_what_was_told_once_is_not_told_again(engine: AsyncEngine, clock: Clock) -> None:
    room = make_room(engine, clock, Box())
    done = await asyncio.gather(*(room.leaks.tell(alert(), once="policy:7") for _ in range(5)))
    assert sorted(done) == [False] * 4 + [True]
    assert len(await rows(engine)) == 1


async def test_run_sends_soon_after_it_is_woken_and_survives_a_store_that_is_away(
    file_engine: AsyncEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box()
    room = make_room(file_engine, clock, box)
    dispatcher = Dispatcher(room.outbox, worker="w", interval=60)
    real = room.outbox.lease
    away: list[Exception] = [KeyError("85.07.30-000.61"), Unavailable("leaks_unavailable")]

    async def lease(worker: str, limit: int) -> Any:
        if away:
            raise away.pop()
        return await real(worker, limit)

    monkeypatch.setattr(room.outbox, "lease", lease)
    task = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(20):  # far below the interval: only the wake-up can have sent it
        for number in range(9):
            await room.leaks.tell(alert(number))
        while len(box.parcels) < 9:
            await asyncio.sleep(0.01)
            room.outbox.wake.set()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_delivered_rows_are_purged_and_those_given_up_stay(file_engine: AsyncEngine, clock: Clock) -> None:
    room = make_room(file_engine, clock, Box())
    await room.leaks.tell(alert(0))
    await room.dispatcher.once()
    await room.leaks.tell(alert(1))
    async with transaction(file_engine) as connection:
        lost = update(outbox).where(outbox.c.sent_at.is_(None)).values(failed_at=1.0, next_attempt_at=None)
        await connection.execute(lost)
    assert await room.outbox.purge(clock() + 1) == 1
    async with file_engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(outbox))).scalar_one() == 1


async def test_a_channel_that_settings_no_longer_name_keeps_its_rows(file_engine: AsyncEngine, clock: Clock) -> None:
    room = make_room(file_engine, clock, Box())
    await room.leaks.tell(alert())
    without: LeaksRoom = make_room(file_engine, clock)
    assert await without.dispatcher.once() == 0
    await without.leaks.tell(alert())  # no channel: nothing is queued, nothing fails
    assert len(await rows(file_engine)) == 1


async def test_a_wrong_certificate_never_gets_the_mail_however_often_it_is_tried(
    file_engine: AsyncEngine, clock: Clock, certificates: Certificates
) -> None:
    box = Mailbox()
    async with mail_server(box, starttls=certificates.server(ca=trustme.CA())) as port:
        room = make_room(file_engine, clock, smtp(port, certificates.ca_file()))
        await room.leaks.tell(alert())
        for _ in range(8):
            await room.dispatcher.once()
            clock.forward(900)
    [row] = await rows(file_engine)
    assert (row.failure, row.attempts, box.mails) == ("tls", 8, [])
