"""What policy says to people: one sentence a reason code in four languages, and the words to fill it.

Every sentence says what happened, why, what to do instead and whom to ask (promise 9). Nothing of a request enters it:
names come from the tool list, kinds from `filters.entities`. Past 300 lines: each sentence stands here four times.
"""

from collections.abc import Callable, Iterable, Mapping

from filters.entities import ENTITY_TYPES
from filters.findings import Category
from gateway.errors import LANGUAGES, TEXTS, sentence
from gateway.policy.compiled import (
    DENIED,
    EXPIRED,
    LISTED_ONLY,
    NO_KEY,
    NO_REVIEW_DATE,
    NOT_APPROVED,
    REQUESTED,
    REVIEW_PASSED,
    WITHDRAWN,
)

UNKNOWN = sentence(
    "tool_unknown",
    "the model is not on the tool list, or its name leads to more than one tool (T3)",
    nl="Dit model staat niet op de lijst van AI-tools, dus uw vraag is niet doorgestuurd.{instead} Wilt u een nieuwe "
    "tool? Vraag het aan {ict}; ICT en DPO moeten beide akkoord gaan.",
    fr="Ce modèle ne figure pas sur la liste des outils d'IA, votre demande n'a donc pas été transmise.{instead} Vous "
    "souhaitez un nouvel outil ? Adressez-vous à {ict} ; l'ICT et le DPO doivent tous deux donner leur accord.",
    de="Dieses Modell steht nicht auf der Liste der KI-Werkzeuge, Ihre Anfrage wurde daher nicht weitergeleitet."
    "{instead} Brauchen Sie ein neues Werkzeug? Fragen Sie {ict}; IT und DSB müssen beide zustimmen.",
    en="This model is not on the list of AI tools, so your request was not passed on.{instead} Do you want a new tool? "
    "Ask {ict}; ICT and the DPO must both agree.",
)
SUSPENDED = sentence(
    "tool_suspended",
    "ICT or the DPO pulled the kill switch: the tool is on hold until the DPO lifts it (T4)",
    nl="{tool} is tijdelijk stilgelegd tot een risico is beoordeeld; uw vraag is niet doorgestuurd.{instead} Vragen? "
    "Neem contact op met {dpo}.",
    fr="{tool} est suspendu jusqu'à ce qu'un risque ait été évalué ; votre demande n'a pas été transmise.{instead} Des "
    "questions ? Contactez {dpo}.",
    de="{tool} ist ausgesetzt, bis ein Risiko bewertet ist; Ihre Anfrage wurde nicht weitergeleitet.{instead} Fragen? "
    "Wenden Sie sich an {dpo}.",
    en="{tool} is on hold until a risk has been assessed; your request was not passed on.{instead} Questions? "
    "Contact {dpo}.",
)
NOT_FOR_YOU = sentence(
    "tool_not_for_you",
    "the tool's entry names roles or units, and the caller's is not among them",
    nl="{tool} staat niet open voor uw functie of dienst; uw vraag is niet doorgestuurd.{instead} Hebt u deze tool "
    "nodig? Vraag het aan {ict}.",
    fr="{tool} n'est pas ouvert à votre fonction ou service ; votre demande n'a pas été transmise.{instead} Avez-vous "
    "besoin de cet outil ? Adressez-vous à {ict}.",
    de="{tool} ist für Ihre Funktion oder Dienststelle nicht freigegeben; Ihre Anfrage wurde nicht weitergeleitet."
    "{instead} Brauchen Sie dieses Werkzeug? Fragen Sie {ict}.",
    en="{tool} is not open to your role or unit; your request was not passed on.{instead} Do you need this tool? "
    "Ask {ict}.",
)


def _tool_sentence(code: str, explanation: str, *, nl: str, fr: str, de: str, en: str) -> None:
    """The frame that every "this tool cannot be used" shares; the arguments say why."""
    sentence(
        code,
        explanation,
        nl=f"{{tool}} mag u niet gebruiken: {nl}. Uw vraag is niet doorgestuurd.{{instead}} Vragen? Neem contact op "
        "met {ict} of {dpo}.",
        fr=f"Vous ne pouvez pas utiliser {{tool}} : {fr}. Votre demande n'a pas été transmise.{{instead}} Des "
        "questions ? Contactez {ict} ou {dpo}.",
        de=f"{{tool}} darf nicht benutzt werden: {de}. Ihre Anfrage wurde nicht weitergeleitet.{{instead}} Fragen? "
        "Wenden Sie sich an {ict} oder {dpo}.",
        en=f"You may not use {{tool}}: {en}. Your request was not passed on.{{instead}} Questions? Contact {{ict}} "
        "or {dpo}.",
    )


