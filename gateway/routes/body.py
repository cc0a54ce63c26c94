"""The body of a request: whole, in time, within bounds, and in a form that can be scanned as it was sent."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from gateway.errors import BadRequest, TooLarge, UnsupportedMedia, sentence

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = list[tuple[bytes, bytes]]

_SECONDS: Final = 60.0

BODY_TOO_LARGE = sentence(
    "body_too_large",
    "the request body is larger than SLUIS_MAX_BODY_BYTES",
    nl="Uw vraag is te groot voor de gateway. Maak ze korter of splits ze op.",
    fr="Votre demande est trop volumineuse pour la passerelle. Raccourcissez-la ou divisez-la.",
    de="Ihre Anfrage ist zu groß für das Gateway. Kürzen oder teilen Sie sie.",
    en="Your request is too large for the gateway. Shorten it or split it.",
)
BODY_ENCODED = sentence(
    "body_encoded",
    "the request body is compressed; it could not be scanned as sent",
    nl="De gateway neemt geen gecomprimeerde vragen aan. Zet compressie uit in uw programma of vraag hulp aan ICT.",
    fr="La passerelle n'accepte pas de demandes compressées. Désactivez la compression ou demandez à l'ICT.",
    de="Das Gateway nimmt keine komprimierten Anfragen an. Schalten Sie die Kompression aus oder fragen Sie die IT.",
    en="The gateway takes no compressed requests. Switch compression off in your program or ask ICT for help.",
)
BODY_NOT_JSON = sentence(
    "body_not_json",
    "the content type of the request is not application/json",
    nl="De gateway verwacht JSON (Content-Type: application/json). Kijk uw programma na of vraag hulp aan ICT.",
    fr="La passerelle attend du JSON (Content-Type: application/json). Vérifiez votre programme ou demandez à l'ICT.",
    de="Das Gateway erwartet JSON (Content-Type: application/json). Prüfen Sie Ihr Programm oder fragen Sie die IT.",
    en="The gateway expects JSON (Content-Type: application/json). Check your program or ask ICT for help.",
)
BODY_INCOMPLETE = sentence(
    "body_incomplete",
    "the request body did not arrive whole and in time, or its length is stated twice",
    nl="Uw vraag kwam niet volledig aan. Probeer het opnieuw.",
    fr="Votre demande n'est pas arrivée complète. Réessayez.",
    de="Ihre Anfrage kam nicht vollständig an. Versuchen Sie es noch einmal.",
    en="Your request did not arrive whole. Try again.",
)


class ClientLeftError(Exception):
    """The client hung up; nobody reads an answer any more."""


async def read_body(headers: Headers, receive: Receive, limit: int) -> bytes:
    """The whole request body. Raises TooLarge, UnsupportedMedia, BadRequest; ClientLeftError on a hang-up."""
    length = _check_headers(headers)
    if length is not None and length > limit:
        raise TooLarge(BODY_TOO_LARGE)
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientLeftError
                piece = message.get("body", b"")
                size += len(piece)
                if size > limit:
                    raise TooLarge(BODY_TOO_LARGE)
                pieces.append(piece)
                if not message.get("more_body", False):
                    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    except TimeoutError:
        raise BadRequest(BODY_INCOMPLETE) from None


def _check_headers(headers: Headers) -> int | None:
    """Refuse bodies that could not be scanned as sent; return the stated length."""
    length: int | None = None
    chunked = False
    for name, value in headers:
        if name == b"content-encoding" and value.strip().lower() != b"identity":
            raise UnsupportedMedia(BODY_ENCODED)
        if name == b"content-type" and value.partition(b";")[0].strip().lower() != b"application/json":
            raise UnsupportedMedia(BODY_NOT_JSON)
        if name == b"transfer-encoding":
            chunked = True
        if name == b"content-length":
            if length is not None or not value.isdigit():
                raise BadRequest(BODY_INCOMPLETE)
            length = int(value)
    if chunked and length is not None:  # two lengths are a way to smuggle a second request past a proxy
        raise BadRequest(BODY_INCOMPLETE)
    return length
