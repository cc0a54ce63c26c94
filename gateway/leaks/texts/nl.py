"""Nederlands."""

from typing import Final

SUBJECTS: Final = {
    "near_miss_first": "Bijna-lek gestopt, er is niets vertrokken",
    "near_miss_digest": "Overzicht van gestopte bijna-lekken",
    "suspicion_opened": "Vermoeden van een datalek: uw oordeel is nodig ({incident})",
    "incident_opened": "Mogelijk datalek, de termijn van 72 uur loopt ({incident})",
    "incident_closed": "Incident gesloten ({incident})",
    "policy_changed": "De toollijst is gewijzigd",
    "policy_bad": "De toollijst bevat een fout en is niet geladen",
    "review_due": "Een herbeoordeling van een AI-tool nadert",
    "tool_suspended": "Een AI-tool is stilgelegd",
    "tool_lifted": "Een AI-tool is weer vrijgegeven",
}

WHAT: Final = {
    "near_miss_first": "De gateway heeft een bericht aan een AI-tool tegengehouden, omdat er gegevens in stonden die "
    "deze tool niet mag krijgen. Er is niets naar de tool vertrokken. Dit is een bijna-lek en geen datalek: er loopt "
    "geen termijn van 72 uur. Volgende bijna-lekken van dezelfde dienst in dit uur komen in een overzicht.",
    "near_miss_digest": "Sinds het vorige overzicht heeft de gateway {count} berichten tegengehouden waarover u nog "
    "geen mail kreeg. Er is niets naar een AI-tool vertrokken. Er loopt geen termijn van 72 uur.",
    "suspicion_opened": "De gateway zag iets dat een datalek kan zijn, maar dat alleen een mens kan beoordelen. "
    "Zolang u het niet bevestigt, loopt er geen termijn van 72 uur.",
    "incident_opened": "Er is mogelijk een datalek: gegevens kunnen bij een AI-tool terechtgekomen zijn die ze niet "
    "mag krijgen. De termijn van 72 uur om te melden (AVG art. 33) loopt tot {deadline}.",
    "incident_closed": "Incident {incident} is gesloten. De reden staat bij het incident, niet in deze mail.",
    "policy_changed": "De lijst van AI-tools (allowlist.yaml) is gewijzigd en de wijziging is van kracht.",
    "policy_bad": "De lijst van AI-tools (allowlist.yaml) is gewijzigd, maar bevat een fout. De nieuwe versie is niet "
    "geladen; de vorige goede versie blijft van kracht.",
    "review_due": "De herbeoordeling van de tool {tool} moet binnen {days} dag(en) gebeuren. Daarna weigert de gateway "
    "deze tool.",
    "tool_suspended": "De tool {tool} is stilgelegd. Alle aanvragen voor deze tool worden vanaf nu geweigerd.",
    "tool_lifted": "De stillegging van de tool {tool} is opgeheven. De tool kan weer gebruikt worden zoals op de lijst "
    "staat.",
}

TODO: Final = {
    "near_miss_first": (
        "U hoeft niets te melden aan de toezichthouder.",
        "Zoek op wat er tegengehouden is: sluis record {reference}",
        "Gebeurt dit vaak bij een dienst, bied dan uitleg of een geschikte tool aan.",
    ),
    "near_miss_digest": (
        "U hoeft niets te melden aan de toezichthouder.",
        "Kijk welke dienst of tool opvalt en bied uitleg of een geschikte tool aan.",
    ),
    "suspicion_opened": (
        "Bekijk het vermoeden: sluis incident show {incident}",
        (
            "Is het een datalek, bevestig het dan: sluis incident confirm {incident}. Vanaf dan loopt de "
            "termijn van 72 uur."
        ),
        "Is het er geen, sluit het dan met een reden: sluis incident close {incident}",
    ),
    "incident_opened": (
        "Bekijk het incident: sluis incident show {incident}",
        "Leg de tool zo nodig stil tot het risico beoordeeld is: sluis suspend {tool}",
        "Vraag de aanbieder zo nodig om de gegevens te wissen.",
        (
            "Beslis vóór de termijn of u moet melden aan de toezichthouder en aan de betrokkenen (AVG art. 33 en 34). "
            "De gateway meldt nooit zelf."
        ),
        "Sluit het incident met een reden: sluis incident close {incident}",
    ),
    "incident_closed": (
        "Controleer of de maatregelen en de beslissing om al dan niet te melden in uw register staan (AVG art. 33(5)).",
    ),
    "policy_changed": (
        "Controleer of elke wijziging hieronder afgesproken is tussen ICT en DPO.",
        "Klopt er iets niet, leg de tool dan stil (sluis suspend) en vraag ICT om de lijst te herstellen.",
    ),
    "policy_bad": ("ICT: voer sluis check uit, herstel de fout en bewaar het bestand opnieuw.",),
    "review_due": (
        "Herbeoordeel de tool (risicoanalyse, voorwaarden, DPIA) en zet de nieuwe datum in allowlist.yaml.",
        "Wordt de tool niet meer gebruikt, haal dan de goedkeuring weg.",
    ),
    "tool_suspended": (
        "Beoordeel het risico. Alleen de DPO kan de stillegging opheffen.",
        "Laat de gebruikers weten welke tool zij intussen kunnen gebruiken.",
    ),
    "tool_lifted": ("Ga na of de risicobeoordeling in uw dossier zit.",),
}

WORDS: Final = {
    "incident": "Incident",
    "deadline": "Termijn van 72 uur tot",
    "aware_at": "Bekend sinds",
    "source": "Bron",
    "by": "Door",
    "categories": "Soort gegevens",
    "kinds": "Gevonden",
    "count": "Aantal berichten",
    "unit": "Dienst",
    "tool": "Tool",
    "reason": "Reden (code)",
    "due": "Uiterste datum",
    "since": "Vanaf",
    "at": "Tijdstip",
    "references": "Referentie",
    "more": "en nog {count}",
    "lines": "Wijzigingen of fouten",
    "todo": "Wat u kunt doen",
    "unknown": "(onbekend)",
    "ask": "Vragen over deze mail: de ICT-dienst die de gateway beheert.",
    "no_values": "Deze mail is automatisch gemaakt en bevat geen waarden: geen namen, nummers of tekst.",
}

CATEGORIES: Final = {
    "personal": "persoonsgegevens",
    "special": "bijzondere persoonsgegevens (AVG art. 9 of 10)",
    "confidential": "vertrouwelijke gegevens",
    "security": "beveiligingsgegevens",
}

SOURCES: Final = {
    "self_report": "melding door een medewerker",
    "forwarded": "doorgestuurd terwijl het beleid het moest tegenhouden",
    "confirmed": "vermoeden, bevestigd door de DPO",
}

ROLES: Final = {
    "staff": "medewerker",
    "ict": "ICT",
    "dpo": "DPO",
    "service": "medewerker (via een chatserver)",
    "gateway": "de gateway zelf",
}

ENTITY_TYPES: Final = {
    "PERSON": "naam",
    "LOCATION": "adres of plaats",
    "ADDRESS": "adres",
    "DATE_OF_BIRTH": "geboortedatum",
    "EMAIL_ADDRESS": "e-mailadres",
    "PHONE_NUMBER": "telefoonnummer",
    "IBAN_CODE": "rekeningnummer (IBAN)",
    "CREDIT_CARD": "kaartnummer",
    "IP_ADDRESS": "IP-adres",
    "BE_NATIONAL_NUMBER": "Belgisch rijksregisternummer",
    "NL_BSN": "Nederlands burgerservicenummer",
}
