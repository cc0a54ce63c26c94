"""One call to `/admin/v1`, and what is said when it fails.

Exit codes: 0 done · 1 refused (what was asked is not right, see the message) · 2 wrong usage · 3 no key, or a key that
may not do this · 4 the gateway is away or cannot act now.
"""

import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import httpx
import typer
from rich.markup import escape

from gateway.cli.output import errors

REFUSED: Final = 1
NO_ACCESS: Final = 3
AWAY: Final = 4

DEFAULT_URL: Final = "http://127.0.0.1:8080"
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)  # an import of thousands of keys takes seconds


def call(
    method: str,
    path: str,
    *,
    json: object | None = None,
    params: dict[str, str | int] | None = None,
    csv: bytes | None = None,
) -> Any:
    """The JSON answer of `/admin/v1{path}`. Ends the command with a message and an exit code when there is none."""
    return _request(method, f"/admin/v1{path}", json=json, params=params, csv=csv)


def _request(
    method: str,
    path: str,
    *,
    json: object | None = None,
    params: dict[str, str | int] | None = None,
    csv: bytes | None = None,
) -> Any:
    url = _gateway_url()
    headers = {"Authorization": f"Bearer {_admin_key()}"}
    if csv is not None:
        headers["Content-Type"] = "text/csv"
    try:
        # trust_env=False: a proxy of the environment must not see the key.
        with httpx.Client(timeout=_TIMEOUT, trust_env=False, verify=_trust(url)) as client:
            response = client.request(method, f"{url}{path}", json=json, params=params, content=csv, headers=headers)
    except httpx.TransportError as error:
        fail(AWAY, f"The gateway at {url} does not answer ({type(error).__name__}). Is it running? Is SLUIS_URL right?")
    return _answer(response, url)


def call_path(method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """The same for a full path such as `/leaks/v1/reports`."""
    return _request(method, path, json=body)


def pages(path: str, items: str, cursor: str, params: dict[str, str | int] | None = None) -> Iterator[dict[str, Any]]:
    """Every item of a paged list."""
    asked = dict(params or {})
    while True:
        page = call("GET", path, params=asked)
        yield from page[items]
        if page["next"] is None:
            return
        asked[cursor] = page["next"]


def fail(code: int, message: str) -> NoReturn:
    """Say what went wrong on stderr and end with the exit code."""
    errors.print(f"[red]Error:[/red] {escape(message)}", soft_wrap=True)
    raise typer.Exit(code)


def _gateway_url() -> str:
    url = os.environ.get("SLUIS_URL", "").strip().rstrip("/") or DEFAULT_URL
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in url
        good = good and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        fail(AWAY, "SLUIS_URL is not an address such as https://sluis.example.org or http://127.0.0.1:8080.")
    return url


def _admin_key() -> str:
    key = os.environ.get("SLUIS_ADMIN_KEY", "").strip()
    file = os.environ.get("SLUIS_ADMIN_KEY_FILE", "").strip()
    if not key and file:
        try:
            key = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            fail(NO_ACCESS, "The file that SLUIS_ADMIN_KEY_FILE names cannot be read.")
    if not key:
        fail(NO_ACCESS, "Set SLUIS_ADMIN_KEY (or SLUIS_ADMIN_KEY_FILE) to your personal key with the role ict or dpo.")
    if not key.isascii() or not key.isprintable():
        fail(NO_ACCESS, "SLUIS_ADMIN_KEY is not a key: copy all of it, sluis_…, and nothing else.")
    return key


def _trust(url: str) -> ssl.SSLContext | bool:
    """The system's own certificate store, where an administration keeps its own authority."""
    if url.startswith("https://"):
        return ssl.create_default_context()
    host = urlsplit(url).hostname or ""
    if host not in _LOOPBACK:
        errors.print(f"[yellow]Warning:[/yellow] your key travels unencrypted to {escape(host)}; use https.")
    return False


def _answer(response: httpx.Response, url: str) -> Any:
    try:
        body = response.json()
    except ValueError:
        fail(AWAY, f"What answers at {url} is not the gateway (HTTP {response.status_code}).")
    if response.is_success:
        return body
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        fail(AWAY, f"What answers at {url} is not the gateway (HTTP {response.status_code}).")
    for problem in error.get("problems", ()):
        place = f"line {problem['line']}, " if problem.get("line") else ""
        errors.print(f"  {escape(place + problem['field'])}: {escape(problem['message'])}", soft_wrap=True)
    named = f" [{error['param']}]" if error.get("param") and not error.get("problems") else ""
    fail(_exit_code(response.status_code), f"{error.get('message', '')}{named}")


def _exit_code(status: int) -> int:
    if status in (401, 403):
        return NO_ACCESS
    return AWAY if status >= 500 else REFUSED  # noqa: PLR2004
