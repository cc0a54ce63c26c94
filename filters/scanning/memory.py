"""What was found in texts that were scanned before, so that a chat whose history is resent costs its new message only.

Keys are keyed hashes (the key is made at start and never leaves the process), values are findings: no text stays here.
"""

import os
from collections import OrderedDict
from hashlib import blake2b

from filters.findings import Finding

KEY_BYTES = 16
_ENTRY_COST = 240  # bytes: key, tuple, the dict's share (sys.getsizeof on CPython 3.11, rounded up)
_FINDING_COST = 200


class Memory:
    """Least recently used out first, bounded by (estimated) bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[bytes, tuple[Finding, ...]] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: bytes) -> tuple[Finding, ...] | None:
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        return found

    def place(self, key: bytes, found: tuple[Finding, ...]) -> None:
        """The same findings under another slot number."""
        if key in self._held:
            self._held[key] = found

    def put(self, key: bytes, found: tuple[Finding, ...]) -> None:
        old = self._held.pop(key, None)
        if old is not None:
            self.bytes -= _cost(key, old)
        self._held[key] = found
        self.bytes += _cost(key, found)
        while self.bytes > self._limit:
            gone, findings = self._held.popitem(last=False)
            self.bytes -= _cost(gone, findings)


def _cost(key: bytes, found: tuple[Finding, ...]) -> int:
    return _ENTRY_COST + len(key) + _FINDING_COST * len(found)


class Recollection:
    """What one request recalls and learns: kept until it is answered, even where the memory is too small for it."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._held: dict[bytes, tuple[Finding, ...]] = {}

    def recall(self, key: bytes) -> tuple[Finding, ...] | None:
        found = self._held.get(key)
        if found is None:
            found = self._memory.get(key)
            if found is not None:
                self._held[key] = found
        return found

    def place(self, key: bytes, found: tuple[Finding, ...]) -> None:
        """The same findings under another slot number."""
        self._held[key] = found
        self._memory.place(key, found)

    def learn(self, key: bytes, found: tuple[Finding, ...]) -> None:
        self._held[key] = found
        self._memory.put(key, found)


class Keys:
    """Hashes a text under everything its findings depend on: engine version, epoch (policy), point and kind."""

    def __init__(self) -> None:
        self._secret = os.urandom(32)
        self._bases: dict[tuple[str, ...], blake2b] = {}

    def base(self, *context: str) -> blake2b:
        """The hash state that stands for the context; copy it, then add the text."""
        base = self._bases.get(context)
        if base is None:
            if len(self._bases) > 64:  # noqa: PLR2004 - old versions and epochs
                self._bases.clear()
            base = blake2b(key=self._secret, digest_size=KEY_BYTES)
            for part in context:
                data = part.encode("utf-8", "surrogatepass")
                base.update(len(data).to_bytes(4, "big") + data)
            self._bases[context] = base
        return base
