"""`docs/allowlist.md` names every key of the list, every rule of the lint and every reason code of policy."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

import gateway.policy
from gateway.errors import REASON_CODES
from gateway.policy import compiled, sentences  # noqa: F401 - they register the codes
from gateway.policy.model import WrittenPolicy

ROOT = Path(gateway.policy.__path__[0])
TEXT = (ROOT.parent.parent / "docs" / "allowlist.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`\n]+)`", TEXT)
NAMED = {part for code in CODE for part in (code, *re.split(r"[.: ]+", code))}


def keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from keys(kind)


def rules() -> set[str]:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("*.py")))
    ours = re.findall(r"_(?:error|warning)\(\s*(?:tool|None),\s*\"([a-z-]+)\"", source)
    ours += re.findall(r"Level\.[A-Z]+, [a-z.]+|\bNone, \"([a-z-]+)\"", source)
    ours += re.findall(r"Level\.[A-Z]+, [a-zN.]+, \"([a-z-]+)\"", source)
    ours += re.findall(r"yield \"([a-z-]+)\", ", source)
    return {rule for rule in ours if rule} - {"not-loaded"}  # a programming error, not a remark on a list


@pytest.mark.parametrize("key", sorted(set(keys(WrittenPolicy))))
def test_every_key_is_explained(key: str) -> None:
    assert key in NAMED


def test_every_rule_is_explained() -> None:
    assert len(rules()) > 25
    assert rules() - NAMED == set()


def test_every_reason_code_of_policy_is_explained() -> None:
    source = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("compiled.py", "sentences.py"))
    ours = {code for code in REASON_CODES if f'"{code}"' in source}
    assert len(ours) > 18
    assert ours - NAMED == set()
