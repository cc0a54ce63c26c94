"""The sources' rules as lint: each with its level, and the same list without the fault is clean."""

from typing import Any

import pytest

from gateway.policy.lint import lint
from gateway.policy.problems import errors
from gateway.policy.reading import validate
from tests.gateway.policy.trees import AGREED, ASSESSED, TODAY, blocking, linted, rules, tool, tree

MARKED = {"by": "practice set-up: nobody approved this", "date": "2026-10-01"}
CONSUMER = {"terms": "consumer", "data__personal": "block"}
SEVENTEEN = "q7" + "Zk4Lm9Xw2Rt5Vb8Nc3Hd6Jf1Gs0PyTqBe"  # 36 characters that mean nothing


def test_a_complete_entry_is_clean() -> None:
    assert linted(tool(), blocking()) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        # T3, T6: agreements, review date, risk analysis, DPIA
        ({"approvals__ict": ...}, [("error", "approval-missing")]),
        ({"approvals__dpo": ...}, [("error", "approval-missing")]),
        ({"approvals": ...}, [("error", "approval-missing")] * 2),
        ({"review_by": ...}, [("error", "review-missing")]),
        ({"assessments__risk_analysis": ...}, [("error", "risk-analysis-missing")]),
        ({"assessments__risk_analysis": {"status": "in-progress"}}, [("error", "risk-analysis-missing")]),
        ({"assessments__risk_analysis": {"status": "approved", "by": "x"}}, [("error", "risk-analysis-missing")]),
        ({"assessments__risk_analysis": {"status": "not-required", "by": "x"}}, [("error", "risk-analysis-missing")]),
        ({"assessments__dpia": ...}, [("error", "dpia-missing")]),
        ({"assessments__dpia": {"status": "rejected", "by": "x"}}, [("error", "dpia-missing")]),
        ({"assessments__dpia": {"status": "not-required"}}, [("error", "dpia-missing")]),
        ({"assessments__dpia": {"status": "not-required", "by": "DPO"}}, []),
        ({"assessments__dpia": {"status": "not-required", "link": "file 12"}}, []),
        ({"assessments__dpia": ..., "data__personal": "block"}, []),
        ({"status": "requested", "approvals": ..., "assessments": ..., "review_by": ...}, []),
        ({"upstream": ..., "approvals": ..., "review_by": ..., "assessments": ...}, [("warning", "listed-only")]),
        ({"upstream": ...}, []),
        # environments
        ({"environment": "trial"}, [("error", "environment")]),
        ({"environment": "practice"}, [("error", "environment")]),
        ({"environment": "practice", "upstream": ...}, [("error", "environment")]),
        (
            {"environment": "practice", "upstream__base_url": "http://[::1"},
            [("error", "environment"), ("error", "url")],
        ),
        ({"environment": "practice", "upstream__base_url": "http://127.0.0.1:1/v1", "assessments": ...}, []),
        ({"approvals": {"ict": MARKED, "dpo": AGREED}}, [("error", "environment")]),
        ({"approvals": {"ict": AGREED, "dpo": AGREED}}, [("warning", "one-approver")]),
        ({"approvals": {"ict": AGREED, "dpo": AGREED}, "status": "requested"}, [("warning", "one-approver")]),
        # T2: terms and origin
        (CONSUMER, []),
        (CONSUMER | {"data__special": "note"}, [("error", "consumer-terms")]),
        ({"terms": "consumer"}, [("error", "consumer-terms")]),
        ({"terms": "consumer", "status": "denied"}, []),
        ({"offensive_cyber_country": True}, [("error", "offensive-cyber")]),
        ({"offensive_cyber_country": True, "status": "requested"}, [("error", "offensive-cyber")]),
        ({"offensive_cyber_country": True, "status": "denied"}, []),
        # training on input
        ({"trains_on_input": "yes"}, [("error", "trains-on-input")]),
        ({"trains_on_input": "yes", "data__personal": "block"}, []),
        ({"trains_on_input": "yes", "status": "requested"}, []),
        ({"trains_on_input": "unknown"}, [("warning", "trains-on-input")]),
        ({"trains_on_input": "opt-out"}, [("warning", "trains-on-input")]),
        # T7: DCiE of at least 50 % is a PUE of at most 2.0
        ({"energy": {"dcie_pct": 49.0}}, [("warning", "dcie")]),
        ({"energy": {"pue": 2.1}}, [("warning", "dcie")]),
        ({"energy": {"pue": 2.0}}, []),
        ({"energy": {"pue": 1.25, "dcie_pct": 80.5}}, []),
        ({"energy": {"pue": 1.25, "dcie_pct": 60.0}}, [("warning", "dcie")]),
        # only personal data can be pseudonymized
        ({"data__special": "pseudonymize"}, [("error", "pseudonymize")]),
        ({"data__confidential": "pseudonymize"}, [("error", "pseudonymize")]),
        ({"data__security": "pseudonymize"}, [("error", "pseudonymize")]),
        ({"data__none_found": "pseudonymize"}, [("error", "pseudonymize")]),
        ({"entities": {"MARKING_INTERNAL": "pseudonymize"}}, [("error", "pseudonymize")]),
        ({"entities": {"SPECIAL_HEALTH": "pseudonymize"}}, [("error", "pseudonymize")]),
        ({"entities": {"PASSWORD": "pseudonymize"}}, [("error", "pseudonymize")]),
        ({"entities": {"IBAN_CODE": "pseudonymize", "PERSON": "allow"}}, []),
        # entity types
        ({"entities": {"NO_SUCH_TYPE": "block"}}, [("error", "unknown-entity")]),
        ({"entities": {"MARKING_CLASSIFIED": "note"}}, [("error", "classified")]),
        ({"entities": {"MARKING_CLASSIFIED": "block"}}, []),
        ({"entities": {"NL_BSN": "allow"}}, [("warning", "frees-protected")]),
        ({"entities": {"MARKING_TLP": "note"}}, [("warning", "frees-protected")]),
        ({"entities": {"NL_BSN": "block"}}, []),
        # models
        ({"models": ["re:("]}, [("error", "pattern")]),
        ({"models": []}, [("error", "no-models")]),
        ({"models": [], "aliases": {"chat": "alpha-1"}}, []),
        ({"models": [], "upstream": ...}, []),
        # what passes
        ({"data__none_found": "block"}, [("warning", "nothing-allowed")]),
        ({"restore_hosts": ["*.example.org"]}, [("error", "restore-hosts")]),
        ({"restore_hosts": ["www.example.org"]}, []),
        # dates
        ({"review_by": "2026-11-21"}, [("warning", "review-passed")]),
        ({"review_by": "2026-11-22"}, []),
        ({"review_by": "2020-01-01", "status": "expired"}, []),
        ({"approvals__ict": {"by": "x", "date": "2026-12-01"}}, [("warning", "approval-later")]),
        ({"assessments__dpia": ASSESSED | {"valid_until": "2026-11-21"}}, [("warning", "assessment-old")]),
        ({"assessments__dpia": ASSESSED | {"valid_until": "2026-11-22"}}, []),
    ],
)
def test_each_rule_fires_on_its_fault_only(changes: dict[str, Any], found: list[Any]) -> None:
    problems = linted(tool(**changes))
    assert rules(problems) == found
    assert all(problem.tool == "alpha" and problem.message for problem in problems)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://llm.example.org/v1", []),
        ("http://127.0.0.1:11434/v1", []),
        ("http://[::1]:8000/v1", []),
        ("http://localhost:8000/v1", []),
        ("http://llm.localhost/v1", []),
        ("http://10.1.2.3/v1", [("warning", "plain-http")]),
        ("http://vllm:8000/v1", [("warning", "plain-http")]),
        ("http://llm.internal/v1", [("warning", "plain-http")]),
        ("https://10.1.2.3/v1", []),
        ("http://llm.example.org/v1", [("error", "plain-http")]),
        ("http://8.8.8.8/v1", [("error", "plain-http")]),
        ("http://169.254.169.254/latest", [("error", "url")]),
        ("ftp://llm.example.org", [("error", "url")]),
        ("llm.example.org/v1", [("error", "url")]),
        ("https://", [("error", "url")]),
        ("https://llm.example.org:port/v1", [("error", "url")]),
        ("https://user@llm.example.org/v1", [("error", "url")]),
        ("https://llm.example.org/v1?version=1", [("error", "url")]),
        ("https://llm.example.org/v1#x", [("error", "url")]),
        ("https://user:word@llm.example.org/v1", [("error", "secret-in-file"), ("error", "url")]),
    ],
)
def test_the_address_of_an_upstream(url: str, found: list[Any]) -> None:
    assert rules(linted(tool(upstream__base_url=url))) == found


