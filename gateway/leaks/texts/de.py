"""Deutsch."""

from typing import Final

SUBJECTS: Final = {
    "near_miss_first": "Beinahe-Datenpanne gestoppt, nichts ist abgegangen",
    "near_miss_digest": "Übersicht der gestoppten Beinahe-Datenpannen",
    "suspicion_opened": "Verdacht auf eine Datenpanne: Ihr Urteil ist nötig ({incident})",
    "incident_opened": "Mögliche Datenpanne, die Frist von 72 Stunden läuft ({incident})",
    "incident_closed": "Vorfall geschlossen ({incident})",
    "policy_changed": "Die Werkzeugliste wurde geändert",
    "policy_bad": "Die Werkzeugliste enthält einen Fehler und wurde nicht geladen",
    "review_due": "Die Neubewertung eines KI-Werkzeugs steht an",
    "tool_suspended": "Ein KI-Werkzeug wurde gesperrt",
    "tool_lifted": "Ein KI-Werkzeug wurde wieder freigegeben",
}

WHAT: Final = {
    "near_miss_first": "Das Gateway hat eine Nachricht an ein KI-Werkzeug angehalten, weil sie Daten enthielt, die "
    "dieses Werkzeug nicht erhalten darf. Nichts wurde an das Werkzeug gesendet. Das ist eine Beinahe-Datenpanne und "
    "keine Datenpanne: Es läuft keine Frist von 72 Stunden. Weitere Fälle derselben Dienststelle in dieser Stunde "
    "stehen in einer Übersicht.",
    "near_miss_digest": "Seit der letzten Übersicht hat das Gateway {count} Nachrichten angehalten, über die Sie noch "
    "keine Mail erhalten haben. Nichts wurde an ein KI-Werkzeug gesendet. Es läuft keine Frist von 72 Stunden.",
    "suspicion_opened": "Das Gateway hat etwas gesehen, das eine Datenpanne sein kann, das aber nur ein Mensch "
    "beurteilen kann. Solange Sie es nicht bestätigen, läuft keine Frist von 72 Stunden.",
    "incident_opened": "Möglicherweise liegt eine Datenpanne vor: Daten können an ein KI-Werkzeug gelangt sein, das "
    "sie nicht erhalten darf. Die Frist von 72 Stunden für eine Meldung (DSGVO Art. 33) läuft bis {deadline}.",
    "incident_closed": "Der Vorfall {incident} wurde geschlossen. Der Grund steht beim Vorfall, nicht in dieser Mail.",
    "policy_changed": "Die Liste der KI-Werkzeuge (allowlist.yaml) wurde geändert und die Änderung ist in Kraft.",
    "policy_bad": "Die Liste der KI-Werkzeuge (allowlist.yaml) wurde geändert, enthält aber einen Fehler. Die neue "
    "Fassung wurde nicht geladen; die letzte gute Fassung bleibt in Kraft.",
    "review_due": "Die Neubewertung des Werkzeugs {tool} ist in {days} Tag(en) fällig. Danach verweigert das Gateway "
    "dieses Werkzeug.",
    "tool_suspended": "Das Werkzeug {tool} wurde gesperrt. Jede Anfrage an dieses Werkzeug wird ab jetzt verweigert.",
    "tool_lifted": "Die Sperre des Werkzeugs {tool} wurde aufgehoben. Es kann wieder so genutzt werden, wie die Liste "
    "es sagt.",
}

