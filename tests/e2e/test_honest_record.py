"""Promise 10: the record says what was inspected, by which engine and policy, and what was not."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filters.engine import MODELS, _version
from tests.support.gateway import RunningGateway, allowlist, gateway, tool
from tests.support.upstream import Upstream

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
TEXT = {"type": "text", "text": "Schrijf aan Fatima Van den Broeck, IBAN BE68 5390 0754 7034."}


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[RunningGateway]:
    """A gateway with a tool whose entry lets images through unread."""
    tools = tool("seeing", upstream.base_url, unscannable="allow"), tool("blind", upstream.base_url)
    with gateway(tmp_path_factory.mktemp("seeing"), allowlist(*tools)) as started:
        yield started


def record(running: RunningGateway, content: list[dict[str, Any]], model: str) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": content}]}
    with running.client() as http:
        answer = http.post("/v1/chat/completions", json=body)
    columns = "decision, scanner_version, policy_version, findings, unscanned"
    [row] = running.rows(f"SELECT {columns} FROM intents WHERE request_id = '{answer.headers['x-request-id']}'")
    return dict(zip(columns.split(", "), row, strict=True))


def policy_in_force(running: RunningGateway) -> str:
    """As the metrics say it."""
    [version] = re.findall(r'sluis_policy_info\{version="(\w+)"\} 1\.0', running.metrics())
    return str(version)


def test_it_names_the_engine_the_policy_and_every_kind_that_was_found(seeing: RunningGateway) -> None:
    kept = record(seeing, [TEXT], "blind")
    assert kept["decision"] == "pseudonymized"
    assert kept["scanner_version"] == _version(MODELS)
    assert kept["policy_version"] == policy_in_force(seeing)
    assert "PERSON" in kept["findings"]
    assert "IBAN_CODE" in kept["findings"]
    assert kept["unscanned"] in (None, "[]", "")


def test_it_names_what_left_unread(seeing: RunningGateway, upstream: Upstream) -> None:
    kept = record(seeing, [TEXT, IMAGE], "seeing")
    assert upstream.requests[0].body["messages"][0]["content"][1] == IMAGE
    assert "image_url" in kept["unscanned"]


def test_what_may_not_leave_unread_is_refused(seeing: RunningGateway, upstream: Upstream) -> None:
    assert record(seeing, [TEXT, IMAGE], "blind")["decision"] == "blocked"
    assert upstream.requests == []


def test_after_a_change_of_the_list_it_names_the_new_version(seeing: RunningGateway, tmp_path: Path) -> None:
    before = policy_in_force(seeing)
    file = seeing.folder / "allowlist.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("Gemeente Test", "Gemeente Proef"), encoding="utf-8")
    end = time.monotonic() + 30
    while (kept := record(seeing, [TEXT], "blind"))["policy_version"] == before:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert re.fullmatch("[0-9a-f]{16}", kept["policy_version"])
