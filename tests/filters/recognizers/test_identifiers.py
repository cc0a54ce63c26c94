"""Every identifier recognizer: valid values, near misses, look-alikes."""

import pytest

from filters.analyzer import IDENTIFIERS
from filters.patterns import PatternSet
from filters.recognizers.base import ANY_TEXT, ATOM

# entity type, text, the values that must be found in it
VALID = [
    ("BE_NATIONAL_NUMBER", "Nummer 85.07.30-000.61 graag.", ["85.07.30-000.61"]),
    ("BE_NATIONAL_NUMBER", "85073000061", ["85073000061"]),
    ("BE_NATIONAL_NUMBER", "850730 000 61", ["850730 000 61"]),
    ("BE_NATIONAL_NUMBER", "850730-000-61", ["850730-000-61"]),
    ("BE_NATIONAL_NUMBER", "rrn 8507 3000 061", ["8507 3000 061"]),
    ("BE_NATIONAL_NUMBER", "8 5 0 7 3 0 0 0 0 6 1", ["8 5 0 7 3 0 0 0 0 6 1"]),
    ("BE_NATIONAL_NUMBER", "op 12 85.07.30-000.61", ["85.07.30-000.61"]),
    ("BE_NATIONAL_NUMBER", "RRN85073000061", ["85073000061"]),
    ("BE_NATIONAL_NUMBER", "85,07,30-**000.61**", ["85,07,30-**000.61"]),
    ("BE_NATIONAL_NUMBER", "85.O7.3O-OOO.6l", ["85.O7.3O-OOO.6l"]),
    ("BE_NATIONAL_NUMBER", "85.07.30-\n000.61", ["85.07.30-\n000.61"]),
    ("BE_NATIONAL_NUMBER", "85.07.30-000.61, 85.07.30-000.61", ["85.07.30-000.61", "85.07.30-000.61"]),
    ("BE_BIS_NUMBER", "bis 85.47.30-000.50", ["85.47.30-000.50"]),
    ("BE_EID_CARD", "591-1917064-58", ["591-1917064-58"]),
    ("BE_EID_CARD", "identiteitskaart 591191706458", ["591191706458"]),
    ("BE_ENTERPRISE_NUMBER", "BE 0403.019.261", ["0403.019.261"]),
    ("BE_ENTERPRISE_NUMBER", "ondernemingsnummer 0403019261", ["0403019261"]),
    ("BE_OGM", "+++090/9337/55493+++", ["+++090/9337/55493+++"]),
    ("BE_OGM", "***090/9337/55493***", ["***090/9337/55493***"]),
    ("BE_OGM", "mededeling 090/9337/55493", ["090/9337/55493"]),
    ("BE_RIZIV", "RIZIV-nummer 1-00000-07-001", ["1-00000-07", "1-00000-07-001"]),
    ("BE_PLATE", "de wagen 1-ABC-123 staat fout", ["1-ABC-123"]),
    ("BE_PLATE", "nummerplaat ABC-123", ["ABC-123"]),
    ("NL_BSN", "Zijn BSN is 999990019.", ["999990019"]),
    ("NL_BSN", "burgerservicenummer: 1112.22.333", ["1112.22.333"]),
    ("NL_BTW", "NL111222333B01", ["NL111222333B01"]),
    ("NL_BTW", "nl 1112.22.333.B.01", ["nl 1112.22.333.B.01"]),
    ("NL_ID_DOCUMENT", "paspoort EM0000000", ["EM0000000"]),
    ("ID_DOCUMENT", "rijbewijs nr 1234567890", ["1234567890"]),
    ("ID_DOCUMENT", "Belgisch paspoort EH 123456", ["EH 123456"]),
    ("NL_ONDERWIJSNUMMER", "onderwijsnummer 101222331", ["101222331"]),
    ("NL_KVK", "KvK 12345678", ["12345678"]),
    ("FR_NIR", "2 55 08 14 168 025 38", ["2 55 08 14 168 025 38"]),
    ("FR_NIR", "255081416802538", ["255081416802538"]),
    ("FR_SIREN", "SIREN 552 008 443", ["552 008 443"]),
    ("DE_TAX_ID", "Steuer-ID 36 574 261 809", ["36 574 261 809"]),
    ("DE_SOCIAL_SECURITY", "Rentenversicherungsnummer 65 170839 J 003", ["65 170839 J 003"]),
    ("LU_MATRICULE", "1985073000040", None),
    ("EMAIL_ADDRESS", "schrijf naar jan.peeters@example.org.", ["jan.peeters@example.org"]),
    ("EMAIL_ADDRESS", "<o'neill+x@mail.example.org>", ["o'neill+x@mail.example.org"]),
    ("EMAIL_ADDRESS", "jan (at) example.org", ["jan (at) example.org"]),
    ("EMAIL_ADDRESS", "jan[at]example[dot]org", ["jan[at]example[dot]org"]),
    ("EMAIL_ADDRESS", "jan@intranet.local", ["jan@intranet.local"]),
    ("EMAIL_ADDRESS", "jan apenstaartje example punt org", ["jan apenstaartje example punt org"]),
    ("IBAN_CODE", "BE68 5390 0754 7034", ["BE68 5390 0754 7034"]),
    ("IBAN_CODE", "IBAN BE68539007547034 en dan verder", ["BE68539007547034"]),
    ("IBAN_CODE", "be68-5390-0754-7034", ["be68-5390-0754-7034"]),
    ("IBAN_CODE", "NL91 ABNA 0417 1643 00 staat open", ["NL91 ABNA 0417 1643 00"]),
    ("IBAN_CODE", "FR14 2004 1010 0505 0001 3M02 606", ["FR14 2004 1010 0505 0001 3M02 606"]),
    ("IBAN_CODE", "DE89370400440532013000", ["DE89370400440532013000"]),
    ("IBAN_CODE", "IBANBE68539007547034BIC", ["BE68539007547034"]),
    ("IBAN_CODE", "B E 6 8 5 3 9 0 0 7 5 4 7 0 3 4", ["B E 6 8 5 3 9 0 0 7 5 4 7 0 3 4"]),
    ("CREDIT_CARD", "4111 1111 1111 1111", ["4111 1111 1111 1111"]),
    ("CREDIT_CARD", "kaart 12 4111-1111-1111-1111", ["4111-1111-1111-1111"]),
    ("CREDIT_CARD", "378282246310005", ["378282246310005"]),
    ("CREDIT_CARD", "Bancontact 6703 4444 4444 4449", ["6703 4444 4444 4449"]),
    ("IP_ADDRESS", "van 192.168.17.4 kwam", ["192.168.17.4"]),
    ("IP_ADDRESS", "2001:db8:0:0:8a2e:370:7334:1", ["2001:db8:0:0:8a2e:370:7334:1"]),
    ("IP_ADDRESS", "IP-adres 10.0.0.1", ["10.0.0.1"]),
    ("MAC_ADDRESS", "00:1A:2B:3C:4D:5E", ["00:1A:2B:3C:4D:5E"]),
    ("MAC_ADDRESS", "001a.2b3c.4d5e", ["001a.2b3c.4d5e"]),
    ("IMEI", "IMEI 490154203237518", ["490154203237518"]),
    ("NL_POSTCODE", "Dorpsstraat 12, 1234 AB Utrecht", ["12, 1234 AB"]),
    ("NL_POSTCODE", "1234AB 12", ["1234AB 12"]),
    ("DATE_OF_BIRTH", "geboren op 30/07/1985 te Gent", ["30/07/1985"]),
    ("DATE_OF_BIRTH", "° 30.07.1985", ["30.07.1985"]),
    ("DATE_OF_BIRTH", "née le 30 juillet 1985", ["30 juillet 1985"]),
    ("DATE_OF_BIRTH", "geb. am 30. Juli 1985", ["30. Juli 1985"]),
    ("DATE_OF_BIRTH", "born on July 30, 1985", ["July 30, 1985"]),
    ("DATE_OF_BIRTH", "geboortedatum: 1985-07-30", ["1985-07-30"]),
    ("US_SSN", "SSN 977-39-8712.", ["977-39-8712"]),
    ("PHONE_NUMBER", "675-555-0138", ["675-555-0138"]),
    ("PHONE_NUMBER", "(675) 555-0138", ["(675) 555-0138"]),
    ("PHONE_NUMBER", "0478 12 34 56", ["0478 12 34 56"]),
    ("PHONE_NUMBER", "0478/12.34.56", ["0478/12.34.56"]),
    ("PHONE_NUMBER", "0478123456", ["0478123456"]),
    ("PHONE_NUMBER", "+32 478 12 34 56", ["+32 478 12 34 56"]),
    ("PHONE_NUMBER", "+32 (0)478 12 34 56", ["+32 (0)478 12 34 56"]),
    ("PHONE_NUMBER", "0032 9 210 10 10", ["0032 9 210 10 10"]),
    ("PHONE_NUMBER", "016 22 33 44", ["016 22 33 44"]),
    ("PHONE_NUMBER", "06-12345678", ["06-12345678"]),
    ("PHONE_NUMBER", "020 123 4567", ["020 123 4567"]),
    ("PHONE_NUMBER", "tél. 01 42 68 53 00", ["01 42 68 53 00"]),
    ("PHONE_NUMBER", "Telefon 030 901820", ["030 901820"]),
    ("PHONE_NUMBER", "gsm 621 123 456", ["621 123 456"]),
]

