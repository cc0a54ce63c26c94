"""The wire formats that the gateway speaks. Adding one is one file, one line here and a folder of recordings."""

from gateway.wire import WireFormat
from gateway.wire.openai_chat import OpenAIChat

FORMATS: tuple[WireFormat, ...] = (OpenAIChat(),)


def find(method: str, path: str) -> WireFormat | None:
    """The format of a path, or None: unknown paths are denied (promise 5)."""
    return next((wire for wire in FORMATS if wire.matches(method, path)), None)
