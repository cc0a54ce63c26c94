"""From the bytes of `allowlist.yaml` to its written form. A problem names a place and a rule, never a value.

A value could be a key that somebody pasted by mistake, so neither YAML's nor pydantic's own message is passed on
where it may quote the file.
"""

import json
import re
from collections.abc import Hashable
from typing import Any

import yaml
from pydantic import ValidationError

from gateway.policy.model import WrittenPolicy
from gateway.policy.problems import Level, PolicyError, Problem

MAX_BYTES = 2_000_000
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml: ten times faster, same rules


class _Loader(_Base):  # type: ignore[misc]
    """YAML without its traps: `no` and `on` stay words, a date stays text, a key stands once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value
            if key_node.tag != "tag:yaml.org,2002:str" or key in seen:
                raise yaml.constructor.ConstructorError(None, None, "key", key_node.start_mark)
            seen.add(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:merge"}
    ]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"])


def parse(data: bytes) -> WrittenPolicy:
    """Raises PolicyError with every problem of form: place and rule, no value."""
    if len(data) > MAX_BYTES:
        raise PolicyError([Problem(Level.ERROR, None, "too-large", f"the file is larger than {MAX_BYTES} bytes")])
    try:
        tree = yaml.load(data, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "an unknown place"
        text = "a key stands twice or is no text" if error.problem == "key" else "this is not valid YAML"
        raise PolicyError([Problem(Level.ERROR, None, "yaml", f"{text}, at {where}")]) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise PolicyError([Problem(Level.ERROR, None, "yaml", "the file is not readable as YAML in UTF-8")]) from None
    return validate(tree)


def validate(tree: Any) -> WrittenPolicy:
    """A tree of plain values to the written form. Raises PolicyError."""
    try:
        return WrittenPolicy.model_validate_json(json.dumps(tree, allow_nan=False))
    except ValidationError as error:
        raise PolicyError([_problem(tree, detail) for detail in error.errors(include_input=False)]) from None
    except (TypeError, ValueError, RecursionError):
        raise PolicyError([Problem(Level.ERROR, None, "yaml", "the file holds a value that JSON cannot say")]) from None


_ADVICE = {
    "extra_forbidden": "this key is unknown; keys and secrets of an upstream belong in the environment or in a file",
    "missing": "this key is missing",
}


def _problem(tree: Any, detail: Any) -> Problem:
    """Where (the keys that lead there, a tool by its id) and what; pydantic's message says only what was expected."""
    place = list(detail["loc"])
    tool = None
    if len(place) > 1 and place[0] == "tools" and isinstance(place[1], int):
        entry = tree["tools"][place[1]]
        tool = str(entry.get("id", ""))[:63] or None if isinstance(entry, dict) else None
        place[:2] = [f"tools[{place[1]}]"]
    message = _ADVICE.get(detail["type"], detail["msg"])
    return Problem(Level.ERROR, tool, "form", f"{'.'.join(map(str, place)) or 'the file'}: {message}")