_tool_sentence(
    REQUESTED,
    "the tool was asked for, but ICT and DPO have not agreed (T3)",
    nl="de tool is aangevraagd, maar ICT en DPO hebben nog niet beslist",
    fr="l'outil a été demandé, mais l'ICT et le DPO n'ont pas encore décidé",
    de="das Werkzeug ist beantragt, aber IT und DSB haben noch nicht entschieden",
    en="the tool was asked for, but ICT and the DPO have not decided yet",
)
_tool_sentence(
    DENIED,
    "the tool is forbidden by the list (T2)",
    nl="de tool is verboden{reason}",
    fr="l'outil est interdit{reason}",
    de="das Werkzeug ist verboten{reason}",
    en="the tool is forbidden{reason}",
)
_tool_sentence(
    WITHDRAWN,
    "the tool list itself says suspended: not to be used until assessed (T4)",
    nl="de tool is opgeschort op de toollijst{reason}",
    fr="l'outil est suspendu sur la liste{reason}",
    de="das Werkzeug ist auf der Liste ausgesetzt{reason}",
    en="the tool is suspended on the tool list{reason}",
)
_tool_sentence(
    EXPIRED,
    "the tool list says that the tool's time is over",
    nl="de toelating is verlopen{reason}",
    fr="l'autorisation a expiré{reason}",
    de="die Zulassung ist abgelaufen{reason}",
    en="the permission has expired{reason}",
)
_tool_sentence(
    NOT_APPROVED,
    "the explicit agreement of ICT or of the DPO is missing (T3)",
    nl="de uitdrukkelijke toestemming van ICT of van de DPO ontbreekt",
    fr="l'accord explicite de l'ICT ou du DPO manque",
    de="die ausdrückliche Zustimmung der IT oder des DSB fehlt",
    en="the explicit agreement of ICT or of the DPO is missing",
)
_tool_sentence(
    NO_REVIEW_DATE,
    "an approved tool without a review date is not used (T6)",
    nl="er is geen datum afgesproken om de tool opnieuw te beoordelen",
    fr="aucune date de réévaluation de l'outil n'a été fixée",
    de="es ist kein Termin für die erneute Bewertung festgelegt",
    en="no date was set to assess the tool again",
)
_tool_sentence(
    REVIEW_PASSED,
    "the review date has passed: re-evaluate the tool first (T6)",
    nl="de datum om de tool opnieuw te beoordelen is voorbij",
    fr="la date de réévaluation de l'outil est dépassée",
    de="der Termin für die erneute Bewertung ist verstrichen",
    en="the date to assess the tool again has passed",
)
_tool_sentence(
    LISTED_ONLY,
    "the tool is listed, but has no endpoint behind this gateway",
    nl="deze tool loopt niet via de gateway; op de toollijst staat wat ermee mag",
    fr="cet outil ne passe pas par la passerelle ; la liste indique ce qui est permis",
    de="dieses Werkzeug läuft nicht über das Gateway; die Liste sagt, was damit erlaubt ist",
    en="this tool does not run through the gateway; the tool list says what is allowed with it",
)
_tool_sentence(
    NO_KEY,
    "the upstream's key cannot be read from its environment variable or file",
    nl="de toegangssleutel van de tool ontbreekt op de gateway",
    fr="la clé d'accès de l'outil manque sur la passerelle",
    de="der Zugangsschlüssel des Werkzeugs fehlt auf dem Gateway",
    en="the tool's access key is missing on the gateway",
)


