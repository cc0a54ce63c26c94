"""Keys, passwords and connection strings (standards.md §6.4). Own patterns; the full gitleaks rules come later."""

from collections.abc import Sequence

from filters.entities import ENTITY_TYPES
from filters.findings import Finding, OperatingPoint, Slot
from filters.patterns import PatternSet, compile_pattern

_EDGE = r"(?:^|[^A-Za-z0-9_])"
_NOT_VALUES_TEXT = """
is was wordt vergeten reset resetten wijzigen instellen opnieuw nieuw nodig verplicht vereist oublié nouveau requis
vergessen ändern neu forgotten forgot required policy manager reset change invalid incorrect wrong null none true
false verlopen expired string str input
"""
_NOT_VALUES = frozenset(_NOT_VALUES_TEXT.split())

# entity type, name, pattern with the secret in group 1, what must occur for it to be tried
_ROWS: tuple[tuple[str, str, str, str], ...] = (
    (
        "PRIVATE_KEY",
        "pem",
        (
            r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s:,.\\-]*"
            r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s\\]*))"
        ),
        r"PRIVATE KEY",
    ),
    ("PRIVATE_KEY", "putty", r"(PuTTY-User-Key-File-[23]:[^\n]*(?:\n[^\n]+){0,60})", r"PuTTY-User-Key-File"),
    ("SECRET", "jwt", rf"{_EDGE}(eyJ[A-Za-z0-9_-]{{8,}}\.eyJ[A-Za-z0-9_-]{{8,}}(?:\.[A-Za-z0-9_-]*)?)", r"eyJ"),
    ("SECRET", "sluis", rf"{_EDGE}(sluis_[A-Za-z0-9_-]{{8,}})", r"sluis_"),
    ("SECRET", "aws", rf"{_EDGE}((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{{16}})", r"(?:AKIA|ASIA|ABIA|ACCA)"),
    (
        "SECRET",
        "aws_secret",
        r"(?i)aws.{0,20}(?:secret|key).{0,20}[=: \"']([A-Za-z0-9/+=]{40})",
        r"(?i)aws",
    ),
    (
        "SECRET",
        "github",
        rf"{_EDGE}((?:gh[pousr]_[A-Za-z0-9]{{36,}}|github_pat_[A-Za-z0-9_]{{22,}}))",
        r"gh[pousr]_|github_pat_",
    ),
    (
        "SECRET",
        "gitlab",
        rf"{_EDGE}(gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_.-]{{20,}})",
        r"gl[a-z]{2,5}-",
    ),
    ("SECRET", "slack", rf"{_EDGE}(xox[abeoprs]-[A-Za-z0-9-]{{10,}}|xapp-[0-9]-[A-Za-z0-9-]{{10,}})", r"xox|xapp-"),
    ("SECRET", "slack_hook", r"(https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9+/]{20,})", r"hooks\.slack"),
    (
        "SECRET",
        "teams_hook",
        r"(https://[a-z0-9-]+\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/-]{30,})",
        r"webhook\.office",
    ),
    ("SECRET", "openai", rf"{_EDGE}(sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{{20,}})", r"sk-"),
    ("SECRET", "anthropic", rf"{_EDGE}(sk-ant-[A-Za-z0-9_-]{{20,}})", r"sk-ant-"),
    ("SECRET", "google", rf"{_EDGE}(AIza[A-Za-z0-9_-]{{35}})", r"AIza"),
    ("SECRET", "google_oauth", rf"{_EDGE}(GOCSPX-[A-Za-z0-9_-]{{20,}}|ya29\.[A-Za-z0-9_-]{{20,}})", r"GOCSPX-|ya29\."),
    ("SECRET", "huggingface", rf"{_EDGE}(hf_[A-Za-z0-9]{{30,}})", r"hf_"),
    ("SECRET", "mistral_groq", rf"{_EDGE}((?:gsk|xai|r8|pplx)[_-][A-Za-z0-9]{{30,}})", r"(?:gsk|xai|r8|pplx)[_-]"),
    (
        "SECRET",
        "stripe",
        rf"{_EDGE}([rs]k_(?:live|test)_[A-Za-z0-9]{{16,}}|whsec_[A-Za-z0-9+/=]{{24,}})",
        r"k_(?:live|test)_|whsec_",
    ),
    ("SECRET", "npm_pypi", rf"{_EDGE}(npm_[A-Za-z0-9]{{36}}|pypi-[A-Za-z0-9_-]{{50,}})", r"npm_|pypi-"),
    ("SECRET", "sendgrid", rf"{_EDGE}(SG\.[A-Za-z0-9_-]{{16,32}}\.[A-Za-z0-9_-]{{30,}})", r"SG\."),
    ("SECRET", "telegram", rf"{_EDGE}([0-9]{{8,10}}:AA[A-Za-z0-9_-]{{33}})", r":AA"),
    (
        "SECRET",
        "azure_storage",
        r"(?i)((?:AccountKey|SharedAccessKey|SharedAccessSignature)=[A-Za-z0-9+/%=&;-]{20,})",
        r"(?i)AccountKey|SharedAccess",
    ),
    ("SECRET", "azure_sas", r"([?&]sig=[A-Za-z0-9%+/=]{20,})", r"sig="),
    ("SECRET", "azure_client", rf"{_EDGE}([A-Za-z0-9_~.-]{{3}}[0-9]Q~[A-Za-z0-9_~.-]{{31,34}})", r"Q~"),
    (
        "SECRET",
        "bearer",
        r"(?i)(?:authorization[\"']?\s*[:=]\s*[\"']?)?(?:bearer|basic)\s+([A-Za-z0-9_.~+/=-]{24,})",
        r"(?i)bearer|basic",
    ),
    (
        "SECRET",
        "named_key",
        (
            r"(?i)(?:api[_ -]?key|api[_ -]?sleutel|secret[_ -]?key|client[_ -]?secret|access[_ -]?token|auth[_"
            r" -]?token|api[_ -]?token"
            r"|geheime sleutel|clé api|clé secrète|api-schlüssel|private[_ -]?token)"
            r"[\"'`]?(?:\s*(?:[:=]|=>|is|est|ist|luidt)\s*)[\"'`]?([A-Za-z0-9_./+=~!@#$%^&*-]{8,})"
        ),
        r"(?i)key|sleutel|secret|token|cl[eé]|schlüssel",
    ),
    (
        "CONNECTION_STRING",
        "url_password",
        r"(?i)([a-z][a-z0-9+.-]{1,30}://[^\s:/@\"'<>]{0,80}:[^\s/@\"'<>]{1,120}@[^\s\"'<>]{1,300})",
        r"://[^\s]{0,200}@",
    ),
    (
        "CONNECTION_STRING",
        "dsn",
        (
            r"(?i)((?:server|data source|host|addr|address|network address)\s*=\s*[^;\n]{1,200};[^\n]{0,400}?"
            r"(?:password|pwd)\s*=\s*[^;\n\"']{1,120})"
        ),
        r"(?i)(?:password|pwd)\s*=",
    ),
    (
        "PASSWORD",
        "password",
        (
            r"(?i)(?:^|[^\pL])(?:wachtwoord|paswoord|passwoord|wachtwoorden|mot de passe|mdp|passwort|kennwort"
            r"|password|passwd|passphrase|wachtwoordzin|pwd"
            r"|pincode|pin-code|code pin|toegangscode)"
            r"(?:[ \t]+(?:van|voor|de|du|pour|für|von|for|of)[ \t]+[^\s:=]{1,40}){0,2}"
            r"[\"'`*]{0,3}[ \t]*(?:[:=]|=>|->|is[:]?|est[:]?|ist[:]?|luidt[:]?"
            r"|wordt[:]?)[ \t]*[\"'`*„«“]{0,3}([^\s\"'`„”“»<>]{4,128})"
        ),
        (
            r"(?i)wachtwoord|pas+wo+rd|mot de passe|mdp|kennwort|passwort|passwd|passphrase|pwd|pin-?code|code pin"
            r"|toegangscode"
        ),
    ),
)


