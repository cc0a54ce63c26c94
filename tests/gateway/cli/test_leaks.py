"""The commands `sluis report` and `sluis incident`, against what they send and show."""

from collections.abc import Mapping
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from gateway.cli.leaks import incident_app, report_command

INCIDENT = {
    "reference": "INC-2026-0001", "state": "open", "source": "self_report", "opened_at": "2026-11-18T11:50:00Z",
    "aware_at": "2026-11-18T11:50:00Z", "deadline_72h": "2026-11-21T11:50:00Z", "tool": "[bold]mistral",
    "unit": "Archief", "categories": ["personal"], "entity_types": {"IBAN_CODE": 2}, "request_ids": [],
    "reason_code": "", "opened_by": "staff", "closed_at": None,
}  # fmt: skip


class Gateway:
    """Records what the commands ask for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Any]] = []

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        self.calls.append((method, path, body))
        if path == "/leaks/v1/reports":
            return {"message": "Uw melding is vastgelegd als INC-2026-0001"}
        if path.startswith("/admin/v1/incidents?"):
            return {"incidents": [INCIDENT]}
        step = {"at": "2026-11-18T11:50:00Z", "event": "open_opened", "by": "staff", "detail": {"count": 1}}
        return INCIDENT | {"note": "Ik plakte [PERSON]", "closing_reason": "", "timeline": [step]}


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def run(gateway: Gateway, *words: str, text: str = "") -> Any:
    app = typer.Typer()
    app.command("report")(report_command(gateway))
    app.add_typer(incident_app(gateway), name="incident")
    return CliRunner(env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}).invoke(app, list(words), input=text)


def test_report_reads_its_text_from_standard_input(gateway: Gateway) -> None:
    result = run(
        gateway, "report", "--tool", "mistral", "--reference", "a", "--reference", "b", text="Ik plakte iets\n"
    )
    assert result.exit_code == 0
    assert "INC-2026-0001" in result.stdout
    body = {"text": "Ik plakte iets\n", "tool": "mistral", "references": ["a", "b"]}
    assert gateway.calls == [("POST", "/leaks/v1/reports", body)]


def test_a_report_has_no_option_for_its_text(gateway: Gateway) -> None:
    assert run(gateway, "report", "--text", "x").exit_code != 0
    assert run(gateway, "report", "geheim").exit_code != 0
    assert gateway.calls == []


def test_list_shows_the_deadline_and_prints_names_as_they_are(gateway: Gateway) -> None:
    result = run(gateway, "incident", "list", "--state", "open")
    assert gateway.calls == [("GET", "/admin/v1/incidents?limit=100&state=open", None)]
    for fact in ("INC-2026-0001", "2026-11-21T11:50:00Z", "[bold]mistral", "IBAN_CODE × 2"):
        assert fact in result.stdout


def test_show_prints_facts_note_and_timeline(gateway: Gateway) -> None:
    result = run(gateway, "incident", "show", "INC-2026-0001")
    for fact in ("note: Ik plakte [PERSON]", "deadline_72h: 2026-11-21", "open_opened  staff  count 1"):
        assert fact in result.stdout
    assert "closing_reason" not in result.stdout


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        (("confirm", "INC-2026-0001"), "/confirm", {}),
        (
            ("confirm", "INC-2026-0001", "--aware-at", "2026-11-18T12:00+01:00"),
            "/confirm",
            {"aware_at": "2026-11-18T11:00:00+00:00"},
        ),
        (("aware", "INC-2026-0001", "2026-11-18T12:00+01:00"), "/aware", {"aware_at": "2026-11-18T11:00:00+00:00"}),
        (("close", "INC-2026-0001", "--reason", "vals alarm"), "/close", {"reason": "vals alarm"}),
    ],
)
def test_the_dpo_moves_an_incident(
    gateway: Gateway, words: tuple[str, ...], path: str, body: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    result = run(gateway, "incident", *words)
    assert result.exit_code == 0, result.output
    assert gateway.calls == [("POST", f"/admin/v1/incidents/INC-2026-0001{path}", body)]
    assert "INC-2026-0001 is open, 72-hour deadline 2026-11-21T11:50:00Z" in result.stdout


def test_a_time_that_is_none_is_refused_before_anything_is_sent(gateway: Gateway) -> None:
    assert run(gateway, "incident", "confirm", "INC-2026-0001", "--aware-at", "gisteren").exit_code == 2
    assert gateway.calls == []


def test_a_reference_cannot_lead_to_another_path(gateway: Gateway) -> None:
    run(gateway, "incident", "show", "../keys?x=1")
    assert gateway.calls == [("GET", "/admin/v1/incidents/..%2Fkeys%3Fx%3D1", None)]
