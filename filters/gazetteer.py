"""Name lists, municipalities and ordinary words of `filters/models/gazetteer.json.gz` (LICENCES.md there)."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# First names that are also ordinary words: never a name by the list alone.
_AMBIGUOUS_TEXT = """
An Jo Roos Mei May Will Noor Lot Bo Do Sam Ben Ton Dag Sterre Zon Fleur Rose Joy Hope Mark Floor Storm Sky Sun Star
Faith Lief Merel Fee Sol Art Can Said Omer Eden Paris Chelsea Florence Sydney Lourdes Milan Roman Max Angel Dolores
Mercedes Victoria Constant August Juli Avril Ange Rich Bill Guy Pen Ever In Te De Van Le La El Al Den Der Pol Stad
Dienst Lente Luna Olive Prince Regent
"""
_AMBIGUOUS = frozenset(_AMBIGUOUS_TEXT.split())
_COMMON_TEXT = """
mark roos dag rose will grace hope daan floor storm jong groot klein bakker mulder visser meer noord zuid oost west
berg bos kok vos wolf beek dijk kerk smit brouwer kuiper boer koning prins linden heer best goed lange korte nieuwe
oude vries wilde jonge said alles lang kort wit zwart bruin rood goede constant roman milan august juli louis
"""
_COMMON = frozenset(_COMMON_TEXT.split())
_MONTHS_AND_DAYS_TEXT = """
januari februari maart april mei juni juli augustus september oktober november december janvier février mars avril
juin juillet août septembre octobre novembre décembre januar februar märz august oktober dezember january february
march may june july october maandag dinsdag woensdag donderdag vrijdag zaterdag zondag lundi mardi mercredi jeudi
vendredi samedi dimanche montag dienstag mittwoch donnerstag freitag samstag sonntag monday tuesday wednesday
thursday friday saturday sunday
"""
_MONTHS_AND_DAYS = frozenset(_MONTHS_AND_DAYS_TEXT.split())
_ENDINGS = ("s", "en", "n", "e", "er", "es", "'s", "tje")
_LONGEST_NAME = 14


@dataclass(frozen=True, slots=True, repr=False)
class Gazetteer:
    """Sets of words, lower case unless said otherwise."""

    first: frozenset[str]  # as written
    first_lower: frozenset[str]
    first_only: frozenset[str]  # first names that are no word of any of the languages
    last: frozenset[str]  # more than three letters
    last_only: frozenset[str]
    last_words: frozenset[str]  # surnames of one word
    cities: frozenset[str]  # as written
    city_words: frozenset[str]
    words: Mapping[str, frozenset[str]]
    every_word: frozenset[str]
    common: frozenset[str] = _COMMON
    months: frozenset[str] = _MONTHS_AND_DAYS

    def __repr__(self) -> str:
        return f"Gazetteer(first={len(self.first)}, last={len(self.last)}, words={len(self.every_word)})"

    def is_known(self, word: str, language: str) -> bool:
        """An ordinary word, a month, a place or a compound of such: no name by its being unknown."""
        word = word.lower()
        known = self.words.get(language) or self.every_word
        if "-" in word and any(len(part) > 2 and self.is_known(part, language) for part in word.split("-")):  # noqa: PLR2004
            return True
        return (
            len(word) > _LONGEST_NAME
            or word in known
            or word in self.months
            or word in self.city_words
            or any(word.endswith(ending) and word[: -len(ending)] in known for ending in _ENDINGS)
        )


def load_gazetteer(path: Path) -> Gazetteer:
    """Read the shipped lists. Raises OSError or ValueError where the file is missing or broken."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        raw = json.load(file)
    first = frozenset(raw["first"]) - _AMBIGUOUS
    last = frozenset(name.lower() for name in raw["last"] if len(name) > 3)  # noqa: PLR2004
    words = {language: frozenset(listed) for language, listed in raw["words"].items()}
    every_word = frozenset().union(*words.values())
    cities = frozenset(raw["city"])
    city_words = {city.lower() for city in cities}
    city_words |= {word for city in city_words for word in city.split() if len(word) > 3}  # noqa: PLR2004
    first_lower = frozenset(name.lower() for name in first)
    return Gazetteer(
        first=first,
        first_lower=first_lower,
        first_only=frozenset(name for name in first_lower if len(name) > 2) - every_word,  # noqa: PLR2004
        last=last,
        last_only=last - every_word,
        last_words=frozenset(name for name in last if " " not in name),
        cities=cities,
        city_words=frozenset(city_words),
        words=words,
        every_word=every_word,
    )
