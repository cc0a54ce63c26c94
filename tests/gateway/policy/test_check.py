"""`sluis check`: what it returns and what it prints."""

import json
from pathlib import Path
from typing import Any

from gateway.policy.check import check, render
from tests.gateway.policy.trees import TODAY, blocking, tool, tree


def written(tmp_path: Path, *tools: dict[str, Any], **changes: object) -> Path:
    path = tmp_path / "allowlist.yaml"
    path.write_text(json.dumps(tree(*tools, **changes)), encoding="utf-8")
    return path


def test_a_good_list_gives_a_policy_and_says_what_holds(tmp_path: Path) -> None:
    problems, policy = check(written(tmp_path, tool(), blocking(status="denied")), TODAY)
    assert problems == []
    assert policy is not None
    assert render(problems, policy) == [
        f"usable: policy {policy.version}, profile be-municipality; tools: 1 approved, 1 denied"
    ]


def test_an_empty_list_is_usable_and_lets_nothing_through(tmp_path: Path) -> None:
    problems, policy = check(written(tmp_path), TODAY)
    assert policy is not None
    assert render(problems, policy)[-1].endswith("tools: none")


def test_a_warning_leaves_the_list_usable(tmp_path: Path) -> None:
    problems, policy = check(written(tmp_path, tool(upstream__key={"env": "ABSENT"})), TODAY, environ={})
    assert policy is not None
    assert [problem.rule for problem in problems] == ["key-missing"]
    assert render(problems, policy)[0].startswith("warning: alpha: the upstream's key cannot be read here")


def test_an_error_leaves_no_policy_and_stands_first(tmp_path: Path) -> None:
    path = written(tmp_path, tool(energy={"pue": 3.0}), blocking(review_by=...))
    problems, policy = check(path, TODAY)
    assert policy is None
    lines = render(problems, policy)
    assert [line.split(":")[0] for line in lines] == ["error", "warning", "not usable"]
    assert lines[-1] == "not usable: 1 error(s)"


def test_a_file_of_bad_form_and_no_file_at_all_are_errors(tmp_path: Path) -> None:
    for path, rule in ((written(tmp_path, tool(extra=1)), "form"), (tmp_path / "absent.yaml", "unreadable")):
        problems, policy = check(path, TODAY)
        assert policy is None
        assert [problem.rule for problem in problems] == [rule]
