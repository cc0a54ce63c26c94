"""Mail: real servers with TLS. What cannot be sent safely is not sent at all."""

import asyncio
import re
import ssl
from contextlib import AbstractAsyncContextManager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

from gateway.errors import LANGUAGES
from gateway.leaks.alerts import Alert, Kind
from gateway.leaks.channels import NotSentError, Parcel
from gateway.leaks.smtp import SmtpChannel, SmtpOptions, compose
from tests.gateway.leaks.conftest import START, Certificates, Mailbox, free_port, mail_server

SENDER = "sluis@gemeente.example.org"
ID = "01999999-0000-7000-8000-000000000001"


def parcel(**more: Any) -> Parcel:
    alert = Alert(
        kind=Kind.INCIDENT_OPENED,
        at=START,
        incident="INC-2026-0001",
        deadline_72h=START + 259200,
        tool="mistral",
        unit="Burgerzaken",
    )
    values: dict[str, Any] = {"recipient": "dpo@gemeente.example.org", "language": "nl", "created_at": START}
    return Parcel(id=ID, alert_id=ID, alert=alert, **(values | more))


def either(box: Mailbox, mode: str, context: ssl.SSLContext) -> AbstractAsyncContextManager[int]:
    return mail_server(box, starttls=context) if mode == "starttls" else mail_server(box, tls=context)


def channel(port: int, ca_file: Path | None, **more: Any) -> SmtpChannel:
    values: dict[str, Any] = {"host": "127.0.0.1", "tls": "starttls", "sender": SENDER}
    return SmtpChannel(SmtpOptions(port=port, ca_file=ca_file, **(values | more)))


async def failure(way: SmtpChannel) -> str:
    with pytest.raises(NotSentError) as caught:
        await way.send(parcel())
    return caught.value.failure


@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_a_mail_arrives_over_tls_with_the_headers_of_a_machine(certificates: Certificates, mode: str) -> None:
    box = Mailbox()
    async with either(box, mode, certificates.server()) as port:
        await channel(port, certificates.ca_file(), tls=mode).send(parcel())
    [mail] = box.mails
    assert box.tls == [True]
    assert box.recipients == [["dpo@gemeente.example.org"]]
    assert mail["Message-ID"] == f"<{ID}@gemeente.example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(mail["Date"]).timestamp() == START
    assert mail.get_content_type() == "text/plain"
    assert mail["Subject"] == "[Sluis] Mogelijk datalek, de termijn van 72 uur loopt (INC-2026-0001)"
    body = mail.get_content()
    for fact in ("INC-2026-0001", "mistral", "Burgerzaken", "2026-11-21 11:50 UTC", "bevat geen waarden"):
        assert fact in body
    assert all(byte < 128 for byte in box.raw[0])  # any mail server can carry it


async def test_a_certificate_of_another_authority_stops_the_mail(certificates: Certificates) -> None:
    box = Mailbox()
    for mode in ("starttls", "tls"):
        async with either(box, mode, certificates.server(ca=trustme.CA())) as port:
            assert await failure(channel(port, certificates.ca_file(), tls=mode)) == "tls"
    assert box.mails == []


async def test_a_certificate_for_another_name_stops_the_mail(certificates: Certificates) -> None:
    box = Mailbox()
    for mode in ("starttls", "tls"):
        async with either(box, mode, certificates.server("mail.elsewhere.example.org")) as port:
            assert await failure(channel(port, certificates.ca_file(), tls=mode)) == "tls"
    assert box.mails == []


LOGIN: dict[str, Any] = {"user": "sluis", "password": SecretStr("geheim")}


@pytest.mark.parametrize("login", [{}, LOGIN], ids=["no login", "login"])
async def test_a_server_without_starttls_gets_nothing_not_even_the_password(
    certificates: Certificates, login: dict[str, Any]
) -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        way = channel(port, certificates.ca_file(), **login)
        assert await failure(way) == "no_starttls"
    assert box.mails == []


