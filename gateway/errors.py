"""Errors that may reach a person. Only these do: anything else becomes `internal_error` at the outermost layer.

GatewayError
├── BadRequest            400  the request is not what the wire format allows
│   ├── TooLarge          413
│   └── UnsupportedMedia  415
├── Unauthenticated       401
├── Forbidden             403
├── NotFound              404
├── Conflict              409  what is asked does not fit what is in force (administration only)
├── LimitReached          429  a quota of ours; never used for a block (clients retry it)
├── Blocked               400  content_filter: policy stopped the request (promise 9)
├── Unavailable           503  we cannot keep a promise now, so we refuse (promise 2)
└── UpstreamError         502
    └── UpstreamTimeout   504
"""

from collections.abc import Mapping
from typing import Any, ClassVar

LANGUAGES = ("nl", "fr", "de", "en")
REASON_CODES: dict[str, str] = {}
"""Every reason code with one line of explanation; `docs/configuration.md` must name each (a test compares)."""


def reason(code: str, explanation: str) -> str:
    """Register a reason code: a stable string in errors and records."""
    REASON_CODES[code] = explanation
    return code


class GatewayError(Exception):
    """An error that is safe to show: `params` holds values from closed lists only, never request text.

    `reason_code` is stable; `texts` maps a language to one plain sentence with `{name}` places for `params`.
    """

    status: ClassVar[int] = 500
    error_type: ClassVar[str] = "api_error"

    def __init__(
        self,
        reason_code: str,
        *,
        texts: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason_code)
        self.reason_code = reason_code
        self.texts: Mapping[str, str] = texts or TEXTS.get(reason_code) or TEXTS["internal_error"]
        self.params: Mapping[str, str] = params or {}
        self.param = param  # the field of the request, when the wire format names one
        self.headers: Mapping[str, str] = headers or {}

    def message(self, language: str) -> str:
        """One plain sentence in the reader's language; English where a language is missing."""
        text = self.texts.get(language) or self.texts["en"]
        return text.format_map(dict(self.params))


class BadRequest(GatewayError):
    status = 400
    error_type = "invalid_request_error"


class TooLarge(BadRequest):
    status = 413


class UnsupportedMedia(BadRequest):
    status = 415


class Unauthenticated(GatewayError):
    status = 401
    error_type = "invalid_request_error"


class Forbidden(GatewayError):
    status = 403
    error_type = "invalid_request_error"


class NotFound(GatewayError):
    status = 404
    error_type = "invalid_request_error"


class Conflict(GatewayError):
    status = 409
    error_type = "invalid_request_error"


class LimitReached(GatewayError):
    status = 429
    error_type = "rate_limit_error"


class Blocked(GatewayError):
    """Policy stopped the request; the wire format renders it as a content filter result.

    `details` goes into the body for programs: kinds, rule, reference; never a value.
    """

    status = 400
    error_type = "invalid_request_error"

    def __init__(
        self,
        reason_code: str,
        *,
        texts: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(reason_code, texts=texts, params=params, param="messages")
        self.details: Mapping[str, Any] = details or {}


class Unavailable(GatewayError):
    status = 503
    error_type = "api_error"


class UpstreamError(GatewayError):
    status = 502
    error_type = "api_error"


class UpstreamTimeout(UpstreamError):
    status = 504


TEXTS: dict[str, dict[str, str]] = {}
"""Reason code → language → sentence. `sentence()` fills it; each code has all four languages (a test compares)."""


def sentence(code: str, explanation: str, *, nl: str, fr: str, de: str, en: str) -> str:
    """Register a reason code together with its sentence in four languages."""
    TEXTS[code] = {"nl": nl, "fr": fr, "de": de, "en": en}
    return reason(code, explanation)


INTERNAL_ERROR = sentence(
    "internal_error",
    "something unexpected went wrong inside the gateway; the request was stopped",
    nl="Er ging iets mis in de gateway; uw vraag is niet doorgestuurd. Probeer later opnieuw of vraag hulp aan ICT.",
    fr="Un problème est survenu dans la passerelle ; votre demande n'a pas été transmise. Réessayez plus tard ou "
    "demandez de l'aide à l'ICT.",
    de="Im Gateway ist ein Fehler aufgetreten; Ihre Anfrage wurde nicht weitergeleitet. Versuchen Sie es später noch "
    "einmal oder fragen Sie die IT.",
    en="Something went wrong in the gateway; your request was not passed on. Try again later or ask ICT for help.",
)
