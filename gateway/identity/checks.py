"""What a new key's fields must look like, with one sentence per thing that can be wrong.

A problem names the field and the rule, never the value: what somebody pasted there may be a secret or a person.
"""

import datetime as dt
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.errors import LANGUAGES, TEXTS, BadRequest, sentence
from gateway.exchange import Role

DEFAULT_LIFE: Final = dt.timedelta(days=365)
"""A key without an expiry date lives a year; `never` must be asked for."""

MAX_NETWORKS: Final = 16
_SUBJECT: Final = re.compile(r"[a-z0-9][a-z0-9._+'@-]{0,127}", re.ASCII)
_NAME: Final = re.compile(r"[^\W_][\w .,'()/@+-]{0,99}")
_UNIT: Final = re.compile(r"[^\W_][\w .,'()/&-]{0,63}")
_HEADER: Final = re.compile(r"x-[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_RESERVED_HEADERS: Final = ("x-api-key", "x-forwarded", "x-real-ip")


@dataclass(frozen=True, slots=True)
class Vouch:
    """How a service key speaks for persons: the header that names them, and from where it is believed.

    `required`: without the header the request is refused; else the service acts as itself.
    """

    header: str
    networks: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be made. `expires_at` in POSIX seconds, None: never."""

    subject: str
    unit: str
    role: Role = Role.STAFF
    name: str = ""
    language: str = "nl"
    answer_mode: bool = False
    expires_at: float | None = None
    vouch: Vouch | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a registered code, the field, and the line of a file (0: no file)."""

    code: str
    field: str
    line: int = 0

    def message(self, language: str) -> str:
        """The rule in the reader's language."""
        return TEXTS[self.code].get(language) or TEXTS[self.code]["en"]


INVALID_FIELDS = sentence(
    "invalid_fields",
    "one or more fields of an administration request are not valid; `problems` lists them",
    nl="Sommige velden kloppen niet, er is niets gewijzigd: {count}. Verbeter ze en probeer opnieuw.",
    fr="Certains champs sont incorrects, rien n'a été modifié : {count}. Corrigez-les et réessayez.",
    de="Einige Felder stimmen nicht, es wurde nichts geändert: {count}. Berichtigen Sie sie und versuchen Sie es noch "
    "einmal.",
    en="Some fields are not right, nothing was changed: {count}. Correct them and try again.",
)


class InvalidFields(BadRequest):
    """Fields that are not right; nothing was changed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(INVALID_FIELDS, params={"count": str(len(problems))}, param=problems[0].field)
        self.problems = tuple(problems)


def subject_of(text: str) -> str | None:
    """A subject in its one spelling (lower case, so that a person has one pseudonym), or None where it is not one."""
    folded = text.strip().lower()
    return folded if text.isascii() and _SUBJECT.fullmatch(folded) else None


def parse_expiry(text: str, *, now: float) -> float | None:
    """`YYYY-MM-DD` (valid through that day, UTC), empty (a year from now) or `never` (None). Raises ValueError."""
    text = text.strip().lower()
    if text == "never":
        return None
    if not text:
        return now + DEFAULT_LIFE.total_seconds()
    if not _DATE.fullmatch(text):
        raise ValueError("not a date")
    day = dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC)
    if not now < day.timestamp() + 86_400 < now + 20 * DEFAULT_LIFE.total_seconds():
        raise ValueError("not a date to come")
    return day.timestamp() + 86_400


def parse_vouch(header: str, networks: Sequence[str], *, required: bool = True) -> Vouch:
    """Raises ValueError for a header that means something else already, or a network that is everywhere."""
    header = header.strip().lower()
    if not _HEADER.fullmatch(header) or len(header) > 64 or header.startswith(_RESERVED_HEADERS):  # noqa: PLR2004
        raise ValueError("not a header for this")
    parsed = [ipaddress.ip_network(network.strip()) for network in networks]
    if not parsed or len(parsed) > MAX_NETWORKS or any(network.prefixlen == 0 for network in parsed):
        raise ValueError("no networks, too many, or one that holds every address")
    return Vouch(header, tuple(str(network) for network in parsed), required)


def build_key(
    *,
    subject: str,
    unit: str,
    now: float,
    role: str = "",
    name: str = "",
    language: str = "",
    expires: str = "",
    answer_mode: bool = False,
    vouch: Vouch | None = None,
) -> NewKey:
    """Fields as people write them to a NewKey. Raises InvalidFields with everything that is wrong."""
    problems: list[Problem] = []
    person = subject_of(subject)
    name, unit = name.strip(), unit.strip()
    role, language = role.strip().lower() or "staff", language.strip().lower() or "nl"
    expires_at: float | None = None
    if person is None:
        problems.append(Problem(SUBJECT_INVALID, "subject"))
    if name and not _NAME.fullmatch(name):
        problems.append(Problem(NAME_INVALID, "name"))
    if not _UNIT.fullmatch(unit):
        problems.append(Problem(UNIT_INVALID, "unit"))
    if role not in tuple(Role):
        problems.append(Problem(ROLE_INVALID, "role"))
    if language not in LANGUAGES:
        problems.append(Problem(LANGUAGE_INVALID, "language"))
    if vouch and role != Role.SERVICE:
        problems.append(Problem(VOUCH_ROLE, "vouch"))
    try:
        expires_at = parse_expiry(expires, now=now)
    except ValueError:
        problems.append(Problem(EXPIRES_INVALID, "expires"))
    if problems or person is None:
        raise InvalidFields(problems)
    return NewKey(person, unit, Role(role), name, language, answer_mode, expires_at, vouch)


SUBJECT_INVALID = sentence(
    "subject_invalid",
    "a key's subject is not an e-mail address or staff id",
    nl="Vul een e-mailadres of personeelsnummer in: letters zonder accent, cijfers en . _ + - ' @, "
    "hoogstens 128 tekens.",
    fr="Indiquez une adresse e-mail ou un numéro d'agent : lettres sans accent, chiffres et . _ + - ' @, 128 au plus.",
    de="Geben Sie eine E-Mail-Adresse oder Personalnummer an: Buchstaben ohne Akzent, Ziffern und . _ + - ' @, "
    "höchstens 128 Zeichen.",
    en="Give an e-mail address or a staff id: unaccented letters, digits and . _ + - ' @, at most 128 characters.",
)
NAME_INVALID = sentence(
    "name_invalid",
    "a key's name holds characters that are not allowed or is too long",
    nl="De naam begint met een letter of cijfer, bevat geen bijzondere tekens en telt hoogstens 100 tekens.",
    fr="Le nom commence par une lettre ou un chiffre, sans caractères spéciaux, 100 caractères au plus.",
    de="Der Name beginnt mit einem Buchstaben oder einer Ziffer, ohne Sonderzeichen, höchstens 100 Zeichen.",
    en="The name starts with a letter or digit, has no special characters and at most 100 characters.",
)
UNIT_INVALID = sentence(
    "unit_invalid",
    "a key's unit is missing or not valid",
    nl="Vul de dienst in: begint met een letter of cijfer, hoogstens 64 tekens.",
    fr="Indiquez le service : commence par une lettre ou un chiffre, 64 caractères au plus.",
    de="Geben Sie die Dienststelle an: beginnt mit einem Buchstaben oder einer Ziffer, höchstens 64 Zeichen.",
    en="Give the unit: starts with a letter or digit, at most 64 characters.",
)
ROLE_INVALID = sentence(
    "role_invalid",
    "a key's role is not staff, ict, dpo or service",
    nl="De rol is staff, ict, dpo of service.",
    fr="Le rôle est staff, ict, dpo ou service.",
    de="Die Rolle ist staff, ict, dpo oder service.",
    en="The role is staff, ict, dpo or service.",
)
LANGUAGE_INVALID = sentence(
    "language_invalid",
    "a key's language is not nl, fr, de or en",
    nl="De taal is nl, fr, de of en.",
    fr="La langue est nl, fr, de ou en.",
    de="Die Sprache ist nl, fr, de oder en.",
    en="The language is nl, fr, de or en.",
)
EXPIRES_INVALID = sentence(
    "expires_invalid",
    "a key's expiry is not a date to come within twenty years",
    nl="De vervaldatum is een dag in de toekomst als JJJJ-MM-DD, `never`, of leeg voor één jaar.",
    fr="La date d'expiration est un jour à venir au format AAAA-MM-JJ, `never`, ou vide pour un an.",
    de="Das Ablaufdatum ist ein künftiger Tag als JJJJ-MM-TT, `never`, oder leer für ein Jahr.",
    en="The expiry is a day to come as YYYY-MM-DD, `never`, or empty for one year.",
)
VOUCH_INVALID = sentence(
    "vouch_invalid",
    "a vouching header or its networks are not valid",
    nl="De kop begint met x- en wordt niet elders gebruikt; geef 1 tot 16 netwerken op (10.0.0.0/24), niet alle "
    "adressen.",
    fr="L'en-tête commence par x- et ne sert à rien d'autre ; indiquez 1 à 16 réseaux (10.0.0.0/24), pas toutes les "
    "adresses.",
    de="Der Header beginnt mit x- und dient keinem anderen Zweck; geben Sie 1 bis 16 Netze an (10.0.0.0/24), nicht "
    "alle Adressen.",
    en="The header starts with x- and is not used for something else; give 1 to 16 networks (10.0.0.0/24), not every "
    "address.",
)
VOUCH_ROLE = sentence(
    "vouch_role",
    "only a key with the role service may vouch for persons",
    nl="Alleen een sleutel met de rol service kan voor personen instaan.",
    fr="Seule une clé du rôle service peut se porter garante de personnes.",
    de="Nur ein Schlüssel mit der Rolle service kann für Personen bürgen.",
    en="Only a key with the role service can vouch for persons.",
)
