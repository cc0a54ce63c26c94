"""Nothing that an operator can set, read or type is missing from the documentation, and nothing there is gone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from filters.entities import ENTITY_TYPES
from gateway.leaks.alerts import Kind
from gateway.policy.model import WrittenPolicy
from gateway.settings import Settings
from tests.docs import inventory, tables

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CONFIGURATION = (DOCS / "configuration.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *DOCS.rglob("*.md")])


def rows(section: str) -> dict[str, list[str]]:
    """First cell (the name) → the other cells, of the tables under a heading."""
    _, _, rest = CONFIGURATION.partition(f"\n## {section}\n")
    assert rest, f"docs/configuration.md has no section {section}"
    found: dict[str, list[str]] = {}
    for line in rest.split("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            for name in re.findall(r"`([^`]+)`", cells[0]):
                assert name not in found, f"{name} stands twice under {section}"
                found[name] = cells[1:]
    return found


def test_every_setting_is_documented() -> None:
    wanted = {f"SLUIS_{name.upper()}" for name in Settings.model_fields}
    assert set(rows("Settings of the gateway")) == wanted


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_default_of_a_setting_is_the_documented_one(name: str) -> None:
    default = Settings.model_fields[name].default
    written = rows("Settings of the gateway")[f"SLUIS_{name.upper()}"][0].strip("`")
    shown = "" if default is None else f"{default:g}" if isinstance(default, float) else str(default)
    assert written == shown


def test_every_other_variable_that_the_code_reads_is_documented() -> None:
    code = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "gateway").rglob("*.py"))
    read = set(re.findall(r"SLUIS_[A-Z][A-Z_]*[A-Z]", code))
    assert read - set(rows("Settings of the gateway")) == set(rows("Variables of the command line"))


def test_every_reason_code_is_documented() -> None:
    assert set(rows("Reason codes")) == set(inventory.reason_codes())


def test_what_the_code_can_tell_is_current() -> None:
    assert tables.render(CONFIGURATION) == CONFIGURATION, "run `make docs`"


def test_every_metric_act_and_command_is_documented() -> None:
    """Not only current, but there: a marker that somebody took out would make the test above pass."""
    for family in inventory.metrics():
        assert f"`{family.name}`" in CONFIGURATION
    for act in inventory.acts():
        assert f"| `{act}` |" in CONFIGURATION
    for command in inventory.commands():
        assert f"**`{command.name}" in CONFIGURATION
        for option in command.options:
            assert f"`{option.opts[0]}`" in CONFIGURATION


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for inner in _models(field.annotation):
            yield from _keys(inner)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


@pytest.mark.parametrize("key", sorted(set(_keys(WrittenPolicy))))
def test_every_key_of_the_tool_list_is_documented(key: str) -> None:
    page = (DOCS / "allowlist.md").read_text(encoding="utf-8")
    assert re.search(rf"`([a-z_]+\.)*{key}[`:.]", page), f"docs/allowlist.md does not explain {key}"


@pytest.mark.parametrize("kind", [str(kind) for kind in Kind])
def test_every_kind_of_alert_is_documented(kind: str) -> None:
    assert f"`{kind}`" in (DOCS / "leaks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path = target.partition("#")[0]
        if path and "://" not in path and not path.startswith("mailto:"):
            assert (page.parent / path).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_file_or_test_that_is_named_exists(page: Path) -> None:
    """`tests/x/test_y.py::test_z` and plain paths of the tree, as the pages name them."""
    text = page.read_text(encoding="utf-8")
    for path, test in re.findall(
        r"`((?:tests|gateway|filters|deploy|docs|bench|migrations)/[\w./-]+)(?:::(\w+))?`", text
    ):
        assert (ROOT / path).exists(), path
        if test:
            assert re.search(rf"def {test}\(", (ROOT / path).read_text(encoding="utf-8")), f"{path}::{test}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_setting_or_metric_that_a_page_names_exists(page: Path) -> None:
    known = {f"SLUIS_{name.upper()}" for name in Settings.model_fields} | set(rows("Variables of the command line"))
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"SLUIS_[A-Z][A-Z_]*[A-Z]", text))
    assert not named - known - {"SLUIS_WORKER", "SLUIS_IMAGE"}
    series = {series for family in inventory.metrics() for series in (*family.series, family.name)}
    assert set(re.findall(r"`(sluis_[a-z_]+)`", text)) <= series


def test_the_inventory_sees_what_is_there() -> None:
    """Were it empty, every comparison above would pass."""
    assert len(inventory.reason_codes()) > 90
    assert len(inventory.metrics()) > 20
    assert len(inventory.commands()) > 20
    assert len(inventory.acts()) > 8
    assert len(ENTITY_TYPES) > 20
