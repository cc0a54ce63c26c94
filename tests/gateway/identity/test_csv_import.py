import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import Forbidden
from gateway.exchange import Role
from gateway.identity.acts import list_acts
from gateway.identity.checks import InvalidFields
from gateway.identity.csv_import import MAX_ROWS, import_csv, parse_csv
from gateway.identity.first import create_first_keys
from gateway.identity.keys import list_keys
from tests.gateway.identity.people import ICT, NOW

HEADER = "name,subject,unit,language,role,expires\n"
GOOD = HEADER + "laptop,lies@example.org,Burgerzaken,nl,staff,2027-12-31\n,12345,Technische dienst,fr,,\n"


def problems(data: str | bytes) -> list[tuple[int, str, str]]:
    with pytest.raises(InvalidFields) as caught:
        parse_csv(data.encode() if isinstance(data, str) else data, now=NOW)
    return [(problem.line, problem.field, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),  # as Excel's "CSV UTF-8" begins
        GOOD.replace(",", ";").encode(),  # as Excel writes it in Belgium and the Netherlands
        GOOD.replace("\n", "\r\n").encode() + b"\r\n,,,,,\r\n",
        GOOD.replace("Burgerzaken", '"Burgerzaken"').encode(),
    ],
)
def test_rows_as_people_save_them(data: bytes) -> None:
    rows = parse_csv(data, now=NOW)
    assert [(key.subject, key.unit, key.language, key.role) for _, key in rows] == [
        ("lies@example.org", "Burgerzaken", "nl", Role.STAFF),
        ("12345", "Technische dienst", "fr", Role.STAFF),
    ]
    assert [line for line, _ in rows] == [2, 3]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", [(1, "file", "csv_columns")]),
        ("subject,unit\n", [(1, "file", "csv_columns")]),
        (HEADER.strip() + ",extra\n", [(1, "file", "csv_columns")]),
        (HEADER, [(1, "file", "csv_empty")]),
        (b"\xff\xfe" + HEADER.encode("utf-16-le"), [(1, "file", "csv_encoding")]),
        (HEADER + "a,b\n", [(2, "file", "csv_cells")]),
        (HEADER + 'a,"b\n', [(2, "file", "csv_cells")]),
        (
            HEADER + ",twee woorden,,xx,baas,gisteren\n,ok@example.org,ICT,nl,staff,\n",
            [
                (2, "subject", "subject_invalid"),
                (2, "unit", "unit_invalid"),
                (2, "role", "role_invalid"),
                (2, "language", "language_invalid"),
                (2, "expires", "expires_invalid"),
            ],
        ),
        (
            HEADER + ",a@example.org,ICT,nl,staff,\n\n,A@example.org,ICT,nl,staff,\n",
            [(4, "subject", "csv_duplicate")],
        ),
    ],
)
def test_every_problem_is_told_with_its_line(data: str | bytes, expected: list[tuple[int, str, str]]) -> None:
    assert problems(data) == expected


def test_a_file_that_is_too_long_stops_at_its_line() -> None:
    rows = "".join(f",p{n}@example.org,ICT,nl,staff,\n" for n in range(MAX_ROWS + 1))
    assert problems(HEADER + rows) == [(MAX_ROWS + 2, "file", "csv_too_long")]


@given(st.text(alphabet='ab@.;,"\n\r =2027-', max_size=200))
def test_any_text_gives_keys_or_problems(text: str) -> None:
    try:
        read = list[object](parse_csv((HEADER + text).encode(), now=NOW))
    except InvalidFields as error:
        read = list(error.problems)
    assert read


async def test_an_import_makes_every_key_in_one_transaction(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await import_csv(connection, GOOD.encode(), by=ICT, at=NOW)
    async with engine.connect() as connection:
        assert {info.id for info in await list_keys(connection)} == {info.id for info, _ in made}
        acts = await list_acts(connection)
    assert [act.act for act in acts] == ["key.import", "key.create", "key.create"]
    assert acts[0].detail == {"count": 2}


async def test_one_bad_row_and_nothing_is_created(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        with pytest.raises(InvalidFields):
            await import_csv(connection, GOOD.encode() + b",no,,,,\n", by=ICT, at=NOW)
    async with engine.connect() as connection:
        assert await list_keys(connection) == []
        assert await list_acts(connection) == []


async def test_a_row_for_a_role_that_the_caller_may_not_make_stops_all(engine: AsyncEngine) -> None:
    await create_first_keys(engine, at=NOW)
    async with engine.connect() as connection:
        with pytest.raises(Forbidden):
            await import_csv(connection, (GOOD + ",x@example.org,DPO,nl,dpo,\n").encode(), by=ICT, at=NOW)


async def test_the_same_file_twice_is_told_line_by_line(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await import_csv(connection, GOOD.encode(), by=ICT, at=NOW)
    async with engine.connect() as connection:
        with pytest.raises(InvalidFields) as caught:
            await import_csv(connection, GOOD.encode(), by=ICT, at=NOW)
    assert [(problem.line, problem.code) for problem in caught.value.problems] == [(2, "csv_exists"), (3, "csv_exists")]
