"""Review dates warn at 30, 7 and 1 days, and once they have passed (T6)."""

from datetime import timedelta

import pytest

from gateway.policy.reviews import review_warnings
from tests.gateway.policy.trees import TODAY, blocking, compiled, tool


@pytest.mark.parametrize(
    ("days", "step"),
    [(31, None), (30, 30), (8, 30), (7, 7), (2, 7), (1, 1), (0, 1), (-1, 0), (-400, 0)],
)
def test_each_step_is_due_on_its_days(days: int, step: int | None) -> None:
    policy = compiled(tool(review_by=(TODAY + timedelta(days=days)).isoformat()))
    warnings = review_warnings(policy, TODAY)
    assert [(w.tool, w.days, w.step) for w in warnings] == ([] if step is None else [("alpha", days, step)])


def test_the_most_urgent_comes_first_and_only_approved_tools_with_a_date_count() -> None:
    policy = compiled(
        tool(review_by="2026-12-10"),
        blocking(review_by="2026-11-25"),
        tool(id="none", review_by=...),
        tool(id="old", status="expired", review_by="2026-11-25"),
    )
    assert [w.tool for w in review_warnings(policy, TODAY)] == ["beta", "alpha"]