def _block_sentence(code: str, explanation: str, *, nl: str, fr: str, de: str, en: str) -> str:
    """The frame of a block: what was found, which rule, what instead, whom to ask, and the reference."""
    return sentence(
        code,
        explanation,
        nl=f"Uw vraag is tegengehouden en niet doorgestuurd: {nl} (regel {{rule}}).{{instead}} Vragen? Neem contact op "
        "met {ict} of {dpo} en geef deze referentie: {reference}.",
        fr=f"Votre demande a été arrêtée et n'a pas été transmise : {fr} (règle {{rule}}).{{instead}} Des questions ? "
        "Contactez {ict} ou {dpo} en citant cette référence : {reference}.",
        de=f"Ihre Anfrage wurde angehalten und nicht weitergeleitet: {de} (Regel {{rule}}).{{instead}} Fragen? Wenden "
        "Sie sich an {ict} oder {dpo} und nennen Sie diese Referenz: {reference}.",
        en=f"Your request was stopped and not passed on: {en} (rule {{rule}}).{{instead}} Questions? Contact {{ict}} "
        "or {dpo} and give this reference: {reference}.",
    )


_BLOCK_TEXTS = {
    "nl": "gevonden: {kinds}; {tool} mag geen {category} krijgen",
    "fr": "éléments trouvés : {kinds} ; {tool} n'est pas autorisé à recevoir : {category}",
    "de": "gefunden: {kinds}; {tool} darf Folgendes nicht erhalten: {category}",
    "en": "found: {kinds}; {tool} may not receive {category}",
}
BLOCKED: Mapping[Category, str] = {
    Category.PERSONAL: _block_sentence(
        "personal_data_blocked", "personal data that the tool may not have (T1, D1)", **_BLOCK_TEXTS
    ),
    Category.SPECIAL: _block_sentence(
        "special_data_blocked", "data of GDPR art. 9 or 10 that the tool may not have (T1, D1)", **_BLOCK_TEXTS
    ),
    Category.CONFIDENTIAL: _block_sentence(
        "confidential_data_blocked", "a confidential document that the tool may not have (T1, D2)", **_BLOCK_TEXTS
    ),
    Category.SECURITY: _block_sentence(
        "security_data_blocked", "security information that the tool may not have (T1, D2)", **_BLOCK_TEXTS
    ),
}
CLASSIFIED = _block_sentence(
    "classified_marking_blocked",
    "a classification marking: no tool at all may have it (standards §6.5); the security officer must be told",
    nl="gevonden: {kinds}; geen enkele AI-tool mag geclassificeerde informatie krijgen. Verwittig de "
    "veiligheidsofficier",
    fr="élément trouvé : {kinds} ; aucun outil d'IA ne peut recevoir d'informations classifiées. Avertissez l'officier "
    "de sécurité",
    de="gefunden: {kinds}; kein KI-Werkzeug darf Verschlusssachen erhalten. Benachrichtigen Sie die oder den "
    "Sicherheitsbeauftragten",
    en="found: {kinds}; no AI tool at all may receive classified information. Tell the security officer",
)
IN_ATOM = _block_sentence(
    "value_in_structure",
    "a value to be replaced stands in a number, a key or an id, where no placeholder fits (promise 1)",
    nl="gevonden: {kinds}, op een plaats waar de gateway de waarde niet kan vervangen (een getal of een veldnaam)",
    fr="éléments trouvés : {kinds}, à un endroit où la passerelle ne peut pas remplacer la valeur (un nombre ou un nom "
    "de champ)",
    de="gefunden: {kinds}, an einer Stelle, an der das Gateway den Wert nicht ersetzen kann (eine Zahl oder ein "
    "Feldname)",
    en="found: {kinds}, in a place where the gateway cannot replace the value (a number or a field name)",
)
UNSCANNABLE = _block_sentence(
    "unscannable_part",
    "a part that no filter can read (an image, sound, a file by reference), and the entry says block (promise 1)",
    nl="ze bevat een afbeelding, geluid of bestand dat de gateway niet kan nakijken, en {tool} mag dat niet krijgen",
    fr="elle contient une image, un son ou un fichier que la passerelle ne peut pas vérifier, et {tool} ne peut pas le "
    "recevoir",
    de="sie enthält ein Bild, einen Ton oder eine Datei, die das Gateway nicht prüfen kann, und {tool} darf das nicht "
    "erhalten",
    en="it contains an image, sound or file that the gateway cannot check, and {tool} may not receive it",
)
NOTHING_ALLOWED = _block_sentence(
    "nothing_allowed",
    "the tool's entry lets nothing through the gateway, not even text without a finding",
    nl="{tool} mag via de gateway geen enkele tekst krijgen",
    fr="{tool} ne peut recevoir aucun texte par la passerelle",
    de="{tool} darf über das Gateway keinerlei Text erhalten",
    en="{tool} may not receive any text through the gateway",
)

