import asyncio
import hmac
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import Forbidden, GatewayError, Unauthenticated
from gateway.exchange import Principal, Role
from gateway.identity.authenticator import Authenticator
from gateway.identity.checks import NewKey, Vouch
from gateway.identity.first import create_first_keys
from gateway.identity.keys import create_keys, revoke_key
from tests.gateway.databases import database
from tests.gateway.identity.people import DAY, ICT, NOW, staff

CHAT = "10.0.0.7"
EMAIL = b"x-openwebui-user-email"
WANTED = [
    staff(answer_mode=True),
    staff("jan@example.org", expires_at=NOW + DAY),
    NewKey(
        subject="chat",
        unit="Chatserver",
        role=Role.SERVICE,
        language="fr",
        vouch=Vouch(EMAIL.decode(), ("10.0.0.0/24", "2001:db8::/64")),
    ),
    NewKey(
        subject="robot",
        unit="ICT",
        role=Role.SERVICE,
        vouch=Vouch(EMAIL.decode(), ("10.0.0.0/24",), required=False),
    ),
]
Headers = Sequence[tuple[bytes, bytes]]


class Desk:
    """An authenticator with one key of each kind, at a time that tests set."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.now = NOW
        self.authenticator = Authenticator(engine, trusted_proxies="192.0.2.1", clock=lambda: self.now)
        self.keys: dict[str, str] = {}
        self.ids: dict[str, str] = {}

    async def open(self) -> "Desk":
        async with self.engine.begin() as connection:
            made = await create_keys(connection, WANTED, by=ICT, at=NOW)
        self.keys = {info.subject.split("@")[0]: key for info, key in made}
        self.ids = {info.subject.split("@")[0]: info.id for info, _ in made}
        await self.authenticator.reload()
        return self

    def ask(self, who: str, *extra: tuple[bytes, bytes], peer: str = "198.51.100.9") -> Principal:
        header = (b"authorization", b"Bearer " + self.keys[who].encode())
        return self.authenticator.authenticate([header, *extra], peer)

    def refusal(self, headers: Headers, peer: str = "198.51.100.9") -> GatewayError:
        with pytest.raises(GatewayError) as caught:
            self.authenticator.authenticate(headers, peer)
        return caught.value


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with database("sqlite", tmp_path) as engine:
        yield await Desk(engine).open()


async def test_every_kind_of_key_is_read_from_either_database(engine: AsyncEngine) -> None:
    desk = await Desk(engine).open()
    assert desk.ask("lies").answer_mode
    assert desk.ask("chat", (EMAIL, b"an@example.org"), peer="2001:db8::1").vouched
    assert desk.ask("robot", peer=CHAT).role is Role.SERVICE
    desk.now = NOW + DAY
    assert desk.refusal([(b"api-key", desk.keys["jan"].encode())]).reason_code == "key_expired"


@pytest.mark.parametrize(
    ("name", "prefix"),
    [(b"authorization", b"Bearer "), (b"authorization", b"bearer  "), (b"api-key", b""), (b"x-api-key", b"")],
)
async def test_a_key_says_who_calls_in_every_header_that_clients_use(desk: Desk, name: bytes, prefix: bytes) -> None:
    principal = desk.authenticator.authenticate([(name, prefix + desk.keys["lies"].encode())], "198.51.100.9")
    assert principal == Principal(
        key_id=desk.ids["lies"],
        subject="lies@example.org",
        role=Role.STAFF,
        unit="Burgerzaken",
        language="nl",
        answer_mode=True,
    )
    assert "lies" not in repr(principal)


async def test_the_same_key_in_two_headers_is_one_key(desk: Desk) -> None:
    assert desk.ask("lies", (b"x-api-key", desk.keys["lies"].encode())).subject == "lies@example.org"


async def test_headers_that_carry_no_key_of_ours_are_refused(desk: Desk) -> None:
    lies, jan = (b"Bearer " + desk.keys[who].encode() for who in ("lies", "jan"))
    table: list[tuple[Headers, str]] = [
        ([], "key_missing"),
        ([(b"authorization", b"")], "key_missing"),
        ([(b"authorization", b"Bearer ")], "key_missing"),
        ([(b"authorization", b"Basic bGllczpsaWVz")], "key_missing"),
        ([(b"authorization", lies[7:])], "key_missing"),
        ([(b"authorization", b"Basic x"), (b"x-api-key", lies[7:])], "key_missing"),
        ([(b"authorization", b"Bearer sk-other")], "key_unknown"),
        ([(b"authorization", b"Bearer " + b"a" * 100_000)], "key_unknown"),
        ([(b"authorization", b"Bearer \xff\xfe" + lies[9:])], "key_unknown"),
        ([(b"authorization", lies), (b"authorization", jan)], "key_ambiguous"),
        ([(b"authorization", lies), (b"api-key", jan[7:])], "key_ambiguous"),
        ([(b"cookie", lies)], "key_missing"),
    ]
    for headers, code in table:
        error = desk.refusal(headers)
        assert isinstance(error, Unauthenticated)
        assert (error.reason_code, error.headers["WWW-Authenticate"]) == (code, 'Bearer realm="sluis"')


async def test_a_wrong_secret_and_an_unknown_id_read_the_same_and_cost_the_same_check(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    real = hmac.compare_digest

    def compare(left: bytes, right: bytes) -> bool:
        compared.append(len(left) + len(right))
        return bool(real(left, right))

    monkeypatch.setattr("gateway.identity.authenticator.hmac.compare_digest", compare)
    key = desk.keys["lies"]
    last = "0" if key[-1] != "0" else "1"
    for presented in (key[:-1] + last, "sluis_" + "0" * 10 + key[16:], "not a key"):
        error = desk.refusal([(b"api-key", presented.encode())])
        assert (error.reason_code, presented in str(vars(error))) == ("key_unknown", False)
    assert compared == [64, 64, 64]


async def test_an_expired_key_is_told_so_from_that_second_on(desk: Desk) -> None:
    desk.now = NOW + DAY - 0.001
    assert desk.ask("jan").subject == "jan@example.org"
    desk.now = NOW + DAY
    assert desk.refusal([(b"api-key", desk.keys["jan"].encode())]).reason_code == "key_expired"


async def test_a_revoked_key_is_told_so_after_the_reload(desk: Desk) -> None:
    async with desk.engine.begin() as connection:
        await revoke_key(connection, desk.ids["lies"], by=ICT, at=NOW)
    await desk.authenticator.reload()
    assert desk.refusal([(b"api-key", desk.keys["lies"].encode())]).reason_code == "key_revoked"
    assert desk.ask("jan")


async def test_a_failing_reload_leaves_the_keys_in_force(desk: Desk) -> None:
    async with desk.engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE api_keys")
    with pytest.raises(Exception, match="api_keys"):
        await desk.authenticator.reload()
    assert desk.ask("lies")


async def test_a_service_vouches_for_a_person_who_is_staff_of_its_unit(desk: Desk) -> None:
    principal = desk.ask("chat", (EMAIL, b"An.Peeters@Example.org"), peer=CHAT)
    assert principal == Principal(
        key_id=desk.ids["chat"],
        subject="an.peeters@example.org",
        role=Role.STAFF,
        unit="Chatserver",
        language="fr",
        vouched=True,
    )


async def test_without_the_header_the_keys_own_setting_decides(desk: Desk) -> None:
    with pytest.raises(Forbidden, match="vouch_missing"):
        desk.ask("chat", peer=CHAT)
    robot = desk.ask("robot", peer=CHAT)
    assert (robot.subject, robot.role, robot.vouched) == ("robot", Role.SERVICE, False)


@pytest.mark.parametrize(
    "value",
    [b"", b" ", b"twee woorden", b"an@example.org\x00", b"\xe9@example.org", b"a" * 300, b"an@x" + b" " * 300 + b"y"],
)
async def test_what_is_no_person_is_refused_and_not_quoted(desk: Desk, value: bytes) -> None:
    with pytest.raises(Forbidden, match=r"^vouch_subject$") as caught:
        desk.ask("robot", (EMAIL, value), peer=CHAT)
    assert caught.value.params == {}


async def test_people_are_remembered_until_the_reload_and_not_without_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.identity.authenticator._CACHED_PEOPLE", 3)
    for number in range(20):
        assert (
            desk.ask("chat", (EMAIL, f"p{number}@example.org".encode()), peer=CHAT).subject == f"p{number}@example.org"
        )
        assert len(desk.authenticator._people) <= 3
    await desk.authenticator.reload()
    assert desk.authenticator._people == {}


async def test_two_names_are_no_name(desk: Desk) -> None:
    with pytest.raises(Forbidden, match="vouch_subject"):
        desk.ask("chat", (EMAIL, b"an@example.org"), (EMAIL, b"bo@example.org"), peer=CHAT)


async def test_a_personal_key_that_sends_the_header_stays_itself(desk: Desk) -> None:
    assert desk.ask("lies", (EMAIL, b"an@example.org"), peer=CHAT).subject == "lies@example.org"


@pytest.mark.parametrize(
    ("peer", "forwarded", "let_in"),
    [
        ("10.0.0.7", None, True),
        ("::ffff:10.0.0.7", None, True),
        ("2001:db8::7", None, True),
        ("10.0.1.7", None, False),
        ("", None, False),  # a Unix socket has no address
        ("192.0.2.1", None, False),  # our proxy itself is not the chat server
        ("192.0.2.1", b"10.0.0.7", True),
        ("192.0.2.1", b"10.0.0.7, 198.51.100.9", False),  # the first part is what the caller wrote
        ("192.0.2.1", b"nonsense", False),
        ("192.0.2.1", b"198.51.100.9, " * 50 + b"10.0.0.7", True),
        ("198.51.100.9", b"10.0.0.7", False),  # not our proxy
        ("10.0.0.7", b"198.51.100.9", True),  # the chat server passes on its own visitors; it is no proxy of ours
    ],
)
@pytest.mark.parametrize("who", ["chat", "robot"])
async def test_a_service_key_works_from_its_networks_only(
    desk: Desk, who: str, peer: str, forwarded: bytes | None, *, let_in: bool
) -> None:
    extra = [(EMAIL, b"an@example.org"), *([(b"x-forwarded-for", forwarded)] if forwarded is not None else [])]
    if who == "robot" and peer.startswith("2001"):
        let_in = False  # not among its networks
    if let_in:
        assert desk.ask(who, *extra, peer=peer).vouched
    else:
        with pytest.raises(Forbidden, match="vouch_network"):
            desk.ask(who, *extra, peer=peer)


async def test_before_the_first_reload_nobody_is_known(engine: AsyncEngine) -> None:
    [(_, key), _] = await create_first_keys(engine, at=NOW)
    empty = Authenticator(engine, trusted_proxies="")
    with pytest.raises(Unauthenticated):
        empty.authenticate([(b"api-key", key.encode())], "127.0.0.1")
    assert len(empty) == 0


async def test_reloading_many_keys_lets_the_event_loop_breathe(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await create_keys(connection, [staff(f"p{n}@example.org") for n in range(1000)], by=ICT, at=NOW)
    room = Authenticator(engine)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    await room.reload()
    counting.cancel()
    assert len(room) == 1000
    assert turns >= 10


NAMES = st.sampled_from([b"authorization", b"api-key", b"x-api-key", EMAIL, b"x-forwarded-for", b"host"])
HEADERS = st.lists(st.tuples(NAMES, st.binary(max_size=80)), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(headers=HEADERS, peer=st.text(max_size=20))
def test_no_headers_get_anything_but_a_refusal_without_a_key(headers: Headers, peer: str) -> None:
    room = Authenticator.__new__(Authenticator)
    room._keys, room._trusted = {}, ""
    with pytest.raises(Unauthenticated):
        room.authenticate(headers, peer)
