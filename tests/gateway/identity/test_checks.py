import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import LANGUAGES, TEXTS
from gateway.exchange import Role
from gateway.identity.checks import InvalidFields, Vouch, build_key, parse_expiry, parse_vouch, subject_of
from tests.gateway.identity.people import DAY, NOW

GOOD = {"subject": "Lies@Example.org", "unit": "Burgerzaken"}


def codes(**fields: object) -> set[str]:
    with pytest.raises(InvalidFields) as caught:
        build_key(**{**GOOD, **fields}, now=NOW)  # type: ignore[arg-type]
    return {problem.code for problem in caught.value.problems}


def test_empty_fields_get_their_defaults() -> None:
    key = build_key(subject="Lies@Example.org", unit=" Burgerzaken ", now=NOW)
    assert (key.subject, key.unit, key.role, key.language) == ("lies@example.org", "Burgerzaken", Role.STAFF, "nl")
    assert key.expires_at == NOW + 365 * DAY


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("subject", "", "subject_invalid"),
        ("subject", "twee woorden", "subject_invalid"),
        ("subject", "josé@example.org", "subject_invalid"),
        ("subject", "\u212aees@example.org", "subject_invalid"),  # the Kelvin sign becomes k in lower case
        ("subject", "=cmd@example.org", "subject_invalid"),
        ("subject", "a" * 129, "subject_invalid"),
        ("unit", "", "unit_invalid"),
        ("unit", "=SUM(A1)", "unit_invalid"),
        ("unit", "x" * 65, "unit_invalid"),
        ("unit", "Burger\nzaken", "unit_invalid"),
        ("name", "@SUM(A1)", "name_invalid"),
        ("role", "admin", "role_invalid"),
        ("language", "es", "language_invalid"),
        ("expires", "2020-01-01", "expires_invalid"),
        ("expires", "31-12-2030", "expires_invalid"),
        ("expires", "2030-02-30", "expires_invalid"),
        ("expires", "9999-12-31", "expires_invalid"),
        ("vouch", Vouch("x-user", ("10.0.0.0/8",)), "vouch_role"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object, code: str) -> None:
    assert codes(**{field: value}) == {code}


def test_all_problems_are_told_at_once_and_none_quotes_the_value() -> None:
    with pytest.raises(InvalidFields) as caught:
        build_key(subject="geheim woord", unit="=geheim", role="geheim", language="geheim", now=NOW)
    assert len(caught.value.problems) == 4
    told = [problem.message(language) for problem in caught.value.problems for language in LANGUAGES]
    assert not any("geheim" in sentence for sentence in [*told, str(caught.value)])


def test_a_day_is_valid_until_its_end() -> None:
    assert parse_expiry("2027-01-31", now=NOW) == dt.datetime(2027, 2, 1, tzinfo=dt.UTC).timestamp()
    today = dt.datetime.fromtimestamp(NOW, dt.UTC).strftime("%Y-%m-%d")
    assert parse_expiry(today, now=NOW) is not None
    assert parse_expiry("never", now=NOW) is None


@pytest.mark.parametrize(
    ("header", "networks"),
    [
        ("authorization", ["10.0.0.0/8"]),
        ("cookie", ["10.0.0.0/8"]),
        ("x-api-key", ["10.0.0.0/8"]),
        ("x-forwarded-for", ["10.0.0.0/8"]),
        ("x-forwarded-user", ["10.0.0.0/8"]),
        ("x-user\r\nx-other", ["10.0.0.0/8"]),
        ("x-" + "a" * 70, ["10.0.0.0/8"]),
        ("x-user", []),
        ("x-user", ["0.0.0.0/0"]),
        ("x-user", ["::/0"]),
        ("x-user", ["10.0.0.1/8"]),
        ("x-user", ["example.org"]),
        ("x-user", ["10.0.0.0/8"] * 17),
    ],
)
def test_a_vouching_header_must_be_its_own_and_networks_must_not_be_everywhere(
    header: str, networks: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_vouch(header, networks)


def test_a_vouching_header_is_kept_in_lower_case() -> None:
    assert parse_vouch("X-OpenWebUI-User-Email", ["10.0.0.7"]) == Vouch("x-openwebui-user-email", ("10.0.0.7/32",))


@given(st.text(max_size=200))
def test_a_subject_is_ascii_bounded_and_its_own_fixed_point(text: str) -> None:
    subject = subject_of(text)
    if subject is not None:
        assert subject.isascii()
        assert len(subject) <= 128
        assert subject_of(subject) == subject
        assert subject.isprintable()


def test_every_sentence_of_this_room_has_four_languages() -> None:
    from gateway.identity import authenticator, csv_import, first, keys, suspensions

    for module in (authenticator, csv_import, first, keys, suspensions):
        registered = {v for k, v in vars(module).items() if k.isupper() and isinstance(v, str) and v in TEXTS}
        assert registered
        for code in registered:
            assert set(TEXTS[code]) == set(LANGUAGES), code