class SecretsFilter:
    """Security: what opens a door."""

    name = "secrets"

    def __init__(self) -> None:
        self._patterns = [(kind, f"secret_{name}", compile_pattern(pattern)) for kind, name, pattern, _ in _ROWS]
        self._prefilter = PatternSet([needed for *_, needed in _ROWS])

    def inspect(self, slots: Sequence[Slot], point: OperatingPoint) -> list[Finding]:
        """The same at both points: a key is a key."""
        del point
        return [finding for number, slot in enumerate(slots) for finding in self._slot(number, slot.text)]

    def _slot(self, number: int, text: str) -> list[Finding]:
        found = []
        for index in self._prefilter.present(text):
            kind, origin, pattern = self._patterns[index]
            for match in pattern.finditer(text):
                start, end = _trim(text, *match.span(1))
                if kind == "PASSWORD" and not _is_password(text[start:end]):
                    continue
                if origin == "secret_named_key" and not _is_random(text[start:end]):
                    continue
                found.append(Finding(number, start, end, kind, ENTITY_TYPES[kind].category, 0.9, origin))
        return found


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Closing punctuation of the sentence is no part of the secret, but losing one character of it does no harm."""
    while end - start > 1 and text[end - 1] in ".,;:)]}\n\r\t ":
        end -= 1
    return start, end


def _is_password(value: str) -> bool:
    """Anything but an ordinary word of prose: "het wachtwoord is vergeten" tells nothing."""
    if value.lower() in _NOT_VALUES or set(value) <= set("*•.xX-_…"):
        return False
    plain = value.isalpha() and (value.islower() or value.istitle())
    return not plain or len(value) < 4  # noqa: PLR2004


def _is_random(value: str) -> bool:
    """Letters and digits mixed, as keys are."""
    return any(map(str.isdecimal, value)) and any(map(str.isalpha, value))
