"""A stand-in for `filters.pseudonyms` that holds back in a plain way, where a test says exactly what is held."""

import json
from dataclasses import dataclass, field


def _escape(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


class FakeRestorer:
    def __init__(self, table: dict[str, str]) -> None:
        self.table = table
        self.held = ""

    def feed(self, piece: str) -> str:
        text = self.held + piece
        for placeholder, value in self.table.items():
            text = text.replace(placeholder, value)
        size = max(
            (n for p in self.table for n in range(1, len(p)) if text.endswith(p[:n])),
            default=0,
        )
        self.held = text[len(text) - size :]
        return text[: len(text) - size]

    def flush(self) -> str:
        text, self.held = self.held, ""
        return text


@dataclass
class FakeRestorers:
    """`table`: placeholder → value. No placeholder may be part of a value."""

    table: dict[str, str]
    hosts: list[frozenset[str]] = field(default_factory=list)

    def restore(self, text: str, *, hosts: frozenset[str] = frozenset(), json_string: bool = False) -> str:
        self.hosts.append(hosts)
        for placeholder, value in self.table.items():
            text = text.replace(placeholder, _escape(value) if json_string else value)
        return text

    def restorer(self, *, hosts: frozenset[str] = frozenset(), json_string: bool = False) -> FakeRestorer:
        self.hosts.append(hosts)
        return FakeRestorer({p: _escape(v) if json_string else v for p, v in self.table.items()})
