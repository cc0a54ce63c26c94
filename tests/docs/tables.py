"""Writes the tables of docs/configuration.md that the code can tell itself: metrics, kinds of finding, acts, commands.

`python -m tests.docs.tables` (`make docs`) writes them anew; a test fails when they are not what the code says.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from typer.core import TyperArgument, TyperOption

from filters.entities import ENTITY_TYPES
from tests.docs import inventory

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def metrics() -> str:
    rows = ((f"`{m.name}`", m.kind, ", ".join(f"`{x}`" for x in m.labels), m.text) for m in inventory.metrics())
    return _table(("metric", "type", "labels", "what it counts"), rows)


def acts() -> str:
    return _table(("act", "when"), ((f"`{name}`", text) for name, text in sorted(inventory.acts().items())))


def kinds() -> str:
    rows = ((f"`{e.name}`", str(e.category), e.default or "", e.names["en"]) for e in ENTITY_TYPES.values())
    return _table(("kind", "category", "own default", "in words"), rows)


def commands() -> str:
    """A heading for each command, its sentence, its options."""
    return "\n\n".join(_command(command) for command in inventory.commands()) + "\n"


def _command(command: inventory.Command) -> str:
    names = " ".join(_argument(a) for a in command.arguments)
    lines = [f"**`{command.name}{' ' + names if names else ''}`**: {' '.join(command.text.split())}"]
    lines += [f"- {_option(option)}" for option in command.options]
    return "\n".join([lines[0], "", *lines[1:]]).rstrip()


def _argument(argument: TyperArgument) -> str:
    name = str(argument.name).upper()
    return name if argument.required else f"[{name}]"


def _option(option: TyperOption) -> str:
    text = f"`{option.opts[0]}`: {option.help or 'a number.'}"
    if option.required:
        return f"{text} Required."
    default = getattr(option.default, "value", option.default)
    return text if default in (None, "", False) else f"{text} Default: `{default}`."


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [titles, ("---",) * len(titles), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def render(page: str) -> str:
    """The page with its tables as the code has them now."""
    made = {"metrics": metrics, "acts": acts, "kinds": kinds, "commands": commands}
    return _TABLE.sub(lambda found: f"{found[1]}\n{made[found[2]]()}\n{found[3]}", page)


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
