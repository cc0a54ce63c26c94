"""Special categories (GDPR art. 9 and 10): own short lists, and only beside a person.

A term alone ("griep", "vakbond") says nothing about anybody and is never a finding (standards.md §6.3).
"""

from collections.abc import Sequence

from filters.findings import Category, Finding
from filters.patterns import compile_pattern

REACH = 120  # characters between a term and the person it may be about: the sentence and a little more

_TERMS: tuple[tuple[str, str], ...] = (
    (
        "SPECIAL_HEALTH",
        (
            r"diagnose|ziekte|chronisch ziek|kanker|tumor|diabetes|suikerziekte|depressie|burn-?out|psychose"
            r"|schizofreni\pL*|bipolair"
            r"|autisme|adhd|dementie|alzheimer|parkinson|epilepsie|hiv\b|aids\b|hepatitis|zwanger\pL*|miskraam|abortus"
            r"|verslaafd|verslaving|alcoholis\pL+|psychiatri\pL+|psycholo\pL+|medicatie|antidepressiv\pL+|chemotherapie|operatie"
            r"|arbeidsongeschikt\pL*|invalidit\pL+|handicap|beperking|rolstoel|suïcid\pL+|zelfmoord\pL*|dialyse|hartinfarct"
            r"|maladie|cancer|diabète|dépression|enceinte|grossesse|toxicoman\pL+|alcooli\pL+|handicap[ée]?\pL*|invalidité"
            r"|schizophr\pL+|avortement|traitement médical|krank\pL*|krebs|schwanger\pL*|sucht\pL*|behinder\pL+"
            r"|depressi\pL+"
            r"|schwerbehindert\pL*|illness|disease|pregnan\pL+|disab\pL+|addict\pL+|depression|dementia|mental health"
            r"|suicid\pL+"
        ),
    ),
    (
        "SPECIAL_ORIGIN",
        (
            r"etnisch\pL*|etniciteit|afkomst|ras\b|huidskleur|roma\b|zigeuner\pL*|origine ethnique|couleur de peau"
            r"|ethnisch\pL*"
            r"|hautfarbe|ethnic\pL*|racial"
        ),
    ),
    (
        "SPECIAL_BELIEF",
        (
            r"moslim\pL*|islam\pL*|katholiek\pL*|christen\pL*|protestant\pL*|jood\b|joods\pL*|hindoe\pL*|boeddhis\pL+|atheïst\pL*"
            r"|jehova\pL*|geloofsovertuiging|moskee|synagoge|hoofddoek|musulman\pL*|catholique|chrétien\pL*|juif|juive"
            r"|conviction religieuse|muslim\pL*|katholisch\pL*|evangelisch\pL*|jüdisch\pL*|jewish|catholic"
            r"|christian\b|religious belief"
        ),
    ),
    (
        "SPECIAL_POLITICS",
        (
            r"partijlid\pL*|lid van de partij|politieke (?:overtuiging|voorkeur|gezindheid)"
            r"|stemt op|opinions? politiques?"
            r"|membre du parti|politische (?:meinung|gesinnung)|parteimitglied\pL*|political opinion|party member"
        ),
    ),
    (
        "SPECIAL_UNION",
        (
            r"vakbond\pL*|syndica\pL+|abvv|acv\b|aclvb|fnv\b|cnv\b|fgtb|csc\b|syndicat\pL*|syndiqu\pL+"
            r"|gewerkschaft\pL*|trade union|union member"
        ),
    ),
    (
        "SPECIAL_SEXUALITY",
        (
            r"homosek\pL+|homofiel|homo\b|lesbisch\pL*|biseksu\pL+|transgender|transseksu\pL+|seksuele (?:geaardheid"
            r"|voorkeur)"
            r"|homosexu\pL+|lesbienne|bisexu\pL+|orientation sexuelle|schwul\pL*|lesbian|gay\b|sexual orientation"
        ),
    ),
    (
        "SPECIAL_GENETIC",
        (
            r"dna-?(?:profiel|test|onderzoek)|genetisch\pL*|vingerafdruk\pL*|gezichtsherkenning|irisscan|biometri\pL+|génétique"
            r"|empreintes? digitales?|fingerabdr\pL+|fingerprint\pL*|facial recognition"
        ),
    ),
    (
        "SPECIAL_CRIMINAL",
        (
            r"strafblad|veroordeel\pL*|strafrechtelijk\pL*|gevangenis\pL*|gedetineerd\pL*|voorwaardelijke? straf"
            r"|verdacht\pL* van"
            r"|aangehouden|misdrijf|diefstal|mishandeling|huiselijk geweld|zedenfeit\pL*|proces-verbaal|casier"
            r" judiciaire|condamn\pL+"
            r"|détenu\pL*|prison\b|infraction|vorstrafe\pL*|verurteilt\pL*|haftstrafe|straftat\pL*|criminal record"
            r"|convicted|prison sentence"
        ),
    ),
)
_PATTERNS = [(kind, compile_pattern(rf"(?:^|[^\pL])({terms})(?:[^\pL]|$)", ignore_case=True)) for kind, terms in _TERMS]
_ANY = compile_pattern("|".join(terms for _, terms in _TERMS), ignore_case=True)
# Findings that point at one person.
_PERSONS_TEXT = """
PERSON BE_NATIONAL_NUMBER BE_BIS_NUMBER BE_EID_CARD NL_BSN FR_NIR LU_MATRICULE DATE_OF_BIRTH STREET_ADDRESS
EMAIL_ADDRESS PHONE_NUMBER NL_ID_DOCUMENT ID_DOCUMENT
"""
_PERSONS = frozenset(_PERSONS_TEXT.split())


class SpecialTerms:
    """Terms near a person."""

    def inspect(self, slot: int, text: str, findings: Sequence[Finding]) -> list[Finding]:
        """One finding a term that stands within reach of a finding about one person."""
        persons = [finding for finding in findings if finding.entity_type in _PERSONS]
        if not persons or not _ANY.search(text):
            return []
        near = bytearray(len(text))
        for person in persons:
            start, end = max(0, person.start - REACH), min(len(text), person.end + REACH)
            near[start:end] = b"\x01" * (end - start)
        return [
            Finding(slot, match.start(1), match.end(1), kind, Category.SPECIAL, 0.6, "special_terms")
            for kind, pattern in _PATTERNS
            for match in pattern.finditer(text)
            if near[match.start(1)]
        ]
