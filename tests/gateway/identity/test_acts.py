import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.identity.acts import ACTS, act, list_acts, record_act
from tests.gateway.identity.people import NOW


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("key.invented", {}),
        ("key.create", {"prompt": "x"}),
        ("key.create", {"why": "x" * 3000}),
    ],
)
async def test_what_is_on_no_list_is_not_recorded(engine: AsyncEngine, name: str, detail: dict[str, str]) -> None:
    async with engine.connect() as connection:
        with pytest.raises(ValueError, match=r"act|detail"):
            await record_act(connection, "operator", "ict", name, "x", NOW, detail)


def test_an_act_has_a_name_of_two_words() -> None:
    with pytest.raises(ValueError, match="not an act's name"):
        act("Something Else", "x")
    assert all("." in name for name in ACTS)


async def test_acts_are_listed_newest_first_by_page_and_by_object(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for number in range(5):
            await record_act(connection, "operator", "ict", "key.create", f"k{number % 2}", NOW + number)
    async with engine.connect() as connection:
        page = await list_acts(connection, limit=2)
        rest = await list_acts(connection, before=page[-1].id)
        assert [item.at - NOW for item in [*page, *rest]] == [4, 3, 2, 1, 0]
        assert len(await list_acts(connection, object="k1")) == 2
        assert await list_acts(connection, act="key.revoke") == []
