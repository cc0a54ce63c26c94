"""`sluis check`: read a tool list, lint it, and compile it where it can be used."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from gateway.policy.compiled import Policy, Status
from gateway.policy.compiling import compile_policy
from gateway.policy.lint import lint
from gateway.policy.problems import Level, PolicyError, Problem, errors
from gateway.policy.reading import parse


def load(
    data: bytes, today: date, *, base: Path, environ: Mapping[str, str] | None = None
) -> tuple[Policy, list[Problem]]:
    """The policy in these bytes and its warnings. Raises PolicyError with the whole lint where there is an error."""
    written = parse(data)
    problems = lint(written, today)
    if errors(problems):
        raise PolicyError(problems)
    policy = compile_policy(written, base=base, environ=environ)
    problems += [
        Problem(Level.WARNING, tool.id, "key-missing", "the upstream's key cannot be read here: denied", "T10")
        for tool in policy.tools.values()
        if tool.status is Status.APPROVED and not tool.key_readable
    ]
    return policy, problems


def check(path: Path, today: date, *, environ: Mapping[str, str] | None = None) -> tuple[list[Problem], Policy | None]:
    """Every remark, and the policy unless one of them is an error."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return [Problem(Level.ERROR, None, "unreadable", f"cannot read the file: {error.strerror}")], None
    try:
        policy, problems = load(data, today, base=path.parent, environ=environ)
    except PolicyError as error:
        return list(error.problems), None
    return problems, policy


def render(problems: Sequence[Problem], policy: Policy | None) -> list[str]:
    """The lines that `sluis check` prints: errors first, then warnings, then what holds."""
    lines = [problem.line() for problem in sorted(problems, key=lambda p: p.level is Level.WARNING)]
    if policy is None:
        return [*lines, f"not usable: {len(errors(problems))} error(s)"]
    count = {status: sum(tool.status is status for tool in policy.tools.values()) for status in Status}
    statuses = ", ".join(f"{number} {status}" for status, number in count.items() if number)
    return [*lines, f"usable: policy {policy.version}, profile {policy.profile}; tools: {statuses or 'none'}"]
