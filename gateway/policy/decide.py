"""The two questions of the road: may this person use this tool now (admit), and what happens to what was found (act).

Plain functions over a frozen policy; the answers name kinds and rules, never a value (promise 4).
"""

from collections.abc import Collection, Sequence
from datetime import date

from filters.findings import Category, Finding
from gateway.errors import Blocked, Forbidden, GatewayError, NotFound
from gateway.exchange import Action, Decision, Outcome, Principal
from gateway.policy.compiled import Policy, Rule, Tool
from gateway.policy.rules import FIXED
from gateway.policy.sentences import (
    BLOCKED,
    CLASSIFIED,
    IN_ATOM,
    NOT_FOR_YOU,
    SUSPENDED,
    UNKNOWN,
    UNSCANNABLE,
    categories,
    fill,
    instead,
    instead_of_block,
    kinds,
)


def admit(policy: Policy, model: str, *, principal: Principal, suspended: frozenset[str], today: date) -> Tool:
    """The tool that this person may use now under this model name.

    `suspended` holds the tools that the kill switch stopped: it beats the file. Raises NotFound for a name that is not
    on the list, Forbidden for a tool that may not be used; both say why, what can be used, and whom to ask.
    """
    tool = policy.tool_for(model)
    if tool is None:
        raise _refusal(NotFound, UNKNOWN, policy, None, principal=principal, suspended=suspended, today=today)
    code = tool.usable(today)
    if code is None and tool.id in suspended:
        code = SUSPENDED
    if code is None and not tool.open_to(principal.role, principal.unit):
        code = NOT_FOR_YOU
    if code is not None:
        raise _refusal(Forbidden, code, policy, tool, principal=principal, suspended=suspended, today=today)
    return tool


def _refusal(
    kind: type[GatewayError],
    code: str,
    policy: Policy,
    tool: Tool | None,
    *,
    principal: Principal,
    suspended: frozenset[str],
    today: date,
) -> GatewayError:
    contacts = policy.organisation.contacts
    names = [other.name for other in _open_tools(policy, principal, suspended, today) if other is not tool]

    def words(language: str) -> dict[str, str]:
        why = tool.reason_in(language).rstrip(".") if tool else ""
        return {
            "tool": tool.name if tool else "",
            "reason": f" ({why})" if why else "",
            "instead": instead(names, language),
            "ict": str(contacts.ict),
            "dpo": str(contacts.dpo),
        }

    return kind(code, texts=fill(code, words), param="model")


def _open_tools(policy: Policy, principal: Principal | None, suspended: frozenset[str], today: date) -> list[Tool]:
    return [
        tool
        for tool in policy.tools.values()
        if tool.id not in suspended
        and tool.usable(today) is None
        and (principal is None or tool.open_to(principal.role, principal.unit))
    ]


def act(
    policy: Policy,
    tool: Tool,
    findings: Sequence[Finding],
    *,
    unscannable: Sequence[str] = (),
    atoms: Collection[int] = (),
) -> Decision:
    """What happens to each finding, and so to the request.

    `unscannable` names kinds of parts that no filter can read; `atoms` are the numbers of slots that take no
    placeholder (SlotKind.ATOM): there `pseudonymize` becomes `block`. A finding scored under its category's
    threshold is noted where it would have blocked; a classification marking blocks at any score.
    """
    if not findings and not unscannable:
        return tool.without_findings
    verdicts = [_verdict(policy, tool, finding, atoms) for finding in findings]
    actions = tuple(rule.action for rule, _ in verdicts)
    found = tuple(category for category in Category if any(f.category is category for f in findings))
    if tool.without_findings.outcome is Outcome.BLOCKED:
        decision = tool.without_findings
        return Decision(Outcome.BLOCKED, actions, decision.policy_rule, decision.reason_code, found)
    worst = max(range(len(actions)), key=lambda i: (actions[i].severity, verdicts[i][1] == CLASSIFIED), default=None)
    if worst is not None and actions[worst] is Action.BLOCK:
        rule, code = verdicts[worst]
        return Decision(Outcome.BLOCKED, actions, rule.name, code, found)
    if unscannable and tool.unscannable is Action.BLOCK:
        return Decision(Outcome.BLOCKED, actions, f"tool:{tool.id}/unscannable", UNSCANNABLE, found)
    if worst is None:
        return tool.without_findings
    replaced = actions[worst] is Action.PSEUDONYMIZE
    outcome = Outcome.PSEUDONYMIZED if replaced else Outcome.ALLOWED
    return Decision(outcome, actions, verdicts[worst][0].name, "", found)


def _verdict(policy: Policy, tool: Tool, finding: Finding, atoms: Collection[int]) -> tuple[Rule, str]:
    """The rule for one finding, and the reason code in case it blocks."""
    row = tool.category_rules[finding.category]
    rule = tool.rules.get(finding.entity_type, row)
    if finding.entity_type in FIXED:
        return rule, CLASSIFIED
    if rule.action is Action.BLOCK and finding.score < policy.thresholds[finding.category]:
        return Rule(Action.NOTE, f"threshold/{finding.category.value}"), ""
    if rule.action is Action.PSEUDONYMIZE and finding.slot in atoms:
        return Rule(Action.BLOCK, rule.name), IN_ATOM
    return rule, BLOCKED[finding.category]


def blocked_error(
    policy: Policy,
    tool: Tool,
    decision: Decision,
    findings: Sequence[Finding],
    *,
    reference: str,
    suspended: frozenset[str],
    today: date,
    principal: Principal | None = None,
    unscannable: Sequence[str] = (),
    atoms: Collection[int] = (),
) -> Blocked:
    """The refusal of a blocked request, in four languages: kind, rule, what to do instead, whom to ask, reference.

    Alternatives are the listed tools that are usable now, open to `principal` where given, and whose own rules would
    let these findings (and parts) through.
    """
    parts = unscannable or (("part",) if decision.reason_code == UNSCANNABLE else ())
    names = [
        other.name
        for other in _open_tools(policy, principal, suspended, today)
        if act(policy, other, findings, unscannable=parts, atoms=atoms).outcome is not Outcome.BLOCKED
    ]
    stopped = [f for f, action in zip(findings, decision.actions, strict=True) if action is Action.BLOCK]
    named = [f for f in stopped if f.entity_type in FIXED] if decision.reason_code == CLASSIFIED else stopped
    contacts = policy.organisation.contacts

    def words(language: str) -> dict[str, str]:
        return {
            "tool": tool.name,
            "kinds": kinds((f.entity_type for f in named), language),
            "category": categories((f.category for f in named), language),
            "rule": decision.policy_rule,
            "instead": instead_of_block(names, language),
            "ict": str(contacts.ict),
            "dpo": str(contacts.dpo),
            "reference": reference,
        }

    return Blocked(decision.reason_code, texts=fill(decision.reason_code, words))
