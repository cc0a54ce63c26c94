"""The contract at the gateway: a canary in any leaf of a request is replaced or refused, and is kept nowhere (promises 1, 4).

One rich request; in turn each string, key, number and id of it carries an identifier of nobody. Then everything that
the gateway ever wrote is searched: database, files, log at DEBUG, metrics, mails, answers, what the DPO is shown.
"""

import copy
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import MailServer
from tests.support import canaries
from tests.support.canaries import Canary, bare
from tests.support.gateway import RunningGateway
from tests.support.upstream import Upstream

URL = "/v1/chat/completions"
RICH: dict[str, Any] = {
    "model": "pseudo",
    "messages": [
        {"role": "system", "content": "U bent een hulp van de gemeente.", "name": "systeem"},
        {"role": "developer", "content": [{"type": "text", "text": "Antwoord kort."}]},
        {"role": "user", "content": [{"type": "text", "text": "Eerste vraag."}, {"type": "text", "text": "Meer."}]},
        {"role": "assistant", "content": "Een antwoord.", "refusal": "Neen."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "zoek", "arguments": '{"naam": "dossier", "diep": {"lijst": ["x", 12]}}'},
                },
                {"id": "call_2", "type": "function", "function": {"name": "zoek", "arguments": "geen json"}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": '{"gevonden": [{"veld": "waarde", "aantal": 3}]}'},
        {"role": "tool", "tool_call_id": "call_2", "content": "niets gevonden"},
        {"role": "user", "content": "Vat samen.", "name": "medewerker"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "zoek",
                "description": "Zoekt een dossier.",
                "parameters": {
                    "type": "object",
                    "title": "Zoekvraag",
                    "properties": {
                        "naam": {"type": "string", "description": "de naam", "enum": ["a", "b"], "default": "a"},
                        "nummer": {"type": "integer", "minimum": 3, "examples": [5], "const": 7},
                        "deel": {"anyOf": [{"type": "string", "pattern": "^a$"}, {"$ref": "#/$defs/d"}]},
                    },
                    "required": ["naam"],
                    "additionalProperties": False,
                    "$defs": {"d": {"type": "string", "format": "vrij"}},
                },
            },
        }
    ],
    "tool_choice": {"type": "function", "function": {"name": "zoek"}},
    "user": "gebruiker",
    "metadata": {"dossier": "nummer", "bron": "test"},
    "stop": ["EINDE", "STOP"],
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "uitkomst",
            "description": "de uitkomst",
            "schema": {"type": "object", "properties": {"veld": {"type": "string", "description": "een veld"}}},
        },
    },
    "logit_bias": {"50256": -100},
    "seed": 42,
    "temperature": 0.5,
    "max_tokens": 200,
    "n": 1,
    "prediction": {"type": "content", "content": "Verwacht."},
    "service_tier": "auto",
    "prompt_cache_key": "sleutel",
    "safety_identifier": "veilig",
    "onbekend_veld": {"binnen": ["tekst", 8, {"dieper": "nog meer"}]},
    "top_k": 5,
}

Put = Callable[[Any], Any]


def planted(node: Any, put: Put, where: str, makers: dict[str, Iterator[Canary]]) -> Iterator[tuple[str, Any, Canary]]:
    """(place, request, canary): one canary in one leaf, in every form that fits there."""
    if isinstance(node, dict):
        for key, value in node.items():
            found = next(makers["key"])
            renamed = {(found.text if name == key else name): item for name, item in node.items()}
            yield f"{where}.{key}(key)", put(renamed), found
            yield from planted(value, lambda new, k=key: put({**node, k: new}), f"{where}.{key}", makers)
        found = next(makers["text"])
        yield f"{where}(new member)", put({**node, "extra": found.text}), found
    elif isinstance(node, list):
        for index, value in enumerate(node):
            inner: Put = lambda new, i=index: put([*node[:i], new, *node[i + 1 :]])  # noqa: E731
            yield from planted(value, inner, f"{where}[{index}]", makers)
        found = next(makers["text"])
        yield f"{where}(new item)", put([*node, found.text]), found
    else:
        found = next(makers["text"])
        whole = f"{node} {found.text}" if isinstance(node, str) and " " in node else found.text
        yield f"{where}(text)", put(whole), found
        found = next(makers["number"])
        yield f"{where}(number)", put(found.number), found
        if isinstance(node, str) and node.startswith("{"):
            yield from planted(json.loads(node), lambda new: put(json.dumps(new)), f"{where}<json>", makers)
        if where.endswith("id"):
            found = next(makers["number"])
            yield f"{where}(id)", put(f"call_{found.text}"), found


def mutants() -> list[tuple[str, dict[str, Any], Canary]]:
    texts = itertools.cycle([canaries.national_numbers(), canaries.ibans(), canaries.addresses(), canaries.service_numbers()])
    numbers = itertools.islice(canaries.national_numbers(), 12_000, None)
    makers = {
        "text": (next(maker) for maker in texts),
        "key": itertools.islice(canaries.addresses(), 5_000, None),
        "number": numbers,
    }
    return list(planted(copy.deepcopy(RICH), lambda new: new, "", makers))


@dataclass
class Seen:
    """What the gateway said, and which canaries it must not have kept."""

    canaries: list[Canary] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def leaked(self, text: str) -> list[str]:
        """Kinds only: an assertion's message need not repeat the values."""
        searched = bare(text)
        return [c.kind for c in self.canaries if c.bare in searched]


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


def test_each_leaf_is_replaced_or_refused(running: RunningGateway, upstream: Upstream, seen: Seen) -> None:
    refused = replaced = 0
    everything = mutants()
    assert len(everything) > 250
    with running.client() as http:
        for number, (place, body, canary) in enumerate(everything):
            upstream.requests.clear()
            seen.canaries.append(canary)
            answer = http.post(URL, json={**body, "stream": True} if number % 3 == 0 else body)
            seen.references.append(answer.headers["x-request-id"])
            if answer.status_code == 200:
                replaced += 1
                assert len(upstream.requests) == 1
                if canary.bare in bare(upstream.texts):
                    seen.failures.append(f"{canary.kind} went up from {place}")
            else:
                refused += 1
                seen.bodies.append(answer.text)
                if answer.status_code not in (400, 403, 404) or upstream.requests:
                    seen.failures.append(f"{answer.status_code} for {place}")
    assert seen.failures == []
    assert replaced > 40
    assert refused > 100
