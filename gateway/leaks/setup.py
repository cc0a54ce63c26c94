"""Joins the parts of this room from settings; the app calls `open_leaks` once a worker."""

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import uuid_utils
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.leaks.channels import AlertChannel
from gateway.leaks.dispatcher import Dispatcher
from gateway.leaks.jobs import Jobs, Reviews
from gateway.leaks.leaks import Leaks, Mask
from gateway.leaks.outbox import Outbox, Recipients
from gateway.leaks.smtp import SmtpChannel, SmtpOptions
from gateway.leaks.webhook import WebhookChannel, WebhookOptions
from gateway.logs import Log
from gateway.settings import Settings, read_secret

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class LeaksRoom:
    """What the app holds: call `leaks`, run `dispatcher.run()` and `jobs.run()` as tasks, `close()` at the end."""

    leaks: Leaks
    outbox: Outbox
    dispatcher: Dispatcher
    jobs: Jobs
    channels: tuple[AlertChannel, ...]

    async def close(self) -> None:
        """Close the channels' connections."""
        for channel in self.channels:
            await channel.close()


def open_channels(settings: Settings) -> tuple[AlertChannel, ...]:
    """The channels that settings name. Raises ValueError for unsafe or incomplete ones, OSError for a missing file."""
    channels: list[AlertChannel] = []
    if settings.smtp_host:
        options = SmtpOptions(
            host=settings.smtp_host,
            port=settings.smtp_port,
            tls=settings.smtp_tls,
            sender=settings.mail_from,
            user=settings.smtp_user,
            password=read_secret(settings.smtp_password_file) if settings.smtp_password_file else None,
            ca_file=settings.smtp_ca_file,
            zone=zone(settings.timezone),
        )
        channels.append(SmtpChannel(options))
    if settings.webhook_url:
        if settings.webhook_secret_file is None:
            raise ValueError("webhook_url needs webhook_secret_file: an unsigned alert could be anybody's")
        source = settings.public_url or "urn:sluis"
        secret = read_secret(settings.webhook_secret_file)
        channels.append(WebhookChannel(WebhookOptions(settings.webhook_url, secret, source, settings.webhook_ca_file)))
    if not channels:
        log.warning("alerts_not_configured")  # incidents stand in the list, but nobody is told
    return tuple(channels)


def open_leaks(
    engine: AsyncEngine,
    settings: Settings,
    *,
    mask: Mask,
    recipients: Recipients,
    reviews: Reviews = lambda: (),
    clock: Callable[[], float] = time.time,
    new_id: Callable[[], str] = lambda: str(uuid_utils.uuid7()),
    channels: Sequence[AlertChannel] | None = None,
) -> LeaksRoom:
    """Build the room. Raises ValueError or OSError when settings cannot work (at start, not at the first alert)."""
    ways = open_channels(settings) if channels is None else tuple(channels)
    local = zone(settings.timezone)
    worker = f"{socket.gethostname()[:40]}:{os.getpid()}"
    outbox = Outbox(
        engine,
        channels=ways,
        recipients=recipients,
        clock=clock,
        new_id=new_id,
        retry_days=settings.alert_retry_days,
    )
    leaks = Leaks(outbox, mask=mask, new_id=new_id, zone=local)
    jobs = Jobs(leaks, reviews=reviews, worker=worker, zone=local, digest_hours=settings.near_miss_digest_hours)
    return LeaksRoom(leaks, outbox, Dispatcher(outbox, worker=worker), jobs, ways)


def zone(name: str) -> tzinfo:
    """The time zone by name. Raises ValueError when this machine does not know it."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"time zone {name} is not known on this machine (is tzdata installed?)") from None