# entity type that must not be found, text
NOT_FOUND = [
    ("BE_NATIONAL_NUMBER", "85.07.30-000.62"),
    ("BE_NATIONAL_NUMBER", "85.13.30-000.61"),
    ("BE_NATIONAL_NUMBER", "185.07.30-000.611"),
    ("BE_NATIONAL_NUMBER", "dossier 8507 3000 061"),
    ("BE_BIS_NUMBER", "85.47.30-000.77"),
    ("BE_EID_CARD", "591-1917064-57"),
    ("BE_EID_CARD", "591191706458"),
    ("BE_ENTERPRISE_NUMBER", "0403.019.262"),
    ("BE_ENTERPRISE_NUMBER", "0403019261"),
    ("BE_OGM", "+++090/9337/55494+++"),
    ("BE_OGM", "090/9337/55493"),
    ("BE_RIZIV", "1-00000-07-001"),
    ("BE_RIZIV", "RIZIV 1-00000-08-001"),
    ("BE_PLATE", "artikel ABC-123"),
    ("NL_BSN", "bestelling 999990019"),
    ("NL_BSN", "BSN 999990018"),
    ("NL_BTW", "NL111222334B01"),
    ("NL_ID_DOCUMENT", "artikel EM0000000"),
    ("NL_ID_DOCUMENT", "paspoort EO0000000"),
    ("ID_DOCUMENT", "dossier 1234567890"),
    ("NL_ONDERWIJSNUMMER", "onderwijsnummer 101222332"),
    ("NL_KVK", "dossier 12345678"),
    ("FR_NIR", "2 55 08 14 168 025 39"),
    ("FR_SIREN", "552 008 443"),
    ("DE_TAX_ID", "36 574 261 809"),
    ("DE_SOCIAL_SECURITY", "Rentenversicherungsnummer 65 170839 J 004"),
    ("LU_MATRICULE", "1985133000040"),
    ("EMAIL_ADDRESS", "@gemeente op sociale media"),
    ("EMAIL_ADDRESS", "have a look at example.org"),
    ("EMAIL_ADDRESS", "om 10u @ het stadhuis. Tot dan"),
    ("IBAN_CODE", "BE69 5390 0754 7034"),
    ("IBAN_CODE", "BE68 5390 0754 703"),
    ("CREDIT_CARD", "4111 1111 1111 1112"),
    ("CREDIT_CARD", "bestelling 9911 1111 1111 1111"),
    ("CREDIT_CARD", "4111, 1111, 1111, 1111"),
    ("IP_ADDRESS", "artikel 4.2.1.3"),
    ("IP_ADDRESS", "127.0.0.1"),
    ("IP_ADDRESS", "van 12:30:45 tot 13:00:00"),
    ("IP_ADDRESS", "300.1.1.1"),
    ("MAC_ADDRESS", "12:30:45"),
    ("MAC_ADDRESS", "ff:ff:ff:ff:ff:ff"),
    ("IMEI", "dossier 490154203237518"),
    ("NL_POSTCODE", "1234 SS 12"),
    ("NL_POSTCODE", "In 2024 AB kwam"),
    ("DATE_OF_BIRTH", "vergadering van 30/07/1985"),
    ("DATE_OF_BIRTH", "geboren in Gent"),
    ("US_SSN", "977-39-87123"),
    ("US_SSN", "1-977-39-8712"),
    ("US_SSN", "977 39 8712"),
    ("PHONE_NUMBER", "op 01/02/2024 10:30"),
    ("PHONE_NUMBER", "2024-01-02 10:30"),
    ("PHONE_NUMBER", "0403.019.261"),
    ("PHONE_NUMBER", "dossier 2024/118/0034"),
    ("PHONE_NUMBER", "1.250.000,00 euro"),
    ("PHONE_NUMBER", "00 12 34 56 78"),
]

