"""The tool list in force, and its reload when the file changes.

The file's bytes (and those of the key files it names) are read twice a second. New bytes count once they are the same
in two readings, so that a file that is still being written is not taken; that is within two seconds. The swap is one
reference. A bad file keeps the last good policy and is reported once; at start it is an error.
"""

import asyncio
import contextlib
import hashlib
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

from gateway.logs import Log
from gateway.policy.check import load
from gateway.policy.compiled import Policy
from gateway.policy.diff import PolicyDiff, diff
from gateway.policy.problems import Level, PolicyError, Problem, errors

OnChange = Callable[[Policy, Policy, PolicyDiff], Awaitable[None] | None]
OnBad = Callable[[Sequence[Problem]], Awaitable[None] | None]
_log = Log("gateway.policy")


class PolicyStore:
    """Holds `current`. `state` is ok, or stale while the file cannot be used; `problems` is the lint of the last look.

    `on_change(old, new, diff)` and `on_bad(problems)` may be plain or async; they run after the swap, in every worker:
    who must act once for all workers (mail, record) does so by the policy's version.
    """

    def __init__(
        self,
        path: Path,
        *,
        today: Callable[[], date] = date.today,
        interval: float = 0.5,
        environ: Mapping[str, str] | None = None,
        on_change: OnChange | None = None,
        on_bad: OnBad | None = None,
    ) -> None:
        self._path = path
        self._today = today
        self._interval = interval
        self._environ = environ
        self._on_change = on_change
        self._on_bad = on_bad
        self._policy: Policy | None = None
        self._taken = b""  # digest of what `current` was made of, or of the bad file that was reported
        self._seen = b""  # digest of the reading before
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self.state: Literal["ok", "stale"] = "stale"
        self.problems: tuple[Problem, ...] = ()

    @property
    def current(self) -> Policy:
        """The policy in force; take it once per request. Raises PolicyError before `start`."""
        if self._policy is None:
            raise PolicyError([Problem(Level.ERROR, None, "not-loaded", "no policy has been loaded yet")])
        return self._policy

    async def start(self) -> None:
        """Load, then watch. Raises PolicyError with the lint where the file cannot be used."""
        async with self._lock:
            self._taken = self._seen = await asyncio.to_thread(self._digest)
            policy, problems = await asyncio.to_thread(self._load)
            self._policy, self.problems, self.state = policy, tuple(problems), "ok"
        _log.info("policy_loaded", policy_version=policy.version, lint=len(problems))
        self._task = asyncio.create_task(self._watch(), name="policy-watch")

    async def stop(self) -> None:
        """Stop watching; `current` stays."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def reload(self) -> bool:
        """Take the file as it is now, without waiting. True when a policy with other content is in force."""
        async with self._lock:
            self._taken = self._seen = await asyncio.to_thread(self._digest)
            return await self._take()

    async def poll(self) -> bool:
        """One look: take the file where it changed and then stood still for one look. True when the content changed."""
        async with self._lock:
            digest = await asyncio.to_thread(self._digest)
            steady, self._seen = digest == self._seen, digest
            if digest == self._taken or not steady:
                return False
            self._taken = digest
            return await self._take()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.poll()
            except Exception as error:  # noqa: BLE001 - a callback failed; watching must go on, or the file is frozen
                _log.error("policy_callback_failed", error_type=type(error).__name__)

    async def _take(self) -> bool:
        try:
            policy, problems = await asyncio.to_thread(self._load)
        except PolicyError as error:
            self.state, self.problems = "stale", error.problems
            _log.error("policy_rejected", lint=len(errors(error.problems)), state=self.state)
            await _call(self._on_bad, error.problems)
            return False
        old, self._policy = self._policy, policy
        self.state, self.problems = "ok", tuple(problems)
        if old is None or old.version == policy.version:
            return False
        _log.info("policy_changed", policy_version=policy.version, lint=len(problems))
        await _call(self._on_change, old, policy, diff(old, policy))
        return True

    def _load(self) -> tuple[Policy, list[Problem]]:
        try:
            data = self._path.read_bytes()
        except OSError as error:
            problem = Problem(Level.ERROR, None, "unreadable", f"cannot read the file: {error.strerror}")
            raise PolicyError([problem]) from None
        return load(data, self._today(), base=self._path.parent, environ=self._environ)

    def _digest(self) -> bytes:
        """Of the file's bytes and of the key files that the policy in force names (a rotated key is a change)."""
        digest = hashlib.sha256(_bytes(self._path))
        for path in sorted(self._key_files()):
            digest.update(b"\0" + _bytes(path))
        return digest.digest()

    def _key_files(self) -> set[Path]:
        tools = self._policy.tools.values() if self._policy else ()
        keys = [tool.upstream.key for tool in tools if tool.upstream and tool.upstream.key]
        return {key.file for key in keys if key.file is not None}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b"unreadable"


async def _call(callback: Callable[..., Awaitable[None] | None] | None, *args: object) -> None:
    if callback is not None:
        result = callback(*args)
        if inspect.isawaitable(result):
            await result
