"""Puts values back into an answer, piece by piece, without holding more than may still be part of a placeholder."""

import json
import re
from dataclasses import dataclass, field
from urllib.parse import quote

from filters.pseudonyms.shape import CANDIDATE, RANDOM_LENGTH, STARTER, TAIL
from filters.pseudonyms.targets import Place, place, runs_into_address

_FOLLOW_LIMIT = 256  # longer than any host name (253): what runs on further is treated as an address
_FOLLOW = re.compile(rf"[\w.@+-]{{0,{_FOLLOW_LIMIT}}}")
_FOLLOW_JSON = re.compile(
    rf"(?:[\w.@+-]|\\u[0-9a-fA-F]{{4}}){{0,{_FOLLOW_LIMIT}}}(?:\\(?:u[0-9a-fA-F]{{0,3}})?\Z)?",
)
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", re.ASCII)
_AFTER_MAIL = frozenset(("", " ", "\n", ")", ">", '"', "'"))
_JSON_TOKEN = re.compile(r'\\.|"', re.DOTALL)
_JSON_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_JSON_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A placeholder in use and what it stands for."""

    placeholder: str
    value: str


@dataclass(slots=True, repr=False)
class Known:
    """The placeholders of a request as a restorer needs them."""

    issued: dict[str, Issued] = field(default_factory=dict)  # by random part
    beginnings: set[str] = field(default_factory=set)  # of random parts, the whole one included

    def add(self, random: str, issued: Issued) -> None:
        """Make one more placeholder known."""
        self.issued[random] = issued
        self.beginnings.update(random[:length] for length in range(1, RANDOM_LENGTH + 1))


class StreamRestorer:
    """One channel of one answer. `feed` each piece, `flush` before the event that closes the channel.

    Fed in whatever pieces, the outputs join to the same text. A placeholder is restored when it is known and whole (all
    eleven characters, and no other word behind them); one that was altered or cut stays. In a URL, link or image target
    it is restored (percent-encoded) only when the host is listed. Where a value lands is judged by the *output* so far:
    a value cannot open a link for another one. A restored value is not looked at for placeholders again.
    """

    __slots__ = ("_follow", "_held", "_hosts", "_json", "_known", "_past", "_recent", "kept", "restored")

    def __init__(self, known: Known, *, hosts: frozenset[str], json_source: bool) -> None:
        self._known = known
        self._hosts = hosts
        self._json = json_source
        self._follow = _FOLLOW_JSON if json_source else _FOLLOW
        self._held = ""
        self._past = ""  # what was put out before the last placeholder; of JSON the string that is open, decoded
        self._recent: list[str] = []  # what was put out since
        self.restored = 0
        self.kept = 0  # known and whole, but in a URL of a host that is not listed

    def __repr__(self) -> str:
        return f"StreamRestorer(held={len(self._held)}, restored={self.restored}, kept={self.kept})"

    def feed(self, piece: str) -> str:
        """The text that can be shown now."""
        if not self._known.issued:
            return piece
        text = self._held + piece
        if STARTER.search(text) is None:
            self._recent.append(text)
            return text
        return self._advance(text, last=False)

    def flush(self) -> str:
        """What was held back; a placeholder that is not whole by now stays as it is."""
        return self._advance(self._held, last=True)

    def _advance(self, text: str, *, last: bool) -> str:
        out: list[str] = []
        done, until = 0, len(text)
        for candidate in CANDIDATE.finditer(text):
            issued = self._known.issued.get(candidate.group())
            start = candidate.start()
            end = _end(text, start, issued) if issued else 0
            if issued is None or not end:
                continue
            run = self._follow.match(text, end)
            following = run.group() if run else ""
            if end + len(following) == len(text) and len(following) < _FOLLOW_LIMIT and not last:
                until = start
                break
            before = text[done:start]
            self._recent.append(before)
            shown = self._shown(issued, following, text[end : end + 2]) or text[start:end]
            self._recent.append(shown)
            out += (before, shown)
            done = end
        if until == len(text) and not last:
            until = self._tail(text, done)
        out.append(text[done:until])
        self._recent.append(text[done:until])
        self._held = text[until:]
        return "".join(out)

    def _tail(self, text: str, done: int) -> int:
        """Where the end of the text begins that may still become a known placeholder; its length if none does."""
        while (tail := TAIL.search(text, done)) is not None:
            random, word = tail.groups()
            if random in self._known.beginnings:
                issued = self._known.issued.get(random)
                if (issued is None and not word) or (issued and issued.placeholder.startswith(random + word)):
                    return tail.start()
            done = tail.start() + 1
        return len(text)

    def _shown(self, issued: Issued, following: str, after: str) -> str | None:
        """The value as it may stand here; None where it may not."""
        where = place(self._before(), self._hosts)
        if where is Place.LISTED:
            self.restored += 1
            return quote(issued.value, safe="", errors="surrogatepass")
        if where is Place.MAILTO:
            after = _json_decoded(after) if self._json else after
            allowed = after[:1] in _AFTER_MAIL and _MAIL.fullmatch(issued.value) is not None
        else:
            allowed = where is Place.TEXT and not self._address(following)
        if not allowed:
            self.kept += 1
            return None
        self.restored += 1
        return _json_escaped(issued.value) if self._json else issued.value

    def _address(self, following: str) -> bool:
        if len(following) >= _FOLLOW_LIMIT:
            return True
        if self._json:
            following = _json_decoded(following)
        # What follows may itself be a placeholder, of a mail address say.
        return runs_into_address(CANDIDATE.sub(self._value, following))

    def _value(self, candidate: re.Match[str]) -> str:
        issued = self._known.issued.get(candidate.group())
        return issued.value if issued else candidate.group()

    def _before(self) -> str:
        """The output so far; of JSON source only the string that is open, decoded."""
        recent = "".join(self._recent)
        self._recent = []
        if self._json:
            begin = max((m.end() for m in _JSON_TOKEN.finditer(recent) if m.group() == '"'), default=0)
            if begin:
                self._past = ""
            recent = _json_decoded(recent[begin:])
        self._past += recent
        return self._past


def _end(text: str, start: int, issued: Issued) -> int:
    """Where the placeholder ends; 0 if its word was altered. A word that was left out is not missed: the eleven
    characters say which value it is, and small models leave it out now and then.
    """
    if text.startswith(issued.placeholder, start):
        return start + len(issued.placeholder)
    end = start + RANDOM_LENGTH
    return 0 if text[end : end + 1].isalnum() else end


def _json_escaped(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate travels as an escape only
        return json.dumps(value)[1:-1]
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _json_decoded(source: str) -> str:
    def plain(match: re.Match[str]) -> str:
        number, letter = match.groups()
        return chr(int(number, 16)) if number else _JSON_PLAIN.get(letter, letter)

    return _JSON_ESCAPE.sub(plain, source) if "\\" in source else source
