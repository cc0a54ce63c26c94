"""The words between worker and scanner, split anywhere and twisted in every way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.findings import Category, Finding, OperatingPoint
from filters.scanning import frames
from filters.scanning.frames import FrameError, FrameReader, Item, Request

ITEMS = (Item("text", "jan 🙂 piet"), Item("atom", "123456"), Item("border", "voor", "na"))
FOUND = [
    [Finding(0, 0, 3, "PERSON", Category.PERSONAL, 0.5, "x")],
    [],
    [Finding(1, 0, 2, "T", Category.SPECIAL, 1, "y")],
]


def test_every_split_gives_the_same_frames() -> None:
    stream = frames.hello("v") + frames.ask(1, 20, OperatingPoint.PRECISE, ITEMS) + frames.forget(7)
    whole = FrameReader().feed(stream)
    assert len(whole) == 3
    for at in range(len(stream) + 1):
        reader = FrameReader()
        assert reader.feed(stream[:at]) + reader.feed(stream[at:]) == whole
    reader = FrameReader()
    assert [f for n in range(len(stream)) for f in reader.feed(stream[n : n + 1])] == whole


def test_a_request_is_read_as_it_was_asked() -> None:
    (payload,) = FrameReader().feed(frames.ask(3, 20, OperatingPoint.THOROUGH, ITEMS))
    assert frames.read_request(frames.parse(payload)) == Request(3, 20, OperatingPoint.THOROUGH, ITEMS)


def test_findings_are_read_as_they_were_answered() -> None:
    (payload,) = FrameReader().feed(frames.answer(3, FOUND))
    number, found = frames.parse(payload)
    assert number == 3
    assert [list(frames.read_findings(f, item)) for f, item in zip(found, ITEMS, strict=True)] == FOUND


@pytest.mark.parametrize(
    "finding",
    [
        [0, 0, 11, "T", "personal", 0.5, "x"],
        [0, 3, 3, "T", "personal", 0.5, "x"],
        [0, 5, 3, "T", "personal", 0.5, "x"],
        [0, -1, 3, "T", "personal", 0.5, "x"],
        [1, 0, 1, "T", "personal", 0.5, "x"],
        [2, 0, 1, "T", "personal", 0.5, "x"],
        [0, 0, 1, "T", "personel", 0.5, "x"],
        [0, 0, 1, 5, "personal", 0.5, "x"],
        [0, 0, 1, "T", "personal", "0.5", "x"],
        [0, 0.0, 1, "T", "personal", 0.5, "x"],
        [0, 0, 1],
        {},
        None,
    ],
)
def test_a_finding_that_cannot_be_is_refused(finding: object) -> None:
    with pytest.raises(FrameError):
        frames.read_findings([finding], ITEMS[0])
    with pytest.raises(FrameError):
        frames.read_findings(finding, ITEMS[0])


@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-5, 5)
        | st.floats(allow_nan=False)
        | st.sampled_from(["text", "border"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    )
)
def test_any_json_is_a_request_or_refused(value: object) -> None:
    try:
        said = frames.read_request(value)
    except FrameError:
        return
    assert isinstance(said, int | Request)


def test_a_frame_above_the_bound_is_neither_sent_nor_read() -> None:
    with pytest.raises(FrameError):
        frames.frame("x" * frames.MAX_FRAME)
    with pytest.raises(FrameError):
        FrameReader().feed((frames.MAX_FRAME + 1).to_bytes(4, "big"))


def test_failures_and_reprs_hold_no_text() -> None:
    assert b"kanarie" not in frames.failure(1, ValueError("kanarie"))
    assert "kanarie" not in repr(Item("text", "kanarie"))
    assert "kanarie" not in repr(Request(1, 1, OperatingPoint.PRECISE, (Item("text", "kanarie"),)))
