"""Keys of upstreams: from the environment or a file, read once, and never shown."""

from pathlib import Path
from typing import Any

import pytest

from gateway.policy.compiled import Policy
from gateway.policy.compiling import compile_policy
from gateway.policy.reading import validate
from tests.gateway.policy.trees import TODAY, tool, tree

KEY = "k-4711-not-for-anybody"


def with_key(key: dict[str, Any], base: Path, environ: dict[str, str] | None = None, **changes: object) -> Policy:
    return compile_policy(validate(tree(tool(upstream__key=key, **changes))), base=base, environ=environ)


def secret(policy: Policy) -> str | None:
    upstream = policy.tools["alpha"].upstream
    assert upstream is not None
    return upstream.secret()


def test_a_key_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert secret(with_key({"env": "ALPHA_KEY"}, tmp_path, {"ALPHA_KEY": f" {KEY}\n"})) == KEY
    monkeypatch.setenv("ALPHA_KEY", KEY)
    assert secret(with_key({"env": "ALPHA_KEY"}, tmp_path)) == KEY


def test_a_key_comes_from_a_file_beside_the_list_or_anywhere(tmp_path: Path) -> None:
    (tmp_path / "alpha.key").write_text(f"{KEY}\n", encoding="utf-8")
    assert secret(with_key({"file": "alpha.key"}, tmp_path)) == KEY
    assert secret(with_key({"file": str(tmp_path / "alpha.key")}, Path("/nowhere"))) == KEY


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", "sleutél".encode(), b"two\nlines"])
def test_a_key_that_cannot_be_sent_makes_the_tool_unusable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "alpha.key").write_bytes(content)
    policy = with_key({"file": "alpha.key"}, tmp_path)
    assert secret(policy) is None
    assert policy.tools["alpha"].usable(TODAY) == "tool_key_missing"


def test_a_missing_key_makes_the_tool_unusable(tmp_path: Path) -> None:
    for key in ({"file": "absent"}, {"env": "ABSENT"}):
        assert with_key(key, tmp_path, {}).tools["alpha"].usable(TODAY) == "tool_key_missing"


def test_a_tool_without_a_key_needs_none(tmp_path: Path) -> None:
    policy = compile_policy(validate(tree(tool())), base=tmp_path)
    assert secret(policy) is None
    assert policy.tools["alpha"].usable(TODAY) is None


def test_no_repr_and_no_written_entry_shows_a_key(tmp_path: Path) -> None:
    policy = with_key({"env": "ALPHA_KEY"}, tmp_path, {"ALPHA_KEY": KEY})
    shown = f"{policy!r}{policy.tools['alpha']!r}{policy.tools['alpha'].upstream!r}{dict(policy.tools['alpha'].raw)!r}"
    assert "ALPHA_KEY" in shown
    assert KEY not in shown


def test_the_upstream_is_as_written(tmp_path: Path) -> None:
    policy = with_key(
        {"env": "A"},
        tmp_path,
        {},
        upstream__auth="api-key",
        upstream__read_timeout=30.0,
        upstream__ca_file="ca.pem",
        upstream__store_false=True,
        upstream__include_usage=False,
    )
    upstream = policy.tools["alpha"].upstream
    assert upstream is not None
    assert upstream.base_url == "https://alpha.example.org/v1"
    assert (upstream.kind, upstream.auth, upstream.read_timeout) == ("openai", "api-key", 30.0)
    assert (upstream.connect_timeout, upstream.ca_file) == (None, tmp_path / "ca.pem")
    assert (upstream.store_false, upstream.include_usage) == (True, False)
