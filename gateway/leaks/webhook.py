"""Alerts by webhook: a CloudEvents 1.0 body in JSON, signed after Standard Webhooks. No redirects, TLS checked."""

import base64
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import SecretStr
from standardwebhooks import Webhook

from gateway.leaks.channels import NotSentError, Parcel, is_loopback
from gateway.leaks.smtp import tls_context

TIMEOUT: Final = httpx.Timeout(15.0, connect=5.0)
MIN_SECRET: Final = 24  # bytes
CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """Where alerts go. `secret` is a Standard Webhooks secret (`whsec_…`); `source` names this gateway."""

    url: str
    secret: SecretStr
    source: str = "urn:sluis"
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for an address that would send in plain over a network."""
        parts = httpx.URL(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.host)):
            raise ValueError("webhook_url must begin with https://; http:// is accepted for this machine only")
        if parts.userinfo:
            raise ValueError("webhook_url may not carry a password")


class WebhookChannel:
    """One POST an alert; 2xx means accepted, anything else is tried again later."""

    name = "webhook"
    addressed = False

    def __init__(self, options: WebhookOptions, *, clock: Callable[[], float] = time.time) -> None:
        self._options = options
        self._clock = clock
        self._signer = _signer(options.secret)
        self._client = httpx.AsyncClient(
            verify=tls_context(options.ca_file),
            timeout=TIMEOUT,
            follow_redirects=False,
            trust_env=False,  # a proxy of the environment is not a configured host
            headers={"User-Agent": "sluis"},
        )

    async def send(self, parcel: Parcel) -> None:
        """Deliver. Raises NotSentError: tls, unreachable, timeout, redirect, status, protocol."""
        body = json.dumps(cloud_event(parcel, self._options.source), ensure_ascii=False, separators=(",", ":"))
        now = datetime.fromtimestamp(int(self._clock()), UTC)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "webhook-id": parcel.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(parcel.id, now, body),
        }
        try:
            async with self._client.stream("POST", self._options.url, content=body, headers=headers) as response:
                status = response.status_code  # the body is nobody's business, and may be endless
        except httpx.TimeoutException:
            raise NotSentError("timeout") from None
        except httpx.ConnectError as error:
            raise NotSentError("tls" if _is_tls(error) else "unreachable") from None
        except httpx.HTTPError:
            raise NotSentError("protocol") from None
        if response.is_redirect:
            raise NotSentError("redirect")
        if not httpx.codes.is_success(status):
            raise NotSentError("status")

    async def close(self) -> None:
        """Close pooled connections."""
        await self._client.aclose()


def cloud_event(parcel: Parcel, source: str) -> dict[str, Any]:
    """The alert as a structured CloudEvents 1.0 event; `data` holds the closed fields, times as POSIX seconds."""
    alert = parcel.alert
    event = {
        "specversion": "1.0",
        "id": parcel.id,
        "source": source,
        "type": f"sluis.{alert.kind}",
        "time": datetime.fromtimestamp(parcel.created_at, UTC).isoformat(timespec="milliseconds"),
        "datacontenttype": "application/json",
        "data": alert.to_json() | {"contains_values": False},
    }
    subject = alert.incident or alert.tool or alert.unit
    return event | {"subject": subject} if subject else event


def _signer(secret: SecretStr) -> Webhook:
    """Raises ValueError for a secret that is none, or is shorter than the 24 bytes that Standard Webhooks asks for."""
    text = secret.get_secret_value().removeprefix("whsec_")
    try:
        key = base64.b64decode(text + "==", validate=True)
    except ValueError:
        key = b""
    if len(key) < MIN_SECRET:
        raise ValueError(f"the webhook secret must be whsec_ and at least {MIN_SECRET} bytes in base64")
    return Webhook(key)


def _is_tls(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
