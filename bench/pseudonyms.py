"""Microseconds per delta of a stream, and per value: `python bench/pseudonyms.py`. Medians of seven rounds."""

import statistics
import time
from collections.abc import Callable

from filters.pseudonyms import Placeholders

KEY = bytes(32)
PROSE = (
    "De aanvraag werd op 12 maart 2026 ontvangen door de dienst Burgerzaken, BTW en OCMW inbegrepen. "
    "Gelieve de ontbrekende documenten binnen 14 dagen te bezorgen, zodat het dossier (zie ook bijlage 3) kan worden "
    "behandeld. "
)


def deltas(text: str, size: int = 4) -> list[str]:
    """Pieces of about one token."""
    return [text[i : i + size] for i in range(0, len(text), size)]


def median_us(work: Callable[[], None], per: int, rounds: int = 7) -> float:
    """Median time of a round, per unit of work."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) / per * 1e6


def main() -> None:
    values = [f"Voornaam{i} Achternaam{i}" for i in range(100)]
    placeholders = Placeholders(KEY, "u|t|d")
    issued = [placeholders.substitute(v, [(0, len(v), "PERSON")]) for v in values]
    none = deltas(PROSE * 20)
    some = deltas("".join(f"{PROSE[:100]}{issued[i % 20]}, {PROSE[100:]}" for i in range(20)))
    dense = deltas(" ".join(issued) + "\n")
    long = deltas(PROSE * 460 + issued[0] + ". ")  # 100,000 characters
    text = PROSE * 74  # 16,000 characters

    def stream(pieces: list[str], *, json_string: bool = False) -> Callable[[], None]:
        def work() -> None:
            restorer = placeholders.restorer(hosts=frozenset({"intranet.example.be"}), json_string=json_string)
            for piece in pieces:
                restorer.feed(piece)
            restorer.flush()

        return work

    def empty() -> None:
        restorer = Placeholders(KEY, "u|t|d").restorer()
        for piece in none:
            restorer.feed(piece)

    def choose() -> None:
        fresh = Placeholders(KEY, "u|t|d")
        for value in values:
            fresh.substitute(value, [(0, len(value), "PERSON")])

    rows = [
        ("delta, request without placeholders", empty, len(none)),
        ("delta, 100 placeholders known, none in the answer", stream(none), len(none)),
        ("delta, JSON source, none in the answer", stream(none, json_string=True), len(none)),
        ("delta, one placeholder per 220 characters", stream(some), len(some)),
        ("placeholder restored, dense list of 100", stream(dense), 100),
        ("placeholder restored, JSON source", stream(dense, json_string=True), 100),
        ("delta, 100,000 characters and one placeholder", stream(long), len(long)),
        ("placeholder chosen (hash, distance, prefix)", choose, 100),
        ("reserve 16,000 characters of prose", lambda: Placeholders(KEY, "u|t|d").reserve([text]), 1),
    ]
    for name, work, per in rows:
        print(f"{median_us(work, per):9.2f} µs  {name}")
    for name, hostile in HOSTILE.items():
        start = time.perf_counter()
        placeholders.restore(hostile + issued[0] + " ", hosts=frozenset({"a.be"}))
        print(f"{(time.perf_counter() - start) * 1e3:9.2f} ms  one placeholder after 100,000 characters of {name}")


HOSTILE = {
    "](": "](" * 50_000,
    "](<": "](<" * 33_000,
    "]:": "]:" * 50_000,
    "//": "/ /" * 33_000 + "//a" * 33_000,
    "https://a.be/": "https://a.be/" * 7_700,
    "one word": "a" * 100_000,
    "a.a.a": "a." * 50_000,
    "quotes": "\"'" * 50_000,
    "url(": "url(" * 25_000,
    "spaces": "href=" + " " * 100_000,
    "capitals": "H" * 100_000,
}

if __name__ == "__main__":
    main()