@pytest.mark.parametrize(
    "value",
    [
        "sk-" + "abcdefghijklmnop1234",
        "ghp_" + "a" * 30,
        "hf_" + "b" * 30,
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9" + ".eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "see wachtwoord: x1",
        "api_key=1",
        SEVENTEEN,
    ],
)
def test_what_looks_like_a_key_is_an_error_wherever_it_stands(value: str) -> None:
    in_tool = linted(tool(owner=value))
    outside = linted(tool(), organisation__name=value)
    for problems, place in ((in_tool, "owner"), (outside, "organisation.name")):
        assert rules(problems) == [("error", "secret-in-file")]
        assert place in problems[0].message
        assert value not in problems[0].message


@pytest.mark.parametrize(
    "value",
    [
        "https://example.org/reports/2026/dpia-generatieve-ai-versie-2.pdf",
        "mistralai/Mistral-Small-3.2-24B-Instruct-2506",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1111",
        "OVEREENKOMST-2026-BURGERZAKEN-RAAM",
        "Dienst Burgerzaken, Sleutelstraat 12",
    ],
)
def test_ordinary_text_does_not_look_like_a_key(value: str) -> None:
    assert linted(tool(owner=value)) == []


@pytest.mark.parametrize(
    ("tools", "found"),
    [
        ([tool(), tool()], [("error", "double-id"), ("error", "ambiguous-model")]),
        ([tool(models=["m"]), blocking(models=["m"])], [("error", "ambiguous-model")]),
        ([tool(models=["m*"]), blocking(models=["*1"])], [("error", "ambiguous-model")]),
        ([tool(models=["m1"]), blocking(models=["m*"])], []),  # the closer name wins
        ([tool(models=["m", "re:("]), blocking(models=["m"])], [("error", "pattern"), ("error", "ambiguous-model")]),
        ([tool(aliases={"chat": "a"}), blocking(aliases={"chat": "b"})], [("error", "ambiguous-model")]),
        ([tool(aliases={"chat": "a"}), blocking(aliases={"talk": "b"})], []),
        ([tool(models=["m"]), blocking(models=["m"], status="requested")], []),
        ([tool(models=["m1"]), blocking(models=["m*"], status="denied")], [("warning", "denied-model")]),
        ([tool(aliases={"chat": "a"}), blocking(models=["ch*"], status="denied")], [("warning", "denied-model")]),
        ([tool(models=["m"]), blocking(models=["n*"], status="denied")], []),
    ],
)
def test_a_name_leads_to_one_tool(tools: list[Any], found: list[Any]) -> None:
    assert rules(linted(*tools)) == found


