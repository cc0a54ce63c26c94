"""The compiled list: which tool a model's name leads to, what goes upstream, and when a tool may be used."""

import dataclasses
from datetime import date
from typing import Any

import pytest

from filters.findings import Category, OperatingPoint
from gateway.errors import LANGUAGES, REASON_CODES, TEXTS
from gateway.exchange import Action, Role
from gateway.policy.compiled import MAX_MODEL_NAME, Policy
from gateway.policy.facts import Contact
from tests.gateway.policy.trees import TODAY, blocking, compiled, tool


def denied(**changes: object) -> dict[str, Any]:
    return tool(**{"id": "gamma", "name": "Gamma", "status": "denied", "models": ["gamma*"], **changes})


@pytest.fixture
def policy() -> Policy:
    return compiled(
        tool(models=["alpha-small", "vendor/alpha-*", "re:x[0-9]+"], aliases={"chat": "alpha-2026"}),
        blocking(models=["beta-1", "alpha-*", "chat"], aliases={}),
        denied(),
        tool(id="delta", status="requested", models=["alpha-*", "new-*"]),
        tool(id="bare", status="denied", models=[]),
    )


@pytest.mark.parametrize(
    ("model", "found", "upstream"),
    [
        ("alpha/alpha-small", "alpha", "alpha-small"),
        ("alpha/chat", "alpha", "alpha-2026"),
        ("alpha/vendor/alpha-7", "alpha", "vendor/alpha-7"),
        ("chat", "alpha", "alpha-2026"),  # an alias before a name written out
        ("alpha-small", "alpha", "alpha-small"),  # a name written out before a pattern
        ("alpha-large", "beta", "alpha-large"),  # a pattern; what is only requested loses
        ("vendor/alpha-7", "alpha", "vendor/alpha-7"),
        ("x12", "alpha", "x12"),
        ("new-1", "delta", "new-1"),  # only requested, but nobody else knows it: the refusal can say so
        ("gamma-1", "gamma", "gamma-1"),
        ("gamma", "gamma", "gamma"),
        ("gamma/whatever", "gamma", "gamma/whatever"),
        ("bare", "bare", "bare"),
    ],
)
def test_a_name_leads_to_one_tool(policy: Policy, model: str, found: str, upstream: str) -> None:
    for _ in range(2):  # searched, then remembered
        entry = policy.tool_for(model)
        assert entry is not None
        assert entry.id == found
        assert entry.upstream_model(model) == upstream


@pytest.mark.parametrize("model", ["", "unknown", "alpha/unknown", "alpha", "bare/", "x" * (MAX_MODEL_NAME + 1)])
def test_any_other_name_leads_nowhere(policy: Policy, model: str) -> None:
    assert policy.tool_for(model) is None
    assert policy.tool_for(model) is None


def test_an_ambiguous_name_leads_nowhere() -> None:
    two = compiled(tool(models=["same"]), blocking(models=["same"]))
    assert two.tool_for("same") is None
    by_id = two.tool_for("beta/same")
    assert by_id is not None
    assert by_id.id == "beta"


def test_a_forbidden_tool_takes_the_bare_name_of_one_in_use() -> None:
    both = compiled(tool(models=["gamma-local"]), denied())
    found = both.tool_for("gamma-local")
    assert found is not None
    assert found.id == "gamma"
    explicit = both.tool_for("alpha/gamma-local")
    assert explicit is not None
    assert explicit.id == "alpha"


def test_what_is_remembered_of_names_that_clients_choose_has_a_bound(policy: Policy) -> None:
    for i in range(6000):
        policy.tool_for(f"nothing-{i}")
    assert len(policy._found) <= 4096
    assert policy.tool_for("chat") is policy.tools["alpha"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"status": "requested"}, "tool_requested"),
        ({"status": "denied"}, "tool_denied"),
        ({"status": "suspended"}, "tool_withdrawn"),
        ({"status": "expired"}, "tool_expired"),
        ({"upstream": ...}, "tool_not_proxied"),
        ({"approvals__ict": ...}, "tool_missing_approval"),
        ({"approvals__dpo": ...}, "tool_missing_approval"),
        ({"approvals__dpo": {"by": "DPO", "date": "2026-11-23"}}, "tool_missing_approval"),
        ({"approvals__dpo": {"by": "DPO", "date": "2026-11-22"}}, None),
        ({"review_by": ...}, "tool_review_missing"),
        ({"review_by": "2026-11-21"}, "tool_review_passed"),
        ({"review_by": "2026-11-22"}, None),
        ({"upstream__key": {"env": "ABSENT"}}, "tool_key_missing"),
    ],
)
def test_each_reason_why_a_tool_is_not_usable_has_its_code(changes: dict[str, Any], code: str | None) -> None:
    assert compiled(tool(**changes)).tools["alpha"].usable(TODAY) == code
    if code is not None:
        assert code in REASON_CODES
        assert set(TEXTS[code]) == set(LANGUAGES)


