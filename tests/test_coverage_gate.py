"""The gate itself: it sees a line that no test reaches, and a test that fails."""

from pathlib import Path

import pytest

from tests.coverage_gate import OWN_TESTS, ROOT, covered


@pytest.mark.parametrize(("body", "said"), [("pass", "gateway/sse.py"), ("raise AssertionError", "1 failed")])
def test_a_gap_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str) -> None:
    test = tmp_path / "test_too_little.py"
    test.write_text(f"import gateway.sse\n\ndef test_nothing():\n    {body}\n")
    monkeypatch.setitem(OWN_TESTS, "gateway.sse", (str(test),))
    module, full, told = covered("gateway.sse")
    assert (module, full) == ("gateway.sse", False)
    assert said in told


def test_every_safety_module_has_its_own_tests() -> None:
    assert all((ROOT / path).exists() for paths in OWN_TESTS.values() for path in paths)
    assert {"gateway.wire", "gateway.sse", "gateway.policy", "filters.pseudonyms", "filters.slots"} <= OWN_TESTS.keys()
