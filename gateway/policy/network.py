"""The hosts of forbidden tools as a plain list, for the network's own filters (T8)."""

from gateway.policy.compiled import Policy, Status


def network_blocklist(policy: Policy) -> list[str]:
    """Host names of denied tools, sorted; none that a tool which is not denied also names."""
    tools = policy.tools.values()
    kept = {host for tool in tools if tool.status is not Status.DENIED for host in tool.hosts}
    return sorted({host for tool in tools if tool.status is Status.DENIED for host in tool.hosts} - kept)


def render_blocklist(policy: Policy) -> str:
    """One host a line under a comment, as DNS filters and proxies read it."""
    head = f"# Forbidden AI tools of {policy.organisation.name}, tool list {policy.version}"
    return "\n".join([head, *network_blocklist(policy)]) + "\n"
