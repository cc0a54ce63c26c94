"""The command line. Everything that changes what is in force goes through `/admin/v1` with a personal key.

One file per group of commands; `main` is the entry point. `client.py` talks to the gateway, `output.py` prints.
"""

import typer

from gateway.cli import acts, client, keys, leaks, practice, records, run, suspensions

app = typer.Typer(
    name="sluis",
    help="The gateway between staff and generative AI. Administration needs SLUIS_ADMIN_KEY (and SLUIS_URL).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a rich traceback prints local variables: keys among them
)
app.add_typer(keys.app, name="key")
practice.register(app)
run.register(app)
suspensions.register(app)
records.register(app)
app.command("report")(leaks.report_command(client.call_path))
app.add_typer(leaks.incident_app(client.call_path), name="incident")
acts.register(app)


def main() -> None:
    """Run the command line."""
    app()
