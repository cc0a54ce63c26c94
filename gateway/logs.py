"""Logs: an event name and allowed keys, as JSON lines; never prose built from input (promise 4).

Third-party loggers are held at WARNING and stripped to their logger name and level: their messages may carry bodies.
"""

import json
import logging
import sys
import time
from typing import Final

ALLOWED_KEYS: Final = frozenset(
    {
        "request_id", "tool", "status", "reason_code", "duration_ms", "worker", "pid", "count", "policy_version",
        "error_type", "category", "port", "attempt", "channel", "state", "version", "path", "lint", "url", "seconds",
    }
)  # fmt: skip
_OURS: Final = ("gateway", "filters", "sluis")


class JsonLines(logging.Formatter):
    """One JSON object a line: ts, level, logger, event and the allowed keys."""

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name.split(".")[0] in _OURS
        line: dict[str, object] = {
            "ts": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "event": record.msg if ours and not record.args else "third_party",
        }
        fields = getattr(record, "fields", None)
        if ours and isinstance(fields, dict):
            line.update({k: v for k, v in fields.items() if k in ALLOWED_KEYS})
        if record.exc_info and record.exc_info[0] is not None:
            line["error_type"] = record.exc_info[0].__name__  # never the message or the traceback: both may quote text
        return json.dumps(line, ensure_ascii=True)


class Log:
    """A logger that only takes an event name and allowed keys; an unknown key is a programming error."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def _emit(self, level: int, event: str, fields: dict[str, object]) -> None:
        unknown = fields.keys() - ALLOWED_KEYS
        if unknown:
            raise ValueError(f"log keys not allowed: {sorted(unknown)}")
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, extra={"fields": fields})

    def debug(self, event: str, **fields: object) -> None:
        self._emit(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._emit(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._emit(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._emit(logging.ERROR, event, fields)


def configure(level: str) -> None:
    """Send all logging to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
