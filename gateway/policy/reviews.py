"""Tools whose review date comes near or has passed (T6): warned at 30, 7 and 1 days."""

from dataclasses import dataclass
from datetime import date

from gateway.policy.compiled import Policy, Status

WARN_DAYS = (1, 7, 30)


@dataclass(frozen=True, slots=True)
class ReviewWarning:
    """`step` is the warning that is due: 30, 7 or 1 days before, 0 once the date has passed and the tool is denied.

    Who mails these sends one per tool, `review_by` and `step`.
    """

    tool: str
    name: str
    review_by: date
    days: int
    step: int


def review_warnings(policy: Policy, today: date) -> list[ReviewWarning]:
    """What to warn of on that day, the most urgent first; approved tools only."""
    found = []
    for tool in policy.tools.values():
        if tool.status is not Status.APPROVED or tool.review_by is None:
            continue
        days = (tool.review_by - today).days
        step = 0 if days < 0 else next((step for step in WARN_DAYS if days <= step), None)
        if step is not None:
            found.append(ReviewWarning(tool.id, tool.name, tool.review_by, days, step))
    return sorted(found, key=lambda warning: warning.days)
