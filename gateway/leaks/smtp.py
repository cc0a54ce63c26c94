"""Alerts by mail: certificates checked, no downgrade, one recipient a mail, the same Message-ID on every attempt."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from pathlib import Path
from typing import Final, Literal

import aiosmtplib
from pydantic import SecretStr

from gateway.leaks.channels import NotSentError, Parcel, is_loopback
from gateway.leaks.texts import render

TIMEOUT: Final = 20.0  # seconds for one command
TOTAL: Final = 60.0  # seconds for one mail


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """How to reach the mail server. `tls`: `starttls` and `tls` check the certificate; `none` is for loopback only."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    sender: str
    user: str = ""
    password: SecretStr | None = None
    ca_file: Path | None = None
    zone: tzinfo = UTC

    def __post_init__(self) -> None:
        """Raise ValueError for options that would send in plain over a network, or cannot work."""
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError("smtp_tls=none is accepted for a mail server on this machine only")
        if "@" not in self.sender:
            raise ValueError("mail_from must be an e-mail address")


class SmtpChannel:
    """Sends one mail a connection: alerts are few, and a fresh connection has no stale state."""

    name = "smtp"
    addressed = True

    def __init__(self, options: SmtpOptions) -> None:
        self._options = options
        self._context = None if options.tls == "none" else tls_context(options.ca_file)

    async def send(self, parcel: Parcel) -> None:
        """Deliver. Raises NotSentError: tls, login, refused, unreachable, timeout, address, server."""
        options = self._options
        try:
            message = compose(parcel, sender=options.sender, zone=options.zone)
        except (ValueError, MessageError, UnicodeError):
            raise NotSentError("address") from None
        client = aiosmtplib.SMTP(
            hostname=options.host,
            port=options.port,
            local_hostname=_domain(options.sender),  # else getfqdn() may ask a name server
            timeout=TIMEOUT,
            use_tls=options.tls == "tls",
            start_tls=options.tls == "starttls",  # True: fails when the server does not offer it; never None
            tls_context=self._context,
            username=options.user or None,
            password=options.password.get_secret_value() if options.password else None,
        )
        try:
            async with asyncio.timeout(TOTAL):
                await _deliver(client, message, parcel.recipient, options.sender)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise NotSentError(_failure(error)) from None
        finally:
            client.close()

    async def close(self) -> None:
        """Nothing stays open between mails."""


async def _deliver(client: aiosmtplib.SMTP, message: EmailMessage, recipient: str, sender: str) -> None:
    """Connect (TLS and login included), hand over, leave. What goes wrong after acceptance is no failure."""
    await client.connect()
    await client.send_message(message, sender=sender, recipients=[recipient])
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.quit()


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates and host names are checked; with `ca_file` that authority alone counts. Raises OSError."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def compose(parcel: Parcel, *, sender: str, zone: tzinfo) -> EmailMessage:
    """The mail as plain text. Raises ValueError or MessageError when an address cannot stand in a header."""
    if "@" not in parcel.recipient:
        raise ValueError("not an address")
    subject, body = render(parcel.alert, parcel.language, zone)
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = sender
    message["To"] = parcel.recipient
    message["Subject"] = f"[Sluis] {subject}"
    message["Date"] = format_datetime(datetime.fromtimestamp(parcel.created_at, UTC))
    message["Message-ID"] = f"<{parcel.id}@{_domain(sender)}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office reply to a machine
    message.set_content(body, subtype="plain", charset="utf-8", cte="quoted-printable")
    message["Content-Language"] = parcel.language
    return message


def _domain(sender: str) -> str:
    return sender.rsplit("@", 1)[-1].strip("<> ") or "localhost"


_CLASSES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiosmtplib.SMTPAuthenticationError, "login"),
    (aiosmtplib.SMTPRecipientsRefused, "refused"),
    (aiosmtplib.SMTPSenderRefused, "refused"),
    (TimeoutError, "timeout"),
    (ValueError, "address"),
    (aiosmtplib.SMTPResponseException, "server"),
    (OSError, "unreachable"),
)


def _failure(error: Exception) -> str:
    """The class of a failure. The server's own words are dropped: they may quote what was sent."""
    seen: BaseException | None = error
    while seen is not None:  # aiosmtplib wraps the cause of a failed connection
        if isinstance(seen, ssl.SSLError):
            return "tls"
        seen = seen.__cause__ or seen.__context__
    fallback = "no_starttls" if "STARTTLS" in str(error) else "server"
    return next((name for kind, name in _CLASSES if isinstance(error, kind)), fallback)
