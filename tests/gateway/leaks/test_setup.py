"""From settings to parts: what cannot work is refused at start."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.leaks.alerts import Alert, Kind
from gateway.leaks.setup import open_channels, open_leaks, zone
from gateway.settings import Settings
from tests.gateway.leaks.conftest import DPO, START, Certificates, Clock, Mailbox, mail_server, mask

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "secret").write_text(SECRET + "\n", encoding="utf-8")
    (tmp_path / "password").write_text("geheim\n", encoding="utf-8")
    return {"secret": tmp_path / "secret", "password": tmp_path / "password", "missing": tmp_path / "missing"}


async def test_settings_name_the_channels(files: dict[str, Path]) -> None:
    assert open_channels(Settings()) == ()
    both = open_channels(
        Settings(
            smtp_host="mail.example.org",
            smtp_user="sluis",
            smtp_password_file=files["password"],
            mail_from="sluis@example.org",
            webhook_url="https://hooks.example.org/x",
            webhook_secret_file=files["secret"],
        )
    )
    assert [channel.name for channel in both] == ["smtp", "webhook"]
    for channel in both:
        await channel.close()


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"smtp_host": "mail.example.org", "smtp_tls": "none", "mail_from": "a@example.org"}, ValueError),
        ({"smtp_host": "mail.example.org"}, ValueError),
        ({"smtp_host": "m.example.org", "mail_from": "a@example.org", "smtp_password_file": "missing"}, OSError),
        ({"smtp_host": "m.example.org", "mail_from": "a@example.org", "smtp_ca_file": "missing"}, OSError),
        ({"webhook_url": "https://hooks.example.org"}, ValueError),
        ({"webhook_url": "http://hooks.example.org", "webhook_secret_file": "secret"}, ValueError),
        ({"webhook_url": "https://hooks.example.org", "webhook_secret_file": "missing"}, OSError),
        ({"smtp_host": "localhost", "mail_from": "a@example.org", "timezone": "Mars/Olympus"}, ValueError),
        ({"smtp_host": "localhost", "mail_from": "a@example.org", "timezone": "../etc/passwd"}, ValueError),
    ],
)
def test_what_is_unsafe_or_missing_is_refused_at_start(
    files: dict[str, Path], values: dict[str, Any], error: type[Exception]
) -> None:
    found = {key: files.get(value, value) if key.endswith("_file") else value for key, value in values.items()}
    with pytest.raises(error):
        open_channels(Settings(**found))


@pytest.mark.parametrize(("days", "hours"), [(2, 1), (31, 1), (7, 0), (7, 25)])
def test_settings_keep_alerts_for_three_days_and_digests_within_one(days: int, hours: int) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Settings(alert_retry_days=days, near_miss_digest_hours=hours)


def test_the_usual_zone_is_known() -> None:
    assert str(zone("Europe/Brussels")) == "Europe/Brussels"


async def test_a_room_from_settings_mails(file_engine: AsyncEngine, clock: Clock, certificates: Certificates) -> None:
    box = Mailbox()
    async with mail_server(box, starttls=certificates.server()) as port:
        settings = Settings(
            smtp_host="127.0.0.1",
            smtp_port=port,
            mail_from="sluis@gemeente.example.org",
            smtp_ca_file=certificates.ca_file(),
        )
        room = open_leaks(file_engine, settings, mask=mask, recipients=lambda _kind: [DPO], clock=clock)
        await room.leaks.tell(Alert(kind=Kind.TOOL_SUSPENDED, at=START, tool="mistral", by_role="ict"))
        await room.dispatcher.once()
        await room.close()
    assert "2026-11-18 12:50 CET" in box.mails[0].get_content()
