"""What is wrong, or doubtful, in a tool list: the words of the lint."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """An error keeps the file from being used; a warning is for people to weigh."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One remark. `rule` is stable; `source` says where the rule comes from (a demand, an article, a question)."""

    level: Level
    tool: str | None
    rule: str
    message: str
    source: str = ""

    def line(self) -> str:
        """As `sluis check` prints it."""
        place = f"{self.tool}: " if self.tool else ""
        source = f" ({self.source})" if self.source else ""
        return f"{self.level}: {place}{self.message} [{self.rule}]{source}"


class PolicyError(Exception):
    """The tool list cannot be used. Holds the lint; its text names places and rules, no values."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(problem.line() for problem in problems))
        self.problems = tuple(problems)


def errors(problems: Sequence[Problem]) -> list[Problem]:
    """Only what keeps the file from being used."""
    return [problem for problem in problems if problem.level is Level.ERROR]