def test_the_day_after_the_review_date_the_tool_is_denied() -> None:
    entry = compiled(tool()).tools["alpha"]
    assert entry.usable(date(2027, 6, 1)) is None
    assert entry.usable(date(2027, 6, 2)) == "tool_review_passed"


def test_models_are_listed_for_those_who_may_use_them() -> None:
    policy = compiled(
        tool(aliases={"chat": "alpha-2026"}, models=["alpha-small", "alpha-*"]),
        blocking(access={"roles": ["dpo"], "units": []}),
        tool(id="ict-only", models=["m"], access={"roles": [], "units": ["ict"]}),
        denied(),
    )

    def names(role: Role, unit: str, suspended: frozenset[str] = frozenset()) -> list[str]:
        return [name for name, _ in policy.models_for(role, unit, TODAY, suspended)]

    assert names(Role.STAFF, "burgerzaken") == ["chat", "alpha/alpha-small"]
    assert names(Role.DPO, "burgerzaken") == ["chat", "alpha/alpha-small", "beta/beta-1"]
    assert names(Role.STAFF, "ict") == ["chat", "alpha/alpha-small", "ict-only/m"]
    assert names(Role.STAFF, "ict", frozenset({"alpha"})) == ["ict-only/m"]
    assert policy.models_for(Role.STAFF, "ict", date(2028, 1, 1)) == []


def test_a_name_that_leads_elsewhere_is_not_listed() -> None:
    policy = compiled(tool(models=["m"], aliases={"same": "m"}), blocking(models=["n"], aliases={"same": "n"}))
    assert [name for name, _ in policy.models_for(Role.STAFF, "", TODAY)] == ["alpha/m", "beta/n"]


def test_a_tool_is_as_written() -> None:
    entry = compiled(
        tool(
            reason={"fr": "Parce que", "nl": "Omdat"},
            unscannable="allow",
            visible_label=True,
            restore_hosts=["example.org"],
            hosting={"region": "BE", "country": "BEL", "sub_processors": ["One", "Two"]},
            listing={"name": "Alpha!", "allowed": ["A"], "forbidden": ["B"]},
            energy={"pue": 1.25, "pue_year": 2025, "wue": 0.1, "model_class": "small"},
        )
    ).tools["alpha"]
    assert entry.unscannable is Action.ALLOW
    assert entry.visible_label
    assert entry.restore_hosts == frozenset({"example.org"})
    assert entry.hosting.sub_processors == ("One", "Two")
    assert entry.listing is not None
    assert (entry.listing.allowed, entry.listing.forbidden) == (("A",), ("B",))
    assert entry.energy.dcie_pct == 80.0
    assert (entry.reason, entry.reason_in("nl"), entry.reason_in("de")) == ("Parce que", "Omdat", "Parce que")
    assert entry.raw["name"] == "Alpha"
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        entry.actions["personal"] = Action.ALLOW  # type: ignore[index]


def test_dcie_and_pue_follow_from_each_other() -> None:
    def energy(**written: float) -> tuple[float | None, float | None]:
        entry = compiled(tool(energy=written)).tools["alpha"].energy
        return entry.pue, entry.dcie_pct

    assert energy(pue=1.6) == (1.6, 62.5)
    assert energy(dcie_pct=50.0) == (2.0, 50.0)
    assert energy(pue=1.6, dcie_pct=60.0) == (1.6, 60.0)
    assert energy() == (None, None)


def test_a_plain_reason_is_in_the_default_language() -> None:
    assert compiled(tool(reason="Omdat")).tools["alpha"].reasons == {"nl": "Omdat"}
    assert compiled(tool()).tools["alpha"].reason == ""


def test_replacing_asks_for_the_thorough_point_and_blocking_for_the_precise_one() -> None:
    policy = compiled(tool(), blocking())
    assert policy.tools["alpha"].point is OperatingPoint.THOROUGH
    assert policy.tools["beta"].point is OperatingPoint.PRECISE


def test_the_whole_list_is_as_written() -> None:
    policy = compiled(tool(), thresholds={"special": 0.5}, organisation__id="0123")
    assert policy.thresholds[Category.SPECIAL] == 0.5
    assert policy.thresholds[Category.PERSONAL] == 0.0
    assert policy.organisation.contacts.dpo.email == "dpo@example.org"
    assert policy.general["organisation"]["id"] == "0123"
    assert "tools" not in policy.general


def test_a_contact_reads_as_a_person_would_write_it() -> None:
    assert str(Contact("DPO", "dpo@example.org", "+32 2", "")) == "DPO (dpo@example.org, +32 2)"
    assert str(Contact("DPO")) == "DPO"
