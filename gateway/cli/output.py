"""Printing for people (tables) and for programs (`--json`: what the gateway answered, unchanged)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print what the gateway answered, as JSON.")]

console = Console()
errors = Console(stderr=True)


def print_json(value: object) -> None:
    """JSON on stdout and nothing else."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, empty: str) -> None:
    """One row per mapping; the column titles are its keys."""
    listed = list(rows)
    if not listed:
        console.print(empty)
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in listed:
        table.add_row(*(cell(row.get(column)) for column in columns))
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
