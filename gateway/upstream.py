"""The HTTP client towards upstreams: pooled, bounded, and blind to everything that policy did not name.

aiohttp rather than httpx: on this path it costs a tenth of the CPU (docs/decisions/0002-upstream-client.md). Nothing
is taken from the client's request: headers are built from nothing, redirects are not followed, cookies are not kept,
proxies of the environment are not used. Every foreign error is mapped here, without its text.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from gateway.errors import BadRequest, GatewayError, LimitReached, UpstreamError, UpstreamTimeout, sentence

MAX_ANSWER: Final = 64_000_000  # bytes of one JSON answer
_KEEP_ALIVE: Final = 4.0  # seconds; uvicorn-based upstreams close idle connections after 5, and a POST is not retried

UNREACHABLE = sentence(
    "upstream_unreachable",
    "no connection to the upstream could be made; nothing was sent",
    nl="De AI-dienst is nu niet bereikbaar. Probeer het later opnieuw of vraag hulp aan ICT.",
    fr="Le service d'IA est injoignable pour le moment. Réessayez plus tard ou demandez de l'aide à l'ICT.",
    de="Der KI-Dienst ist gerade nicht erreichbar. Versuchen Sie es später noch einmal oder fragen Sie die IT.",
    en="The AI service cannot be reached right now. Try again later or ask ICT for help.",
)
TIMED_OUT = sentence(
    "upstream_timeout",
    "the upstream did not answer within the configured time",
    nl="De AI-dienst antwoordde niet op tijd. Probeer het later opnieuw, of stel een kortere vraag.",
    fr="Le service d'IA n'a pas répondu à temps. Réessayez plus tard ou posez une question plus courte.",
    de="Der KI-Dienst hat nicht rechtzeitig geantwortet. Versuchen Sie es später oder stellen Sie eine kürzere Frage.",
    en="The AI service did not answer in time. Try again later, or ask a shorter question.",
)
BROKEN = sentence(
    "upstream_broken",
    "the upstream's answer broke off or was not what its format allows",
    nl="Het antwoord van de AI-dienst brak af of was onleesbaar. Probeer het opnieuw.",
    fr="La réponse du service d'IA s'est interrompue ou était illisible. Réessayez.",
    de="Die Antwort des KI-Dienstes brach ab oder war unlesbar. Versuchen Sie es noch einmal.",
    en="The answer of the AI service broke off or could not be read. Try again.",
)
FAILED = sentence(
    "upstream_failed",
    "the upstream answered with a server error",
    nl="De AI-dienst meldde een storing. Probeer het later opnieuw of vraag hulp aan ICT.",
    fr="Le service d'IA a signalé une panne. Réessayez plus tard ou demandez de l'aide à l'ICT.",
    de="Der KI-Dienst hat eine Störung gemeldet. Versuchen Sie es später noch einmal oder fragen Sie die IT.",
    en="The AI service reported a failure. Try again later or ask ICT for help.",
)
LIMITED = sentence(
    "upstream_rate_limited",
    "the upstream asked to slow down (429)",
    nl="De AI-dienst krijgt nu te veel vragen. Wacht even en probeer het opnieuw.",
    fr="Le service d'IA reçoit trop de demandes. Attendez un instant et réessayez.",
    de="Der KI-Dienst erhält gerade zu viele Anfragen. Warten Sie kurz und versuchen Sie es noch einmal.",
    en="The AI service receives too many requests right now. Wait a moment and try again.",
)
REJECTED = sentence(
    "upstream_rejected",
    "the upstream refused the request as invalid (for example: too long for the model); its words are not passed on",
    nl="De AI-dienst weigerde de vraag als ongeldig; misschien is ze te lang. Maak ze korter of vraag ICT.",
    fr="Le service d'IA a refusé la demande comme non valable ; elle est peut-être trop longue. Raccourcissez-la ou "
    "demandez à l'ICT.",
    de="Der KI-Dienst hat die Anfrage als ungültig abgelehnt; vielleicht ist sie zu lang. Kürzen Sie sie oder fragen "
    "Sie die IT.",
    en="The AI service refused the request as invalid; it may be too long for this model. Shorten it or ask ICT.",
)
MISCONFIGURED = sentence(
    "upstream_misconfigured",
    "the upstream refused our credentials or does not know the model (401, 403, 404, a redirect)",
    nl="De gateway mag deze AI-dienst zo niet gebruiken. ICT moet de instelling van deze tool nakijken.",
    fr="La passerelle ne peut pas utiliser ce service d'IA ainsi. L'ICT doit vérifier la configuration de cet outil.",
    de="Das Gateway darf diesen KI-Dienst so nicht nutzen. Die IT muss die Einstellung dieses Werkzeugs prüfen.",
    en="The gateway may not use this AI service like this. ICT must check the settings of this tool.",
)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one tool's requests go: full URL, the only headers that are sent, seconds, and an own authority file."""

    url: URL
    headers: CIMultiDict[str] = field(repr=False)
    connect_timeout: float
    read_timeout: float
    total_timeout: float
    ca_file: Path | None = None

    @classmethod
    def build(
        cls,
        url: str,
        *,
        secret: Mapping[str, str],
        connect_timeout: float,
        read_timeout: float,
        total_timeout: float,
        ca_file: Path | None = None,
    ) -> "Destination":
        """`secret` is the header that carries the upstream's key (empty for an upstream without one)."""
        headers = CIMultiDict(
            {
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": "sluis",
                **secret,
            }
        )
        return cls(URL(url), headers, connect_timeout, read_timeout, total_timeout, ca_file)


