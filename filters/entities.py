"""Every kind of thing that filters can find: its category, its default action and its name for people.

Default actions come from standards.md §6.2 ("mask" reads `pseudonymize`, "flag" reads `note`), §6.4 and §6.5. `None`
follows the tool's row for the category. What "block always" means for a tool that pseudonymizes is policy's to decide.
Long because it is one table: a kind and its words stay together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from filters.findings import Category

DefaultAction = Literal["allow", "note", "pseudonymize", "block"]


@dataclass(frozen=True, slots=True)
class EntityType:
    """One kind of finding. `names` holds the word for it in nl, fr, de and en, lower case, for use in a sentence.

    `official` marks an identifier whose use law binds to a permission (§6.2 "block always"). `order` decides which type
    wins where findings of one length overlap: higher wins.
    """

    name: str
    category: Category
    default: DefaultAction | None
    names: Mapping[str, str]
    order: int
    official: bool = False


P, S, C, X = Category.PERSONAL, Category.SPECIAL, Category.CONFIDENTIAL, Category.SECURITY

# name, category, default, order, nl, fr, de, en
_ROWS: tuple[tuple[str, Category, DefaultAction | None, int, str, str, str, str], ...] = (
    # Belgian identifiers
    (
        "BE_NATIONAL_NUMBER",
        P,
        None,
        95,
        "rijksregisternummer",
        "numéro de registre national",
        "Nationalregisternummer",
        "Belgian national number",
    ),
    ("BE_BIS_NUMBER", P, None, 95, "bisnummer", "numéro bis", "Bis-Nummer", "Belgian bis number"),
    (
        "BE_EID_CARD",
        P,
        "block",
        90,
        "identiteitskaartnummer",
        "numéro de carte d'identité",
        "Personalausweisnummer",
        "identity card number",
    ),
    (
        "BE_ENTERPRISE_NUMBER",
        P,
        "note",
        60,
        "ondernemingsnummer",
        "numéro d'entreprise",
        "Unternehmensnummer",
        "enterprise number",
    ),
    (
        "BE_OGM",
        P,
        "block",
        88,
        "gestructureerde mededeling",
        "communication structurée",
        "strukturierte Mitteilung",
        "structured payment reference",
    ),
    ("BE_RIZIV", P, "block", 80, "RIZIV-nummer", "numéro INAMI", "LIKIV-Nummer", "health-care provider number"),
    ("BE_PLATE", P, "note", 40, "nummerplaat", "plaque d'immatriculation", "Kfz-Kennzeichen", "number plate"),
    # Dutch identifiers
    ("NL_BSN", P, None, 95, "burgerservicenummer", "numéro BSN", "BSN-Nummer", "citizen service number (BSN)"),
    ("NL_BTW", P, "block", 85, "btw-nummer", "numéro de TVA", "Umsatzsteuernummer", "VAT number"),
    ("NL_POSTCODE", P, None, 50, "postcode met huisnummer", "code postal", "Postleitzahl", "postcode and house number"),
    (
        "NL_ID_DOCUMENT",
        P,
        "block",
        80,
        "paspoort- of identiteitskaartnummer",
        "numéro de document d'identité",
        "Ausweisnummer",
        "identity document number",
    ),
    (
        "ID_DOCUMENT",
        P,
        "block",
        72,
        "paspoort-, rijbewijs- of kaartnummer",
        "numéro de passeport, de permis ou de carte",
        "Pass-, Führerschein- oder Ausweisnummer",
        "passport, licence or card number",
    ),
    (
        "NL_ONDERWIJSNUMMER",
        P,
        "block",
        78,
        "onderwijsnummer",
        "numéro d'enseignement",
        "Schülernummer",
        "education number",
    ),
    ("NL_KVK", P, "note", 55, "KvK-nummer", "numéro KvK", "KvK-Nummer", "chamber of commerce number"),
    # French, German and Luxembourg identifiers
    (
        "FR_NIR",
        P,
        "block",
        90,
        "Frans socialezekerheidsnummer",
        "numéro de sécurité sociale",
        "französische Sozialversicherungsnummer",
        "French social security number",
    ),
    ("FR_SIREN", P, "note", 55, "SIREN-nummer", "numéro SIREN", "SIREN-Nummer", "SIREN number"),
    (
        "DE_TAX_ID",
        P,
        "block",
        80,
        "Duits fiscaal nummer",
        "numéro fiscal allemand",
        "Steuer-Identifikationsnummer",
        "German tax number",
    ),
    (
        "DE_SOCIAL_SECURITY",
        P,
        "block",
        80,
        "Duits socialezekerheidsnummer",
        "numéro de sécurité sociale allemand",
        "Rentenversicherungsnummer",
        "German social security number",
    ),
    ("LU_MATRICULE", P, "block", 85, "Luxemburgs matricule", "matricule", "Matrikelnummer", "Luxembourg matricule"),
    (
        "US_SSN",
        P,
        None,
        82,
        "Amerikaans socialezekerheidsnummer",
        "numéro de sécurité sociale américain",
        "US-Sozialversicherungsnummer",
        "US social security number",
    ),
    # Contact, money, network
    ("EMAIL_ADDRESS", P, None, 75, "e-mailadres", "adresse e-mail", "E-Mail-Adresse", "e-mail address"),
    ("PHONE_NUMBER", P, None, 70, "telefoonnummer", "numéro de téléphone", "Telefonnummer", "telephone number"),
    ("IBAN_CODE", P, None, 92, "bankrekeningnummer", "numéro de compte", "Kontonummer", "bank account number"),
    ("CREDIT_CARD", P, "block", 86, "kaartnummer", "numéro de carte bancaire", "Kartennummer", "payment card number"),
    ("IP_ADDRESS", P, None, 65, "IP-adres", "adresse IP", "IP-Adresse", "IP address"),
    ("MAC_ADDRESS", P, None, 66, "MAC-adres", "adresse MAC", "MAC-Adresse", "MAC address"),
    ("IMEI", P, None, 64, "IMEI-nummer", "numéro IMEI", "IMEI-Nummer", "IMEI number"),
    # People
    ("PERSON", P, None, 45, "naam", "nom", "Name", "name"),
    ("STREET_ADDRESS", P, None, 58, "adres", "adresse", "Adresse", "address"),
    ("DATE_OF_BIRTH", P, None, 62, "geboortedatum", "date de naissance", "Geburtsdatum", "date of birth"),
    ("LOCATION", P, "note", 20, "plaats", "lieu", "Ort", "place"),
    ("ORGANIZATION", P, "note", 15, "organisatie", "organisation", "Organisation", "organization"),
    # GDPR art. 9 and 10: only found near a person (§6.3)
    (
        "SPECIAL_HEALTH",
        S,
        None,
        30,
        "gezondheidsgegeven",
        "donnée de santé",
        "Gesundheitsangabe",
        "health data",
    ),
    (
        "SPECIAL_ORIGIN",
        S,
        None,
        30,
        "gegeven over afkomst",
        "donnée sur l'origine",
        "Angabe zur Herkunft",
        "data on origin",
    ),
    (
        "SPECIAL_BELIEF",
        S,
        None,
        30,
        "gegeven over geloof of overtuiging",
        "donnée sur la religion ou les convictions",
        "Angabe zu Religion oder Weltanschauung",
        "data on religion or belief",
    ),
    (
        "SPECIAL_POLITICS",
        S,
        None,
        30,
        "gegeven over politieke opvatting",
        "donnée sur les opinions politiques",
        "Angabe zur politischen Meinung",
        "data on political opinion",
    ),
    (
        "SPECIAL_UNION",
        S,
        None,
        30,
        "gegeven over vakbond",
        "donnée syndicale",
        "Angabe zur Gewerkschaft",
        "trade-union data",
    ),
    (
        "SPECIAL_SEXUALITY",
        S,
        None,
        30,
        "gegeven over seksualiteit",
        "donnée sur la sexualité",
        "Angabe zur Sexualität",
        "data on sexuality",
    ),
    (
        "SPECIAL_GENETIC",
        S,
        None,
        30,
        "genetisch of biometrisch gegeven",
        "donnée génétique ou biométrique",
        "genetische oder biometrische Angabe",
        "genetic or biometric data",
    ),
    (
        "SPECIAL_CRIMINAL",
        S,
        None,
        30,
        "strafrechtelijk gegeven",
        "donnée judiciaire",
        "strafrechtliche Angabe",
        "criminal-law data",
    ),
    # Markings (§6.5)
    (
        "MARKING_CLASSIFIED",
        C,
        "block",
        84,
        "markering van geclassificeerde informatie",
        "marquage de classification",
        "Verschlusssachenvermerk",
        "classification marking",
    ),
    ("MARKING_TLP", C, "block", 84, "TLP-markering", "marquage TLP", "TLP-Vermerk", "TLP marking"),
    (
        "MARKING_TLP_GREEN",
        C,
        None,
        83,
        "markering TLP:GREEN",
        "marquage TLP:GREEN",
        "Vermerk TLP:GREEN",
        "TLP:GREEN marking",
    ),
    (
        "MARKING_TLP_CLEAR",
        C,
        "allow",
        83,
        "markering TLP:CLEAR",
        "marquage TLP:CLEAR",
        "Vermerk TLP:CLEAR",
        "TLP:CLEAR marking",
    ),
    (
        "MARKING_INTERNAL",
        C,
        None,
        82,
        "markering intern of vertrouwelijk",
        "marquage interne ou confidentiel",
        "Vermerk intern oder vertraulich",
        "internal or confidential marking",
    ),
    # Secrets (§6.4)
    ("SECRET", X, "block", 98, "geheime sleutel", "clé secrète", "geheimer Schlüssel", "secret key"),
    ("PASSWORD", X, "block", 97, "wachtwoord", "mot de passe", "Passwort", "password"),
    ("PRIVATE_KEY", X, "block", 99, "privésleutel", "clé privée", "privater Schlüssel", "private key"),
    (
        "CONNECTION_STRING",
        X,
        "block",
        98,
        "verbindingsgegevens met wachtwoord",
        "chaîne de connexion avec mot de passe",
        "Verbindungszeichenfolge mit Passwort",
        "connection string with password",
    ),
)

# Use bound to a permission: law of 8 August 1983 (Rijksregister), UAVG art. 46 (BSN).
_OFFICIAL = frozenset({"BE_NATIONAL_NUMBER", "BE_BIS_NUMBER", "NL_BSN"})

ENTITY_TYPES: Mapping[str, EntityType] = MappingProxyType(
    {
        name: EntityType(
            name,
            category,
            default,
            MappingProxyType({"nl": nl, "fr": fr, "de": de, "en": en}),
            order,
            official=name in _OFFICIAL,
        )
        for name, category, default, order, nl, fr, de, en in _ROWS
    },
)