@pytest.mark.parametrize("login", [{}, LOGIN], ids=["no login", "login"])
async def test_someone_who_strips_starttls_from_the_wire_sees_no_mail_and_no_password(
    certificates: Certificates, login: dict[str, Any]
) -> None:
    box, seen, stripped = Mailbox(), bytearray(), list[int]()

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", upstream)

        async def back() -> None:
            while data := await up_reader.read(4096):
                clean, number = re.subn(rb"(250[- ])STARTTLS\r\n", rb"\1X-NOTHING\r\n", data)
                stripped.append(number)
                writer.write(clean)

        task = asyncio.create_task(back())
        while data := await reader.read(4096):
            seen.extend(data)
            up_writer.write(data)
        up_writer.close()
        await task
        writer.close()

    async with mail_server(box, starttls=certificates.server(), require=False) as upstream:
        proxy = await asyncio.start_server(between, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        assert await failure(channel(port, certificates.ca_file(), **login)) == "no_starttls"
        proxy.close()
        await asyncio.sleep(0.05)
    assert box.mails == []
    assert sum(stripped) == 1
    assert bytes(seen).upper().startswith(b"EHLO")
    for secret in (b"INC-2026", b"AUTH", b"MAIL FROM", b"dpo@"):
        assert secret not in bytes(seen)


async def test_the_password_is_used_and_a_wrong_one_is_a_failure(certificates: Certificates) -> None:
    box = Mailbox()
    async with mail_server(box, starttls=certificates.server(), login=("sluis", "geheim")) as port:
        ca = certificates.ca_file()
        await channel(port, ca, user="sluis", password=SecretStr("geheim")).send(parcel())
        assert await failure(channel(port, ca, user="sluis", password=SecretStr("fout"))) == "login"
    assert len(box.mails) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("550 no such mailbox for 85.07.30-000.61", "server"), ("451 try again", "server")],
)
async def test_the_words_of_the_server_are_dropped(certificates: Certificates, answer: str, expected: str) -> None:
    class Refusing(Mailbox):
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            return answer

    async with mail_server(Refusing(), starttls=certificates.server()) as port:
        with pytest.raises(NotSentError) as caught:
            await channel(port, certificates.ca_file()).send(parcel())
    assert caught.value.failure == expected
    assert "000.61" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_refused_recipient_is_a_failure_of_its_own(certificates: Certificates) -> None:
    class Refusing(Mailbox):
        async def handle_RCPT(  # noqa: N802
            self, server: Any, session: Any, envelope: Any, address: str, options: Any
        ) -> str:
            return "550 unknown"

    async with mail_server(Refusing(), starttls=certificates.server()) as port:
        assert await failure(channel(port, certificates.ca_file())) == "refused"


async def test_a_server_that_is_away_is_a_failure() -> None:
    assert await failure(channel(free_port(), None)) == "unreachable"


async def test_a_mail_that_was_accepted_is_sent_even_when_the_goodbye_fails(certificates: Certificates) -> None:
    class Abrupt(Mailbox):
        async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            server.transport.abort()
            return "221 bye"

    box = Abrupt()
    async with mail_server(box, starttls=certificates.server()) as port:
        await channel(port, certificates.ca_file()).send(parcel())
    assert len(box.mails) == 1


@pytest.mark.parametrize(
    "address", ["dpo@x.example.org\r\nBcc: evil@x.example.org", "dpo\n", "", "zonder-apenstaartje"]
)
async def test_an_address_that_is_none_is_a_failure_and_never_a_header(
    certificates: Certificates, address: str
) -> None:
    box = Mailbox()
    async with mail_server(box, starttls=certificates.server()) as port:
        way = channel(port, certificates.ca_file())
        with pytest.raises(NotSentError) as caught:
            await way.send(parcel(recipient=address))
    assert caught.value.failure == "address"
    assert box.mails == []


@pytest.mark.parametrize("host", ["mail.example.org", "10.0.0.1", "127.0.0.1.example.org", "localhost.example.org", ""])
def test_plain_mail_is_refused_at_start_for_any_other_machine(host: str) -> None:
    with pytest.raises(ValueError, match="this machine only"):
        SmtpOptions(host=host, port=25, tls="none", sender=SENDER)


async def test_plain_mail_is_accepted_on_this_machine() -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        await channel(port, None, tls="none").send(parcel())
    assert box.tls == [False]


def test_a_sender_that_is_no_address_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="mail_from"):
        SmtpOptions(host="localhost", port=25, tls="none", sender="sluis")


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_fit_any_mail_server_in_every_language(language: str) -> None:
    from datetime import UTC

    raw = compose(parcel(language=language), sender=SENDER, zone=UTC).as_bytes()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert re.search(rb"Content-Language: " + language.encode(), raw)
