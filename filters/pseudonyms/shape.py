"""What a placeholder looks like: eleven random characters, then one word that tells the model what it stands for.

`XK7M3HR4TWCperson`: the random part comes first, so that placeholders share no beginning (Kong 3.12 mixed up
`PLACEHOLDER1` and `PLACEHOLDER10`). Only letters and digits: nothing that JSON, Markdown, URL encoding or a
tokenizer alters. The random part has no lower case and the word nothing else, so that one placeholder cannot begin
inside another. The random part alone says which value it is; the word helps the model.
"""

import hmac
import re
from itertools import combinations

FIRST = "HJKQWXYZ"
"""The first character: seldom the end of a chunk of prose, and never part of a JSON escape (no hexadecimal digit)."""
ALPHABET = "3479CFHJKMPRTWXY"
"""The ten others: no 0 O D Q, 1 I L, 2 Z, 5 S, 6 G, 8 B, U V, N; no vowels, so no words."""
RANDOM_LENGTH = 11
BITS = 3 + 4 * (RANDOM_LENGTH - 1)
"""43: at least the 40 that the requirement asks for."""
UNSHARED_START = 6
"""No two placeholders of one request begin with the same six characters."""

_HINTS = {
    "person": "PERSON",
    "email": "EMAIL_ADDRESS",
    "phone": "PHONE_NUMBER",
    "iban": "IBAN_CODE",
    "card": "CREDIT_CARD",
    "address": "STREET_ADDRESS ADDRESS NL_POSTCODE",
    "place": "LOCATION GPE",
    "organization": "ORGANIZATION",
    "birthdate": "DATE_OF_BIRTH",
    "date": "DATE_TIME DATE",
    "plate": "BE_PLATE NL_PLATE",
    "company": "BE_ENTERPRISE_NUMBER NL_KVK NL_BTW FR_SIREN",
    "ip": "IP_ADDRESS",
    "mac": "MAC_ADDRESS",
    "url": "URL",
    "reference": "BE_OGM IMEI",
    "idnumber": "BE_NATIONAL_NUMBER BE_BIS_NUMBER BE_EID_CARD BE_RIZIV NL_BSN NL_ID_DOCUMENT NL_ONDERWIJSNUMMER "
    "ID_DOCUMENT FR_NIR DE_TAX_ID DE_SOCIAL_SECURITY LU_MATRICULE",
}
HINTS = {entity: hint for hint, entities in _HINTS.items() for entity in entities.split()}
"""Entity type → the word behind the random part. A type that is not listed becomes `value`: the word comes from this
table and from nothing that a client or a policy writes."""
OTHER_HINT = "value"

_LATER = RANDOM_LENGTH - 1
STARTER = re.compile(f"[{FIRST}]")
_ANYWHERE = re.compile(f"[{FIRST}](?=[{ALPHABET}]{{{_LATER}}})")
CANDIDATE = re.compile(f"[{FIRST}][{ALPHABET}]{{{_LATER}}}(?![A-Z0-9])")
"""A whole random part. Unique: in a longer run of capitals and digits only the last eleven fit."""
TAIL = re.compile(f"([{FIRST}][{ALPHABET}]{{0,{_LATER}}})([a-z]{{0,16}})\\Z")
"""The end of a text that may be a placeholder's beginning."""

_KEPT = tuple(combinations(range(RANDOM_LENGTH), RANDOM_LENGTH - 2))


def lookalikes(text: str) -> set[str]:
    """Everything in `text` that could be a random part, overlapping ones included."""
    return {text[m.start() : m.start() + RANDOM_LENGTH] for m in _ANYWHERE.finditer(text)}


def scoped_key(key: bytes, scope: str) -> bytes:
    """The key of one scope ("subject|tool|day"): another person, tool or day gives unrelated placeholders."""
    return hmac.digest(key, b"sluis placeholder 1\0" + scope.encode("utf-8", "surrogatepass"), "sha256")


def random_part(scoped: bytes, entity_type: str, value: str, attempt: int) -> str:
    """Eleven characters from HMAC-SHA256; `attempt` counts up when a candidate cannot be used."""
    head = f"{len(entity_type)}:{entity_type}:{attempt}:"
    digest = hmac.digest(scoped, (head + value).encode("utf-8", "surrogatepass"), "sha256")
    number = int.from_bytes(digest[:8], "big")
    letters = [FIRST[number & 7]]
    number >>= 3
    for _ in range(_LATER):
        letters.append(ALPHABET[number & 15])
        number >>= 4
    return "".join(letters)


def neighbourhood(random: str) -> list[str]:
    """All ways to leave out two of the eleven characters.

    Two strings of one length that are one or two edits apart share one of these, so sharing none proves that at
    least three edits lie between them. (Some that are four apart share one too: refusing those costs nothing.)
    """
    return ["".join([random[i] for i in kept]) for kept in _KEPT]
