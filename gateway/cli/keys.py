"""`sluis key`: make, list, revoke and import keys."""

import csv
import io
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.client import REFUSED, call, fail, pages
from gateway.cli.output import AsJson, note, print_json, print_table, say
from gateway.exchange import Role

app = typer.Typer(help="Keys of staff, ICT, DPO and services.", no_args_is_help=True)

COLUMNS = ("id", "subject", "name", "unit", "role", "language", "state", "expires_at")


@app.command()
def create(
    subject: Annotated[str, typer.Option(help="E-mail address or staff id of the key's owner.")],
    unit: Annotated[str, typer.Option(help="Unit of the owner, as reports show it.")],
    role: Annotated[
        Role, typer.Option(help="ICT makes staff, service and ict keys; the DPO makes dpo keys.")
    ] = Role.STAFF,
    name: Annotated[str, typer.Option(help="What the key is for, e.g. 'laptop'.")] = "",
    language: Annotated[str, typer.Option(help="nl, fr, de or en.")] = "nl",
    expires: Annotated[str, typer.Option(help="YYYY-MM-DD or never; one year if not given.")] = "",
    answer_mode: Annotated[
        bool, typer.Option("--answer-mode", help="A block is answered as a normal reply that carries the notice.")
    ] = False,
    vouch_header: Annotated[
        str, typer.Option(help="Service keys: the header that names the person, e.g. X-OpenWebUI-User-Email.")
    ] = "",
    vouch_network: Annotated[
        list[str] | None, typer.Option(help="Service keys: network the header is believed from; may be repeated.")
    ] = None,
    vouch_optional: Annotated[
        bool, typer.Option("--vouch-optional", help="Without the header the service acts as itself.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make one key. It is shown once."""
    body: dict[str, Any] = {
        "subject": subject,
        "unit": unit,
        "role": role.value,
        "name": name,
        "language": language,
        "expires": expires,
        "answer_mode": answer_mode,
    }
    if vouch_header or vouch_network:
        body["vouch"] = {"networks": vouch_network or [], "required": not vouch_optional}
        if vouch_header:
            body["vouch"]["header"] = vouch_header
    made = call("POST", "/keys", json=body)
    if as_json:
        print_json(made)
        return
    key = made["key"]
    note(f"Key {key['id']} for {key['subject']}, valid until {key['expires_at'] or 'revoked'}.")
    note("It is shown this once; only its hash is kept. Hand it over in person or by an encrypted channel.")
    typer.echo(made["secret"])


@app.command("list")
def listing(
    role: Annotated[Role | None, typer.Option(help="Only keys with this role.")] = None,
    unit: Annotated[str, typer.Option(help="Only keys of this unit.")] = "",
    subject: Annotated[str, typer.Option(help="Only keys of this person.")] = "",
    state: Annotated[str, typer.Option(help="Only active, expired or revoked keys.")] = "",
    as_json: AsJson = False,
) -> None:
    """List keys, without their secrets."""
    params: dict[str, str | int] = {"role": role.value} if role else {}
    if unit:
        params["unit"] = unit
    # The person is looked for here: a query string would put the address in access logs.
    found = [
        key
        for key in pages("/keys", "keys", "after", params)
        if (not subject or key["subject"] == subject.strip().lower()) and (not state or key["state"] == state)
    ]
    if as_json:
        print_json({"keys": found})
    else:
        print_table(COLUMNS, found, empty="No keys.")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, see `sluis key list`.")], as_json: AsJson = False
) -> None:
    """Revoke a key: it is refused within a second."""
    revoked = call("DELETE", f"/keys/{_segment(key_id)}")
    if as_json:
        print_json(revoked)
    else:
        say(f"Key {revoked['id']} of {revoked['subject']} was revoked at {revoked['revoked_at']}.")


@app.command("import")
def import_csv(
    file: Annotated[
        Path, typer.Argument(help="CSV: name,subject,unit,language,role,expires.", exists=True, dir_okay=False)
    ],
    out: Annotated[Path, typer.Option(help="New file for the keys; readable by you alone. Must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Make a key for every row, or none when a row is wrong. The keys are written to a new file."""
    data = file.read_bytes()
    try:
        descriptor = os.open(
            out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
        )  # before keys exist that nobody could read
    except OSError:
        fail(REFUSED, "The --out file exists already or cannot be written; nothing was created.")
    try:
        made = call("POST", "/keys/import", csv=data)["keys"]
    except typer.Exit:
        os.close(descriptor)
        out.unlink()
        raise
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        stream.write(_as_csv(made))
    if as_json:
        print_json({"keys": [item["key"] for item in made], "out": str(out)})
    else:
        say(f"{len(made)} keys were made and written to {out}. Hand them over, then remove the file.")


def _as_csv(made: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "name", "subject", "unit", "key"])
    for item in made:
        key = item["key"]
        writer.writerow([key["id"], key["name"], key["subject"], key["unit"], item["secret"]])
    return text.getvalue()


def _segment(text: str) -> str:
    """One path segment. A whole key pasted instead of its id stays here: it must not reach a URL."""
    if not text.isalnum():
        fail(REFUSED, "A key's id has ten letters and digits; see `sluis key list`.")
    return text
