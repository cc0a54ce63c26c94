"""The client against real scanning processes: what it finds, what it remembers, and how it fails."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from filters.findings import Finding, OperatingPoint, ScanError, Slot, SlotKind
from tests.filters.scanning.conftest import PRECISE, Connect, Scanners, texts, wait_for

NUMBER = "85.07.30-000.61"


def spans(found: list[Finding], slots: list[Slot]) -> list[str]:
    return [slots[f.slot].text[f.start : f.end] for f in found]


async def test_findings_come_back_on_their_slots_and_in_order(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        slots = texts("niets", "jan@example.org en piet@example.org", f"nummer {NUMBER}")
        found = await client.scan(slots, PRECISE)
        assert [(f.slot, f.entity_type) for f in found] == [
            (1, "EMAIL_ADDRESS"),
            (1, "EMAIL_ADDRESS"),
            (2, "BE_NATIONAL_NUMBER"),
        ]
        assert spans(found, slots) == ["jan@example.org", "piet@example.org", NUMBER]
        assert client.version == "stand-in 1"
        assert await client.ready()


async def test_resent_history_costs_only_its_new_message(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        history = [f"bericht {n} van persoon{n}@example.org" for n in range(20)]
        first = await client.scan(texts(*history), PRECISE)
        assert len(scanners.inspected()) == 20
        again = await client.scan(texts("vooraan nieuw", *history, "achteraan nieuw"), PRECISE)
        assert scanners.inspected()[20:] == ["text:13:vooraan nieuw", "text:15:achteraan nieuw"]
        assert [(f.slot - 1, f.start, f.end) for f in again] == [(f.slot, f.start, f.end) for f in first]
        assert await client.scan(texts(*history), PRECISE) == first
        assert len(scanners.inspected()) == 22


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda client, slots: setattr(client, "epoch", "policy 2"), id="epoch"),
        pytest.param(lambda client, slots: slots.__setitem__(0, Slot((), slots[0].text, SlotKind.ATOM)), id="kind"),
        pytest.param(lambda client, slots: slots.__setitem__(0, Slot((), slots[0].text + " ")), id="text"),
    ],
)
async def test_what_the_findings_depend_on_is_part_of_the_key(
    scanners: Scanners, connect: Connect, change: Callable[..., None]
) -> None:
    async with connect([scanners.start()]) as client:
        slots = [Slot((), "wie is jan@example.org")]
        await client.scan(slots, PRECISE)
        await client.scan(slots, PRECISE)
        assert len(scanners.inspected()) == 1
        change(client, slots)
        await client.scan(slots, PRECISE)
        assert len(scanners.inspected()) == 2


async def test_operating_points_are_remembered_apart(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        slots = texts("wie is jan@example.org")
        for _ in range(2):
            (precise,) = await client.scan(slots, PRECISE)
            (thorough,) = await client.scan(slots, OperatingPoint.THOROUGH)
            assert (precise.score, thorough.score) == (0.8, 0.9)
        assert len(scanners.inspected()) == 2


@pytest.mark.parametrize(
    "messages",
    [
        ("mijn nummer is 85.07.30-", "000.61 dank u"),
        ("mijn nummer is 8", "5.07.30-000.61 dank u"),
        ("mijn nummer is 85.07", "", "\n", ".30-000.61 dank u"),
        ("mijn nummer is 85.07", ".30-", "000", ".61 dank u"),
        ("x" * 100 + " 85.07.30", "-000.61" + "y" * 100),
        ("x" * 17_000 + " 85.07.30", "-000.61 " + "y" * 17_000),
    ],
)
async def test_a_value_split_over_messages_is_found_in_each(
    scanners: Scanners, connect: Connect, messages: tuple[str, ...]
) -> None:
    async with connect([scanners.start()]) as client:
        slots = texts(*messages)
        for _ in range(2):  # scanned, then remembered
            found = await client.scan(slots, PRECISE)
            assert "".join(spans(found, slots)) == NUMBER
        assert [slots[f.slot].turn for f in found] == sorted({f.slot for f in found})


async def test_borders_are_looked_at_between_messages_only(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        halves = ("nummer 85.07.30-", "000.61")
        apart = [Slot((), text) for text in halves]  # no turn: not messages
        assert await client.scan(apart, PRECISE) == []
        keys = [Slot((), text, SlotKind.ATOM, turn=n) for n, text in enumerate(halves)]
        assert await client.scan(keys, PRECISE) == []
        assert scanners.borders() == 0


async def test_a_value_on_a_cut_of_a_long_text_is_found(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start("a"), scanners.start("b")]) as client:
        for at in range(16_384 - 15, 16_384, 4):
            slots = [Slot((), "x" * at + NUMBER + "x" * 40_000)]
            assert spans(await client.scan(slots, PRECISE), slots) == [NUMBER]


async def test_short_numbers_and_white_space_are_not_scanned(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        skipped = ["0", "12345", "-1.5", "0.25", "[1,2]", "", " \n"]
        scanned = ["123456", "12345a", "1e5", "temperature", "٣", "½"]
        await client.scan([Slot((), text, SlotKind.ATOM) for text in skipped + scanned], PRECISE)
        assert scanners.inspected() == [f"atom:{len(text)}:{text}" for text in scanned]


async def test_a_lone_surrogate_is_scanned_around(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        slots = texts("\ud83d jan@example.org \udc00", "piet@example.org")
        assert spans(await client.scan(slots, PRECISE), slots) == ["jan@example.org", "piet@example.org"]


async def test_a_hundred_scans_at_once_do_not_mix(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start("a"), scanners.start("b")]) as client:

        async def one(n: int) -> None:
            slots = texts("x" * n, f"{'y' * (n % 7)} mens{n}@example.org", "z" * (5 * n))
            found = await client.scan(slots, PRECISE)
            assert spans(found, slots) == [f"mens{n}@example.org"]

        await asyncio.gather(*(one(n) for n in range(100)))


async def test_an_engine_error_refuses_without_quoting_the_text(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        with pytest.raises(ScanError) as raised:
            await client.scan(texts("poison for jan@example.org"), PRECISE)
        assert str(raised.value) == "scanner failed: PoisonError"
        assert raised.value.__cause__ is None
        assert await client.scan(texts("fine"), PRECISE) == []


async def test_a_hanging_engine_ends_in_a_refusal_and_is_replaceable(scanners: Scanners, connect: Connect) -> None:
    path = scanners.start()
    async with connect([path]) as patient:
        await patient.scan(texts("warm up"), PRECISE)
    async with connect([path], timeout=0.5) as client:
        while not await client.ready():
            await asyncio.sleep(0.01)
        with pytest.raises(ScanError, match="timed out"):
            await client.scan(texts("sleep:60"), PRECISE)
        scanners.kill()
        scanners.start()
        while not await client.ready():  # the link was lost and came back
            await asyncio.sleep(0.01)


async def test_a_hanging_inspection_ends_its_process_after_the_limit(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start("a", "--limit", "0.3")], timeout=2) as client:
        await client.scan(texts("warm up"), PRECISE)
        with pytest.raises(ScanError):
            await client.scan(texts("sleep:60"), PRECISE)
        wait_for(lambda: scanners.processes["a"].poll() is not None)
        assert scanners.processes["a"].returncode == -14


async def test_no_scanner_at_all_is_a_refusal_in_time(tmp_path: Path, connect: Connect) -> None:
    async with connect([tmp_path / "nobody.sock"], timeout=0.2) as client:
        with pytest.raises(ScanError, match="timed out"):
            await client.scan(texts("anything"), PRECISE)
        assert not await client.ready()


async def test_a_scanner_that_dies_is_retried_on_another(scanners: Scanners, connect: Connect, tmp_path: Path) -> None:
    async with connect([scanners.start("a"), scanners.start("b")]) as client:
        slots = texts(f"die-once:{tmp_path / 'died'} jan@example.org")
        assert spans(await client.scan(slots, PRECISE), slots) == ["jan@example.org"]
        wait_for(lambda: any(p.poll() is not None for p in scanners.processes.values()))


async def test_a_single_scanner_that_dies_is_retried_when_it_is_back(
    scanners: Scanners, connect: Connect, tmp_path: Path
) -> None:
    async with connect([scanners.start()]) as client:
        await client.scan(texts("warm up"), PRECISE)
        slots = texts(f"die-once:{tmp_path / 'died'} jan@example.org")
        scan = asyncio.create_task(client.scan(slots, PRECISE))
        while scanners.processes["a"].poll() is None:
            await asyncio.sleep(0.01)
        scanners.start()
        assert spans(await scan, slots) == ["jan@example.org"]


async def test_a_text_that_kills_every_scanner_is_refused(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start("a"), scanners.start("b"), scanners.start("c")]) as client:
        await client.scan(texts(*"abcdef" * 50), PRECISE)
        while len([link for link in client._links if link.version]) < 3:
            await asyncio.sleep(0.01)
        with pytest.raises(ScanError, match="lost twice"):
            await client.scan([Slot((), "please die")], PRECISE)
        wait_for(lambda: sum(p.poll() is not None for p in scanners.processes.values()) == 2)


async def test_killing_scanners_under_load_loses_no_finding(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start("a"), scanners.start("b")]) as client:
        await client.scan(texts("warm up"), PRECISE)
        refused = 0

        async def one(n: int) -> int:
            slots = texts(f"sleep:0.005 mens{n}@example.org")
            try:
                found = await client.scan(slots, PRECISE)
            except ScanError:
                return 1
            assert spans(found, slots) == [f"mens{n}@example.org"]
            return 0

        async def killer() -> None:
            for round_ in range(4):
                await asyncio.sleep(0.15)
                name = "ab"[round_ % 2]
                scanners.kill(name)
                scanners.start(name)

        results, _ = await asyncio.gather(asyncio.gather(*(one(n) for n in range(300))), killer())
        refused = sum(results)
        assert refused < 300  # some may be hit twice and refused; none is answered without its finding
        assert await client.scan(texts("daarna"), PRECISE) == []


async def test_a_new_version_is_taken_over_and_nothing_old_is_remembered(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        await client.scan(texts("wie is jan@example.org"), PRECISE)
        scanners.kill()
        scanners.version.write_text("stand-in 2", encoding="utf-8")
        scanners.start()
        while client.version != "stand-in 2":
            await asyncio.sleep(0.01)
        await client.scan(texts("wie is jan@example.org"), PRECISE)
        assert len(scanners.inspected()) == 2


async def test_scanners_that_disagree_are_not_used_until_they_agree(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start("a"), scanners.start("b")]) as client:
        while sum(bool(link.version) for link in client._links) < 2:
            await client.ready()
            await asyncio.sleep(0.01)
        slots = texts("wie is jan@example.org")
        await client.scan(slots, PRECISE)
        scanners.kill("b")
        scanners.version.write_text("stand-in 2", encoding="utf-8")
        scanners.start("b")
        while await client.ready():
            await asyncio.sleep(0.01)
        with pytest.raises(ScanError, match="different versions"):
            await client.scan(slots, PRECISE)
        scanners.kill("a")
        scanners.start("a")
        while not await client.ready():
            await asyncio.sleep(0.01)
        assert client.version == "stand-in 2"
        assert len(await client.scan(slots, PRECISE)) == 1


async def test_a_cancelled_scan_leaves_nothing_behind(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        await client.scan(texts("warm up"), PRECISE)
        busy = asyncio.create_task(client.scan(texts("sleep:0.5"), PRECISE))
        await asyncio.sleep(0.1)
        dropped = [asyncio.create_task(client.scan(texts(f"dropped {n}"), PRECISE)) for n in range(20)]
        await asyncio.sleep(0.1)
        for task in dropped:
            task.cancel()
        assert all(
            isinstance(e, asyncio.CancelledError) for e in await asyncio.gather(*dropped, return_exceptions=True)
        )
        await busy
        assert await client.scan(texts("after"), PRECISE) == []
        assert not any("dropped" in line for line in scanners.inspected())
        assert [link.load for link in client._links] == [0]
        assert not client._links[0]._calls


async def test_a_short_text_passes_long_ones_that_wait(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        await client.scan(texts("warm up"), PRECISE)
        busy = asyncio.create_task(client.scan(texts("sleep:0.3"), PRECISE))
        await asyncio.sleep(0.1)
        long = asyncio.create_task(client.scan([Slot((), "long " * 20_000)], PRECISE))
        await asyncio.sleep(0)
        short = asyncio.create_task(client.scan([Slot((), "short")], PRECISE))
        await asyncio.gather(busy, long, short)
        order = [line.split(":")[2][:5] for line in scanners.inspected()][2:]
        assert order == ["short", "long ", "long "]  # the pieces of the long text are all alike but the last


async def test_the_event_loop_runs_while_scans_do(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        await client.scan(texts("warm up"), PRECISE)
        scan = asyncio.create_task(client.scan(texts("sleep:0.5 " + "x" * 200_000), PRECISE))
        longest, ticks, last = 0.0, 0, time.perf_counter()
        started = last
        while not scan.done():
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, ticks, last = max(longest, now - last), ticks + 1, now
        assert ticks > 20
        assert longest < (time.perf_counter() - started) / 2  # never still for as long as the scan took


async def test_a_closed_client_refuses(scanners: Scanners, connect: Connect) -> None:
    async with connect([scanners.start()]) as client:
        await client.scan(texts("warm up"), PRECISE)
        waiting = asyncio.create_task(client.scan(texts("sleep:30"), PRECISE))
        await asyncio.sleep(0.05)
        await client.close()
        with pytest.raises(ScanError):
            await waiting
        with pytest.raises(ScanError):
            await client.scan(texts("warm up"), PRECISE)
        assert not await client.ready()
