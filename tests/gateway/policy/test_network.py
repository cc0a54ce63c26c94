"""The hosts of forbidden tools, for the network's own filters (T8)."""

from gateway.policy.network import network_blocklist, render_blocklist
from tests.gateway.policy.trees import compiled, tool


def test_hosts_of_denied_tools_only_and_none_that_another_tool_needs() -> None:
    policy = compiled(
        tool(hosts=["open.example.org", "shared.example.org"]),
        tool(id="no", status="denied", hosts=["z.example.org", "a.example.org", "shared.example.org"]),
        tool(id="no-2", status="denied", hosts=["a.example.org"]),
    )
    assert network_blocklist(policy) == ["a.example.org", "z.example.org"]
    assert render_blocklist(policy).splitlines() == [
        f"# Forbidden AI tools of Gemeente Voorbeeld, tool list {policy.version}",
        "a.example.org",
        "z.example.org",
    ]
