"""Puts values back into what a model wrote: whole strings anywhere in an answer, and texts that arrive in pieces.

Vendors' own fields are restored too: a restorer only knows what this request replaced, so nothing else can change.
"""

from typing import Any

import orjson

from gateway.errors import UpstreamError
from gateway.wire import Restorers, TextRestorer
from gateway.wire.refusals import UPSTREAM_INVALID

MAX_DEPTH = 64
MAX_CHANNELS = 1024
"""Texts of one streamed choice; an upstream that opens more is not answering."""
_CALLERS = ("function", "function_call")
_STRUCTURAL = frozenset({"role", "id", "type", "index", "format", "name", "object"})

_Key = tuple[str | int, ...]
_Steps = tuple[str | dict[str, Any], ...]


def upstream_invalid() -> UpstreamError:
    return UpstreamError(UPSTREAM_INVALID)


def dumps(tree: Any) -> bytes:
    """JSON for the client. Raises UpstreamError for what cannot be written: the upstream nested it too deeply."""
    try:
        return orjson.dumps(tree)
    except TypeError:
        raise upstream_invalid() from None


class Restorer:
    """Restores whole strings. JSON source (tool arguments, content in JSON mode) gets its values escaped for JSON."""

    __slots__ = ("hosts", "json_mode", "restorers")

    def __init__(self, restorers: Restorers, hosts: frozenset[str], *, json_mode: bool) -> None:
        self.restorers = restorers
        self.hosts = hosts
        self.json_mode = json_mode

    def members(self, holder: dict[str, Any], skip: frozenset[str]) -> bool:
        """Restore the members that are not named in `skip`, in place. Returns whether anything changed."""
        changed = False
        for name, value in holder.items():
            if name not in skip and isinstance(value, str | dict | list):
                new = self.value(value, name, "", MAX_DEPTH)
                changed = changed or new is not value
                holder[name] = new
        return changed

    def value(self, value: Any, name: str, parent: str, depth: int) -> Any:
        """`value` restored: the same object where nothing changed, else a new one. Raises UpstreamError if too deep."""
        if isinstance(value, str):
            new = self.restorers.restore(value, hosts=self.hosts, json_string=self.is_json(name, parent))
            return value if new == value else new
        if depth == 0:
            raise upstream_invalid()
        if isinstance(value, dict):
            fields = {key: self.value(item, key, name, depth - 1) for key, item in value.items()}
            return value if all(fields[key] is item for key, item in value.items()) else fields
        if isinstance(value, list):
            items = [self.value(item, name, parent, depth - 1) for item in value]
            return value if all(new is old for new, old in zip(items, value, strict=True)) else items
        return value

    def is_json(self, name: str, parent: str) -> bool:
        """Whether the string under `name` in the object under `parent` is JSON source."""
        if name == "arguments":
            return parent in _CALLERS
        return self.json_mode and (name == "content" or (name == "text" and parent == "content"))


class _Channel:
    """One text that arrives in pieces; `steps` rebuild a delta around a piece of it."""

    __slots__ = ("restorer", "steps")

    def __init__(self, restorer: TextRestorer, steps: _Steps) -> None:
        self.restorer = restorer
        self.steps = steps

    def flush(self) -> dict[str, Any] | None:
        text = self.restorer.flush()
        if not text:
            return None
        value: Any = text
        for step in reversed(self.steps):
            value = {step: value} if isinstance(step, str) else [{**step, **value}]
        return value  # type: ignore[no-any-return]


class Channels:
    """The texts of one streamed choice: any string of a delta that is not structural, whatever a vendor calls it."""

    __slots__ = ("_channels", "_kit", "_last")

    def __init__(self, kit: Restorer) -> None:
        self._kit = kit
        self._channels: dict[_Key, _Channel] = {}
        self._last: set[_Key] = set()  # the channels that the latest piece belonged to

    def feed(self, delta: dict[str, Any]) -> tuple[bool, list[dict[str, Any]]]:
        """Restore the pieces of a delta in place: whether it changed, and the deltas that must go before it.

        When another top-level text begins (an answer after its reasoning), the text before has ended for the reader,
        so what is held of it goes first. Tool calls may take turns; they end with the choice.
        """
        fed: set[_Key] = set()
        changed = self._members(delta, (), (), fed)
        if not fed or fed == self._last:
            return changed, []
        ended = [self._channels[key] for key in sorted(self._last - fed, key=str) if len(key) == 1]
        self._last = fed
        return changed, [tail for channel in ended if (tail := channel.flush())]

    def flush(self) -> list[dict[str, Any]]:
        """Deltas with all that is held, in the order in which the texts began."""
        return [tail for channel in self._channels.values() if (tail := channel.flush())]

    def _members(self, holder: dict[str, Any], key: _Key, steps: _Steps, fed: set[_Key]) -> bool:
        changed = False
        for name, value in holder.items():
            if isinstance(value, str):
                if value and name not in _STRUCTURAL:
                    path = (*key, name)
                    fed.add(path)
                    channel = self._channels.get(path) or self._open(path, (*steps, name))
                    text = channel.restorer.feed(value)
                    if text != value:
                        holder[name] = text
                        changed = True
            elif isinstance(value, dict):
                changed |= self._members(value, *self._down(key, steps, name, name), fed)
            elif isinstance(value, list):
                changed |= self._items(value, *self._down(key, steps, name, name), fed)
        return changed

    def _items(self, items: list[Any], key: _Key, steps: _Steps, fed: set[_Key]) -> bool:
        """A list: its items are told apart by their `index`, else by their id or place."""
        changed = False
        for place, item in enumerate(items):
            if isinstance(item, dict):
                mark = item.get("index", item.get("id", place))
                frame = {name: item[name] for name in ("index", "type") if name in item}
                down = self._down(key, steps, mark if isinstance(mark, int | str) else place, frame)
                changed |= self._members(item, *down, fed)
            else:
                items[place] = self._kit.value(item, "", "", MAX_DEPTH)
                changed |= items[place] is not item
        return changed

    def _down(self, key: _Key, steps: _Steps, mark: str | int, step: str | dict[str, Any]) -> tuple[_Key, _Steps]:
        if len(steps) >= MAX_DEPTH:
            raise upstream_invalid()
        return (*key, mark), (*steps, step)

    def _open(self, path: _Key, steps: _Steps) -> _Channel:
        if len(self._channels) >= MAX_CHANNELS:
            raise upstream_invalid()
        names = ["", *(step for step in steps if isinstance(step, str))]
        source = self._kit.is_json(names[-1], names[-2])
        restorer = self._kit.restorers.restorer(hosts=self._kit.hosts, json_string=source)
        channel = self._channels[path] = _Channel(restorer, steps)
        return channel