def test_the_two_profiles_differ_on_consumer_terms() -> None:
    entry = tool(**CONSUMER)
    assert linted(entry) == []
    (problem,) = linted(entry, profile="nl-central-government")
    assert (problem.rule, problem.source) == ("consumer-terms", "004 q. 44, 55, 63")


def test_a_trial_entry_belongs_in_a_trial_list() -> None:
    entry = tool(environment="trial", assessments=..., approvals={"ict": MARKED, "dpo": MARKED})
    assert rules(linted(entry)) == [("error", "environment")]
    assert linted(entry, profile="trial") == []


def test_a_country_on_the_organisations_list_is_banned() -> None:
    assert rules(linted(tool(), offensive_cyber_countries=["BEL"])) == [("error", "offensive-cyber")]
    assert linted(tool(), offensive_cyber_countries=["FRA"]) == []


def test_what_stands_outside_the_tools_is_linted_too() -> None:
    assert rules(linted(tool(), entities={"NO_SUCH_TYPE": "block"})) == [("error", "unknown-entity")]
    assert rules(linted(tool(), thresholds={"personal": 0.51, "special": 0.5})) == [("warning", "threshold")]
    assert rules(linted(tool(), organisation__default_language="fr")) == [("error", "language")]
    assert rules(linted(tool(), organisation__contacts__dpo={"name": "DPO"})) == [("error", "contact")]


def test_the_dcie_remark_says_what_it_means_and_where_it_comes_from() -> None:
    (problem,) = lint(validate(tree(tool(energy={"pue": 2.5}))), TODAY)
    assert problem.source == "T7, 004 q. 62"
    assert "PUE over 2.0" in problem.message
    assert errors([problem]) == []
