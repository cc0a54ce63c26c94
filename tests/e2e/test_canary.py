"""The contract at the gateway: a canary in any leaf is replaced or refused, and kept nowhere (promises 1, 4).

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
    texts = itertools.cycle(
        [canaries.national_numbers(), canaries.ibans(), canaries.addresses(), canaries.service_numbers()]
    )
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


PATHS = ("nonsense", "error", "status:500", "status:400", "garbage", "binary", "html", "cut", "drop", "link", "tool")


def test_the_paths_of_failure_carry_it_too(
    running: RunningGateway, small: RunningGateway, upstream: Upstream, seen: Seen
) -> None:
    """Tool `open` lets it up, so that answers, broken answers and the upstream's own errors hold it in clear."""
    numbers = itertools.islice(canaries.national_numbers(), 20_000, None)
    with running.client() as http, running.client("answer") as notices, small.client() as poisoned:
        for scenario, stream, model in itertools.product(PATHS, (False, True), ("open", "pseudo")):
            canary = next(numbers)
            seen.canaries.append(canary)
            said = [{"role": "user", "content": f"[[{scenario}]] Mijn nummer is {canary.text}."}]
            body = {"model": model, "messages": said, "stream": stream}
            try:
                answer = http.post(URL, json=body)
            except httpx.RemoteProtocolError:  # a stream that breaks in the middle
                continue
            if answer.status_code != 200:
                seen.bodies.append(answer.text)
        assert any(seen.leaked(upstream.texts)), "the search would not find a canary that is there"
        for stream in (False, True):
            for client, model in ((http, "strict"), (notices, "strict"), (http, "geen-tool")):
                canary = next(numbers)
                seen.canaries.append(canary)
                body = {"model": model, "messages": [{"role": "user", "content": canary.text}], "stream": stream}
                answer = client.post(URL, json=body)
                seen.references.append(answer.headers["x-request-id"])
                seen.bodies.append(answer.text)
        for broken in ('{{"messages": ["{}', '{{"model": "{}", "messages": []}}', '{{"{}": 1}}', '["{}"]'):
            canary = next(numbers)
            seen.canaries.append(canary)
            kind = {"content-type": "application/json"}
            seen.bodies.append(http.post(URL, content=broken.format(canary.text), headers=kind).text)
            for method in ("GET", "POST", "DELETE"):
                elsewhere = http.request(method, f"/v1/{canary.text}?q={canary.text}", headers={"x-note": canary.text})
                seen.bodies.append(elsewhere.text)
            seen.bodies.append(http.get(f"/v1/models/{canary.text}").text)
            seen.bodies.append(httpx.get(f"{running.base}/{canary.text}", headers={"x-note": canary.text}).text)
            bad_key = {"authorization": f"Bearer {canary.text}"}
            seen.bodies.append(httpx.post(running.base + URL, content=b"{}", headers=bad_key).text)
        for _ in range(3):  # the engine raises an exception whose message is the text
            canary = next(numbers)
            seen.canaries.append(canary)
            said = [{"role": "user", "content": f"poison {canary.text}"}]
            answer = poisoned.post(URL, json={"model": "pseudo", "messages": said})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "scan_unavailable")
            seen.bodies.append(answer.text)


def test_reports_and_reasons_that_people_write_are_masked(
    running: RunningGateway, mail: MailServer, seen: Seen
) -> None:
    numbers = itertools.islice(canaries.national_numbers(), 21_000, None)
    why = [next(numbers) for _ in range(3)]
    seen.canaries.extend(why)
    with running.client() as staff:
        report = {"text": f"Ik stuurde het nummer {why[0].text} naar een chatdienst.", "tool": "open"}
        answer = staff.post("/leaks/v1/reports", json=report)
        assert answer.status_code == 201, answer.text
        seen.bodies.append(answer.text)
    with running.client("ict") as ict:
        given = ict.post("/admin/v1/suspensions", json={"tool": "strict", "why": f"Lek van {why[1].text}"})
        assert given.status_code < 300, given.text
        seen.bodies.append(given.text)
    with running.client("dpo") as dpo:
        seen.bodies.append(dpo.get("/admin/v1/suspensions").text)
        lifted = dpo.request("DELETE", "/admin/v1/suspensions/strict", json={"why": f"Opgelost voor {why[2].text}"})
        assert lifted.status_code < 300, lifted.text
        seen.bodies.append(lifted.text)


def test_no_canary_is_kept_anywhere(
    running: RunningGateway, small: RunningGateway, mail: MailServer, seen: Seen
) -> None:
    assert len(seen.canaries) > 300
    with running.client("dpo") as dpo:
        looked_up = [dpo.get(f"/admin/v1/records/{reference}") for reference in seen.references[::7]]
        assert {answer.status_code for answer in looked_up} <= {200, 404}
        assert sum(answer.status_code == 200 for answer in looked_up) > 20
        incidents = dpo.get("/admin/v1/incidents").text
    end = time.monotonic() + 20
    while not mail.raw and time.monotonic() < end:
        time.sleep(0.1)
    assert mail.raw
    log = running.log + small.log
    assert '"third_party"' in log, "third-party loggers must be heard at DEBUG for this to say anything"
    searched = {
        "database": running.every_cell() + small.every_cell(),
        "log": log,
        "metrics": running.metrics() + small.metrics(),
        "mail": "\n".join(str(message) for message in mail.messages) + repr(mail.raw),
        "records shown": "\n".join(answer.text for answer in looked_up) + incidents,
        "error bodies": "\n".join(seen.bodies),
    }
    for one in (running, small):
        for file in one.settings.data_dir.rglob("*"):
            if file.is_file():
                searched[file.name] = file.read_bytes().decode("latin-1")
    assert {"sluis.db", "sluis.db-wal", "state.json", "placeholder.key"} <= searched.keys()
    assert {place: leaked for place, text in searched.items() if (leaked := seen.leaked(text))} == {}
