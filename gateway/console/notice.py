"""The staff notice: what is recorded, why, for how long, who sees it, what is not (R2; GDPR art. 13).

Built from the live configuration at every call, so that it cannot drift from what the gateway does.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.console.texts import CATEGORIES, NOT_RECORDED, RECORDED, TEXTS
from gateway.policy.compiled import Policy, Tool
from gateway.records.retention import MONTHS

LANGUAGES: Final = tuple(TEXTS)
_pages = Environment(
    loader=PackageLoader("gateway.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    text: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolRow:
    """One tool as staff see it: what may go in, per data category, and what to mind."""

    name: str
    status: str
    actions: Mapping[str, str]
    remark: str


@dataclass(frozen=True, slots=True)
class Notice:
    language: str
    title: str
    intro: str
    sections: tuple[Section, ...]
    tools_title: str
    tools: tuple[ToolRow, ...]
    version: str

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return asdict(self)


def build(policy: Policy, *, suspended: frozenset[str], language: str, today: date) -> Notice:
    """The notice in one of LANGUAGES; KeyError for another."""
    t = TEXTS[language]
    organisation = policy.organisation
    contacts = (f"DPO: {organisation.contacts.dpo}", f"ICT: {organisation.contacts.ict}")
    return Notice(
        language=language,
        title=t["title"].format(organisation=organisation.name),
        intro=t["intro"].format(organisation=organisation.name),
        sections=(
            Section(t["why"], t["why_text"]),
            Section(t["recorded"], items=tuple(t[key] for key in RECORDED)),
            Section(t["not_recorded"], items=tuple(t[key] for key in NOT_RECORDED)),
            Section(t["how_long"], t["how_long_text"].format(months=MONTHS)),
            Section(t["who"], t["who_text"]),
            Section(t["questions"], t["questions_text"], contacts),
        ),
        tools_title=t["tools"],
        tools=tuple(_row(tool, t, suspended=suspended, language=language) for tool in policy.tools.values()),
        version=t["version"].format(version=policy.version, day=today.isoformat()),
    )


def _row(tool: Tool, t: Mapping[str, str], *, suspended: frozenset[str], language: str) -> ToolRow:
    status = "suspended" if tool.id in suspended else str(tool.status)
    watch_out = tool.listing.watch_out if tool.listing else ""
    return ToolRow(
        name=tool.name,
        status=t[f"s_{status}"],
        actions={c: t[str(tool.actions[c])] for c in CATEGORIES},
        remark=". ".join(part.rstrip(".") for part in (watch_out, tool.reason_in(language)) if part),
    )


def page(notice: Notice) -> str:
    """The notice as an HTML page that stands alone: no script, no outside resource, printable."""
    return _pages.get_template("notice.html").render(
        notice=notice, languages=LANGUAGES, categories=CATEGORIES, t=TEXTS[notice.language]
    )