ATOMS = [
    ("BE_NATIONAL_NUMBER", "85073000061", True),
    ("NL_BSN", "999990019", True),
    ("NL_BSN", "999990018", False),
    ("CREDIT_CARD", "4111111111111111", True),
    ("IBAN_CODE", "BE68539007547034", True),
    ("EMAIL_ADDRESS", "jan@example.org", True),
    ("PHONE_NUMBER", "+32478123456", True),
    ("PHONE_NUMBER", "32478123456", True),
    ("PHONE_NUMBER", "1732234567", False),
    ("PHONE_NUMBER", "1732234567890", False),
    ("BE_NATIONAL_NUMBER", "1732234567", False),
    ("DATE_OF_BIRTH", "1985-07-30", False),
    ("BE_EID_CARD", "591191706458", True),
]


def values(entity: str, text: str, code: str = ANY_TEXT) -> list[str]:
    recognizers = [kind(code) for kind in IDENTIFIERS if entity in kind.entities]
    assert recognizers
    results = [result for each in recognizers for result in each.analyze(text, [entity])]
    return sorted({text[r.start : r.end] for r in results})


@pytest.mark.parametrize(("entity", "text", "expected"), VALID)
def test_finds_a_valid_value(entity: str, text: str, expected: list[str] | None) -> None:
    assert values(entity, text) == sorted(set(expected if expected is not None else [text]))


@pytest.mark.parametrize(("entity", "text"), NOT_FOUND)
def test_leaves_a_near_miss_or_a_look_alike(entity: str, text: str) -> None:
    assert values(entity, text) == []


@pytest.mark.parametrize(("entity", "text", "is_found"), ATOMS)
def test_an_atom_counts_where_it_is_wholly_such_a_value(entity: str, text: str, *, is_found: bool) -> None:
    assert values(entity, text, ATOM) == ([text] if is_found else [])


def test_every_recognizer_stands_in_a_table_on_both_sides() -> None:
    entities = {entity for kind in IDENTIFIERS for entity in kind.entities}
    assert entities == {entity for entity, *_ in VALID}
    assert entities == {entity for entity, *_ in NOT_FOUND}


PREFILTER = PatternSet([kind.prefilter for kind in IDENTIFIERS])


@pytest.mark.parametrize(("entity", "text"), [(entity, text) for entity, text, _ in VALID])
def test_the_prefilter_lets_every_valid_value_through(entity: str, text: str) -> None:
    asked = {IDENTIFIERS[index] for index in PREFILTER.present(text)}
    found = {kind for kind in IDENTIFIERS if entity in kind.entities and kind(ANY_TEXT).analyze(text, [entity])}
    assert found <= asked
