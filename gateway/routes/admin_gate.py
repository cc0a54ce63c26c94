"""What every router of `/admin/v1` shares: who calls, with which role, and errors as JSON in the caller's language.

A router of administration is made by `Gate.router()`; each of its routes names the roles it is for with
`Depends(gate.require(...))`. The caller is identified before a byte of the body is read.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Message, Receive

from filters.findings import ScanError
from gateway.database import ChangeWatcher
from gateway.errors import INTERNAL_ERROR, BadRequest, GatewayError, TooLarge, Unavailable, sentence
from gateway.exchange import Principal, Role
from gateway.identity.authenticator import Authenticator
from gateway.identity.checks import InvalidFields
from gateway.identity.language import reader_language
from gateway.identity.roles import check_role
from gateway.logs import Log

PREFIX: Final = "/admin/v1"
MAX_BODY: Final = 1_000_000

log = Log(__name__)

Handler = Callable[[Request], Awaitable[Response]]


class AdminModel(BaseModel):
    """A body as it comes in or goes out: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets in who may administer."""

    authenticator: Authenticator
    watcher: ChangeWatcher
    max_body: int = MAX_BODY

    def router(self, *, tags: Sequence[str] = ()) -> APIRouter:
        """A router under `/admin/v1` whose routes are identified, bounded and answer errors as JSON."""
        gate = self

        class AdminRoute(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Any]:
                handler = super().get_route_handler()

                async def handle(request: Request) -> Response:
                    return await gate.handle(request, handler)

                return handle

        return APIRouter(prefix=PREFIX, route_class=AdminRoute, tags=list(tags))

    def require(self, *roles: Role) -> Callable[[Request], Principal]:
        """A dependency: the caller, who must have one of the roles (none given: any)."""

        def caller(request: Request) -> Principal:
            principal: Principal = request.state.principal
            if roles:
                check_role(principal.role, *roles)
            return principal

        return caller

    async def handle(self, request: Request, handler: Handler) -> Response:
        """Identify, read the body, run the route. Every error ends here as JSON; none quotes what was sent."""
        language = reader_language(request.scope["headers"])
        try:
            principal = self.identify(request)
            language = principal.language
            body = await _read(request, self.max_body)
            response = await handler(Request(request.scope, _replay(body)))
        except GatewayError as error:
            response = error_response(error, language)
        except RequestValidationError as error:
            response = error_response(_invalid(error), language)
        except HTTPException:
            response = error_response(BadRequest(REQUEST_INVALID), language)  # FastAPI could not read the body
        except ScanError:
            response = error_response(Unavailable(NOT_SCANNED), language)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("admin_unavailable", error_type=type(error).__name__)
            response = error_response(Unavailable(ADMIN_UNAVAILABLE, headers={"Retry-After": "5"}), language)
        except Exception as error:  # noqa: BLE001 - the outermost layer: nothing was committed, nothing is quoted
            log.error("admin_failed", error_type=type(error).__name__)  # noqa: TRY400 - a traceback may quote text
            response = error_response(GatewayError(INTERNAL_ERROR), language)
        response.headers["Cache-Control"] = "no-store"
        return response

    def identify(self, request: Request) -> Principal:
        """The caller, from headers alone. Raises Unauthenticated, Forbidden, and Unavailable where it cannot know."""
        self.watcher.check()
        client = request.scope.get("client")
        principal = self.authenticator.authenticate(request.scope["headers"], client[0] if client else "")
        request.state.principal = principal
        return principal


def error_response(error: GatewayError, language: str) -> JSONResponse:
    """`{"error": {message, type, code, param}}`, with one entry per problem where fields are wrong."""
    body: dict[str, Any] = {
        "message": error.message(language),
        "type": error.error_type,
        "code": error.reason_code,
        "param": error.param,
    }
    if isinstance(error, InvalidFields):
        body["problems"] = [
            {
                "line": problem.line or None,
                "field": problem.field,
                "code": problem.code,
                "message": problem.message(language),
            }
            for problem in error.problems
        ]
    return JSONResponse({"error": body}, status_code=error.status, headers=dict(error.headers))


def utc(seconds: float | None) -> str | None:
    """POSIX seconds as RFC 3339, as all times of the administration API are shown."""
    if seconds is None:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


async def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge(ADMIN_BODY_TOO_LARGE, params={"limit": str(limit)})
    return bytes(body)


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _invalid(error: RequestValidationError) -> BadRequest:
    """The field that is wrong, by our own name for it: an unknown field's name is the client's text."""
    first: dict[str, Any] = dict(error.errors()[0])
    named = first.get("type") not in ("extra_forbidden", "json_invalid")
    place = ".".join(str(part) for part in first.get("loc", ())[1:]) if named else ""
    return BadRequest(REQUEST_INVALID, param=place or None)


REQUEST_INVALID = sentence(
    "request_invalid",
    "the body or a parameter of an administration request is not what its description says",
    nl="De aanvraag klopt niet met de beschrijving van de beheer-API (/admin/v1/openapi.json). Er is niets gewijzigd.",
    fr="La demande ne correspond pas à la description de l'API d'administration (/admin/v1/openapi.json). Rien n'a été "
    "modifié.",
    de="Die Anfrage entspricht nicht der Beschreibung der Verwaltungs-API (/admin/v1/openapi.json). Es wurde nichts "
    "geändert.",
    en="The request does not match the description of the administration API (/admin/v1/openapi.json). Nothing was "
    "changed.",
)
ADMIN_BODY_TOO_LARGE = sentence(
    "admin_body_too_large",
    "the body of an administration request is too large",
    nl="De aanvraag is groter dan {limit} bytes. Splits het bestand. Er is niets gewijzigd.",
    fr="La demande dépasse {limit} octets. Divisez le fichier. Rien n'a été modifié.",
    de="Die Anfrage ist größer als {limit} Bytes. Teilen Sie die Datei. Es wurde nichts geändert.",
    en="The request is larger than {limit} bytes. Split the file. Nothing was changed.",
)
NOT_SCANNED = sentence(
    "not_scanned",
    "text that a person wrote could not be scanned for personal data, so it was not stored",
    nl="De tekst kon niet op persoonsgegevens worden nagekeken en is niet bewaard; er is niets gewijzigd. Probeer het "
    "zo dadelijk opnieuw of vraag hulp aan ICT.",
    fr="Le texte n'a pas pu être contrôlé et n'a pas été conservé ; rien n'a été modifié. Réessayez dans un instant ou "
    "demandez de l'aide à l'ICT.",
    de="Der Text konnte nicht auf personenbezogene Daten geprüft werden und wurde nicht gespeichert; es wurde nichts "
    "geändert. Versuchen Sie es gleich wieder oder fragen Sie die IT.",
    en="The text could not be checked for personal data and was not kept; nothing was changed. Try again in a moment "
    "or ask ICT for help.",
)
ADMIN_UNAVAILABLE = sentence(
    "admin_unavailable",
    "the database did not answer; an administration request was not carried out",
    nl="De database antwoordt niet. Probeer het zo dadelijk opnieuw; kijk eerst of de wijziging al is doorgevoerd.",
    fr="La base de données ne répond pas. Réessayez dans un instant ; vérifiez d'abord si la modification a eu lieu.",
    de="Die Datenbank antwortet nicht. Versuchen Sie es gleich wieder; sehen Sie zuerst nach, ob die Änderung schon "
    "gilt.",
    en="The database does not answer. Try again in a moment; check first whether the change was made.",
)
