"""The registry is complete and consistent."""

from filters.analyzer import IDENTIFIERS
from filters.detectors.confidential import _BY_PLACE, _CERTAIN
from filters.detectors.secrets import _ROWS
from filters.detectors.special import _TERMS
from filters.entities import ENTITY_TYPES
from filters.findings import Category


def test_everything_that_a_filter_can_say_is_registered() -> None:
    said = {entity for kind in IDENTIFIERS for entity in kind.entities}
    said |= {kind for kind, *_ in _ROWS} | {kind for kind, _ in (*_CERTAIN, *_BY_PLACE)} | {kind for kind, _ in _TERMS}
    said |= {"PERSON", "LOCATION", "ORGANIZATION", "STREET_ADDRESS"}
    assert said == set(ENTITY_TYPES)


def test_every_type_has_a_word_in_four_languages() -> None:
    for entity in ENTITY_TYPES.values():
        assert set(entity.names) == {"nl", "fr", "de", "en"}
        assert all(entity.names.values())


def test_markings_and_secrets_are_never_pseudonymized_by_default() -> None:
    for entity in ENTITY_TYPES.values():
        if entity.category in (Category.CONFIDENTIAL, Category.SECURITY, Category.SPECIAL):
            assert entity.default != "pseudonymize"
