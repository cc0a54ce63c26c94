"""Small tool lists to vary: one approved tool that replaces personal data, and what the tests add to it."""

import copy
from datetime import date
from pathlib import Path
from typing import Any

from filters.findings import Category, Finding
from gateway.exchange import Principal, Role
from gateway.policy.compiled import Policy
from gateway.policy.compiling import compile_policy
from gateway.policy.lint import lint
from gateway.policy.problems import Problem
from gateway.policy.reading import validate

TODAY = date(2026, 11, 22)
STAFF = Principal(key_id="k1", subject="s1", role=Role.STAFF, unit="burgerzaken")

AGREED = {"by": "team lead", "date": "2026-10-01"}
AGREED_DPO = AGREED | {"by": "data protection officer"}
ASSESSED = {"status": "approved", "by": "security officer", "date": "2026-09-01"}
ROWS = {
    "personal": "pseudonymize",
    "special": "block",
    "confidential": "block",
    "security": "block",
    "none_found": "allow",
}

TOOL: dict[str, Any] = {
    "id": "alpha",
    "name": "Alpha",
    "status": "approved",
    "provider": {"name": "Alpha NV", "country": "BEL"},
    "terms": "enterprise",
    "trains_on_input": "no",
    "models": ["alpha-small"],
    "upstream": {"base_url": "https://alpha.example.org/v1/"},
    "data": ROWS,
    "assessments": {"risk_analysis": ASSESSED, "dpia": ASSESSED},
    "approvals": {"ict": AGREED, "dpo": AGREED_DPO},
    "review_by": "2027-06-01",
}


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A deep copy with `a__b` keys set inside `a`; a value of `...` removes the key."""
    tree = copy.deepcopy(base)
    for name, value in changes.items():
        *path, last = name.split("__")
        place = tree
        for step in path:
            place = place.setdefault(step, {})
        if value is ...:
            place.pop(last, None)
        else:
            place[last] = value
    return tree


def tool(**changes: Any) -> dict[str, Any]:
    """The approved tool with changes."""
    return merged(TOOL, changes)


def blocking(**changes: Any) -> dict[str, Any]:
    """A second approved tool, which takes no personal data."""
    return tool(**{"id": "beta", "name": "Beta", "models": ["beta-1"], "data__personal": "block", **changes})


def tree(*tools: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A whole list."""
    base = {
        "profile": "be-municipality",
        "organisation": {
            "name": "Gemeente Voorbeeld",
            "contacts": {
                "ict": {"name": "ICT-dienst", "email": "ict@example.org"},
                "dpo": {"name": "DPO", "email": "dpo@example.org", "phone": "+32 2 000 00 00"},
            },
        },
        "tools": list(tools),
    }
    return merged(base, changes)


def compiled(*tools: dict[str, Any], environ: dict[str, str] | None = None, **changes: Any) -> Policy:
    """The policy of a list, without lint."""
    return compile_policy(validate(tree(*tools, **changes)), base=Path("/nowhere"), environ=environ or {})


def linted(*tools: dict[str, Any], **changes: Any) -> list[Problem]:
    """The lint of a list."""
    return lint(validate(tree(*tools, **changes)), TODAY)


def rules(problems: list[Problem]) -> list[tuple[str, str]]:
    """Level and rule of each remark."""
    return [(problem.level.value, problem.rule) for problem in problems]


def finding(entity_type: str, category: str = "personal", *, score: float = 0.9, slot: int = 0) -> Finding:
    """One finding."""
    return Finding(slot, 0, 5, entity_type, Category(category), score, "test")
