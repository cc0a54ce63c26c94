"""`sluis practice`: a first look without account or key. SQLite, the shipped models, a small model on this machine."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from gateway.cli.run import make_first_keys, prepare_database, run
from gateway.errors import Conflict
from gateway.exchange import Role
from gateway.identity.checks import NewKey
from gateway.policy.shipped import practice_policy
from gateway.practice import NOTICES, PracticeError
from gateway.practice import start as start_model
from gateway.settings import Settings
from gateway.supervisor import State

REFUSED: Final = 1
SENTENCE: Final = (
    "Schrijf een korte brief aan mevrouw Fatima Van den Broeck, Kerkstraat 12, 9000 Gent. "
    "Haar rijksregisternummer is 85.07.30-000.61."
)
KEYS: Final = (
    NewKey(subject="ict", unit="ICT", role=Role.ICT, name="practice ict"),
    NewKey(subject="dpo", unit="DPO", role=Role.DPO, name="practice dpo"),
    NewKey(subject="staff@example.org", unit="Burgerzaken", role=Role.STAFF, name="practice staff"),
)
_say = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("practice")(practice)


def practice(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 8080,
    folder: Annotated[Path, typer.Option(help="Where its database and keys are kept.")] = Path("data"),
    scripted: Annotated[bool, typer.Option("--scripted", help="No language model, only a script.")] = False,
) -> None:
    """Run a gateway to try out, with a small practice model behind it. Invented or public data only."""
    try:
        with _say.status("starting the practice model"):
            model = start_model(scripted=scripted)
    except PracticeError as error:
        _say.print(str(error), style="red")
        raise typer.Exit(REFUSED) from None
    with model:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        allowlist = practice_policy(model.base_url, [model.model], folder)
        settings = Settings().model_copy(
            update={"data_dir": folder, "allowlist": allowlist.resolve(), "port": port, "metrics_port": 0}
        )
        if "SLUIS_LOG_LEVEL" not in os.environ:  # a first look: the terminal is for people
            settings = settings.model_copy(update={"log_level": "WARNING"})
        asyncio.run(prepare_database(settings))
        keys = _keys(settings, folder / "practice-keys.json")
        _say.print("loading the language models that find personal data (some seconds) ...")
        status = run(settings, lambda state: _welcome(state, keys, model.model))
    raise typer.Exit(status)


def _keys(settings: Settings, path: Path) -> dict[str, str]:
    """Keys by role. A practice set-up keeps them in a file of its own, so that every start can show them."""
    try:
        made = asyncio.run(make_first_keys(settings, KEYS))
    except Conflict:
        if not path.is_file():
            _say.print(f"{settings.data_dir} has keys that this command did not make; choose another --folder.")
            raise typer.Exit(REFUSED) from None
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return found
    keys = {str(new.role): key for new, key in zip(KEYS, made, strict=True)}
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(keys, file)
    return keys


def _welcome(state: State, keys: dict[str, str], model: str) -> None:
    url = f"http://{state.host}:{state.port}"
    body = json.dumps({"model": "practice", "messages": [{"role": "user", "content": SENTENCE}]}, ensure_ascii=False)
    curl = (
        f"curl -s {url}/v1/chat/completions -H 'Authorization: Bearer {keys['staff']}' "
        f"-H 'Content-Type: application/json' -d '{body}'"
    )
    lines = [
        "",
        "Sluis is ready / Sluis is klaar.",
        f"  URL           {url}/v1",
        f"  key (staff)   {keys['staff']}",
        f"  key (ict)     {keys['ict']}",
        f"  key (dpo)     {keys['dpo']}",
        f"  staff notice  {url}/notice",
        f"  metrics       http://{state.metrics_host}:{state.metrics_port}/metrics",
        "",
        NOTICES[model]["nl"],
        NOTICES[model]["en"],
        "",
        "Try this sentence; the name, address and number do not reach the model, and come back in the answer:",
        f"  {SENTENCE}",
        "",
        "With curl:",
        "",
        curl,
        "",
        "With the openai client (in another terminal: .venv/bin/python):",
        "",
        "from openai import OpenAI",
        f'client = OpenAI(base_url="{url}/v1", api_key="{keys["staff"]}")',
        f'question = [{{"role": "user", "content": "{SENTENCE}"}}]',
        'print(client.chat.completions.create(model="practice", messages=question).choices[0].message.content)',
        'for chunk in client.chat.completions.create(model="practice", messages=question, stream=True):',
        '    print(chunk.choices[0].delta.content or "", end="", flush=True)',
        "print()",
        "",
        'The model "practice-block" refuses personal data instead of replacing it: try it to see a refusal.',
        "Stop with Ctrl-C.",
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
