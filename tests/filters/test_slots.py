"""Everything in a tree is a slot unless the layout says that it is structural."""

import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.findings import Path, SlotKind
from filters.slots import (
    EMBEDDED,
    KEY,
    LONG_PAYLOAD,
    MAX_DEPTH,
    MAX_SLOTS,
    Closed,
    Each,
    Fields,
    Ident,
    Json,
    Payload,
    SlotError,
    Spec,
    Text,
    replace,
    walk,
)

WORD = Closed(re.compile("user|system"))
ID = Ident(re.compile(r"[a-z0-9_]{1,20}"))
MESSAGES = Fields(
    {
        "messages": Each(
            Fields({"role": WORD, "content": Each(Fields({"text": Text()})), "id": ID, "arguments": Json()}), turns=True
        ),
        "lenient": Closed(re.compile("a|b"), strict=False),
        "name": Text(atom=True),
        "payload": Payload(),
        "choice": Fields({"mode": WORD}, text=WORD),
    }
)


def found(tree: Any, spec: Spec = MESSAGES) -> list[tuple[Path, str, bool, int]]:
    return [(s.path, s.text, s.kind is SlotKind.ATOM, s.turn) for s in walk(tree, spec)]


def test_order_kinds_turns_and_paths() -> None:
    tree = {
        "messages": [
            {"role": "system", "content": "one"},
            {"role": "user", "content": [{"text": "two", "odd": 3}, "three"], "id": "call_1", "x": {"y": [True, None]}},
        ],
        "other": 1.5,
    }
    assert found(tree) == [
        (("messages", 0, "content"), "one", False, 0),
        (("messages", 1, "content", 0, "text"), "two", False, 1),
        (("messages", 1, "content", 0, KEY, "odd"), "odd", True, 1),
        (("messages", 1, "content", 0, "odd"), "3", True, 1),
        (("messages", 1, "content", 1), "three", False, 1),
        (("messages", 1, "id"), "call_1", True, 1),
        (("messages", 1, KEY, "x"), "x", True, 1),
        (("messages", 1, "x", KEY, "y"), "y", True, 1),
        ((KEY, "other"), "other", True, -1),
        (("other",), "1.5", True, -1),
    ]


@pytest.mark.parametrize(
    ("tree", "place"),
    [
        ({"messages": [{"role": "Jan"}]}, "messages[0].role"),
        ({"messages": [{"role": "user "}]}, "messages[0].role"),
        ({"messages": [{"role": "user\n"}]}, "messages[0].role"),
        ({"messages": [{"role": 5}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"]}]}, "messages[0].role"),
        ({"messages": [{"role": {"a": "user"}}]}, "messages[0].role"),
        ({"messages": [{}, {"id": "Jan Janssens"}]}, "messages[1].id"),
        ({"messages": [{"id": 85073000061}]}, "messages[0].id"),
        ({"messages": [{"id": ["a"]}]}, "messages[0].id"),
        ({"messages": [{"id": {}}]}, "messages[0].id"),
        ({"choice": "other"}, "choice"),
        ({"choice": {"mode": "other"}}, "choice.mode"),
        ({"choice": {"secret": {"mode": "x"}, "mode": "other"}}, "choice.mode"),
    ],
)
def test_what_is_not_in_a_closed_place_is_refused_and_named_without_its_text(tree: Any, place: str) -> None:
    with pytest.raises(SlotError) as caught:
        walk(tree, MESSAGES)
    assert (caught.value.code, caught.value.place, str(caught.value)) == ("not_allowed", place, "not_allowed")


def test_nothing_and_truth_values_hold_no_text() -> None:
    assert found({"messages": [{"role": None, "content": None, "id": True}], "lenient": False, "name": ""}) == []


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"lenient": "a"}, []),
        ({"lenient": "Jan"}, [(("lenient",), "Jan")]),
        ({"lenient": 7}, [(("lenient",), "7")]),
        ({"lenient": ["a", "c"]}, [(("lenient", 1), "c")]),
        ({"lenient": {"a": "a"}}, [(("lenient", KEY, "a"), "a"), (("lenient", "a"), "a")]),
        ({"name": "x"}, [(("name",), "x")]),
        ({"name": ["x"]}, [(("name", 0), "x")]),
        ({"name": {"k": "v"}}, [(("name", KEY, "k"), "k"), (("name", "k"), "v")]),
        ({"choice": "user"}, []),
        ({"choice": 5}, [(("choice",), "5")]),
        ({"choice": ["x"]}, "refused"),
        ({"messages": {"role": "x"}}, [(("messages", KEY, "role"), "role"), (("messages", "role"), "x")]),
        ({"messages": "x"}, [(("messages",), "x")]),
        ("x", [((), "x")]),
        (["x"], [((0,), "x")]),
        (7, [((), "7")]),
    ],
)
def test_a_value_of_another_type_than_the_layout_names(tree: Any, expected: Any) -> None:
    if expected == "refused":
        with pytest.raises(SlotError):
            walk(tree, MESSAGES)
    else:
        assert [(path, text) for path, text, _, _ in found(tree)] == expected


