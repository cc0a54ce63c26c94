"""Settings come from the environment (prefix `SLUIS_`) and secrets from files; read once at start, never at import."""

import contextlib
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url


class Settings(BaseSettings):
    """Every field is one environment variable (`SLUIS_PORT`); `docs/configuration.md` names each, a test compares."""

    model_config = SettingsConfigDict(env_prefix="SLUIS_", extra="ignore", frozen=True)

    data_dir: Path = Field(Path("data"), description="folder for the database, secrets and sockets")
    allowlist: Path = Field(
        Path("allowlist.yaml"), description="the tool list; the shipped one when the file is absent"
    )
    database_url: str = Field("", description="empty: SQLite in data_dir; or postgresql+asyncpg://…")
    database_password_file: Path | None = Field(
        None, description="PostgreSQL password, so that it stands neither in the URL nor in the environment"
    )

    host: str = Field("127.0.0.1", description="address the gateway listens on")
    port: int = Field(8080, ge=0, le=65535)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(9464, ge=0, le=65535, description="Prometheus listener, apart from the gateway's own")
    workers: int = Field(1, ge=1, description="gateway processes; more than one needs PostgreSQL")
    scanners: int = Field(1, ge=1, description="scanning processes, shared by all workers")
    public_url: str = Field("", description="how staff reach the gateway; names the source of webhooks")

    max_body_bytes: int = Field(8_000_000, ge=1024)
    max_concurrent: int = Field(512, ge=1, description="exchanges under way at once in one worker; above that 503")
    scan_timeout: float = Field(30.0, gt=0, description="seconds; a scan that takes longer refuses the request")
    connect_timeout: float = Field(5.0, gt=0)
    read_timeout: float = Field(120.0, gt=0, description="seconds without a byte from the upstream")
    client_timeout: float = Field(
        120.0, gt=0, description="seconds that a client may take no byte of its answer; then its connection is closed"
    )
    total_timeout: float = Field(900.0, gt=0)
    drain_timeout: float = Field(30.0, gt=0, description="seconds that open exchanges get when the gateway stops")
    trusted_proxies: str = Field("", description="comma-separated networks whose X-Forwarded-For is believed")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    smtp_host: str = ""
    smtp_port: int = 587
    smtp_tls: Literal["starttls", "tls", "none"] = Field("starttls", description="none is accepted for loopback only")
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    smtp_ca_file: Path | None = Field(None, description="own certificate authority of the mail server")
    mail_from: str = ""
    webhook_url: str = ""
    webhook_secret_file: Path | None = Field(None, description="Standard Webhooks secret (whsec_…)")
    webhook_ca_file: Path | None = None
    alert_retry_days: int = Field(7, ge=3, le=30, description="days that an undelivered alert is tried again")
    near_miss_digest_hours: int = Field(
        1,
        ge=1,
        le=24,
        description="hours between two digests of near misses; the first per unit and hour comes at once",
    )
    timezone: str = Field("Europe/Brussels", description="time zone of the times in mails and of incident numbers")

    @cached_property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        if not self.database_url:
            return f"sqlite+aiosqlite:///{(self.data_dir / 'sluis.db').resolve()}"
        if self.database_password_file is None:
            return self.database_url
        password = read_secret(self.database_password_file).get_secret_value()
        return make_url(self.database_url).set(password=password).render_as_string(hide_password=False)

    @property
    def is_sqlite(self) -> bool:
        return not self.database_url or self.database_url.startswith("sqlite")

    @property
    def secrets_dir(self) -> Path:
        """Folder (mode 0700) of keys that never enter the database: actor keys by month, the placeholder key."""
        return self.data_dir / "secrets"

    @property
    def run_dir(self) -> Path:
        """Folder (mode 0700) of sockets and of the metrics files of the running processes."""
        return self.data_dir / "run"

    @property
    def scanner_sockets(self) -> list[Path]:
        """Where the scanning processes listen, one Unix socket each (mode 0600)."""
        return [self.run_dir / f"scanner-{number}.sock" for number in range(self.scanners)]


def read_secret(path: Path) -> SecretStr:
    """Read a secret file; trailing newline removed. Raises OSError naming the path, ValueError when empty."""
    value = path.read_text(encoding="utf-8").strip()
    if not value:
        raise ValueError(f"secret file {path} is empty")
    return SecretStr(value)


_KEY_BYTES = 32


def read_secret_key(path: Path) -> bytes:
    """A key that `secret_key` made. Raises FileNotFoundError, ValueError naming the file."""
    key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path.name} does not hold a key")
    return key


def secret_key(path: Path) -> bytes:
    """32 random bytes of our own in `path` (0600); made when missing, by whichever of several workers is first.

    A link puts the finished file in place, so nobody reads half a key, and none is ever replaced.
    """
    with contextlib.suppress(FileNotFoundError):
        return read_secret_key(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(_KEY_BYTES).encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the key must survive what it signs
    finally:
        os.close(folder)
    return read_secret_key(path)
