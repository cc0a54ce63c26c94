"""What the routes of leaks say to people: refusals with their reason codes, and the reporter's thanks."""

from collections.abc import Mapping
from typing import Final

from gateway.errors import sentence

REPORT_INVALID = sentence(
    "leaks_request_invalid",
    "the body or a parameter of a report or an incident request is not what its description says",
    nl="De melding of aanvraag is niet goed ingevuld. Er is niets vastgelegd. Bel bij een datalek meteen de DPO.",
    fr="Le signalement ou la demande n'est pas correctement rempli. Rien n'a été enregistré. En cas de fuite de "
    "données, appelez le DPO sans attendre.",
    de="Die Meldung oder Anfrage ist nicht richtig ausgefüllt. Es wurde nichts festgehalten. Rufen Sie bei einer "
    "Datenpanne sofort den DSB an.",
    en="The report or request is not filled in correctly. Nothing was written down. In case of a data leak, call the "
    "DPO at once.",
)
REPORT_TOO_LARGE = sentence(
    "leaks_request_too_large",
    "the body of a report is larger than 64 KiB",
    nl="De melding is te lang. Beschrijf in het kort wat er gebeurde, zonder de gelekte gegevens zelf.",
    fr="Le signalement est trop long. Décrivez brièvement ce qui s'est passé, sans les données elles-mêmes.",
    de="Die Meldung ist zu lang. Beschreiben Sie kurz, was geschah, ohne die Daten selbst.",
    en="The report is too long. Describe in short what happened, without the leaked data itself.",
)
DPO_ONLY = sentence(
    "dpo_only",
    "only a key with the role dpo may see or move incidents",
    nl="Alleen de DPO kan incidenten zien en afhandelen. Iets melden kan iedereen: sluis report",
    fr="Seul le DPO peut voir et traiter les incidents. Tout le monde peut signaler : sluis report",
    de="Nur der DSB kann Vorfälle sehen und bearbeiten. Melden kann jeder: sluis report",
    en="Only the DPO can see and handle incidents. Anybody can report: sluis report",
)

THANKS: Final[Mapping[str, str]] = {
    "nl": "Uw melding is vastgelegd als {reference} en de DPO is verwittigd. Gebruik de tool niet verder tot u iets "
    "hoort. Vragen: noem deze referentie aan de DPO.",
    "fr": "Votre signalement est enregistré sous {reference} et le DPO est averti. N'utilisez plus l'outil jusqu'à "
    "nouvel ordre. Questions : citez cette référence au DPO.",
    "de": "Ihre Meldung ist als {reference} festgehalten und der DSB ist benachrichtigt. Nutzen Sie das Werkzeug nicht "
    "weiter, bis Sie etwas hören. Fragen: Nennen Sie dem DSB diese Referenz.",
    "en": "Your report is on record as {reference} and the DPO was told. Do not use the tool until you hear more. "
    "Questions: give the DPO this reference.",
}
NOT_KEPT: Final[Mapping[str, str]] = {
    "nl": " Uw tekst kon nu niet nagekeken worden en is niet bewaard: vertel de DPO zelf wat er gebeurde.",
    "fr": " Votre texte n'a pas pu être contrôlé et n'a pas été conservé : expliquez vous-même au DPO ce qui s'est "
    "passé.",
    "de": " Ihr Text konnte gerade nicht geprüft werden und wurde nicht gespeichert: Erzählen Sie dem DSB selbst, was "
    "geschah.",
    "en": " Your text could not be checked just now and was not kept: tell the DPO yourself what happened.",
}