def test_atoms_stay_atoms_and_free_text_stays_free() -> None:
    tree = {"lenient": ["z"], "name": ["n"], "payload": "p", "messages": "t", "choice": {"x": "free"}}
    kinds = {text: atom for _, text, atom, _ in found(tree)}
    assert kinds == {"z": True, "n": True, "p": True, "t": False, "x": True, "free": False}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (85073000061, "85073000061"),
        (-5, "-5"),
        (2**64 - 1, "18446744073709551615"),
        (85073000061.0, "85073000061"),
        (0.25, "0.25"),
        (1e-7, "1e-07"),
        (1e18, "1000000000000000000"),
    ],
)
def test_numbers_are_read_as_people_write_them(number: float, text: str) -> None:
    assert found({"temperature": number})[1] == (("temperature",), text, True, -1)


@pytest.mark.parametrize("number", ["123456789012345678901234567890", "-9223372036854775809", "1e300"])
def test_a_number_that_lost_digits_in_parsing_is_refused(number: str) -> None:
    with pytest.raises(SlotError) as caught:
        walk(orjson.loads(f'{{"messages":[{{"content":{number}}}]}}'), MESSAGES)
    assert (caught.value.code, caught.value.place) == ("number_too_large", "messages[0].content")


def arguments(text: str) -> dict[str, Any]:
    return {"messages": [{"arguments": text}]}


BASE = ("messages", 0, "arguments")


def test_json_in_a_string_is_walked_inside() -> None:
    tree = arguments('{"naam": "M\\u00fcller", "n": [12345678901234567890123, 1.50], "ok": true}')
    assert found(tree) == [
        ((*BASE, EMBEDDED, KEY, "naam"), "naam", True, 0),
        ((*BASE, EMBEDDED, "naam"), "Müller", False, 0),
        ((*BASE, EMBEDDED, KEY, "n"), "n", True, 0),
        ((*BASE, EMBEDDED, "n", 0), "12345678901234567890123", True, 0),
        ((*BASE, EMBEDDED, "n", 1), "1.50", True, 0),
        ((*BASE, EMBEDDED, KEY, "ok"), "ok", True, 0),
    ]
    replace(tree, {(*BASE, EMBEDDED, "naam"): 'P"1'})
    assert tree == arguments('{"naam":"P\\"1","n":[12345678901234567890123,1.50],"ok":true}')


@pytest.mark.parametrize(
    "text",
    [
        "Jan",
        "85073000061",
        '{"cut": "off',
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        '{"a": "b"} and more',
    ],
)
def test_what_says_no_single_thing_as_json_is_text(text: str) -> None:
    tree = arguments(text)
    assert found(tree) == [(BASE, text, False, 0)]
    replace(tree, {BASE: "new"})
    assert tree == arguments("new")


def test_a_json_string_in_arguments() -> None:
    tree = arguments('  "M\\u00fcller"')
    assert found(tree) == [((*BASE, EMBEDDED), "Müller", False, 0)]
    replace(tree, {(*BASE, EMBEDDED): "é"})
    assert tree == arguments('"é"')


def test_free_text_is_decoded_only_where_escapes_hide_what_it_says() -> None:
    plain, escaped, atom = '{"a": "Jan"}', '{"a": "J\\u0061n"}', '{"a": "\\u0031"}'
    tree = {"messages": [{"content": plain}, {"content": escaped}], "name": atom}
    assert [(text, kind) for _, text, kind, _ in found(tree)] == [
        (plain, False), ("a", True), ("Jan", False), ("a", True), ("1", True),
    ]  # fmt: skip


def test_json_in_json_in_json() -> None:
    text = 'ge"heim'
    for _ in range(4):
        text = json.dumps({"a": text})
    tree = arguments(text)
    slots = walk(tree, MESSAGES)
    assert slots[-1].text == 'ge"heim'
    replace(tree, {slots[-1].path: "open"})
    assert "heim" not in json.dumps(tree)
    value: Any = tree["messages"][0]["arguments"]
    for _ in range(4):
        value = json.loads(value)["a"]
    assert value == "open"
    with pytest.raises(SlotError) as caught:
        walk(arguments(json.dumps({"a": text})), MESSAGES)
    assert (caught.value.code, caught.value.place) == ("too_deep", "messages[0].arguments")