TODO: Final = {
    "near_miss_first": (
        "Der Aufsichtsbehörde ist nichts zu melden.",
        "Sehen Sie nach, was angehalten wurde: sluis record {reference}",
        "Geschieht das in einer Dienststelle oft, bieten Sie Hilfe oder ein geeignetes Werkzeug an.",
    ),
    "near_miss_digest": (
        "Der Aufsichtsbehörde ist nichts zu melden.",
        "Sehen Sie, welche Dienststelle oder welches Werkzeug auffällt, und bieten Sie Hilfe an.",
    ),
    "suspicion_opened": (
        "Sehen Sie sich den Verdacht an: sluis incident show {incident}",
        "Ist es eine Datenpanne, bestätigen Sie sie: sluis incident confirm {incident}. Dann laufen die 72 Stunden.",
        "Ist es keine, schließen Sie den Verdacht mit einem Grund: sluis incident close {incident}",
    ),
    "incident_opened": (
        "Sehen Sie sich den Vorfall an: sluis incident show {incident}",
        "Sperren Sie das Werkzeug bei Bedarf, bis das Risiko bewertet ist: sluis suspend {tool}",
        "Bitten Sie den Anbieter bei Bedarf, die Daten zu löschen.",
        (
            "Entscheiden Sie vor Ablauf der Frist, ob die Aufsichtsbehörde und die Betroffenen zu benachrichtigen sind "
            "(DSGVO Art. 33 und 34). Das Gateway meldet nie selbst."
        ),
        "Schließen Sie den Vorfall mit einem Grund: sluis incident close {incident}",
    ),
    "incident_closed": (
        (
            "Prüfen Sie, ob die Maßnahmen und die Entscheidung über eine Meldung in Ihrem Verzeichnis stehen (DSGVO "
            "Art. 33 Abs. 5)."
        ),
    ),
    "policy_changed": (
        "Prüfen Sie, ob jede Änderung unten zwischen IT und DSB vereinbart ist.",
        "Stimmt etwas nicht, sperren Sie das Werkzeug (sluis suspend) und bitten Sie die IT, die Liste zu berichtigen.",
    ),
    "policy_bad": ("IT: Führen Sie sluis check aus, beheben Sie den Fehler und speichern Sie die Datei neu.",),
    "review_due": (
        (
            "Bewerten Sie das Werkzeug neu (Risikoanalyse, Bedingungen, DSFA) und tragen Sie das neue Datum in "
            "allowlist.yaml ein."
        ),
        "Wird das Werkzeug nicht mehr genutzt, nehmen Sie die Genehmigung zurück.",
    ),
    "tool_suspended": (
        "Bewerten Sie das Risiko. Nur der DSB kann die Sperre aufheben.",
        "Sagen Sie den Nutzern, welches Werkzeug sie inzwischen nutzen können.",
    ),
    "tool_lifted": ("Prüfen Sie, ob die Risikobewertung in Ihrer Akte liegt.",),
}

WORDS: Final = {
    "incident": "Vorfall",
    "deadline": "Frist von 72 Stunden bis",
    "aware_at": "Bekannt seit",
    "source": "Quelle",
    "by": "Durch",
    "categories": "Art der Daten",
    "kinds": "Gefunden",
    "count": "Anzahl der Nachrichten",
    "unit": "Dienststelle",
    "tool": "Werkzeug",
    "reason": "Grund (Code)",
    "due": "Stichtag",
    "since": "Ab",
    "at": "Zeitpunkt",
    "references": "Referenz",
    "more": "und {count} weitere",
    "lines": "Änderungen oder Fehler",
    "todo": "Was Sie tun können",
    "unknown": "(unbekannt)",
    "ask": "Fragen zu dieser Mail: die IT-Stelle, die das Gateway betreibt.",
    "no_values": "Diese Mail wurde automatisch erstellt und enthält keine Werte: keine Namen, Nummern oder Texte aus "
    "einer Nachricht.",
}

CATEGORIES: Final = {
    "personal": "personenbezogene Daten",
    "special": "besondere Kategorien personenbezogener Daten (DSGVO Art. 9 oder 10)",
    "confidential": "vertrauliche Informationen",
    "security": "Sicherheitsinformationen",
}

SOURCES: Final = {
    "self_report": "Meldung eines Mitarbeiters oder einer Mitarbeiterin",
    "forwarded": "weitergeleitet, obwohl die Regeln es hätten stoppen müssen",
    "confirmed": "Verdacht, vom DSB bestätigt",
}

ROLES: Final = {
    "staff": "Mitarbeiter/in",
    "ict": "IT",
    "dpo": "DSB",
    "service": "Mitarbeiter/in (über einen Chatserver)",
    "gateway": "das Gateway selbst",
}

ENTITY_TYPES: Final = {
    "PERSON": "Name",
    "LOCATION": "Adresse oder Ort",
    "ADDRESS": "Adresse",
    "DATE_OF_BIRTH": "Geburtsdatum",
    "EMAIL_ADDRESS": "E-Mail-Adresse",
    "PHONE_NUMBER": "Telefonnummer",
    "IBAN_CODE": "Kontonummer (IBAN)",
    "CREDIT_CARD": "Kartennummer",
    "IP_ADDRESS": "IP-Adresse",
    "BE_NATIONAL_NUMBER": "belgische Nationalregisternummer",
    "NL_BSN": "niederländische Bürgerservicenummer (BSN)",
}
