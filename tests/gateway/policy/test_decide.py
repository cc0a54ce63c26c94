"""Admit and act: who may use what, what happens to what was found, and a refusal that helps in four languages."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.entities import ENTITY_TYPES
from filters.findings import Category, Finding
from gateway.errors import LANGUAGES, REASON_CODES, Forbidden, GatewayError, NotFound
from gateway.exchange import Action, Decision, Outcome, Role
from gateway.policy.compiled import Policy
from gateway.policy.decide import act, admit, blocked_error
from tests.gateway.policy.trees import STAFF, TODAY, blocking, compiled, finding, tool

NONE: frozenset[str] = frozenset()


@pytest.fixture
def policy() -> Policy:
    return compiled(
        tool(),
        blocking(),
        tool(
            id="gone", name="Gone", status="denied", models=["gone-*"], reason={"nl": "Verboden.", "en": "Forbidden."}
        ),
        tool(id="dpo-only", name="DpoTool", models=["d"], access={"roles": ["dpo"]}),
    )


def refused(policy: Policy, model: str, suspended: frozenset[str] = NONE) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        admit(policy, model, principal=STAFF, suspended=suspended, today=TODAY)
    return caught.value


def test_a_tool_on_the_list_is_admitted(policy: Policy) -> None:
    assert admit(policy, "alpha-small", principal=STAFF, suspended=NONE, today=TODAY) is policy.tools["alpha"]
    dpo = replace(STAFF, role=Role.DPO)
    assert admit(policy, "d", principal=dpo, suspended=NONE, today=TODAY) is policy.tools["dpo-only"]


@pytest.mark.parametrize(
    ("model", "kind", "code"),
    [
        ("unheard-of", NotFound, "tool_unknown"),
        ("gone-1", Forbidden, "tool_denied"),
        ("d", Forbidden, "tool_not_for_you"),
    ],
)
def test_any_other_is_refused_with_what_to_use_and_whom_to_ask(
    policy: Policy, model: str, kind: type[GatewayError], code: str
) -> None:
    error = refused(policy, model)
    assert type(error) is kind
    assert (error.reason_code, error.param) == (code, "model")
    for language in LANGUAGES:
        text = error.message(language)
        assert "Alpha" in text
        assert "Beta" in text
        assert "ict@example.org" in text
        assert "DpoTool" not in text or code == "tool_not_for_you"
        assert model not in text.split()  # what the client wrote is not repeated
        assert "{" not in text


def test_a_refusal_says_why_in_the_readers_language(policy: Policy) -> None:
    error = refused(policy, "gone-1")
    assert "de tool is verboden (Verboden)." in error.message("nl")
    assert "the tool is forbidden (Forbidden)." in error.message("en")


def test_the_kill_switch_beats_the_file(policy: Policy) -> None:
    error = refused(policy, "alpha-small", frozenset({"alpha"}))
    assert (error.status, error.reason_code) == (403, "tool_suspended")
    assert "Alpha is tijdelijk stilgelegd" in error.message("nl")
    assert "Beta" in error.message("nl")
    assert "dpo@example.org" in error.message("nl")


def test_with_nothing_to_use_instead_the_refusal_names_nothing() -> None:
    error = refused(compiled(tool(status="requested")), "alpha-small")
    assert error.reason_code == "tool_requested"
    assert "in de plaats" not in error.message("nl")


def test_braces_in_a_name_do_no_harm() -> None:
    error = refused(compiled(tool(name="Al{pha} {0}", status="expired", reason="{x}")), "alpha-small")
    assert "Al{pha} {0}" in error.message("nl")
    assert "({x})" in error.message("fr")


def test_without_findings_nothing_happens(policy: Policy) -> None:
    assert act(policy, policy.tools["alpha"], [], unscannable=()) == Decision(Outcome.ALLOWED)


@pytest.mark.parametrize(
    ("tool_id", "found", "outcome", "actions", "rule", "code"),
    [
        (
            "alpha",
            [finding("BE_NATIONAL_NUMBER"), finding("IBAN_CODE"), finding("LOCATION")],
            Outcome.PSEUDONYMIZED,
            "pseudonymize pseudonymize note",
            "tool:alpha/personal",
            "",
        ),
        ("alpha", [finding("LOCATION")], Outcome.ALLOWED, "note", "default/LOCATION", ""),
        (
            "beta",
            [finding("LOCATION"), finding("PERSON")],
            Outcome.BLOCKED,
            "note block",
            "tool:beta/personal",
            "personal_data_blocked",
        ),
        (
            "alpha",
            [finding("PERSON"), finding("SPECIAL_HEALTH", "special")],
            Outcome.BLOCKED,
            "pseudonymize block",
            "tool:alpha/special",
            "special_data_blocked",
        ),
        (
            "alpha",
            [finding("MARKING_INTERNAL", "confidential")],
            Outcome.BLOCKED,
            "block",
            "tool:alpha/confidential",
            "confidential_data_blocked",
        ),
        (
            "alpha",
            [finding("SECRET", "security")],
            Outcome.BLOCKED,
            "block",
            "tool:alpha/security",
            "security_data_blocked",
        ),
        (
            "beta",
            [finding("PERSON"), finding("MARKING_CLASSIFIED", "confidential", score=0.01)],
            Outcome.BLOCKED,
            "block block",
            "always/MARKING_CLASSIFIED",
            "classified_marking_blocked",
        ),
        ("alpha", [finding("NEW_KIND")], Outcome.PSEUDONYMIZED, "pseudonymize", "tool:alpha/personal", ""),
        ("beta", [finding("NEW_KIND")], Outcome.BLOCKED, "block", "tool:beta/personal", "personal_data_blocked"),
    ],
)
def test_what_happens_to_what_was_found(  # noqa: PLR0917 - one column a name
    policy: Policy, tool_id: str, found: list[Any], outcome: Outcome, actions: str, rule: str, code: str
) -> None:
    decision = act(policy, policy.tools[tool_id], found, unscannable=())
    assert decision.outcome is outcome
    assert decision.actions == tuple(Action(action) for action in actions.split())
    assert (decision.policy_rule, decision.reason_code) == (rule, code)
    assert set(decision.categories) == {f.category for f in found}


def test_under_its_threshold_a_finding_is_noted_where_it_would_have_blocked() -> None:
    policy = compiled(tool(), blocking(), thresholds={"personal": 0.5, "security": 0.7})
    for tool_id, score, action in (("beta", 0.49, "note"), ("beta", 0.5, "block"), ("alpha", 0.1, "pseudonymize")):
        decision = act(policy, policy.tools[tool_id], [finding("PERSON", score=score)], unscannable=())
        assert decision.actions == (Action(action),)
    low = act(policy, policy.tools["beta"], [finding("SECRET", "security", score=0.6)], unscannable=())
    assert (low.outcome, low.policy_rule) == (Outcome.ALLOWED, "threshold/security")


def test_where_no_placeholder_fits_a_value_to_replace_blocks(policy: Policy) -> None:
    decision = act(policy, policy.tools["alpha"], [finding("IBAN_CODE", slot=3)], unscannable=(), atoms={3})
    assert (decision.outcome, decision.reason_code) == (Outcome.BLOCKED, "value_in_structure")
    elsewhere = act(policy, policy.tools["alpha"], [finding("IBAN_CODE", slot=2)], unscannable=(), atoms={3})
    assert elsewhere.outcome is Outcome.PSEUDONYMIZED
    noted = act(policy, policy.tools["alpha"], [finding("LOCATION", slot=3)], unscannable=(), atoms={3})
    assert noted.outcome is Outcome.ALLOWED


def test_what_cannot_be_scanned_goes_by_the_tools_entry() -> None:
    policy = compiled(tool(), tool(id="open", models=["o"], unscannable="allow"))
    stopped = act(policy, policy.tools["alpha"], [finding("PERSON")], unscannable=["image_url"])
    assert (stopped.outcome, stopped.reason_code) == (Outcome.BLOCKED, "unscannable_part")
    assert stopped.policy_rule == "tool:alpha/unscannable"
    assert act(policy, policy.tools["open"], [], unscannable=["image_url"]) == Decision(Outcome.ALLOWED)
    both = act(policy, policy.tools["open"], [finding("PERSON")], unscannable=["image_url"])
    assert both.outcome is Outcome.PSEUDONYMIZED


def test_a_tool_that_may_have_nothing_gets_nothing() -> None:
    policy = compiled(tool(data__none_found="block"))
    for found in ([], [finding("LOCATION")]):
        decision = act(policy, policy.tools["alpha"], found, unscannable=())
        assert (decision.outcome, decision.reason_code) == (Outcome.BLOCKED, "nothing_allowed")
        assert len(decision.actions) == len(found)


def refusal(policy: Policy, tool_id: str, found: list[Any], **more: object) -> GatewayError:
    entry = policy.tools[tool_id]
    options = {"unscannable": more.pop("unscannable", ()), "atoms": more.pop("atoms", ())}
    decision = act(policy, entry, found, **options)  # type: ignore[arg-type]
    assert decision.outcome is Outcome.BLOCKED
    arguments = {"reference": "0199-ref", "suspended": NONE, "today": TODAY, **options, **more}
    return blocked_error(policy, entry, decision, found, **arguments)  # type: ignore[arg-type]


def test_a_block_says_kind_rule_what_instead_whom_to_ask_and_the_reference(policy: Policy) -> None:
    error = refusal(policy, "beta", [finding("BE_NATIONAL_NUMBER"), finding("PERSON"), finding("PERSON")])
    assert (error.status, error.reason_code) == (400, "personal_data_blocked")
    assert error.message("nl") == (
        "Uw vraag is tegengehouden en niet doorgestuurd: gevonden: rijksregisternummer en naam; Beta mag geen "
        "persoonsgegevens krijgen (regel tool:beta/personal). Haal het weg uit uw vraag, of gebruik Alpha of DpoTool: "
        "die tool mag dit wel krijgen. Vragen? Neem contact op met ICT-dienst (ict@example.org) of DPO "
        "(dpo@example.org, +32 2 000 00 00) en geef deze referentie: 0199-ref."
    )
    for language in LANGUAGES:
        text = error.message(language)
        assert ENTITY_TYPES["BE_NATIONAL_NUMBER"].names[language] in text
        for part in ("tool:beta/personal", "Alpha", "ict@example.org", "dpo@example.org", "0199-ref"):
            assert part in text
        assert "{" not in text


def test_only_tools_that_this_person_may_use_now_are_named(policy: Policy) -> None:
    mine = refusal(policy, "beta", [finding("PERSON")], principal=STAFF)
    assert "gebruik Alpha:" in mine.message("nl")
    held = refusal(policy, "beta", [finding("PERSON")], principal=STAFF, suspended=frozenset({"alpha"}))
    assert "Geen andere tool op de lijst" in held.message("nl")


@pytest.mark.parametrize(
    ("found", "code", "words"),
    [
        ([finding("SPECIAL_HEALTH", "special")], "special_data_blocked", "gezondheidsgegeven"),
        ([finding("PASSWORD", "security")], "security_data_blocked", "beveiligingsinformatie"),
        ([finding("MARKING_INTERNAL", "confidential")], "confidential_data_blocked", "vertrouwelijke documenten"),
        (
            [finding("PERSON"), finding("MARKING_CLASSIFIED", "confidential")],
            "classified_marking_blocked",
            "gevonden: markering van geclassificeerde informatie; geen enkele AI-tool",
        ),
        (
            [finding("PASSWORD", "security"), finding("PERSON")],
            "security_data_blocked",
            "persoonsgegevens of beveiliging",
        ),
        ([finding("NEW_KIND")], "personal_data_blocked", "gevonden: NEW_KIND;"),
        (
            [finding(e) for e in ("PERSON", "EMAIL_ADDRESS", "IBAN_CODE", "PHONE_NUMBER")],
            "personal_data_blocked",
            "gevonden: naam, e-mailadres, bankrekeningnummer …;",
        ),
        (
            [finding(e) for e in ("PERSON", "EMAIL_ADDRESS", "IBAN_CODE")],
            "personal_data_blocked",
            "gevonden: naam, e-mailadres en bankrekeningnummer;",
        ),
    ],
)
def test_every_kind_of_block_has_its_words(policy: Policy, found: list[Any], code: str, words: str) -> None:
    error = refusal(policy, "beta", found)
    assert error.reason_code == code
    assert words in error.message("nl")


def test_a_block_for_an_image_names_a_tool_that_takes_images() -> None:
    policy = compiled(tool(), blocking(unscannable="allow"))
    error = refusal(policy, "alpha", [], unscannable=["image_url"])
    assert "afbeelding" in error.message("nl")
    assert "gebruik Beta" in error.message("nl")
    decision = act(policy, policy.tools["alpha"], [], unscannable=["image_url"])
    same = blocked_error(policy, policy.tools["alpha"], decision, [], reference="r", suspended=NONE, today=TODAY)
    assert "gebruik Beta" in same.message("nl")


def test_a_block_for_a_number_says_that_it_cannot_be_replaced(policy: Policy) -> None:
    error = refusal(policy, "alpha", [finding("IBAN_CODE", slot=1)], atoms={1})
    assert "niet kan vervangen" in error.message("nl")


def test_a_tool_that_may_have_nothing_says_so() -> None:
    error = refusal(compiled(tool(data__none_found="block")), "alpha", [])
    assert "geen enkele tekst" in error.message("nl")


def test_every_category_has_a_threshold_and_a_rule(policy: Policy) -> None:
    assert set(policy.thresholds) == set(Category)
    assert all(set(entry.category_rules) == set(Category) for entry in policy.tools.values())


entity_types = st.sampled_from([*ENTITY_TYPES, "NEW_KIND"])
some_findings = st.lists(
    st.builds(
        lambda name, score, slot, other: finding(
            name, str(ENTITY_TYPES[name].category if name in ENTITY_TYPES else other), score=score, slot=slot
        ),
        entity_types,
        st.floats(0, 1),
        st.integers(0, 3),
        st.sampled_from(Category),
    ),
    max_size=6,
)
row = st.sampled_from(["allow", "note", "block"])
rows = st.fixed_dictionaries(
    {
        "personal": st.sampled_from(["allow", "note", "pseudonymize", "block"]),
        "special": row,
        "confidential": row,
        "security": row,
        "none_found": row,
    }
)


@given(rows, some_findings, st.frozensets(st.integers(0, 3)), st.booleans())
def test_whatever_is_found_and_written_the_promises_hold(
    data: dict[str, str], found: list[Finding], atoms: frozenset[int], image: object
) -> None:
    policy = compiled(tool(data=data))
    unscannable = ["image_url"] if image else []
    decision = act(policy, policy.tools["alpha"], found, unscannable=unscannable, atoms=atoms)
    blocked = decision.outcome is Outcome.BLOCKED
    assert len(decision.actions) == len(found)
    assert blocked == (decision.strictest is Action.BLOCK or data["none_found"] == "block" or bool(unscannable))
    assert blocked == (decision.reason_code in REASON_CODES)
    for one, action in zip(found, decision.actions, strict=True):
        if one.entity_type == "MARKING_CLASSIFIED":
            assert action is Action.BLOCK
        if one.category is not Category.PERSONAL:
            assert action is not Action.PSEUDONYMIZE
        if one.entity_type in {"NL_BSN", "BE_NATIONAL_NUMBER", "BE_BIS_NUMBER"}:
            assert action in {Action.PSEUDONYMIZE, Action.BLOCK}
        if action is Action.PSEUDONYMIZE:
            assert one.slot not in atoms
        if one.entity_type == "PERSON" and data["personal"] == "block":
            assert action is Action.BLOCK
