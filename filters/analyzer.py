"""Presidio, set up once: one shared multilingual model for four languages, the Dutch model beside it, own recognizers.

Nothing is downloaded and nothing is called: Presidio's defaults would fetch a model and a list of public suffixes
(standards.md §6.1), so no predefined recognizer and no default engine is used.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by OpenBLAS when numpy is loaded: one scanner, one core
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry, RecognizerResult
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
from thinc.api import use_ops

from filters.findings import OperatingPoint
from filters.gazetteer import Gazetteer
from filters.language import LANGUAGES, Language
from filters.patterns import PatternSet
from filters.recognizers.base import ANY_TEXT, ATOM, Identifier
from filters.recognizers.be_eid_card import BeEidCard
from filters.recognizers.be_enterprise_number import BeEnterpriseNumber
from filters.recognizers.be_national_number import BeNationalNumber
from filters.recognizers.be_ogm import BeOgm
from filters.recognizers.be_plate import BePlate
from filters.recognizers.be_riziv import BeRiziv
from filters.recognizers.credit_card import CreditCard
from filters.recognizers.date_of_birth import DateOfBirth
from filters.recognizers.de_social_security import DeSocialSecurity
from filters.recognizers.de_tax_id import DeTaxId
from filters.recognizers.email_address import EmailAddress
from filters.recognizers.fr_nir import FrNir
from filters.recognizers.fr_siren import FrSiren
from filters.recognizers.iban_code import IbanCode
from filters.recognizers.imei import Imei
from filters.recognizers.ip_address import IpAddress
from filters.recognizers.lu_matricule import LuMatricule
from filters.recognizers.mac_address import MacAddress
from filters.recognizers.model_names import ENTITIES, ModelNames, SecondModelNames, read
from filters.recognizers.name_rules import NameRules
from filters.recognizers.nl_bsn import NlBsn
from filters.recognizers.nl_btw import NlBtw
from filters.recognizers.nl_id_document import IdDocument, NlIdDocument
from filters.recognizers.nl_kvk import NlKvk
from filters.recognizers.nl_onderwijsnummer import NlOnderwijsnummer
from filters.recognizers.nl_postcode import NlPostcode
from filters.recognizers.phone_number import PhoneNumber
from filters.recognizers.street_address import StreetAddress
from filters.recognizers.us_ssn import UsSsn

# Whatever Presidio has to say, it never says it with text of a request (promise 4).
logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)

IDENTIFIERS: tuple[type[Identifier], ...] = (
    BeEidCard,
    BeEnterpriseNumber,
    BeNationalNumber,
    BeOgm,
    BePlate,
    BeRiziv,
    CreditCard,
    DateOfBirth,
    DeSocialSecurity,
    DeTaxId,
    EmailAddress,
    FrNir,
    FrSiren,
    IbanCode,
    IdDocument,
    Imei,
    IpAddress,
    LuMatricule,
    MacAddress,
    NlBsn,
    NlBtw,
    NlIdDocument,
    NlKvk,
    NlOnderwijsnummer,
    NlPostcode,
    PhoneNumber,
    UsSsn,
)
_ADDRESS = ("STREET_ADDRESS", "LOCATION")


class ModelEngine(NlpEngine):
    """Presidio's NLP engine over shipped models. Only tok2vec and ner run; lemmas stay empty on purpose: nobody asks.

    The stock engine loads a copy of a model per language and computes keywords that only the stock context enhancer
    uses (measured.md: 6.5 s instead of 0.4 s on long texts).
    """

    def __init__(self, pipelines: dict[str, Any]) -> None:
        self._pipelines = pipelines

    def load(self) -> None:
        """Loaded by whoever made it."""

    def is_loaded(self) -> bool:
        """Always."""
        return True

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Run the language's model."""
        return NlpArtifacts(read(self._pipelines[language], text), None, [], [], self, language)

    def process_batch(
        self, texts: Iterable[str], language: str, batch_size: int = 1, n_process: int = 1, **_: Any
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """One by one."""
        del batch_size, n_process
        for text in texts:
            yield text, self.process_text(text, language)

    def is_stopword(self, word: str, language: str) -> bool:
        """Not asked: there are no lemmas."""
        del word, language
        return False

    def is_punct(self, word: str, language: str) -> bool:
        """Not asked either."""
        del word, language
        return False

    def get_supported_entities(self) -> list[str]:
        """What the models know."""
        return ENTITIES

    def get_supported_languages(self) -> list[str]:
        """Languages and the two codes of the pattern pass."""
        return [*LANGUAGES, ANY_TEXT, ATOM]


class NoEnhancer(ContextAwareEnhancer):
    """Our recognizers look at context themselves, near the match."""

    def __init__(self) -> None:
        super().__init__(0.0, 0.0, 0, 0)

    def enhance_using_context(self, text: str, raw_results: list[RecognizerResult], *_: Any, **__: Any) -> Any:
        """Results as they are."""
        del text
        return raw_results


class Analyzer:
    """The set-up: `patterns()` over whole slots whatever the language, `names()` per segment and operating point."""

    def __init__(self, models: Path, gazetteer: Gazetteer) -> None:
        with _openblas():
            dutch = spacy.load(models / "nl")
            shared = spacy.load(models / "multi")
        self._pipelines = (dutch, shared)
        engine = ModelEngine({"nl": dutch, "fr": shared, "de": shared, "en": shared})
        self._shared = SecondModelNames("nl", shared)
        self._dutch = {language: SecondModelNames(language, dutch) for language in LANGUAGES}
        common: list[Any] = [ModelNames(language) for language in LANGUAGES]
        common += [NameRules(language, gazetteer) for language in LANGUAGES]
        identifiers = [kind(code) for kind in IDENTIFIERS for code in (ANY_TEXT, ATOM)]
        self._precise = _engine([*common, *identifiers, StreetAddress(gazetteer)], engine)
        self._thorough = _engine([*common, self._shared], engine)
        self._nothing = NlpArtifacts([], None, [], [], None, ANY_TEXT)
        self._asked = [kind.entities for kind in IDENTIFIERS]
        self._prefilter = PatternSet([kind.prefilter for kind in IDENTIFIERS])

    def patterns(self, text: str, code: str) -> list[RecognizerResult]:
        """Identifiers (and in text addresses). Only the recognizers whose first characters occur are asked."""
        entities = [entity for index in self._prefilter.present(text) for entity in self._asked[index]]
        if code == ANY_TEXT:
            entities.extend(_ADDRESS)
        if not entities:
            return []
        return list(self._precise.analyze(text, code, entities=entities, nlp_artifacts=self._nothing))

    def names(self, text: str, language: Language, point: OperatingPoint, *, sure: bool) -> list[RecognizerResult]:
        """Persons, places and organizations. Where the language is not sure both models look."""
        engine = self._thorough if point is OperatingPoint.THOROUGH else self._precise
        found = list(engine.analyze(text, language, entities=[*ENTITIES]))
        if not sure:
            other = self._shared if language == "nl" else self._dutch[language]
            if language != "nl" or point is OperatingPoint.PRECISE:
                found += other.analyze(text, ENTITIES)
        return found


def _engine(recognizers: list[Any], nlp: ModelEngine) -> AnalyzerEngine:
    codes = nlp.get_supported_languages()
    registry = RecognizerRegistry(recognizers=recognizers, supported_languages=codes)
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=nlp,
        supported_languages=codes,
        context_aware_enhancer=NoEnhancer(),
    )


def _openblas() -> Any:
    """Matrix products by numpy's OpenBLAS instead of BLIS: three times as fast here, a model in 6 ms instead of 11."""
    return use_ops("numpy", use_blis=False)
