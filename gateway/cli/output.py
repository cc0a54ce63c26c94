"""Printing for people (tables) and for programs (`--json`: what the gateway answered, unchanged)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print what the gateway answered, as JSON.")]

PIPE_WIDTH = 400
console = Console()
errors = Console(stderr=True)


def say(text: str) -> None:
    """One line for people, as it is: no markup, no wrapping."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)


def note(text: str) -> None:
    """The same on stderr: what a person should read and a script should not get."""
    errors.print(text, soft_wrap=True, markup=False, highlight=False)


def print_json(value: object) -> None:
    """JSON on stdout and nothing else."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, empty: str) -> None:
    """One row per mapping; the column titles are its keys."""
    listed = list(rows)
    if not listed:
        say(empty)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")  # never cut: an id must be whole to be copied
    for row in listed:
        table.add_row(*(cell(row.get(column)) for column in columns))
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


def cell(value: object) -> str:
    """A value as people read it; markup in it stays text."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return escape(", ".join(f"{key}={cell(item)}" for key, item in value.items()))
    return escape(str(value))
