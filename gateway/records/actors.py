"""Who a record is about, as a keyed pseudonym (GDPR art. 4(5)): HMAC-SHA256 of the subject under the month's key.

The keys lie in files outside the database, so a copy of the database alone leads back to nobody, and two months of one
person do not show as one. Without a key no record can be written: a missing secrets folder stops requests (promise 2).
"""

import base64
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.errors import Unavailable, sentence
from gateway.records.retention import retain_until
from gateway.settings import read_secret_key, secret_key

ACTOR_KEY_UNAVAILABLE: Final = sentence(
    "actor_key_unavailable",
    "the month's key for actor pseudonyms could not be read or made, so no record can be written",
    nl="De gateway kan nu niet vastleggen dat u deze vraag stelt; daarom is ze niet doorgestuurd. Meld dit aan ICT.",
    fr="La passerelle ne peut pas enregistrer votre demande ; elle n'a donc pas été transmise. Prévenez l'ICT.",
    de="Das Gateway kann Ihre Anfrage nicht protokollieren; sie wurde deshalb nicht weitergeleitet. Melden Sie es der "
    "IT.",
    en="The gateway cannot record your request, so it was not passed on. Tell ICT.",
)
_FILE: Final = re.compile(r"actor-(\d{4})-(\d{2})\.key")


class ActorKeys:
    """Keys by month in `secrets_dir` (files `actor-2026-11.key`, mode 0600); several workers may share the folder."""

    def __init__(self, secrets_dir: Path) -> None:
        self._folder = secrets_dir
        self._keys: dict[str, bytes] = {}

    def actor(self, subject: str, at: float) -> str:
        """The pseudonym of `subject` in the month of `at` (POSIX seconds, UTC). Raises Unavailable without a key."""
        month = _month(at)
        key = self._keys.get(month)
        if key is None:
            key = self._key(month)
        return _pseudonym(key, month, subject)

    def resolve(self, actor: str, at: float, candidates: Iterable[str]) -> str | None:
        """Which of `candidates` `actor` stands for, for the DPO's look-up; None when none, or when the key is gone."""
        month = _month(at)
        try:
            key = self._keys.get(month) or read_secret_key(self._path(month))
        except (OSError, ValueError):
            return None
        return next((c for c in candidates if hmac.compare_digest(_pseudonym(key, month, c), actor)), None)

    def forget(self, now: float, *, keep: float = 0) -> list[str]:
        """Delete the keys of months whose records have all passed their term; returns the months.

        What is still on hold can then no longer be led back to a person. `keep`: seconds more, where holds run longer.
        """
        gone = []
        for path in sorted(self._folder.glob("actor-*.key")):
            name = _FILE.fullmatch(path.name)
            if name is None:
                continue
            year, month = int(name[1]), int(name[2])
            end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()
            if retain_until(int(end * 1000)) + keep * 1000 <= now * 1000:
                path.unlink(missing_ok=True)
                self._keys.pop(f"{year:04}-{month:02}", None)
                gone.append(f"{year:04}-{month:02}")
        return gone

    def _path(self, month: str) -> Path:
        return self._folder / f"actor-{month}.key"

    def _key(self, month: str) -> bytes:
        try:
            key = secret_key(self._path(month))
        except (OSError, ValueError):
            raise Unavailable(ACTOR_KEY_UNAVAILABLE) from None
        self._keys[month] = key
        return key


def _month(at: float) -> str:
    if at > 1e11:  # noqa: PLR2004 the year 5138 in seconds, 1973 in milliseconds
        raise ValueError("seconds are expected, not milliseconds")
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.year:04}-{moment.month:02}"


def _pseudonym(key: bytes, month: str, subject: str) -> str:
    digest = hmac.digest(key, f"{month}\0{subject}".encode(), "sha256")
    return "a1-" + base64.b32encode(digest[:20]).decode().lower()
