"""`sluis report` and `sluis incident …`: the gateway's own HTTP interface from the command line.

The main command line hands in `call(method, path, body) -> JSON`, which adds the URL and the key and raises
`typer.Exit` with a readable message when the gateway refuses.
"""

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol
from urllib.parse import quote, urlencode

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table


class Call(Protocol):
    """One request to the gateway; `body` None for GET. Returns the JSON answer."""

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any: ...


def report_command(call: Call) -> Callable[..., None]:
    """The command `sluis report`. Mount with `app.command("report")(report_command(call))`."""

    def report(
        tool: Annotated[str, typer.Option(help="Which tool: its id on the list.")] = "",
        reference: Annotated[
            list[str] | None, typer.Option(help="Reference of a message (as a refusal shows it); may be repeated.")
        ] = None,
    ) -> None:
        """Report a possible data leak to the DPO. The text is asked for, or read from standard input: not from the
        command line, where other users of the machine could see it. Describe what happened, without the data itself.
        """
        if sys.stdin.isatty():
            text = typer.prompt("What happened (without the leaked data itself)?")
        else:
            text = sys.stdin.read()
        answer = call("POST", "/leaks/v1/reports", {"text": text, "tool": tool, "references": reference or []})
        typer.echo(answer["message"])

    return report


def incident_app(call: Call) -> typer.Typer:
    """The commands `sluis incident …`. Mount with `app.add_typer(incident_app(call), name="incident")`."""
    app = typer.Typer(help="Incidents and suspicions (DPO).", no_args_is_help=True)

    @app.command("list")
    def list_(
        state: Annotated[str, typer.Option(help="suspicion, open or closed.")] = "",
        limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    ) -> None:
        """Incidents and suspicions, newest first."""
        query = urlencode({"limit": limit} | ({"state": state} if state else {}))
        table = Table("reference", "state", "deadline 72 h", "source", "unit", "tool", "found")
        for item in call("GET", f"/admin/v1/incidents?{query}")["incidents"]:
            found = ", ".join(f"{name} × {number}" for name, number in item["entity_types"].items())
            cells = (item["state"], item["deadline_72h"] or "", item["source"], item["unit"], item["tool"], found)
            table.add_row(item["reference"], *(escape(cell) for cell in cells))
        Console().print(table)

    @app.command("show")
    def show(reference: str) -> None:
        """One incident: facts, masked note, timeline."""
        item = call("GET", _path(reference))
        timeline = item.pop("timeline")
        for name, value in item.items():
            if value not in (None, "", [], {}):
                typer.echo(f"{name}: {_plain(value)}")
        for step in timeline:
            typer.echo(f"  {step['at']}  {step['event']}  {step['by']}  {_plain(step['detail'])}".rstrip())

    @app.command("confirm")
    def confirm(
        reference: str,
        aware_at: Annotated[
            str, typer.Option(help="Since when it was known: 2026-11-24T14:05+01:00. Default: now.")
        ] = "",
    ) -> None:
        """A suspicion is a data leak: the 72 hours run."""
        body = {"aware_at": _moment(aware_at)} if aware_at else {}
        _told(call("POST", _path(reference, "/confirm"), body))

    @app.command("aware")
    def aware(reference: str, aware_at: Annotated[str, typer.Argument(help="2026-11-24T14:05+01:00")]) -> None:
        """Correct since when an open incident was known; the deadline follows."""
        _told(call("POST", _path(reference, "/aware"), {"aware_at": _moment(aware_at)}))

    @app.command("close")
    def close(
        reference: str,
        reason: Annotated[str, typer.Option(prompt="Why can it be closed?", help="Is scanned and masked.")],
    ) -> None:
        """Close an incident, or a suspicion that was none."""
        _told(call("POST", _path(reference, "/close"), {"reason": reason}))

    return app


def _path(reference: str, tail: str = "") -> str:
    return f"/admin/v1/incidents/{quote(reference, safe='')}{tail}"


def _told(item: Mapping[str, Any]) -> None:
    deadline = f", 72-hour deadline {item['deadline_72h']}" if item["deadline_72h"] else ""
    typer.echo(f"{item['reference']} is {item['state']}{deadline}")


def _moment(text: str) -> str:
    """An RFC 3339 time; without an offset it is this machine's local time."""
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except ValueError:
        raise typer.BadParameter("not a time such as 2026-11-24T14:05+01:00") from None


def _plain(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)
