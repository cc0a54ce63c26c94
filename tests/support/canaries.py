"""Identifiers of nobody, each new: valid checksums, so that a filter must find them, and values that no person has."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_LETTERS = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True)
class Canary:
    """`text` as a person would write it, `bare` as what to look for: letters and digits only."""

    kind: str
    text: str
    bare: str

    @property
    def number(self) -> int:
        return int(self.bare)


def bare(text: str) -> str:
    """How a text is searched: no case, no punctuation, so that no spelling of a canary is missed."""
    return _LETTERS.sub("", text.lower())


def national_numbers() -> Iterator[Canary]:
    """Belgian national numbers with serial 000, which no person has."""
    for days in itertools.count():
        birth = date(1950, 1, 1) + timedelta(days=days)
        digits = f"{birth:%y%m%d}000"
        check = 97 - int(digits) % 97
        text = f"{birth:%y.%m.%d}-000.{check:02d}"
        yield Canary("BE_NATIONAL_NUMBER", text, f"{digits}{check:02d}")


def ibans() -> Iterator[Canary]:
    """Belgian account numbers of a bank code that is not given out (no bank has 999)."""
    for number in itertools.count(1_000_000):
        ten = f"999{number:07d}"
        account = f"{ten}{int(ten) % 97 or 97:02d}"
        check = 98 - int(f"{account}111400") % 97
        text = f"BE{check:02d}{account}"
        yield Canary("IBAN_CODE", " ".join(text[i : i + 4] for i in range(0, 16, 4)), text.lower())


def addresses() -> Iterator[Canary]:
    for number in itertools.count(1):
        text = f"kanarie.vogel{number}@example.org"
        yield Canary("EMAIL_ADDRESS", text, bare(text))


def service_numbers() -> Iterator[Canary]:
    """Dutch BSN of the test range 99999…, with the word that makes nine digits one."""
    for number in itertools.cycle(range(999990000, 999999999)):
        digits = [int(d) for d in str(number)]
        if (sum(d * w for d, w in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True))) % 11 == 0:
            yield Canary("NL_BSN", f"BSN {number}", str(number))
