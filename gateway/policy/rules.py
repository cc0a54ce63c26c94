"""Which action holds for an entity type on a tool: the layers of the policy, put together once.

From strong to weak:

1. A classification marking blocks on every tool, own-hosted ones too; nothing overrides it (standards §6.5).
2. The tool's own row for the entity type.
3. The organisation's row for the entity type (the file's `entities`).
4. The type's default of standards §6.2. `note` and `allow` mark what is no protected value by itself (an enterprise
   number, a place): they hold where the category's row is stricter. `block`, and every number whose use the law binds
   to a permission ("block always": national numbers), holds under any category row but one: where the row for
   personal data says `pseudonymize`, the value does not leave, so it is replaced.
5. The tool's row for the category. A category that the entry does not name is blocked.

So a milder default never frees a name, an address or an account number (their default is to follow the row, D1), and a
tool that may have personal data still does not get national numbers unless its entry names them.
"""

from collections.abc import Mapping
from types import MappingProxyType

from filters.entities import ENTITY_TYPES, EntityType
from filters.findings import Category
from gateway.exchange import Action
from gateway.policy.compiled import Rule

FIXED: frozenset[str] = frozenset({"MARKING_CLASSIFIED"})
"""Entity types that block whatever the file says."""


def category_rule(tool_id: str, category: Category, actions: Mapping[str, Action]) -> Rule:
    """The tool's row for a category."""
    return Rule(actions[category.value], f"tool:{tool_id}/{category.value}")


def entity_rule(
    tool_id: str,
    entity: EntityType,
    *,
    row: Rule,
    own: Mapping[str, Action],
    shared: Mapping[str, Action],
) -> Rule:
    """What holds for one entity type; `own` is the tool's `entities`, `shared` the file's."""
    if entity.name in FIXED:
        return Rule(Action.BLOCK, f"always/{entity.name}")
    if entity.name in own:
        return Rule(own[entity.name], f"tool:{tool_id}/{entity.name}")
    if entity.name in shared:
        return Rule(shared[entity.name], f"entities/{entity.name}")
    if entity.default == "block" or entity.official:
        replaced = entity.category is Category.PERSONAL and row.action is Action.PSEUDONYMIZE
        return row if replaced or row.action is Action.BLOCK else Rule(Action.BLOCK, f"default/{entity.name}")
    if entity.default in ("allow", "note") and Action(entity.default).severity < row.action.severity:
        return Rule(Action(entity.default), f"default/{entity.name}")
    return row


def resolve(
    tool_id: str, actions: Mapping[str, Action], own: Mapping[str, Action], shared: Mapping[str, Action]
) -> tuple[Mapping[str, Rule], Mapping[Category, Rule]]:
    """Every known entity type's rule, and every category's rule for types that are not known here."""
    rows = {category: category_rule(tool_id, category, actions) for category in Category}
    rules = {
        name: entity_rule(tool_id, entity, row=rows[entity.category], own=own, shared=shared)
        for name, entity in ENTITY_TYPES.items()
    }
    return MappingProxyType(rules), MappingProxyType(rows)
