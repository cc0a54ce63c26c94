"""What changed between two tool lists, per tool, in words: for the DPO's mail and the record (T5).

Values come from the written entries, which hold no secret (the lint refuses a file with one).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.policy.compiled import Policy

_ABSENT = "–"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of the entry, with what stood there and what stands there now."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ToolChange:
    """One tool: `kind` is added, removed or changed."""

    tool: str
    name: str
    kind: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """The difference between two versions of the list; `general` is what stands outside the tools."""

    old: str
    new: str
    general: tuple[FieldChange, ...] = ()
    tools: tuple[ToolChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.general or self.tools)

    def lines(self, language: str = "nl") -> list[str]:
        """In words, Dutch or English; any other language gets English."""
        words = _WORDS.get(language, _WORDS["en"])
        lines = [words["head"].format(old=self.old, new=self.new)]
        if self.general:
            lines.append(words["general"])
            lines += [_field_line(change, words) for change in self.general]
        for tool in self.tools:
            lines.append(f"{words[tool.kind]}: {tool.name} ({tool.tool})")
            lines += [_field_line(change, words) for change in tool.fields]
        if not self:
            lines.append(words["nothing"])
        return lines


_WORDS = {
    "nl": {
        "head": "De toollijst is gewijzigd (versie {old} → {new}).",
        "general": "Algemeen:",
        "added": "Toegevoegd",
        "removed": "Verwijderd",
        "changed": "Gewijzigd",
        "nothing": "Geen verschil in de inhoud.",
        "field": "  - {field}: van {before} naar {after}",
    },
    "en": {
        "head": "The tool list has changed (version {old} → {new}).",
        "general": "General:",
        "added": "Added",
        "removed": "Removed",
        "changed": "Changed",
        "nothing": "No difference in content.",
        "field": "  - {field}: from {before} to {after}",
    },
}
# What the DPO wants to know first of a new tool.
_FIRST = (
    "status",
    "terms",
    "data.",
    "approvals.",
    "review_by",
    "upstream.base_url",
    "provider.name",
    "trains_on_input",
)


def _field_line(change: FieldChange, words: Mapping[str, str]) -> str:
    return words["field"].format(field=change.field, before=change.before, after=change.after)


def diff(old: Policy, new: Policy) -> PolicyDiff:
    """Per tool what was added, removed or changed; the order of the new list, removed tools last."""
    changes = []
    for tool in new.tools.values():
        before = old.tools.get(tool.id)
        fields = tuple(_changes(dict(_flat(before.raw)) if before else {}, dict(_flat(tool.raw))))
        if before is None:
            fields = tuple(change for change in fields if change.field.startswith(_FIRST))
            changes.append(ToolChange(tool.id, tool.name, "added", fields))
        elif fields:
            changes.append(ToolChange(tool.id, tool.name, "changed", fields))
    changes += [ToolChange(t.id, t.name, "removed") for t in old.tools.values() if t.id not in new.tools]
    general = tuple(_changes(dict(_flat(old.general)), dict(_flat(new.general))))
    return PolicyDiff(old.version, new.version, general, tuple(changes))


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[FieldChange]:
    for name in dict.fromkeys([*before, *after]):
        one, two = before.get(name, _ABSENT), after.get(name, _ABSENT)
        if one != two:
            yield FieldChange(name, one, two)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """`a.b` and its value in words, for every leaf that is not empty."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            if value:
                yield f"{prefix}{key}", ", ".join(map(str, value))
        elif isinstance(value, bool):
            yield f"{prefix}{key}", "yes" if value else "no"
        elif value is not None and value != "":
            yield f"{prefix}{key}", str(value)
