"""Which action holds for an entity type: the layers, from strong to weak, as `rules.py` lists them."""

from typing import Any

import pytest

from filters.entities import ENTITY_TYPES
from gateway.exchange import Action
from tests.gateway.policy.trees import compiled, tool

OPEN = {"personal": "allow", "special": "allow", "confidential": "allow", "security": "allow", "none_found": "allow"}
CLOSED = dict.fromkeys(OPEN, "block") | {"none_found": "allow"}
REPLACING = CLOSED | {"personal": "pseudonymize"}
NOTING = dict.fromkeys(OPEN, "note")


@pytest.mark.parametrize(
    ("rows", "entity", "action", "rule"),
    [
        # a marking of classified information blocks everywhere
        (OPEN, "MARKING_CLASSIFIED", "block", "always/MARKING_CLASSIFIED"),
        (REPLACING, "MARKING_CLASSIFIED", "block", "always/MARKING_CLASSIFIED"),
        # national numbers: replaced where personal data are replaced, else blocked, even where personal data may go in
        (OPEN, "BE_NATIONAL_NUMBER", "block", "default/BE_NATIONAL_NUMBER"),
        (NOTING, "NL_BSN", "block", "default/NL_BSN"),
        (REPLACING, "BE_NATIONAL_NUMBER", "pseudonymize", "tool:alpha/personal"),
        (CLOSED, "BE_BIS_NUMBER", "block", "tool:alpha/personal"),
        # the default block: the same
        (OPEN, "CREDIT_CARD", "block", "default/CREDIT_CARD"),
        (REPLACING, "CREDIT_CARD", "pseudonymize", "tool:alpha/personal"),
        (OPEN, "PASSWORD", "block", "default/PASSWORD"),
        (OPEN, "MARKING_TLP", "block", "default/MARKING_TLP"),
        # the default note or allow: no protected value by itself
        (CLOSED, "BE_ENTERPRISE_NUMBER", "note", "default/BE_ENTERPRISE_NUMBER"),
        (REPLACING, "LOCATION", "note", "default/LOCATION"),
        (OPEN, "LOCATION", "allow", "tool:alpha/personal"),
        (CLOSED, "MARKING_TLP_CLEAR", "allow", "default/MARKING_TLP_CLEAR"),
        (OPEN, "MARKING_TLP_CLEAR", "allow", "tool:alpha/confidential"),
        # no default: the tool's row
        (OPEN, "PERSON", "allow", "tool:alpha/personal"),
        (NOTING, "IBAN_CODE", "note", "tool:alpha/personal"),
        (REPLACING, "STREET_ADDRESS", "pseudonymize", "tool:alpha/personal"),
        (CLOSED, "PERSON", "block", "tool:alpha/personal"),
        (OPEN, "SPECIAL_HEALTH", "allow", "tool:alpha/special"),
        (REPLACING, "MARKING_INTERNAL", "block", "tool:alpha/confidential"),
    ],
)
def test_the_row_and_the_default_together(rows: dict[str, Any], entity: str, action: str, rule: str) -> None:
    found = compiled(tool(data=rows)).tools["alpha"].rules[entity]
    assert (found.action, found.name) == (Action(action), rule)


@pytest.mark.parametrize(
    ("entity", "own", "shared", "action", "rule"),
    [
        ("BE_NATIONAL_NUMBER", "note", "block", "note", "tool:alpha/BE_NATIONAL_NUMBER"),
        ("BE_PLATE", None, "block", "block", "entities/BE_PLATE"),
        ("PERSON", None, "allow", "allow", "entities/PERSON"),
        ("MARKING_CLASSIFIED", "allow", "allow", "block", "always/MARKING_CLASSIFIED"),
    ],
)
def test_an_entity_row_wins_over_default_and_category(
    entity: str, own: str | None, shared: str, action: str, rule: str
) -> None:
    entry = tool(entities={entity: own} if own else {})
    found = compiled(entry, entities={entity: shared}).tools["alpha"].rules[entity]
    assert (found.action, found.name) == (Action(action), rule)


def test_a_category_that_the_entry_does_not_name_is_blocked() -> None:
    entry = compiled(tool(data={"none_found": "allow"})).tools["alpha"]
    assert set(entry.actions.values()) == {Action.BLOCK, Action.ALLOW}
    assert entry.actions["none_found"] is Action.ALLOW
    assert entry.rules["PERSON"].action is Action.BLOCK


@pytest.mark.parametrize("rows", [OPEN, NOTING, REPLACING, CLOSED])
def test_no_default_frees_what_follows_the_row(rows: dict[str, Any]) -> None:
    """D1: of the types without a default, none is treated more mildly than its category's row."""
    entry = compiled(tool(data=rows)).tools["alpha"]
    for name, entity in ENTITY_TYPES.items():
        if entity.default is None:
            assert entry.rules[name].action.severity >= entry.actions[entity.category.value].severity