CATEGORY_NAMES: Mapping[Category, Mapping[str, str]] = {
    Category.PERSONAL: {
        "nl": "persoonsgegevens",
        "fr": "données à caractère personnel",
        "de": "personenbezogene Daten",
        "en": "personal data",
    },
    Category.SPECIAL: {
        "nl": "bijzondere persoonsgegevens (AVG art. 9 en 10)",
        "fr": "données sensibles (RGPD art. 9 et 10)",
        "de": "besondere personenbezogene Daten (DSGVO Art. 9 und 10)",
        "en": "special categories of personal data (GDPR art. 9 and 10)",
    },
    Category.CONFIDENTIAL: {
        "nl": "vertrouwelijke documenten",
        "fr": "documents confidentiels",
        "de": "vertrauliche Dokumente",
        "en": "confidential documents",
    },
    Category.SECURITY: {
        "nl": "beveiligingsinformatie",
        "fr": "informations de sécurité",
        "de": "Sicherheitsinformationen",
        "en": "security information",
    },
}
"""The data categories of T1 in the words of each language."""

_AND = {"nl": "en", "fr": "et", "de": "und", "en": "and"}
_OR = {"nl": "of", "fr": "ou", "de": "oder", "en": "or"}
_INSTEAD = {
    "nl": " Gebruik in de plaats {tools}.",
    "fr": " Utilisez plutôt {tools}.",
    "de": " Benutzen Sie stattdessen {tools}.",
    "en": " Use {tools} instead.",
}
_REMOVE = {
    "nl": " Geen andere tool op de lijst mag dit krijgen: haal het weg uit uw vraag.",
    "fr": " Aucun autre outil de la liste ne peut recevoir cela : retirez-le de votre demande.",
    "de": " Kein anderes Werkzeug der Liste darf das erhalten: Entfernen Sie es aus Ihrer Anfrage.",
    "en": " No other tool on the list may receive this: take it out of your request.",
}
_REMOVE_OR = {
    "nl": " Haal het weg uit uw vraag, of gebruik {tools}: die tool mag dit wel krijgen.",
    "fr": " Retirez-le de votre demande, ou utilisez {tools}, qui peut le recevoir.",
    "de": " Entfernen Sie es aus Ihrer Anfrage, oder benutzen Sie {tools}: Dieses Werkzeug darf es erhalten.",
    "en": " Take it out of your request, or use {tools}, which may receive it.",
}
_MOST = 3


def _series(items: list[str], word: str) -> str:
    return f" {word} ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def _kind(entity_type: str, language: str) -> str:
    known = ENTITY_TYPES.get(entity_type)
    return known.names[language] if known else entity_type


def kinds(entity_types: Iterable[str], language: str) -> str:
    """The kinds that were found, each once, at most three and then an ellipsis."""
    names = list(dict.fromkeys(_kind(e, language) for e in entity_types))
    return f"{', '.join(names[:_MOST])} …" if len(names) > _MOST else _series(names, _AND[language])


def categories(found: Iterable[Category], language: str) -> str:
    """The categories in words, each once."""
    present = set(found)
    return _series([CATEGORY_NAMES[c][language] for c in Category if c in present], _OR[language])


def instead(names: list[str], language: str) -> str:
    """For a tool that cannot be used: which can; empty where none can."""
    return _INSTEAD[language].format(tools=_series(names[:_MOST], _OR[language])) if names else ""


def instead_of_block(names: list[str], language: str) -> str:
    """For a block: take it out, or use a tool that may have it."""
    if not names:
        return _REMOVE[language]
    return _REMOVE_OR[language].format(tools=_series(names[:_MOST], _OR[language]))


def fill(code: str, words: Callable[[str], Mapping[str, str]]) -> dict[str, str]:
    """The code's sentence in every language with its words filled in; safe for a later `format_map`."""
    return {
        language: TEXTS[code][language].format_map(words(language)).replace("{", "{{").replace("}", "}}")
        for language in LANGUAGES
    }
