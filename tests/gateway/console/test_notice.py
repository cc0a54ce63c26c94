"""The staff notice says what holds now, in the reader's language (R2)."""

from datetime import date
from pathlib import Path

import pytest

from gateway.console.notice import LANGUAGES, build, page
from gateway.console.texts import TEXTS
from gateway.policy.check import check
from gateway.policy.compiled import Policy
from gateway.routes.console import choose_language
from tests.support.gateway import allowlist, tool

TODAY = date(2026, 11, 22)


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    path = tmp_path / "allowlist.yaml"
    odd = tool("odd", "http://127.0.0.1:1/v1", name="<script>alert(1)</script>", status="denied")
    path.write_text(allowlist(tool("good", "http://127.0.0.1:1/v1"), odd), encoding="utf-8")
    problems, found = check(path, TODAY)
    assert found is not None, problems
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(policy: Policy, language: str) -> None:
    notice = build(policy, suspended=frozenset(), language=language, today=TODAY)
    html = page(notice)
    assert f'<html lang="{language}">' in html
    assert "Gemeente Test" in notice.title
    assert "6 " in " ".join(section.text for section in notice.sections)
    assert "dpo@example.org" in html
    assert policy.version in notice.version
    assert len(notice.tools) == 2


def test_all_languages_have_the_same_texts() -> None:
    assert len({frozenset(texts) for texts in TEXTS.values()}) == 1
    assert all(text for texts in TEXTS.values() for text in texts.values())


def test_a_suspension_shows(policy: Policy) -> None:
    before = build(policy, suspended=frozenset(), language="nl", today=TODAY)
    after = build(policy, suspended=frozenset({"good"}), language="nl", today=TODAY)
    assert before.tools[0].status == "goedgekeurd"
    assert after.tools[0].status == "opgeschort"


def test_what_is_written_in_the_list_is_no_mark_up(policy: Policy) -> None:
    html = page(build(policy, suspended=frozenset(), language="nl", today=TODAY))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        ("fr", "nl", "fr"),
        ("xx", "de-DE,de;q=0.9", "de"),
        (None, "es, en;q=0.5", "en"),
        (None, None, "nl"),
        (None, "", "nl"),
        ("xx", "zz", "nl"),
    ],
)
def test_the_readers_language(wanted: str | None, accepted: str | None, language: str) -> None:
    assert choose_language(wanted, accepted, "nl") == language


def test_an_unknown_default_falls_back_to_english() -> None:
    assert choose_language(None, None, "es") == "en"
