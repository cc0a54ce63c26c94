"""`sluis suspend`, `sluis lift`, `sluis suspensions`: the kill switch."""

from typing import Annotated
from urllib.parse import quote

import typer

from gateway.cli.client import call
from gateway.cli.output import AsJson, print_json, print_table, say

Tool = Annotated[str, typer.Argument(help="The tool's id in the tool list.")]
Why = Annotated[str, typer.Option(help="The reason. It is kept, after personal data in it were masked.")]

COLUMNS = ("tool", "since", "role", "by", "why")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(suspend)
    app.command()(lift)
    app.command("suspensions")(listing)


def suspend(tool: Tool, why: Why, as_json: AsJson = False) -> None:
    """Stop all use of a tool, in every worker, within a second (ICT or DPO)."""
    made = call("POST", "/suspensions", json={"tool": tool, "why": why})
    if as_json:
        print_json(made)
    else:
        say(f"{made['tool']} is suspended since {made['since']}. The DPO alone lifts it: sluis lift.")


def lift(tool: Tool, why: Why, as_json: AsJson = False) -> None:
    """Allow a suspended tool again (DPO)."""
    lifted = call("DELETE", f"/suspensions/{quote(tool, safe='')}", json={"why": why})
    if as_json:
        print_json(lifted)
    else:
        say(f"{lifted['tool']} is no longer suspended; the tool list decides again.")


def listing(as_json: AsJson = False) -> None:
    """List the suspensions in force (ICT or DPO)."""
    answer = call("GET", "/suspensions")
    if as_json:
        print_json(answer)
    else:
        print_table(COLUMNS, answer["suspensions"], empty="No tool is suspended.")
