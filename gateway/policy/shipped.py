"""The tool lists that travel with the gateway, and the two that are written for a first look.

The practice entry lets a fresh gateway answer from a small model on the same machine; a trial list puts a throw-away
gateway in front of any endpoint. Both say in their approvals that nobody gave one (T9: fictional or public data only).
"""

import json
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import gateway
from gateway.policy.lint import PRACTICE_MARK

_HERE = Path(gateway.__file__).parent
_BEGIN = "  # >>> practice model: written by `sluis serve`, and again at every start; do not edit between these lines"
_END = "  # <<< practice model"
_PRACTICE_DAYS = 90
_DATE = re.compile(r'"date": "(\d{4}-\d{2}-\d{2})"')


def shipped_allowlist(profile: str = "be-municipality") -> Path:
    """The shipped list of a profile: in an installed wheel, or in a checkout. Raises FileNotFoundError."""
    names = {
        "be-municipality": (_HERE / "_shipped" / "allowlist.yaml", _HERE.parent / "allowlist.yaml"),
        "nl-central-government": (_HERE / "policy" / "profiles" / "nl-central-government.yaml",),
    }
    for path in names.get(profile, ()):
        if path.is_file():
            return path
    raise FileNotFoundError(f"no shipped tool list for the profile {profile}")


def practice_policy(base_url: str, model_ids: Sequence[str], directory: Path, *, today: date | None = None) -> Path:
    """`directory/allowlist.yaml`: the shipped list, or the one that is there, with the practice model's two entries.

    `practice` replaces personal data, `practice-block` stops them. Their models are called `practice/<model>`, or by
    the names `practice` and `practice-block`. Only what stands between the marks is rewritten, and only where the
    address or the models changed or the dates grow old. A list without the marks is left alone: somebody took the
    entries out.
    """
    today = today or _local_today()
    path = directory / "allowlist.yaml"
    text = (path if path.is_file() else shipped_allowlist()).read_text(encoding="utf-8")
    before, begun, rest = text.partition(_BEGIN)
    if not begun and path.is_file():
        return path
    block, _, after = rest.partition(_END)
    since = _since(block, today)
    entries = (
        _practice_entry("practice", base_url=base_url, model_ids=model_ids, since=since),
        _practice_entry("practice-block", base_url=base_url, model_ids=model_ids, since=since),
    )
    lines = "\n".join(f"  - {json.dumps(entry, ensure_ascii=False)}" for entry in entries)
    new = f"{before.rstrip()}\n\n{_BEGIN}\n{lines}\n{_END}{after or chr(10)}"
    if new != text:
        _replace(path, new)
    return path


def _since(block: str, today: date) -> date:
    """The date that the entries carry already, while it is not old: a restart is no change of policy."""
    written = _DATE.search(block)
    since = date.fromisoformat(written[1]) if written else today
    return since if today - timedelta(days=_PRACTICE_DAYS // 2) <= since <= today else today


def _practice_entry(tool_id: str, *, base_url: str, model_ids: Sequence[str], since: date) -> dict[str, Any]:
    """One practice entry; JSON is YAML. Only `practice` names models: a bare name must lead to one tool."""
    replaces = tool_id == "practice"
    return {
        "id": tool_id,
        "name": "Oefenmodel" if replaces else "Oefenmodel (zonder persoonsgegevens)",
        "environment": "practice",
        "status": "approved",
        "reason": {
            "nl": "Oefenmodel op deze machine: alleen verzonnen of openbare gegevens",
            "fr": "Modèle d'exercice sur cette machine : données fictives ou publiques uniquement",
            "de": "Übungsmodell auf diesem Rechner: nur erfundene oder öffentliche Daten",
            "en": "Practice model on this machine: invented or public data only",
        },
        "provider": {"name": "this machine", "otel_name": "openai"},
        "terms": "self-hosted",
        "trains_on_input": "no",
        "openness": "open-weights",
        "models": list(model_ids) if replaces else [],
        "aliases": {tool_id: model_ids[0]},
        "upstream": {"base_url": base_url},
        "data": _rows("pseudonymize" if replaces else "block"),
        "visible_label": True,
        "energy": {"model_class": "small"},
        "retention_days": 0,
        "approvals": _approvals("practice set-up", since),
        "review_by": (since + timedelta(days=_PRACTICE_DAYS)).isoformat(),
    }


def _rows(on_personal: str) -> dict[str, str]:
    return {
        "personal": on_personal,
        "special": "block",
        "confidential": "block",
        "security": "block",
        "none_found": "allow",
    }


def _approvals(what: str, today: date) -> dict[str, Any]:
    mark = {"by": f"{what}: {PRACTICE_MARK}", "date": today.isoformat()}
    return {"ict": mark, "dpo": mark}


def trial_policy(
    upstream_url: str,
    on_personal: Literal["pseudonymize", "block"],
    directory: Path,
    *,
    today: date | None = None,
    key_env: str | None = None,
) -> Path:
    """`directory/allowlist.yaml` with one tool that passes every model name on to `upstream_url`.

    `key_env` names the environment variable that holds the upstream's key, where it needs one.
    """
    today = today or _local_today()
    upstream: dict[str, Any] = {"base_url": upstream_url}
    if key_env:
        upstream["key"] = {"env": key_env}
    nobody = {"name": "nobody: this is a trial", "email": "nobody@example.org"}
    tree = {
        "profile": "trial",
        "organisation": {
            "name": "Trial",
            "languages": ["nl", "fr", "de", "en"],
            "default_language": "en",
            "contacts": {"ict": nobody, "dpo": nobody},
        },
        "tools": [
            {
                "id": "trial",
                "name": "Trial",
                "environment": "trial",
                "status": "approved",
                "provider": {"name": "unknown", "otel_name": "openai"},
                "terms": "self-hosted",
                "trains_on_input": "unknown",
                "models": ["*"],
                "upstream": upstream,
                "data": _rows(on_personal),
                "approvals": _approvals("trial", today),
                "review_by": (today + timedelta(days=1)).isoformat(),
            }
        ],
    }
    path = directory / "allowlist.yaml"
    _replace(path, "# Written by `sluis trial`; thrown away with it.\n" + json.dumps(tree, indent=2) + "\n")
    return path


def _local_today() -> date:
    return datetime.now().astimezone().date()


def _replace(path: Path, text: str) -> None:
    """Write beside it, then rename: a reader sees the old list or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
