"""What identifying a caller costs: `PYTHONPATH=. python bench/identity.py`. Prints one JSON line.

Microseconds per `authenticate` (best of seven rounds), and with 5,000 keys the time of a reload and the longest gap
that it makes in the event loop.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gateway.database import create_engine, metadata, seed_counter
from gateway.errors import Unauthenticated
from gateway.exchange import Principal, Role
from gateway.identity.authenticator import Authenticator
from gateway.identity.checks import NewKey, Vouch
from gateway.identity.keys import create_keys

KEYS = 5000
BY = Principal(key_id="bench", subject="bench", role=Role.ICT, unit="")
OTHER = [(b"host", b"gateway"), (b"user-agent", b"openai/3"), (b"content-type", b"application/json")]


def microseconds(call: Callable[[], object], times: int = 20_000) -> float:
    rounds = []
    for _ in range(7):
        began = time.perf_counter()
        for _ in range(times):
            call()
        rounds.append((time.perf_counter() - began) / times * 1e6)
    return round(min(rounds), 2)


async def longest_gap(work: Callable[[], object]) -> tuple[float, float]:
    """(milliseconds that the work took, longest gap between two turns of the event loop meanwhile)."""
    gaps = []

    async def watch() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    began = time.perf_counter()
    await work()  # type: ignore[misc]
    took = time.perf_counter() - began
    watching.cancel()
    return round(took * 1e3, 1), round(max(gaps) * 1e3, 2)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite+aiosqlite:///{Path(folder) / 'bench.db'}")
        wanted = [NewKey(subject=f"p{n}@example.org", unit="Bench") for n in range(KEYS)]
        vouch = Vouch("x-openwebui-user-email", ("10.0.0.0/24", "10.1.0.0/24"))
        wanted.append(NewKey(subject="chat", unit="Bench", role=Role.SERVICE, vouch=vouch))
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
            await seed_counter(connection)
            began = time.perf_counter()
            made = await create_keys(connection, wanted, by=BY, at=time.time())
            created = time.perf_counter() - began
        room = Authenticator(engine, trusted_proxies="192.0.2.0/28")
        await room.reload()
        reload_ms, gap_ms = await longest_gap(room.reload)
        await engine.dispose()

    personal = [*OTHER, (b"authorization", b"Bearer " + made[0][1].encode())]
    service = [*OTHER, (b"authorization", b"Bearer " + made[-1][1].encode())]
    service.append((b"x-openwebui-user-email", b"an.peeters@example.org"))
    proxied = [*service, (b"x-forwarded-for", b"198.51.100.9, 10.1.0.7")]
    wrong = [*OTHER, (b"authorization", b"Bearer " + made[0][1][:-1].encode() + b"*")]

    def refused() -> None:
        try:
            room.authenticate(wrong, "198.51.100.9")
        except Unauthenticated:
            return

    print(
        json.dumps(
            {
                "personal_us": microseconds(lambda: room.authenticate(personal, "198.51.100.9")),
                "vouched_us": microseconds(lambda: room.authenticate(service, "10.0.0.7")),
                "vouched_behind_proxy_us": microseconds(lambda: room.authenticate(proxied, "192.0.2.1")),
                "refused_us": microseconds(refused),
                "create_5000_keys_ms": round(created * 1e3, 1),
                "reload_5000_keys_ms": reload_ms,
                "longest_loop_gap_ms": gap_ms,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
