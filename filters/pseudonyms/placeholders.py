"""The placeholders of one request: chosen from a keyed hash, so that no state outlives the request."""

from collections.abc import Iterable, Sequence
from itertools import count

from filters.pseudonyms.restorer import Issued, Known, StreamRestorer
from filters.pseudonyms.shape import (
    HINTS,
    OTHER_HINT,
    UNSHARED_START,
    lookalikes,
    neighbourhood,
    random_part,
    scoped_key,
)

MINIMUM_KEY = 16


class Placeholders:
    """One per request. First `reserve` every text of the request, then `substitute`, then restore the answer.

    `key` is the gateway's secret (at least 16 bytes), `scope` is "subject|tool|day". Same key, scope, entity type and
    spelling: same placeholder, in every turn and in every process.

    Usage errors raise ValueError without any text in it; the caller refuses the request (promise 2).
    """

    __slots__ = ("_by_value", "_close", "_key", "_known", "_starts", "_taken")

    def __init__(self, key: bytes, scope: str, *, taken: str = "") -> None:
        if len(key) < MINIMUM_KEY:
            raise ValueError("placeholder key too short")
        self._key = scoped_key(key, scope)
        self._by_value: dict[tuple[str, str], str] = {}
        self._known = Known()
        self._taken: set[str] = set()
        self._starts: set[str] = set()
        self._close: set[str] = set()
        self.reserve((taken,))

    def __len__(self) -> int:
        return len(self._by_value)

    def __repr__(self) -> str:
        return f"Placeholders(issued={len(self)}, reserved={len(self._taken)})"

    def reserve(self, texts: Iterable[str]) -> None:
        """Register what the request holds: text that looks like a placeholder there is never chosen as one.

        So what a user types comes back as typed. Call it for all texts before the first `substitute`; ValueError when
        a text comes too late, holding a placeholder that is already in use.
        """
        for text in texts:
            self._taken |= lookalikes(text)
        if not self._taken.isdisjoint(self._known.issued):
            raise ValueError("reserve every text before the first substitute")

    def substitute(self, text: str, spans: Sequence[tuple[int, int, str]]) -> str:
        """Put a placeholder where each span (start, end, entity type) lies; spans are sorted and do not overlap.

        Raises ValueError for spans that are not so, and for a text that was not reserved and holds what looks like a
        placeholder.
        """
        if not lookalikes(text) <= self._taken:
            raise ValueError("reserve every text before the first substitute")
        pieces: list[str] = []
        done = 0
        for start, end, entity_type in spans:
            if not done <= start < end <= len(text):
                raise ValueError("spans must be sorted, apart, and inside the text")
            pieces.append(text[done:start])
            pieces.append(self._placeholder(text[start:end], entity_type))
            done = end
        pieces.append(text[done:])
        return "".join(pieces)

    def restore(self, text: str, *, hosts: frozenset[str] = frozenset(), json_string: bool = False) -> str:
        """The text with every whole, known placeholder replaced by its value; see `StreamRestorer` for the rules."""
        restorer = self.restorer(hosts=hosts, json_string=json_string)
        return restorer.feed(text) + restorer.flush()

    def restorer(self, *, hosts: frozenset[str] = frozenset(), json_string: bool = False) -> StreamRestorer:
        """A restorer for one channel of a stream: each choice's text, each tool call's arguments has its own.

        `hosts`: in whose URLs a value may stand (`listed` in `filters.pseudonyms.targets`). `json_string`: the channel
        carries JSON source, such as tool arguments or an answer in JSON mode, so values are escaped for a JSON string.
        """
        return StreamRestorer(self._known, hosts=hosts, json_source=json_string)

    def _placeholder(self, value: str, entity_type: str) -> str:
        known = self._by_value.get((entity_type, value))
        if known is not None:
            return known
        candidates = (random_part(self._key, entity_type, value, attempt) for attempt in count())
        random = next(filter(self._take, candidates))
        placeholder = random + HINTS.get(entity_type, OTHER_HINT)
        self._by_value[entity_type, value] = placeholder
        self._known.add(random, Issued(placeholder, value))
        return placeholder

    def _take(self, random: str) -> bool:
        """Take `random` if nothing in the request is like it: two of a request are always three edits apart."""
        start, close = random[:UNSHARED_START], neighbourhood(random)
        if random in self._taken or start in self._starts or not self._close.isdisjoint(close):
            return False
        self._starts.add(start)
        self._close.update(close)
        return True
