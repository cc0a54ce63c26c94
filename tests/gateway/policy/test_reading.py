"""Reading a list: what is no good form is refused, and no refusal quotes the file."""

import json
from typing import Any

import pytest
import yaml

from gateway.policy.problems import Level, PolicyError, Problem, errors
from gateway.policy.reading import MAX_BYTES, parse, validate
from tests.gateway.policy.trees import merged, tool, tree

CANARY = "zonnebloem4711geheim"


def problems_of(data: bytes) -> list[Problem]:
    with pytest.raises(PolicyError) as caught:
        parse(data)
    assert CANARY not in str(caught.value)
    return list(caught.value.problems)


def test_a_list_is_read_and_its_version_depends_on_content_only() -> None:
    content = tree(tool())
    one = parse(json.dumps(content).encode())
    other = parse(("# a comment\n" + yaml.safe_dump(content)).encode())
    changed = parse(json.dumps(merged(content, {"organisation__name": "Other"})).encode())
    assert one.version == other.version
    assert one.version != changed.version
    assert len(one.version) == 16


def test_words_stay_words_and_dates_are_dates() -> None:
    text = yaml.safe_dump(tree(tool())).replace("trains_on_input: 'no'", "trains_on_input: no")
    assert "trains_on_input: no\n" in text
    written = parse(text.encode())
    assert written.tools[0].trains_on_input == "no"
    assert written.tools[0].review_by is not None
    assert written.tools[0].review_by.year == 2027
    with_true = parse(yaml.safe_dump(tree(tool(visible_label=True))).encode())
    assert with_true.tools[0].visible_label is True


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (f"profile: [{CANARY}\n".encode(), "not valid YAML, at line 2"),
        (f"{CANARY}: 1\n{CANARY}: 2\n".encode(), "a key stands twice or is no text, at line 2"),
        (b"1: 2\n", "a key stands twice or is no text"),
        (f"profile: \xff{CANARY}".encode("latin-1"), "not readable as YAML in UTF-8"),
        (f"profile: !!python/object:os.{CANARY} x".encode(), "not valid YAML"),
        (b"profile: .nan\n", "a value that JSON cannot say"),
        (b"x" * (MAX_BYTES + 1), "larger than"),
        (b"", "the file: "),
        (f"- {CANARY}".encode(), "the file: "),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_place(data: bytes, words: str) -> None:
    (problem,) = problems_of(data)
    assert words in problem.message


@pytest.mark.parametrize(
    ("changes", "tool_id", "place"),
    [
        ({"api_key": CANARY}, "alpha", "tools[0].api_key: this key is unknown"),
        (
            {"upstream__key": {"env": "A", "file": CANARY}},
            "alpha",
            "tools[0].upstream.key: Value error, name one source",
        ),
        ({"upstream__key": {}}, "alpha", "tools[0].upstream.key: Value error, name one source"),
        ({"status": CANARY}, "alpha", "tools[0].status: Input should be 'requested'"),
        ({"retention_days": "7"}, "alpha", "tools[0].retention_days: Input should be a valid integer"),
        ({"review_by": CANARY}, "alpha", "tools[0].review_by: Input should be a valid date"),
        ({"name": ...}, "alpha", "tools[0].name: this key is missing"),
        ({"name": f"two\nlines {CANARY}"}, "alpha", "tools[0].name: String should match pattern"),
        ({"id": ...}, None, "tools[0].id: this key is missing"),
    ],
)
def test_what_the_form_does_not_know_is_refused_by_place(
    changes: dict[str, Any], tool_id: str | None, place: str
) -> None:
    (problem,) = problems_of(json.dumps(tree(tool(**changes))).encode())
    assert problem.tool == tool_id
    assert problem.message.startswith(place)


def test_a_tool_that_is_no_mapping_is_refused() -> None:
    (problem,) = problems_of(json.dumps(tree(tools=[CANARY])).encode())
    assert problem.tool is None
    assert problem.message.startswith("tools[0]: ")


def test_a_value_that_json_cannot_say_is_refused() -> None:
    with pytest.raises(PolicyError):
        validate({"profile": {1, 2}})


def test_a_problem_is_one_line_with_level_tool_rule_and_source() -> None:
    full = Problem(Level.ERROR, "alpha", "rule-name", "what is wrong", "T3")
    bare = Problem(Level.WARNING, None, "rule-name", "what is odd")
    assert full.line() == "error: alpha: what is wrong [rule-name] (T3)"
    assert bare.line() == "warning: what is odd [rule-name]"
    assert errors([full, bare]) == [full]
    assert str(PolicyError([full, bare])) == f"{full.line()}\n{bare.line()}"
