"""The visible sentence: when an answer may carry it, what it says, and how it is taken out of the history again.

All conditions must hold (standards §1.5 d); the reason why it was left out is part of the label (promise 8, 10).
"""

from typing import Final

import re2

from gateway.exchange import AnswerFacts, Exchange, Role

SENTENCES: Final = {
    "nl": "Gegenereerd met AI ({tool}). Nog niet door een medewerker nagekeken.",
    "fr": "Généré par l'IA ({tool}). Pas encore relu par un agent.",
    "de": "Mit KI erstellt ({tool}). Noch nicht von einer Person geprüft.",
    "en": "Generated with AI ({tool}). Not yet checked by a member of staff.",
}
SEPARATOR: Final = "\n\n"
MIN_CHARACTERS: Final = 80  # guidelines 64-68: short sequences (words, captions) are out of scope

_OWN = re2.compile(
    r"(?:\s*(?:Gegenereerd met AI \([^()\n]{1,120}\)\. Nog niet door een medewerker nagekeken\."
    r"|Généré par l'IA \([^()\n]{1,120}\)\. Pas encore relu par un agent\."
    r"|Mit KI erstellt \([^()\n]{1,120}\)\. Noch nicht von einer Person geprüft\."
    r"|Generated with AI \([^()\n]{1,120}\)\. Not yet checked by a member of staff\.))+\s*$"
)


def text(language: str, tool: str) -> str:
    """The sentence in a language (English where it is missing). Parentheses in a tool's name become brackets."""
    name = tool.replace("(", "[").replace(")", "]")
    return SENTENCES.get(language, SENTENCES["en"]).format(tool=name)


def strip(content: str) -> str:
    """`content` without our own sentence at its end, so that the model does not learn to write it."""
    if not content.rstrip().endswith((".",)):
        return content
    return str(_OWN.sub("", content))


def reason_left_out(x: Exchange, facts: AnswerFacts) -> str | None:  # noqa: PLR0911  (one return a condition)
    """Why this answer carries no visible sentence; None when it does. Codes of a closed list."""
    if x.tool is None or not x.tool.visible_label:
        return "not_opted_in"
    if x.principal is not None and x.principal.role is Role.SERVICE and not x.principal.vouched:
        return "service_key"
    if facts.json_mode:
        return "response_format"
    if facts.has_tool_calls:
        return "tool_calls"
    if facts.code_only:
        return "code_only"
    if facts.choices != 1:
        return "several_choices"
    if facts.logprobs:
        return "logprobs"
    if facts.finish_reasons != ("stop",):
        return "finish_reason"
    if facts.characters < MIN_CHARACTERS:
        return "too_short"
    return None
