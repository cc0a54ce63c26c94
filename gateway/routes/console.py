"""Pages for staff: open to anyone who reaches the gateway, since they say nothing of a person."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import HTMLResponse, JSONResponse

from gateway.console.notice import LANGUAGES, build, page
from gateway.policy.compiled import Policy

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def choose_language(wanted: str | None, accepted: str | None, default: str) -> str:
    """`?lang=` first, then the browser's languages in their order, then the organisation's."""
    if wanted in LANGUAGES:
        return wanted
    for entry in (accepted or "").split(","):
        code = entry.partition(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return default if default in LANGUAGES else "en"


def console_router(policy: Callable[[], Policy], suspended: Callable[[], frozenset[str]]) -> APIRouter:
    """`/notice` and `/notice.json`."""
    router = APIRouter()

    @router.get("/notice", response_class=HTMLResponse)
    async def notice_page(
        lang: Annotated[str | None, Query(max_length=5)] = None,
        accept_language: Annotated[str | None, Header(max_length=200)] = None,
    ) -> HTMLResponse:
        language = choose_language(lang, accept_language, policy().organisation.default_language)
        notice = build(policy(), suspended=suspended(), language=language, today=datetime.now(UTC).date())
        return HTMLResponse(page(notice), headers={**_HEADERS, "Content-Language": language})

    @router.get("/notice.json")
    async def notice_json(
        lang: Annotated[str | None, Query(max_length=5)] = None,
        accept_language: Annotated[str | None, Header(max_length=200)] = None,
    ) -> JSONResponse:
        language = choose_language(lang, accept_language, policy().organisation.default_language)
        notice = build(policy(), suspended=suspended(), language=language, today=datetime.now(UTC).date())
        return JSONResponse(notice.as_json(), headers=_HEADERS)

    return router
