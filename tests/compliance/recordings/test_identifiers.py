"""One form for one identifier, and identifiers in texts."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.recordings import identifiers
from compliance.recordings.identifiers import Found, IdentifierError, IdentifierKind, normalise

PHONE, EMAIL, CONTACT, ACCOUNT, NAME = IdentifierKind


@pytest.mark.parametrize(
    ("value", "region", "normalised"),
    [
        ("+1 415 555 0123", None, "+14155550123"),
        ("(415) 555-0123", "US-CA", "+14155550123"),
        ("415.555.0123", "US", "+14155550123"),
        ("+14155550123", "DE", "+14155550123"),
        ("030 901820", "DE-BE", "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("+49 (0)30 901820", None, "+4930901820"),
        ("011 49 30 901820", "US", "+4930901820"),
        ("01632 960123", "GB", "+441632960123"),
        ("06 698 12345", "IT", "+390669812345"),
        ("tel:+1-415-555-0123", None, "+14155550123"),
        ("\u202a+1 415 555 0123\u202c", None, "+14155550123"),
        ("+１４１５５５５０１２３", None, "+14155550123"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("+1 415 555 0123 ext. 9", None, "+14155550123"),
    ],
)
def test_phones_become_e164(value: str, region: str | None, normalised: str) -> None:
    assert normalise(PHONE, value, region) == normalised


@pytest.mark.parametrize(
    ("value", "region"),
    [
        ("415 555 0123", None),
        ("12", "US"),
        ("+1", None),
        ("anonymous", "US"),
        ("restricted", None),
        ("", "US"),
        ("+999 123456", None),
        ("1" * 400, "US"),
        ("030 901820", "XX"),
        ("sip:bob@example.com", "US"),
    ],
)
def test_what_is_no_phone_is_refused(value: str, region: str | None) -> None:
    with pytest.raises(IdentifierError):
        normalise(PHONE, value, region)


@pytest.mark.parametrize(
    ("value", "normalised"),
    [
        (" Max.Mustermann@Example.COM ", "max.mustermann@example.com"),
        ("max+calls@example.com", "max+calls@example.com"),
        ("max@bücher.example", "max@xn--bcher-kva.example"),
        ("max@XN--BCHER-KVA.example", "max@xn--bcher-kva.example"),
        ("max@bu\u0308cher.example", "max@xn--bcher-kva.example"),
        ("max@ｅｘａｍｐｌｅ．com", "max@example.com"),
        ("max@例え。テスト", "max@xn--r8jz45g.xn--zckzah"),
        ("max@straße.example", "max@xn--strae-oqa.example"),
        ("max@example.com.", "max@example.com"),
        ("mu\u0308ller@example.com", "müller@example.com"),
    ],
)
def test_mail_addresses(value: str, normalised: str) -> None:
    assert normalise(EMAIL, value) == normalised


@pytest.mark.parametrize(
    "value",
    [
        "", "max", "@example.com", "max@", "a@b@c.example", "max@exa mple.com", "max@-x.example", "max@x-.example",
        "max@example..com", "Max <max@example.com>", "a,b@example.com", f"{'x' * 65}@example.com",
        f"max@{'x' * 64}.example", "max@example.com\x00", "max\n@example.com", f"max@{'a.' * 140}example",
    ],
)  # fmt: skip
def test_what_is_no_mail_address_is_refused(value: str) -> None:
    with pytest.raises(IdentifierError):
        normalise(EMAIL, value)


@pytest.mark.parametrize(
    ("kind", "value", "normalised"),
    [
        (CONTACT, " cnt_8sK2 ", "cnt_8sK2"),
        (CONTACT, "CNT_8sk2", "CNT_8sk2"),
        (ACCOUNT, "ac 12 34-x", "AC1234-X"),
        (ACCOUNT, "ＡＣ１２", "AC12"),
        (NAME, "  Max   MUSTERMANN ", "max mustermann"),
        (NAME, "Jürgen Groß", "jürgen gross"),
    ],
)
def test_other_kinds(kind: IdentifierKind, value: str, normalised: str) -> None:
    assert normalise(kind, value) == normalised


def test_different_mailboxes_stay_different() -> None:
    pairs = [("max.m@example.com", "maxm@example.com"), ("max@example.com", "max+a@example.com"), ("ab-1", "ab1")]
    for left, right in pairs:
        kind = EMAIL if "@" in left else ACCOUNT
        assert normalise(kind, left) != normalise(kind, right)


@pytest.mark.parametrize("kind", IdentifierKind)
def test_an_error_never_repeats_the_value(kind: IdentifierKind) -> None:
    with pytest.raises(IdentifierError) as raised:
        normalise(kind, "secret\x01value")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("kind", IdentifierKind)
@given(value=st.text(max_size=40) | st.emails() | st.from_regex(r"(\+|00)?[0-9][0-9 ()-]{4,18}", fullmatch=True))
def test_normalising_twice_changes_nothing(kind: IdentifierKind, value: str) -> None:
    try:
        once = normalise(kind, value, "DE")
    except IdentifierError:
        return
    assert normalise(kind, once, "US") == once
    assert once.encode()


def test_addresses_are_found_with_their_offsets() -> None:
    text = "Schreib an Max@Example.com, oder an info@bücher.example. Nicht an a@b oder @wir."
    found = identifiers.find_emails(text)
    assert [item.value for item in found] == ["max@example.com", "info@xn--bcher-kva.example"]
    assert [text[item.start : item.end] for item in found] == ["Max@Example.com", "info@bücher.example"]


def test_numbers_are_found_with_their_offsets() -> None:
    text = "Call me on (415) 555-0123 or +49 30 901820, order 42, at 10:30 on 2026-03-10."
    found = identifiers.find_phones(text, "US-CA")
    assert [item.value for item in found] == ["+14155550123", "+4930901820"]
    assert [text[item.start : item.end] for item in found] == ["(415) 555-0123", "+49 30 901820"]
    assert identifiers.find_phones(text) == (Found(PHONE, "+4930901820", text.index("+49"), text.index(", order")),)


@given(st.text(max_size=200))
def test_whatever_is_found_is_normal_already(text: str) -> None:
    for item in identifiers.find_emails(text) + identifiers.find_phones(text, "DE"):
        assert 0 <= item.start < item.end <= len(text)
        assert normalise(item.kind, item.value) == item.value


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "a@" * 50_000, "a." * 50_000 + "@", "a@" + "b." * 50_000, "!" * 100_000]
)
def test_hostile_texts_take_no_time(text: str) -> None:
    begin = time.process_time()
    identifiers.find_emails(text)
    assert time.process_time() - begin < 2
