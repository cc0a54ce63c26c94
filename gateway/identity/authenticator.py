"""Headers to Principal, from memory: a request costs no database round trip and no await.

All keys lie in memory, expired and revoked ones too, so that their holder reads why; what a wrong key is told does not
differ from an unknown one. The check of a secret takes the same time whether the id exists or not.
"""

import asyncio
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import Forbidden, Unauthenticated, sentence
from gateway.exchange import Principal, Role
from gateway.identity.checks import subject_of
from gateway.identity.key_form import KEY_LENGTH, digest, key_id_of
from gateway.identity.keys import api_keys
from gateway.identity.networks import client_address, parse_networks, within

Headers = Sequence[tuple[bytes, bytes]]

_DUMMY: Final = bytes(32)
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="sluis"'}
_CACHED_LENGTH: Final = 200  # of a header that a caller chooses: what is remembered takes memory
_CACHED_PEOPLE: Final = 10_000
_BATCH: Final = 100  # rows between two breaths of the event loop while keys are reloaded


@dataclass(frozen=True, slots=True, repr=False)
class _Key:
    digest: bytes
    principal: Principal
    expires_at: float
    revoked: bool
    vouch_header: bytes
    vouch_networks: str
    vouch_required: bool


class Authenticator:
    """Who calls. `reload` is a listener of the change watcher; until its first run every key is unknown."""

    def __init__(
        self, engine: AsyncEngine, *, trusted_proxies: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        parse_networks(trusted_proxies)  # a wrong setting stops the start, not a request
        self._trusted = trusted_proxies
        self._clock = clock
        self._keys: Mapping[str, _Key] = {}
        self._people: dict[tuple[str, bytes], Principal] = {}  # vouched for since the last reload

    def __len__(self) -> int:
        return len(self._keys)

    async def reload(self) -> None:
        """Read all keys and put them in force at once. Raises what the database raises; then nothing changes."""
        keys: dict[str, _Key] = {}
        async with self._engine.connect() as connection:
            result = await connection.stream(select(api_keys))
            async for rows in result.partitions(_BATCH):
                keys.update((row.id, _key(row)) for row in rows)
                await asyncio.sleep(0)
        self._keys, self._people = keys, {}

    def authenticate(self, headers: Headers, peer: str) -> Principal:
        """The caller. `headers` as ASGI gives them (names in lower case), `peer` the socket's other end.

        Raises Unauthenticated, and Forbidden where a service key may not speak.
        """
        key = self._check(_credential(headers))
        if not key.vouch_header:
            return key.principal
        return self._vouched(key, headers, peer)

    def _check(self, presented: bytes) -> _Key:
        key_id = key_id_of(presented.decode("latin-1")) if len(presented) == KEY_LENGTH else None
        key = self._keys.get(key_id) if key_id else None
        matches = hmac.compare_digest(digest(presented), key.digest if key else _DUMMY)
        if key is None or not matches:
            raise Unauthenticated(KEY_UNKNOWN, headers=_CHALLENGE)
        if key.revoked:
            raise Unauthenticated(KEY_REVOKED, headers=_CHALLENGE)
        if key.expires_at <= self._clock():
            raise Unauthenticated(KEY_EXPIRED, headers=_CHALLENGE)
        return key

    def _vouched(self, key: _Key, headers: Headers, peer: str) -> Principal:
        forwarded = b",".join([value for name, value in headers if name == b"x-forwarded-for"])
        allowed = _allowed if len(forwarded) <= _CACHED_LENGTH else _allowed.__wrapped__
        if not allowed(peer, forwarded, self._trusted, key.vouch_networks):
            raise Forbidden(VOUCH_NETWORK)
        named = [value for name, value in headers if name == key.vouch_header]
        if not named and not key.vouch_required:
            return key.principal
        if not named:
            raise Forbidden(VOUCH_MISSING)
        person = self._people.get((key.principal.key_id, named[0])) if len(named) == 1 else None
        return person or self._person(key, named)

    def _person(self, key: _Key, named: Sequence[bytes]) -> Principal:
        whole = len(named) == 1 and len(named[0]) <= _CACHED_LENGTH
        subject = subject_of(named[0].decode("latin-1")) if whole else None
        if subject is None:
            raise Forbidden(VOUCH_SUBJECT)
        person = replace(key.principal, subject=subject, role=Role.STAFF, vouched=True)
        if len(self._people) >= _CACHED_PEOPLE:
            self._people.clear()
        self._people[key.principal.key_id, named[0]] = person
        return person


@lru_cache(maxsize=4096)
def _allowed(peer: str, forwarded: bytes, trusted: str, networks: str) -> bool:
    """Whether the client behind our proxies is in one of the networks; remembered, it costs more than the hash."""
    address = client_address(peer, forwarded, parse_networks(trusted))
    return address is not None and within(address, parse_networks(networks))


def _credential(headers: Headers) -> bytes:
    """The one key presented, as Bearer, `api-key` (Azure) or `x-api-key` (Anthropic); different ones are refused."""
    found = b""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, value = value.partition(b" ")  # noqa: PLW2901
            if scheme.lower() != b"bearer":
                raise Unauthenticated(KEY_MISSING, headers=_CHALLENGE)
        elif name not in (b"api-key", b"x-api-key"):
            continue
        value = value.strip()  # noqa: PLW2901
        if found and value != found:
            raise Unauthenticated(KEY_AMBIGUOUS, headers=_CHALLENGE)
        found = value
    if not found:
        raise Unauthenticated(KEY_MISSING, headers=_CHALLENGE)
    return found


def _key(row: Row[Any]) -> _Key:
    principal = Principal(
        key_id=row.id,
        subject=row.subject,
        role=Role(row.role),
        unit=row.unit,
        language=row.language,
        answer_mode=row.answer_mode,
    )
    return _Key(
        digest=row.digest,
        principal=principal,
        expires_at=float("inf") if row.expires_at is None else row.expires_at,
        revoked=row.revoked_at is not None,
        vouch_header=row.vouch_header.encode(),
        vouch_networks=row.vouch_networks,
        vouch_required=row.vouch_required,
    )


KEY_MISSING = sentence(
    "key_missing",
    "the request carries no key",
    nl="Er is geen sleutel meegestuurd. Vul in uw programma uw persoonlijke sleutel (sluis_…) in als API-sleutel. "
    "Nog geen sleutel? Vraag er een aan bij ICT.",
    fr="Aucune clé n'a été envoyée. Indiquez votre clé personnelle (sluis_…) comme clé API dans votre programme. Pas "
    "encore de clé ? Demandez-la à l'ICT.",
    de="Es wurde kein Schlüssel mitgeschickt. Tragen Sie in Ihrem Programm Ihren persönlichen Schlüssel (sluis_…) als "
    "API-Schlüssel ein. Noch keinen? Fragen Sie die IT.",
    en="No key was sent. Enter your personal key (sluis_…) as the API key in your program. No key yet? "
    "Ask ICT for one.",
)
KEY_AMBIGUOUS = sentence(
    "key_ambiguous",
    "the request carries more than one key",
    nl="Er zijn verschillende sleutels meegestuurd. Laat in uw programma één sleutel staan of vraag hulp aan ICT.",
    fr="Plusieurs clés différentes ont été envoyées. N'en gardez qu'une dans votre programme ou demandez de l'aide à "
    "l'ICT.",
    de="Es wurden verschiedene Schlüssel mitgeschickt. Lassen Sie in Ihrem Programm nur einen stehen oder fragen Sie "
    "die IT.",
    en="Different keys were sent. Keep one of them in your program, or ask ICT for help.",
)
KEY_UNKNOWN = sentence(
    "key_unknown",
    "the key is not one of ours",
    nl="Deze sleutel is niet bekend. Controleer of u hem volledig hebt overgenomen, of vraag ICT om een nieuwe.",
    fr="Cette clé est inconnue. Vérifiez que vous l'avez recopiée en entier, ou demandez-en une nouvelle à l'ICT.",
    de="Dieser Schlüssel ist nicht bekannt. Prüfen Sie, ob Sie ihn vollständig übernommen haben, oder bitten Sie die "
    "IT um einen neuen.",
    en="This key is not known. Check that you copied all of it, or ask ICT for a new one.",
)
KEY_REVOKED = sentence(
    "key_revoked",
    "the key was revoked",
    nl="Deze sleutel is ingetrokken en werkt niet meer. Vraag ICT waarom, en zo nodig om een nieuwe.",
    fr="Cette clé a été révoquée et ne fonctionne plus. Demandez pourquoi à l'ICT et, au besoin, une nouvelle clé.",
    de="Dieser Schlüssel wurde widerrufen und gilt nicht mehr. Fragen Sie die IT nach dem Grund und bei Bedarf nach "
    "einem neuen.",
    en="This key was revoked and no longer works. Ask ICT why, and for a new one if you need it.",
)
KEY_EXPIRED = sentence(
    "key_expired",
    "the key's last day has passed",
    nl="Deze sleutel is verlopen. Vraag ICT om een nieuwe.",
    fr="Cette clé a expiré. Demandez-en une nouvelle à l'ICT.",
    de="Dieser Schlüssel ist abgelaufen. Bitten Sie die IT um einen neuen.",
    en="This key has expired. Ask ICT for a new one.",
)
VOUCH_NETWORK = sentence(
    "vouch_network",
    "a service key was used from an address outside its networks",
    nl="Deze dienstsleutel geldt niet vanaf dit netwerkadres. De beheerder van de chatserver vraagt ICT om het adres "
    "toe te voegen.",
    fr="Cette clé de service n'est pas valable depuis cette adresse réseau. L'administrateur du serveur de discussion "
    "demande à l'ICT de l'ajouter.",
    de="Dieser Dienstschlüssel gilt nicht von dieser Netzadresse aus. Wer den Chat-Server verwaltet, bittet die IT, "
    "die Adresse aufzunehmen.",
    en="This service key is not valid from this network address. The chat server's administrator asks ICT to add it.",
)
VOUCH_MISSING = sentence(
    "vouch_missing",
    "a service key came without the header that names the person",
    nl="De chatserver zegt niet voor wie hij vraagt. De beheerder ervan zet het doorgeven van de gebruiker aan.",
    fr="Le serveur de discussion n'indique pas pour qui il demande. Son administrateur active la transmission de "
    "l'utilisateur.",
    de="Der Chat-Server sagt nicht, für wen er fragt. Wer ihn verwaltet, schaltet die Weitergabe des Benutzers ein.",
    en="The chat server does not say for whom it asks. Its administrator turns on forwarding of the user.",
)
VOUCH_SUBJECT = sentence(
    "vouch_subject",
    "the header that names the person is not an e-mail address or staff id, or is there twice",
    nl="De chatserver geeft geen geldig e-mailadres of personeelsnummer door. De beheerder ervan kijkt dit na met ICT.",
    fr="Le serveur de discussion ne transmet pas d'adresse e-mail ou de numéro d'agent valable. Son administrateur "
    "vérifie avec l'ICT.",
    de="Der Chat-Server gibt keine gültige E-Mail-Adresse oder Personalnummer weiter. Wer ihn verwaltet, prüft das mit "
    "der IT.",
    en="The chat server does not pass a valid e-mail address or staff id. Its administrator checks this with ICT.",
)
