import multiprocessing
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import Unavailable
from gateway.records.actors import ActorKeys

NOVEMBER = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
PERSON = "an.voorbeeld@example.org"


def test_the_same_person_has_one_pseudonym_a_month(tmp_path: Path) -> None:
    keys = ActorKeys(tmp_path)
    actor = keys.actor(PERSON, NOVEMBER)
    assert actor == keys.actor(PERSON, NOVEMBER + 86_400) == ActorKeys(tmp_path).actor(PERSON, NOVEMBER)
    assert actor != keys.actor(PERSON, DECEMBER)
    assert actor != keys.actor("jan.voorbeeld@example.org", NOVEMBER)
    assert actor.startswith("a1-")
    assert len(actor) == 35
    assert "voorbeeld" not in actor


@pytest.mark.parametrize(("second", "month"), [(-1, "2026-11"), (0, "2026-12")])
def test_the_month_turns_at_midnight_utc(tmp_path: Path, second: int, month: str) -> None:
    ActorKeys(tmp_path).actor(PERSON, DECEMBER + second)
    assert [p.name for p in tmp_path.iterdir()] == [f"actor-{month}.key"]


def test_another_installation_gives_another_pseudonym(tmp_path: Path) -> None:
    first, second = ActorKeys(tmp_path / "a"), ActorKeys(tmp_path / "b")
    assert first.actor(PERSON, NOVEMBER) != second.actor(PERSON, NOVEMBER)


def test_the_key_file_is_readable_by_its_owner_only_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    ActorKeys(folder).actor(PERSON, NOVEMBER)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(bytes.fromhex(file.read_text())) == 32


def test_the_dpo_resolves_a_pseudonym_among_candidates(tmp_path: Path) -> None:
    keys = ActorKeys(tmp_path)
    actor = keys.actor(PERSON, NOVEMBER)
    fresh = ActorKeys(tmp_path)
    assert fresh.resolve(actor, NOVEMBER, ["jan@example.org", PERSON]) == PERSON
    assert fresh.resolve(actor, NOVEMBER, ["jan@example.org"]) is None
    assert fresh.resolve(actor, DECEMBER, [PERSON]) is None
    assert not (tmp_path / "actor-2026-12.key").exists()  # a look-up makes no key


def test_milliseconds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seconds"):
        ActorKeys(tmp_path).actor(PERSON, NOVEMBER * 1000)


def test_without_a_place_for_the_key_the_request_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as caught:
        ActorKeys(tmp_path / "file" / "secrets").actor(PERSON, NOVEMBER)
    assert caught.value.reason_code == "actor_key_unavailable"


@pytest.mark.parametrize("content", ["", "abcd", "not hexadecimal", "00" * 31])
def test_a_damaged_key_is_not_used_and_not_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "actor-2026-11.key").write_text(content)
    with pytest.raises(Unavailable):
        ActorKeys(tmp_path).actor(PERSON, NOVEMBER)
    assert (tmp_path / "actor-2026-11.key").read_text() == content


def race(folder: str, gate: str) -> str:
    while not Path(gate).exists():
        time.sleep(0.0005)
    return ActorKeys(Path(folder)).actor(PERSON, NOVEMBER)


def test_workers_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        for number in range(5):
            folder, gate = tmp_path / f"secrets{number}", tmp_path / f"gate{number}"
            results = pool.starmap_async(race, [(str(folder), str(gate))] * 3, chunksize=1)
            gate.touch()
            assert len(set(results.get(60))) == 1
            assert len(list(folder.iterdir())) == 1


def test_keys_whose_records_are_gone_are_forgotten(tmp_path: Path) -> None:
    keys = ActorKeys(tmp_path)
    actor = keys.actor(PERSON, NOVEMBER)
    keys.actor(PERSON, DECEMBER)
    (tmp_path / "actor-notes.key").write_text("not ours")
    end = datetime(2027, 6, 2, tzinfo=UTC).timestamp()  # six months after 1 December, to the end of the day
    assert keys.forget(end - 1) == []
    assert keys.forget(end, keep=1) == []
    assert keys.forget(end) == ["2026-11"]
    assert keys.resolve(actor, NOVEMBER, [PERSON]) is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["actor-2026-12.key", "actor-notes.key"]