class UpstreamResponse:
    """A 200 answer whose body is still to come. Close it in every case; closing early hangs up on the upstream."""

    __slots__ = ("_response", "content_type", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    async def read(self) -> bytes:
        """The whole body. Raises UpstreamError when it breaks off or is larger than MAX_ANSWER."""
        pieces: list[bytes] = []
        size = 0
        while piece := await self.read_some():
            size += len(piece)
            if size > MAX_ANSWER:
                self.close()
                raise UpstreamError(BROKEN)
            pieces.append(piece)
        return b"".join(pieces)

    async def read_some(self) -> bytes:
        """What has arrived, at least one byte; empty at the end. Raises UpstreamError, UpstreamTimeout."""
        try:
            return await self._response.content.readany()
        except (TimeoutError, aiohttp.ServerTimeoutError):
            self.close()
            raise UpstreamTimeout(TIMED_OUT) from None
        except (aiohttp.ClientError, OSError):
            self.close()
            raise UpstreamError(BROKEN) from None

    def close(self) -> None:
        """Give the connection back when the body was read to its end, else hang up."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


def error_for(status: int, retry_after: str | None) -> GatewayError:
    """What a client is told of an upstream's status; the body is never read, since it may quote the prompt."""
    if status == 429:  # noqa: PLR2004
        seconds = retry_after if retry_after and retry_after.isdecimal() and len(retry_after) < 6 else "5"  # noqa: PLR2004
        return LimitReached(LIMITED, headers={"Retry-After": seconds})
    if status in (400, 413, 415, 422):
        return BadRequest(REJECTED)
    if status in (408, 504):
        return UpstreamTimeout(TIMED_OUT)
    if status in (401, 402, 403, 404, 405) or 300 <= status < 400:  # noqa: PLR2004
        return UpstreamError(MISCONFIGURED)
    return UpstreamError(FAILED)


class UpstreamClient:
    """One pool of connections for one worker. Only URLs of a Destination are ever contacted."""

    def __init__(self, *, max_connections: int) -> None:
        self._max = max_connections
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[Path, ssl.SSLContext] = {}

    async def start(self) -> None:
        """Open the pool inside the running loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._max, keepalive_timeout=_KEEP_ALIVE, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("Accept",),
        )

    async def stop(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)

    def _ssl(self, ca_file: Path | None) -> ssl.SSLContext | bool:
        if ca_file is None:
            return True
        if ca_file not in self._contexts:
            self._contexts[ca_file] = ssl.create_default_context(cafile=str(ca_file))
        return self._contexts[ca_file]

    async def post(self, destination: Destination, body: bytes) -> UpstreamResponse:
        """Send `body`; return the response once its head arrived with status 200.

        Retried once, and only when no connection could be made: then nothing has been sent. Raises UpstreamError,
        UpstreamTimeout, LimitReached or BadRequest (all without the upstream's words).
        """
        try:
            response = await self._post(destination, body)
        except aiohttp.ClientConnectorError:
            try:
                response = await self._post(destination, body)
            except aiohttp.ClientConnectorError:
                raise UpstreamError(UNREACHABLE) from None
        if response.status != 200:  # noqa: PLR2004
            error = error_for(response.status, response.headers.get("Retry-After"))
            response.close()
            raise error
        if response.headers.get("Content-Encoding", "identity") != "identity":
            response.close()
            raise UpstreamError(BROKEN)
        return UpstreamResponse(response)

    async def _post(self, destination: Destination, body: bytes) -> aiohttp.ClientResponse:
        if self._session is None:
            raise UpstreamError(UNREACHABLE)
        try:
            return await self._session.post(
                destination.url,
                data=body,
                headers=destination.headers,
                allow_redirects=False,
                ssl=self._ssl(destination.ca_file),
                timeout=aiohttp.ClientTimeout(
                    total=destination.total_timeout,
                    sock_connect=destination.connect_timeout,
                    sock_read=destination.read_timeout,
                ),
            )
        except aiohttp.ClientConnectorError:
            raise
        except aiohttp.ConnectionTimeoutError:
            raise UpstreamError(UNREACHABLE) from None
        except (TimeoutError, aiohttp.ServerTimeoutError):
            raise UpstreamTimeout(TIMED_OUT) from None
        except (aiohttp.ClientError, OSError):
            raise UpstreamError(BROKEN) from None
