"""The sources' rules about a tool list, as checks with a level and a source.

Rules about use (approvals, risk analysis, terms …) speak of approved tools only: what is merely requested may be
incomplete, what is denied needs nothing. A tool without an upstream is only listed, nothing of it passes the gateway:
what its paper work lacks is a warning.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import product
from urllib.parse import urlsplit

from filters.entities import ENTITY_TYPES
from filters.findings import Category
from gateway.policy.model import WrittenApproval, WrittenAssessment, WrittenPolicy, WrittenTool
from gateway.policy.patterns import ModelPattern, PatternKind, compile_pattern, overlap
from gateway.policy.problems import Level, Problem
from gateway.policy.rules import FIXED
from gateway.policy.suspect import is_loopback, looks_secret, reach, strings

Problems = Iterator[Problem]
_PROTECTED = ("personal", "special", "confidential", "security")
_OPEN = ("allow", "note")
_LEAST_DCIE = 50.0
_HIGH_THRESHOLD = 0.5  # the weakest value with a proof of form and context scores 0.6
_DCIE_SLACK = 1.0  # points between a written DCiE and 100 / PUE that are rounding
PRACTICE_MARK = "nobody approved this"  # what stands as approval of practice and trial entries


def lint(written: WrittenPolicy, today: date) -> list[Problem]:
    """Every remark on the list, in the order of the file; errors and warnings mixed."""
    found: list[Problem] = [*_whole(written)]
    for tool in written.tools:
        for check in _CHECKS:
            found += check(tool, written)
        found += _dates(tool, today)
    found += _ambiguous(written)
    return found


def _error(tool: WrittenTool | None, rule: str, message: str, source: str = "") -> Problem:
    return Problem(Level.ERROR, tool.id if tool else None, rule, message, source)


def _warning(tool: WrittenTool | None, rule: str, message: str, source: str = "") -> Problem:
    return Problem(Level.WARNING, tool.id if tool else None, rule, message, source)


def _in_use(tool: WrittenTool) -> bool:
    """Approved, with an endpoint: requests can reach it."""
    return tool.status == "approved" and tool.upstream is not None


def _whole(written: WrittenPolicy) -> Problems:
    seen: set[str] = set()
    for tool in written.tools:
        if tool.id in seen:
            yield _error(tool, "double-id", "two tools have this id")
        seen.add(tool.id)
    yield from _entity_rows(None, written.entities)
    organisation = written.organisation
    if organisation.default_language not in organisation.languages:
        yield _error(None, "language", "the default language is not among the organisation's languages")
    for who, contact in (("ict", organisation.contacts.ict), ("dpo", organisation.contacts.dpo)):
        if not (contact.email or contact.phone or contact.url):
            yield _error(None, "contact", f"contacts.{who} names no way to reach them", "U6")
    for name, value in written.thresholds.model_dump().items():
        if value > _HIGH_THRESHOLD:
            yield _warning(None, "threshold", f"thresholds.{name} {value} lets likely findings pass in clear", "D1")
    for place, text in strings(written.model_dump(mode="json", exclude={"tools"}), ""):
        if looks_secret(text):
            yield _error(None, "secret-in-file", f"{place} looks like a key or password; move it out", "T10")


def _entity_rows(tool: WrittenTool | None, rows: Mapping[str, str]) -> Problems:
    for name, action in rows.items():
        entity = ENTITY_TYPES.get(name)
        if entity is None:
            yield _error(tool, "unknown-entity", f"entities: {name} is no entity type that the filters know")
        elif name in FIXED and action != "block":
            yield _error(tool, "classified", f"entities: {name} blocks on every tool", "standards §6.5")
        elif action == "pseudonymize" and entity.category is not Category.PERSONAL:
            yield _error(tool, "pseudonymize", f"entities: {name} is {entity.category}, no personal data", "T1, D3")
        elif action in _OPEN and (entity.official or name == "MARKING_TLP"):
            yield _warning(tool, "frees-protected", f"entities: {name} may pass in clear", "standards §6.2, §6.5")


def _rows(tool: WrittenTool, _: WrittenPolicy) -> Problems:
    for category in ("special", "confidential", "security", "none_found"):
        if getattr(tool.data, category) == "pseudonymize":
            yield _error(
                tool, "pseudonymize", f"data.{category} cannot be pseudonymized: only personal data can", "T1, D3"
            )
    yield from _entity_rows(tool, dict(tool.entities))


def _approved(tool: WrittenTool, _: WrittenPolicy) -> Problems:
    """T3, T6: both agreements, a review date, a risk analysis, a DPIA where personal data are processed."""
    if tool.status != "approved":
        return
    lacks = list(_lacks(tool))
    if tool.upstream is None:
        if lacks:
            names = ", ".join(what for _, what, _ in lacks)
            yield _warning(tool, "listed-only", f"no traffic passes the gateway; the entry lacks: {names}", "T3, T6")
        return
    for rule, what, source in lacks:
        yield _error(tool, rule, f"approved, but the entry lacks: {what}", source)


def _lacks(tool: WrittenTool) -> Iterator[tuple[str, str, str]]:
    for who, approval in (("ICT", tool.approvals.ict), ("the DPO", tool.approvals.dpo)):
        if approval is None:
            yield "approval-missing", f"the agreement of {who} (approvals)", "T3, 001 art. 4.1"
    if tool.review_by is None:
        yield "review-missing", "a review date (review_by)", "T6, 000 pr. 6"
    if tool.environment != "production":
        return  # fictional or public data only (T9); _environment keeps the exception small
    if not _assessed(tool.assessments.risk_analysis, or_not_required=False):
        yield "risk-analysis-missing", "an approved risk analysis", "T6, 000 pr. 6, 004 q. 40"
    if tool.data.personal != "block" and not _assessed(tool.assessments.dpia, or_not_required=True):
        yield "dpia-missing", "a DPIA (or why none is required), as personal data are processed", "T6, 004 q. 40"


def _assessed(assessment: WrittenAssessment | None, *, or_not_required: bool) -> bool:
    if assessment is None:
        return False
    if assessment.status == "approved":
        return assessment.date is not None and bool(assessment.by)
    return or_not_required and assessment.status == "not-required" and bool(assessment.by or assessment.link)


def _environment(tool: WrittenTool, written: WrittenPolicy) -> Problems:
    if tool.environment == "trial" and written.profile != "trial":
        yield _error(tool, "environment", "a trial entry is for `sluis trial` only", "T9")
    if tool.environment == "practice" and (tool.upstream is None or not is_loopback(tool.upstream.base_url)):
        yield _error(tool, "environment", "a practice entry must call a model on this machine (loopback)", "T9")
    ict, dpo = tool.approvals.ict, tool.approvals.dpo
    if tool.environment == "production" and ict is not None and dpo is not None and ict.by == dpo.by:
        yield _warning(tool, "one-approver", "ICT and the DPO must both agree; one name stands for both", "T3")
    marked = any(a is not None and PRACTICE_MARK in a.by for a in (ict, dpo))
    if tool.environment == "production" and marked:
        yield _error(tool, "environment", "the approval is the practice set-up's own: nobody gave it", "T3")


def _terms(tool: WrittenTool, written: WrittenPolicy) -> Problems:
    """The sources conflict: 001 lets free consumer tools have public documents, 004 lets no government use them."""
    if tool.terms != "consumer" or tool.status != "approved":
        return
    if written.profile == "nl-central-government":
        yield _error(
            tool, "consumer-terms", "consumer terms are not acceptable for government use", "004 q. 44, 55, 63"
        )
    elif any(getattr(tool.data, category) != "block" for category in _PROTECTED):
        yield _error(
            tool, "consumer-terms", "under consumer terms only text without a finding may go in", "T1, 001 art. 4.1"
        )


def _origin(tool: WrittenTool, written: WrittenPolicy) -> Problems:
    flagged = tool.offensive_cyber_country or tool.provider.country in written.offensive_cyber_countries
    if flagged and tool.status != "denied":
        yield _error(
            tool, "offensive-cyber", "from a country with an offensive cyber programme: banned", "T2, 004 q. 57, 64"
        )


def _training(tool: WrittenTool, _: WrittenPolicy) -> Problems:
    if tool.status != "approved" or tool.data.personal == "block":
        return
    if tool.trains_on_input == "yes":
        yield _error(tool, "trains-on-input", "it trains on input, yet personal data may go in", "D1, D4")
    elif tool.trains_on_input in ("unknown", "opt-out"):
        yield _warning(
            tool, "trains-on-input", f"personal data may go in; training on input: {tool.trains_on_input}", "D1, D4"
        )


def _energy(tool: WrittenTool, _: WrittenPolicy) -> Problems:
    energy = tool.energy
    implied = 100 / energy.pue if energy.pue is not None else None
    dcie = energy.dcie_pct if energy.dcie_pct is not None else implied
    if dcie is not None and dcie < _LEAST_DCIE:
        yield _warning(
            tool,
            "dcie",
            f"DCiE {dcie:.0f} % is under 50 %, which means a PUE over 2.0: a lax floor (providers publish 83–92 %)",
            "T7, 004 q. 62",
        )
    if energy.dcie_pct is not None and implied is not None and abs(energy.dcie_pct - implied) > _DCIE_SLACK:
        yield _warning(tool, "dcie", f"dcie_pct is not 100 / pue, which gives {implied:.1f} %", "standards §5.4")


def _models(tool: WrittenTool, _: WrittenPolicy) -> Problems:
    for text in tool.models:
        try:
            compile_pattern(text)
        except ValueError:
            yield _error(tool, "pattern", "models: a pattern after re: is not RE2")
    if _in_use(tool) and not (tool.models or tool.aliases):
        yield _error(tool, "no-models", "an approved tool with an upstream needs models or aliases")


def _access(tool: WrittenTool, _: WrittenPolicy) -> Problems:
    if _in_use(tool) and tool.data.none_found == "block":
        yield _warning(tool, "nothing-allowed", "data.none_found is block: nothing at all passes to this tool", "T1")
    for host in tool.restore_hosts:
        if "*" in host:
            yield _error(tool, "restore-hosts", "restore_hosts: a wildcard could carry values out", "promise 6")


def _secrets(tool: WrittenTool, _: WrittenPolicy) -> Problems:
    for place, text in strings(tool.model_dump(mode="json"), ""):
        if looks_secret(text):
            yield _error(tool, "secret-in-file", f"{place} looks like a key or password; use upstream.key", "T10")


def _url(tool: WrittenTool, _: WrittenPolicy) -> Problems:
    if tool.upstream is None:
        return
    try:
        parts = urlsplit(tool.upstream.base_url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        yield _error(tool, "url", "upstream.base_url is no http(s) address")
        return
    if parts.query or parts.fragment or parts.username is not None:
        yield _error(tool, "url", "upstream.base_url holds a user, a query or a fragment")
    near = reach(host)
    if near == "link-local":
        yield _error(tool, "url", "upstream.base_url is a link-local address (cloud metadata services live there)")
    elif parts.scheme == "http" and near == "public":
        yield _error(tool, "plain-http", "upstream.base_url is not encrypted; use https", "GDPR art. 32")
    elif parts.scheme == "http" and near == "private":
        yield _warning(tool, "plain-http", "upstream.base_url is not encrypted on the internal network", "GDPR art. 32")


def _dates(tool: WrittenTool, today: date) -> Problems:
    if tool.status != "approved":
        return
    if tool.review_by is not None and tool.review_by < today:
        yield _warning(tool, "review-passed", f"the review date {tool.review_by} has passed: the tool is denied", "T6")
    for who, approval in (("ICT", tool.approvals.ict), ("the DPO", tool.approvals.dpo)):
        if _later(approval, today):
            yield _warning(
                tool, "approval-later", f"the agreement of {who} lies in the future: denied until then", "T3"
            )
    for name in ("risk_analysis", "dpia"):
        assessment: WrittenAssessment | None = getattr(tool.assessments, name)
        if assessment is not None and assessment.valid_until is not None and assessment.valid_until < today:
            yield _warning(tool, "assessment-old", f"{name} was valid until {assessment.valid_until}", "T6")


def _later(approval: WrittenApproval | None, today: date) -> bool:
    return approval is not None and approval.date > today


def _patterns(tool: WrittenTool) -> list[ModelPattern]:
    """The patterns that compile; `_models` reports the others."""
    found = []
    for text in tool.models:
        try:
            found.append(compile_pattern(text))
        except ValueError:
            continue
    return found


def _ambiguous(written: WrittenPolicy) -> Problems:
    """Two tools in use that answer to one bare name; a forbidden tool that takes a name away from one in use."""
    live = [(tool, _patterns(tool)) for tool in written.tools if tool.status not in ("denied", "requested")]
    denied = [(tool, _patterns(tool)) for tool in written.tools if tool.status == "denied"]
    for i, (tool, patterns) in enumerate(live):
        for other, others in live[i + 1 :]:
            text = _shared_name(tool, patterns, other, others)
            if text is not None:
                yield _error(tool, "ambiguous-model", f"{other.id} also answers to models like {text}")
        for other, others in denied:
            text = _shared_name(tool, patterns, other, others)
            if text is not None:
                yield _warning(
                    tool, "denied-model", f"{other.id} is denied and takes {text}: only {tool.id}/… reaches this tool"
                )


def _shared_name(
    tool: WrittenTool, patterns: list[ModelPattern], other: WrittenTool, others: list[ModelPattern]
) -> str | None:
    """A name or pattern on which both meet. Among tools in use only one level counts: the closer name wins."""
    denied = other.status == "denied"
    for name in tool.aliases:
        if name in other.aliases or (denied and any(two.matches(name) for two in others)):
            return name
    for one, two in product(patterns, others):
        one_level = (one.kind is PatternKind.LITERAL) is (two.kind is PatternKind.LITERAL)
        if (one_level or denied) and overlap(one, two):
            return one.text
    return None


_CHECKS: tuple[Callable[[WrittenTool, WrittenPolicy], Problems], ...] = (
    _rows,
    _approved,
    _environment,
    _terms,
    _origin,
    _training,
    _energy,
    _models,
    _access,
    _secrets,
    _url,
)
