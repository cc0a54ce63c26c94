"""Events are the same however the network cuts them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sse import MAX_EVENT, SseDecoder, SseError, SseEvent, encode, encode_data

STREAMS = {
    "the usual": (b'data: {"a":1}\n\ndata: [DONE]\n\n', [SseEvent('{"a":1}'), SseEvent("[DONE]")]),
    "line separators of Unicode do not end a line": (
        'data: "a\u2028b\u2029c\x85d\x0be\x0c"\n\n'.encode(),
        [SseEvent('"a\u2028b\u2029c\x85d\x0be\x0c"')],
    ),
    "CRLF": (b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", [SseEvent("a\nb"), SseEvent("c")]),
    "CR": (b"data: a\rdata: b\r\rdata: c\r\r", [SseEvent("a\nb"), SseEvent("c")]),
    "mixed line ends": (b"data: a\rdata: b\n\r\ndata: c\r\n\n", [SseEvent("a\nb"), SseEvent("c")]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [SseEvent("a")]),
    "a mark later on is a name": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [SseEvent("a")]),
    "a mark cut short is a name": (b"\xef\xbbdata: x\ndata: a\n\n", [SseEvent("a")]),
    "many bytes a character": ("data: é€😀ﬁ\n\n".encode(), [SseEvent("é€😀ﬁ")]),
    "not UTF-8": (b"data: \xff\xfea\n\n", [SseEvent("\ufffd\ufffda")]),
    "comments": (b": one\n:two\n:\n\ndata: a\n\n", [
        SseEvent(comment="one"), SseEvent(comment="two"), SseEvent(), SseEvent("a"),
    ]),
    "a comment inside an event": (b"data: a\n: c\ndata: b\n\n", [SseEvent(comment="c"), SseEvent("a\nb")]),
    "name and id": (b"event: x\nid: 7\ndata: a\n\ndata: b\n\n", [SseEvent("a", "x", "7"), SseEvent("b")]),
    "an id with NUL is ignored": (b"id: a\0b\ndata: a\n\n", [SseEvent("a")]),
    "retry and unknown fields": (b"retry: 5\nfoo: bar\nbaz\ndata: a\n\n", [SseEvent("a")]),
    "no blank after the colon": (b"data:a\ndata:  b\n\n", [SseEvent("a\n b")]),
    "empty data": (b"data\n\ndata:\n\n", [SseEvent(""), SseEvent("")]),
    "a name without data is nothing": (b"event: x\n\ndata: a\n\n", [SseEvent("a")]),
    "no blank line at the end": (b"data: a\n\ndata: [DONE]\n", [SseEvent("a"), SseEvent("[DONE]")]),
    "no line end at the end": (b"data: a\n\ndata: [DONE]", [SseEvent("a"), SseEvent("[DONE]")]),
    "nothing": (b"", []),
}  # fmt: skip


def decode(pieces: list[bytes]) -> list[SseEvent]:
    decoder = SseDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


@pytest.mark.parametrize("name", STREAMS)
def test_every_split_in_two_and_byte_by_byte_gives_the_same_events(name: str) -> None:
    data, expected = STREAMS[name]
    assert decode([data]) == expected
    assert decode([data[i : i + 1] for i in range(len(data))]) == expected
    for cut in range(len(data) + 1):
        assert decode([data[:cut], b"", data[cut:]]) == expected


@pytest.mark.parametrize("name", STREAMS)
def test_an_event_before_does_not_change_what_follows(name: str) -> None:
    data, expected = STREAMS[name]
    if data[:1] == b"\xef":
        return
    for first in (b"data: first\n\n", b"data: first\r\n\r\n"):
        for cut in range(len(data) + 1):
            assert decode([first, data[:cut], data[cut:]]) == [SseEvent("first"), *expected]


lines = st.text(alphabet=st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), max_size=8)
events = st.builds(
    SseEvent, st.lists(lines, min_size=1, max_size=3).map("\n".join), lines, lines
).filter(lambda e: bool(e.data or e.event or e.id))  # fmt: skip


@given(st.lists(events, max_size=5), st.lists(st.integers(0, 200), max_size=6))
def test_what_is_encoded_is_decoded_in_any_split(sent: list[SseEvent], cuts: list[int]) -> None:
    data = b"".join(map(encode, sent))
    edges = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert decode(pieces) == sent


@given(st.binary(max_size=60), st.integers(0, 60))
def test_any_bytes_in_any_split_mean_the_same(data: bytes, cut: int) -> None:
    assert decode([data[:cut], data[cut:]]) == decode([data])


@given(st.text(alphabet="dat:\r\n\ufeffx é", max_size=40), st.integers(0, 60))
def test_stream_like_bytes_in_any_split_mean_the_same(text: str, cut: int) -> None:
    data = text.encode()
    assert decode([data[:cut], data[cut:]]) == decode([data])


@pytest.mark.parametrize(
    "pieces",
    [
        [b"data: " + b"x" * 100],
        [b"data: " + b"x" * 100 + b"\n\n"],
        [b"data: ok\n\n", b"data: " + b"x" * 100 + b"\n\n"],
        [b"data: xxxxxxx\n"] * 10,
        [b"x"] * 100,
        [b": " + b"x" * 100 + b"\n"],
        [b"event: " + b"x" * 100 + b"\n"],
        [b"id: " + b"x" * 100 + b"\n"],
        [b"data: " + b"x" * 30, b"\ndata: " + b"x" * 30],
    ],
)
def test_an_event_above_the_limit_is_refused_without_its_text(pieces: list[bytes]) -> None:
    decoder = SseDecoder(limit=64)
    with pytest.raises(SseError) as caught:
        [decoder.feed(piece) for piece in pieces]
    assert "x" not in str(caught.value)


def test_the_limit_counts_one_event_not_the_stream() -> None:
    decoder = SseDecoder(limit=64)
    piece = b"event: name\nid: 1\n: note\ndata: " + b"x" * 20 + b"\n\n"
    for _ in range(50):
        assert len(decoder.feed(piece)) == 2
        assert decoder.feed(piece[:25]) == [SseEvent(comment="note")] or True
        decoder.feed(piece[25:])
    assert MAX_EVENT > 10**6


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (SseEvent("a"), b"data: a\n\n"),
        (SseEvent("a\nb\r\nc\rd"), b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        (SseEvent(comment="c"), b": c\n\n"),
        (SseEvent(), b":\n\n"),
        (SseEvent("a", "e", "i", "c"), b": c\nevent: e\nid: i\ndata: a\n\n"),
        (SseEvent(comment="c\n\ndata: injected"), b": c  data: injected\n\n"),
        (SseEvent("a", event="e\r\ndata: x", id="i\0\rj"), b"event: e data: x\nid: i j\ndata: a\n\n"),
        (SseEvent(event="e"), b"event: e\ndata: \n\n"),
    ],
)
def test_encoding(event: SseEvent, data: bytes) -> None:
    assert encode(event) == data


def test_one_data_line() -> None:
    assert encode_data(b"{}") == b"data: {}\n\n"


def test_the_repr_shows_no_text() -> None:
    assert repr(SseEvent("secret", comment="secret")) == "SseEvent(chars=6)"
