"""Alerts as mails in the reader's language: what happened, how much, where, when, what to do, and no values.

One language a file; `str.format_map` raises KeyError for a place that nobody fills, and a test renders every kind in
every language.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from gateway.leaks.alerts import Alert, Kind
from gateway.leaks.texts import de, en, fr, nl


@dataclass(frozen=True, slots=True)
class Texts:
    """All words of one language."""

    subjects: Mapping[str, str]
    what: Mapping[str, str]
    todo: Mapping[str, tuple[str, ...]]
    words: Mapping[str, str]
    categories: Mapping[str, str]
    sources: Mapping[str, str]
    roles: Mapping[str, str]
    entity_types: Mapping[str, str]


LANGUAGES: Final[Mapping[str, Texts]] = {
    name: Texts(
        subjects=module.SUBJECTS,
        what=module.WHAT,
        todo=module.TODO,
        words=module.WORDS,
        categories=module.CATEGORIES,
        sources=module.SOURCES,
        roles=module.ROLES,
        entity_types=module.ENTITY_TYPES,
    )
    for name, module in (("nl", nl), ("fr", fr), ("de", de), ("en", en))
}


def moment(at: float, zone: tzinfo) -> str:
    """A time as people of any of the four languages read it without doubt: 2026-11-24 14:05 CET."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def kinds(texts: Texts, entity_types: Mapping[str, int]) -> str:
    """Kind and number of what was found, in words where we have one."""
    return ", ".join(f"{texts.entity_types.get(name, name)} × {number}" for name, number in entity_types.items())


def render(alert: Alert, language: str, zone: tzinfo) -> tuple[str, str]:
    """Subject and plain text. English where the language is not one of ours. Raises KeyError for a missing text."""
    texts = LANGUAGES.get(language) or LANGUAGES["en"]
    places = {
        "incident": alert.incident,
        "tool": alert.tool or texts.words["unknown"],
        "days": str(alert.days if alert.days is not None else ""),
        "count": str(alert.count),
        "deadline": moment(alert.deadline_72h, zone) if alert.deadline_72h is not None else "",
        "reference": alert.references[0] if alert.references else texts.words["unknown"],
    }
    parts = [texts.what[alert.kind].format_map(places)]
    facts = _facts(alert, texts, zone)
    if facts:
        parts.append("\n".join(facts))
    if alert.lines:
        parts.append("\n".join((f"{texts.words['lines']}:", *(f"  {item}" for item in alert.lines))))
    steps = [f"  {number}. {step.format_map(places)}" for number, step in enumerate(texts.todo[alert.kind], 1)]
    parts.append("\n".join((f"{texts.words['todo']}:", *steps)))
    parts.append(texts.words["ask"])
    parts.append(texts.words["no_values"])
    return texts.subjects[alert.kind].format_map(places), "\n\n".join(parts) + "\n"


def _facts(alert: Alert, texts: Texts, zone: tzinfo) -> list[str]:
    """The lines `label: value`, only those that this alert has."""
    words = texts.words
    found = [texts.categories.get(item, item) for item in alert.categories]
    many = alert.count - len(alert.references)
    references = ", ".join(alert.references) + (
        f" {words['more'].format(count=many)}" if 0 < many < alert.count else ""
    )
    times = {
        "at": moment(alert.at, zone),
        "since": moment(alert.since, zone) if alert.since is not None else "",
        "aware_at": moment(alert.aware_at, zone) if alert.aware_at is not None else "",
        "deadline": moment(alert.deadline_72h, zone) if alert.deadline_72h is not None else "",
    }
    rows = [
        (words["incident"], alert.incident),
        (words["deadline"], times["deadline"]),
        (words["aware_at"], times["aware_at"]),
        (words["source"], texts.sources.get(alert.source, alert.source)),
        (words["by"], texts.roles.get(alert.by_role, alert.by_role)),
        (words["categories"], ", ".join(found)),
        (words["kinds"], kinds(texts, alert.entity_types)),
        (words["count"], str(alert.count) if alert.count and alert.kind is Kind.NEAR_MISS_DIGEST else ""),
        (words["unit"], alert.unit),
        (words["tool"], alert.tool),
        (words["reason"], alert.reason_code),
        (words["due"], alert.due),
        (words["since"], times["since"]),
        (words["at"], times["at"]),
        (words["references"], references),
    ]
    facts = [f"{label}: {value}" for label, value in rows if value]
    for group in alert.groups:
        kind = ", ".join(texts.categories.get(item, item) for item in group.categories)
        detail = kinds(texts, group.entity_types)
        facts.append(f"  - {group.unit}, {group.tool}: {group.count} × ({kind}; {detail})")
    return facts
