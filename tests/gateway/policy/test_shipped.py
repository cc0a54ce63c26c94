"""The lists that travel with the gateway, and the ones it writes for a first look."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.exchange import Role
from gateway.policy import shipped
from gateway.policy.check import check
from gateway.policy.compiled import Policy, Status
from gateway.policy.problems import errors
from gateway.policy.shipped import practice_policy, shipped_allowlist, trial_policy
from tests.gateway.policy.trees import STAFF, TODAY

PUBLIC = "Openbare documenten zonder persoonsgegevens"
NOT_IN = ("Vertrouwelijke documenten", "Documenten met persoonsgegevens", "Beveiligingsinformatie")
MARKETING = "Indexeert alle gegevens die je uploadt en verwerkt deze voor commerciële marketingdoeleinden"
URL = "http://127.0.0.1:9999/v1"


def good(path: Path, today: date = TODAY) -> Policy:
    problems, policy = check(path, today, environ={})
    assert errors(problems) == []
    assert policy is not None
    return policy


@pytest.mark.parametrize("profile", ["be-municipality", "nl-central-government"])
def test_a_shipped_list_is_usable_and_lets_nothing_through_before_people_agree(profile: str) -> None:
    policy = good(shipped_allowlist(profile))
    assert policy.profile == profile
    assert policy.models_for(Role.STAFF, "", TODAY) == []
    for tool in policy.tools.values():
        assert (tool.ict_approval, tool.dpo_approval) == (None, None)
        assert tool.upstream is None or tool.status is Status.REQUESTED
        assert all(
            "example.org" in c.email for c in (policy.organisation.contacts.ict, policy.organisation.contacts.dpo)
        )


@pytest.mark.parametrize(
    ("tool_id", "name", "watch_out", "allowed", "forbidden", "status"),
    [
        ("copilot-windows", "Copilot desktop Windows 11 (gratis)", MARKETING, (PUBLIC,), NOT_IN, Status.APPROVED),
        ("bing-chat", "Bing chat (gratis)", MARKETING, (PUBLIC,), NOT_IN, Status.APPROVED),
        ("chatgpt-free", "Chat GPT (gratis)", MARKETING, (PUBLIC,), NOT_IN, Status.APPROVED),
        ("gemini-free", "Gemini (gratis)", MARKETING, (PUBLIC,), NOT_IN, Status.APPROVED),
        ("deepseek", "Deepseek (gratis)", "Verboden", ("Verboden",), ("Verboden",), Status.DENIED),
        (
            "microsoft-copilot-paid",
            "Microsoft Copilot (betalend)",
            "Niet ondersteund door de organisatie",
            ("Verboden",),
            ("Verboden",),
            Status.DENIED,
        ),
    ],
)
def test_the_municipalitys_list_stands_there_word_for_word(  # noqa: PLR0917 - one column a name
    tool_id: str, name: str, watch_out: str, allowed: tuple[str, ...], forbidden: tuple[str, ...], status: Status
) -> None:
    """001 art. 4.1."""
    policy = good(shipped_allowlist())
    tool = policy.tools[tool_id]
    assert list(policy.tools).index(tool_id) < 6
    assert tool.listing is not None
    assert (tool.listing.name, tool.listing.watch_out) == (name, watch_out)
    assert (tool.listing.allowed, tool.listing.forbidden) == (allowed, forbidden)
    assert (tool.status, tool.reason_ref, tool.upstream) == (status, "kortenberg:4.1", None)


def test_the_dutch_list_forbids_every_tool_under_consumer_terms() -> None:
    policy = good(shipped_allowlist("nl-central-government"))
    consumer = [tool for tool in policy.tools.values() if tool.terms == "consumer"]
    assert len(consumer) == 4
    assert all(tool.status is Status.DENIED and tool.reason_in("nl") for tool in consumer)


@pytest.mark.parametrize("profile", ["be-municipality", "nl-central-government"])
def test_the_examples_are_own_hosted_and_contracted_services(profile: str) -> None:
    """T10."""
    policy = good(shipped_allowlist(profile))
    urls = {tool.id: tool.upstream.base_url for tool in policy.tools.values() if tool.upstream}
    assert set(urls) == {"vllm", "ollama", "azure-openai", "mistral"}
    assert urls["azure-openai"].endswith("/openai/v1")


def test_an_unknown_profile_is_an_error_and_the_wheels_copy_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileNotFoundError, match="no-such"):
        shipped_allowlist("no-such")
    (tmp_path / "gateway" / "_shipped").mkdir(parents=True)
    monkeypatch.setattr(shipped, "_HERE", tmp_path / "gateway")
    with pytest.raises(FileNotFoundError):
        shipped_allowlist()
    (tmp_path / "allowlist.yaml").touch()
    assert shipped_allowlist() == tmp_path / "allowlist.yaml"
    (tmp_path / "gateway" / "_shipped" / "allowlist.yaml").touch()
    assert shipped_allowlist() == tmp_path / "gateway" / "_shipped" / "allowlist.yaml"


def test_the_practice_entries_are_written_beside_the_shipped_ones(tmp_path: Path) -> None:
    path = practice_policy(URL, ["tiny", "tiny-2"], tmp_path / "data", today=TODAY)
    policy = good(path)
    assert set(good(shipped_allowlist()).tools) == set(policy.tools) - {"practice", "practice-block"}
    names = [name for name, _ in policy.models_for(STAFF.role, STAFF.unit, TODAY)]
    assert names == ["practice", "practice/tiny", "practice/tiny-2", "practice-block"]
    replaces, blocks = policy.tools["practice"], policy.tools["practice-block"]
    assert (replaces.actions["personal"], blocks.actions["personal"]) == ("pseudonymize", "block")
    assert blocks.upstream_model("practice-block") == "tiny"
    for tool in (replaces, blocks):
        assert tool.ict_approval is not None
        assert "nobody approved this" in tool.ict_approval.by
        assert tool.upstream is not None
        assert tool.upstream.base_url == URL


def test_a_restart_changes_nothing_until_the_address_changes_or_the_dates_grow_old(tmp_path: Path) -> None:
    path = practice_policy(URL, ["tiny"], tmp_path, today=TODAY)
    first = path.read_bytes()
    written_at = path.stat().st_mtime_ns
    practice_policy(URL, ["tiny"], tmp_path, today=TODAY + timedelta(days=10))
    assert path.stat().st_mtime_ns == written_at
    practice_policy("http://127.0.0.1:1234/v1", ["tiny"], tmp_path, today=TODAY + timedelta(days=10))
    assert path.read_bytes() == first.replace(b":9999/", b":1234/")
    later = TODAY + timedelta(days=60)
    practice_policy(URL, ["tiny"], tmp_path, today=later)
    assert good(path, later).tools["practice"].review_by == later + timedelta(days=90)
    practice_policy(URL, ["tiny"], tmp_path, today=TODAY)  # a clock set back: no approval may lie in the future
    assert good(path).tools["practice"].usable(TODAY) is None


def test_what_people_wrote_around_the_practice_entries_stays(tmp_path: Path) -> None:
    path = practice_policy(URL, ["tiny"], tmp_path, today=TODAY)
    own = path.read_text(encoding="utf-8").replace("Gemeente Voorbeeld", "Gemeente Testdorp") + "\n# our own remark\n"
    path.write_text(own, encoding="utf-8")
    practice_policy("http://127.0.0.1:1234/v1", ["tiny"], tmp_path, today=TODAY)
    assert path.read_text(encoding="utf-8") == own.replace(":9999/", ":1234/")


def test_practice_entries_that_people_took_out_do_not_come_back(tmp_path: Path) -> None:
    path = tmp_path / "allowlist.yaml"
    path.write_bytes(shipped_allowlist().read_bytes())
    practice_policy(URL, ["tiny"], tmp_path, today=TODAY)
    assert path.read_bytes() == shipped_allowlist().read_bytes()


def test_the_day_is_todays_where_none_is_given(tmp_path: Path) -> None:
    practice = good(practice_policy(URL, ["tiny"], tmp_path / "a"), date.max).tools["practice"]
    trial = good(trial_policy(URL, "block", tmp_path / "b"), date.max).tools["trial"]
    assert practice.ict_approval is not None
    assert trial.ict_approval is not None
    assert practice.ict_approval.date == trial.ict_approval.date > TODAY - timedelta(days=1)


@pytest.mark.parametrize("on_personal", ["pseudonymize", "block"])
def test_a_trial_passes_every_model_name_on(tmp_path: Path, on_personal: str) -> None:
    policy = good(trial_policy(URL, on_personal, tmp_path, today=TODAY))  # type: ignore[arg-type]
    for model in ("llama3.2:1b", "vendor/name", "trial/x"):
        tool = policy.tool_for(model)
        assert tool is not None
        assert tool.usable(TODAY) is None
        assert tool.upstream_model(model) == model.removeprefix("trial/")
        assert tool.actions["personal"] == on_personal
        assert tool.ict_approval is not None
        assert "nobody approved this" in tool.ict_approval.by


def test_a_trial_may_name_where_its_key_is(tmp_path: Path) -> None:
    path = trial_policy("https://llm.example.org/v1", "block", tmp_path, today=TODAY, key_env="TRIAL_KEY")
    _, policy = check(path, TODAY, environ={"TRIAL_KEY": "k"})
    assert policy is not None
    upstream = policy.tools["trial"].upstream
    assert upstream is not None
    assert upstream.secret() == "k"
