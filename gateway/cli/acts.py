"""`sluis acts`, `sluis whoami`, `sluis actor`: what administration did, and who one is."""

from typing import Annotated

import typer

from gateway.cli.client import call
from gateway.cli.output import AsJson, print_json, print_table, say

COLUMNS = ("id", "at", "owner", "actor", "role", "act", "object", "detail")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(acts)
    app.command()(whoami)
    app.command()(actor)


def acts(
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    before: Annotated[int | None, typer.Option(help="Older than the act with this id.")] = None,
    act: Annotated[str, typer.Option(help="Only this act, e.g. key.create.")] = "",
    target: Annotated[str, typer.Option("--object", help="Only acts on this key, tool or record.")] = "",
    as_json: AsJson = False,
) -> None:
    """List acts of administration, newest first (DPO)."""
    params: dict[str, str | int] = {"limit": limit}
    if before:
        params["before"] = before
    if act:
        params["act"] = act
    if target:
        params["object"] = target
    answer = call("GET", "/acts", params=params)
    if as_json:
        print_json(answer)
    else:
        print_table(COLUMNS, answer["acts"], empty="No acts.")


def whoami(as_json: AsJson = False) -> None:
    """Show whose key SLUIS_ADMIN_KEY is."""
    me = call("GET", "/me")
    if as_json:
        print_json(me)
    else:
        say(f"{me['subject']} · role {me['role']} · unit {me['unit']} · key {me['key_id']}")


def actor(
    pseudonym: Annotated[str, typer.Argument(help="The actor as a record shows it.")],
    at: Annotated[str, typer.Option(help="When the record was made, e.g. 2026-11-22T09:30:00Z.")],
    why: Annotated[str, typer.Option(help="The reason; it is recorded, after personal data in it were masked.")],
    person: Annotated[
        list[str] | None, typer.Option(help="Also try this person, who has no key of their own; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look up the person behind an actor's pseudonym; the look-up is recorded (DPO)."""
    found = call("POST", "/actors/resolve", json={"actor": pseudonym, "at": at, "why": why, "persons": person or []})
    if as_json:
        print_json(found)
    else:
        say(f"{found['actor']} is {found['subject']}.")
