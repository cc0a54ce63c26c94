"""`sluis record REFERENCE`: what a reference number stands for (DPO)."""

from typing import Annotated
from urllib.parse import quote

import typer

from gateway.cli.client import call
from gateway.cli.output import print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("record")(record)


def record(reference: Annotated[str, typer.Argument(help="As a refusal shows it.")]) -> None:
    """What a reference stands for, as JSON: kinds and counts, no text. The look-up itself is recorded (DPO)."""
    print_json(call("GET", f"/records/{quote(reference, safe='')}"))