def nested(depth: int) -> Any:
    tree: Any = "x"
    for _ in range(depth):
        tree = [tree]
    return tree


def test_the_depth_is_bounded_without_a_recursion_error() -> None:
    assert len(walk(nested(MAX_DEPTH), Text())) == 1
    for depth in (MAX_DEPTH + 1, 900):
        with pytest.raises(SlotError, match="too_deep"):
            walk(nested(depth), Text())


@pytest.mark.parametrize("depth", [MAX_DEPTH, 500, 5000, 100_000])
def test_the_depth_of_embedded_json_is_bounded(depth: int) -> None:
    with pytest.raises(SlotError, match="too_deep"):
        walk(arguments("[" * depth + "]" * depth), MESSAGES)


def test_the_number_of_slots_is_bounded() -> None:
    assert len(walk([1] * MAX_SLOTS, Text())) == MAX_SLOTS
    with pytest.raises(SlotError, match="too_many"):
        walk([1] * (MAX_SLOTS + 1), Text())


@pytest.mark.parametrize(
    ("text", "scanned"),
    [
        ("https://example.org/jan.png", "https://example.org/jan.png"),
        ("data:image/png;base64," + "QUJD" * 9999, "data:image/png;base64," + "QUJD" * 16),
        ("QUJD" * 9999, "QUJD" * 16),
        ("data:image/png;base64,QUJD", "data:image/png;base64,QUJD"),
        ("data:text/plain," + "Jan! " * 999, "data:text/plain," + "Jan! " * 999),
        ("https://example.org/?" + "q=1&" * 999, "https://example.org/?" + "q=1&" * 999),
        ("A" * LONG_PAYLOAD, "A" * LONG_PAYLOAD),
    ],
)
def test_only_the_head_of_long_encoded_bytes_is_scanned(text: str, scanned: str) -> None:
    assert found({"payload": text}) == [(("payload",), scanned, True, -1)]


@pytest.mark.parametrize(
    "path",
    [
        (KEY, "a"), ("b",), ("a", 0), ("list", 5), ("n",), ("list",), ("text", EMBEDDED, "a"), ("list", 0, KEY, "a"),
    ],
)  # fmt: skip
def test_only_strings_that_were_slots_can_be_replaced(path: Path) -> None:
    tree = {"a": "x", "n": 5, "list": ["y"], "text": "no json"}
    with pytest.raises((KeyError, IndexError, TypeError)):
        replace(tree, {path: "new"})
    assert tree == {"a": "x", "n": 5, "list": ["y"], "text": "no json"}


def test_the_repr_of_a_slot_and_an_error_show_no_text() -> None:
    assert "geheim" not in repr(walk({"geheim": "geheim"}, MESSAGES))


json_leaf = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(-1e9, 1e9) | st.text(max_size=8)
json_tree = st.recursive(
    json_leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


def leaves(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        return [text for key, value in tree.items() for text in (key, *leaves(value)) if text]
    if isinstance(tree, list):
        return [text for value in tree for text in leaves(value)]
    return [tree] if isinstance(tree, str) and tree else []


@given(json_tree)
def test_every_string_and_key_of_any_tree_is_a_slot(tree: Any) -> None:
    numbers = re.compile(r"-?\d+(\.\d+)?(e-\d+)?")
    slots = [s.text for s in walk(tree, Text()) if not (s.kind is SlotKind.ATOM and numbers.fullmatch(s.text))]
    assert slots == [text for text in leaves(tree) if not numbers.fullmatch(text)] or any(
        numbers.fullmatch(text) for text in leaves(tree)
    )


@given(json_tree)
def test_replacing_every_text_changes_every_string_value_and_nothing_else(tree: Any) -> None:
    box = [tree]
    before = json.dumps(box)
    texts = {s.path: f"<{i}>" for i, s in enumerate(walk(box, Text())) if s.kind is SlotKind.TEXT}
    replace(box, texts)
    assert [s.text for s in walk(box, Text()) if s.kind is SlotKind.TEXT] == list(texts.values())
    back = {s.path: s.text for s in walk(json.loads(before), Text()) if s.kind is SlotKind.TEXT}
    replace(box, back)
    assert json.dumps(box) == before


@given(json_tree)
def test_embedded_json_says_the_same_after_a_replacement(tree: Any) -> None:
    box = arguments(json.dumps({"x": tree, "mark": "old"}))
    replace(box, {(*BASE, EMBEDDED, "mark"): "new"})
    assert json.loads(box["messages"][0]["arguments"]) == {"x": tree, "mark": "new"}
