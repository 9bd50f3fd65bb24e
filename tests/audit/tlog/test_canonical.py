"""Canonical JSON against the RFC 8785 library, and disclosures against the example of RFC 9901."""

import json
import secrets

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.tlog import canonical, text
from audit.tlog.errors import FormatError

SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


@given(VALUES)
def test_our_encoder_writes_what_rfc8785_writes(value: text.JSON) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)


def test_names_beyond_ascii_are_sorted_by_utf16() -> None:
    value = {"\ufb33": 1, "\U0001f600": 2, "z": 3, "é": 4}

    assert list(json.loads(canonical.encode(value))) == ["z", "é", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), 2**53, -(2**53), {1: 2}, {"a": {"b": 0.5}}, "\ud800", {"\udfff": 1}, [b"x"], object()]
)
def test_what_has_no_one_spelling_is_refused(value: text.JSON) -> None:
    with pytest.raises(FormatError):
        canonical.encode(value)


def test_depth_is_limited() -> None:
    deep: text.JSON = 1
    for _ in range(40):
        deep = [deep]
    with pytest.raises(FormatError):
        canonical.encode(deep)
    with pytest.raises(FormatError):
        text.load_json(b"[" * 100_000, limit=200_000)


def test_the_example_of_rfc9901() -> None:
    """§4.2.1 and §5.1: salt, claim and digest as printed there."""
    disclosure = "WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd"

    assert canonical.digest(disclosure) == "jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4"
    opened = canonical.parse_disclosure(disclosure)
    assert (opened.name, opened.value) == ("given_name", "John")
    assert text.to_base64url(opened.salt) == "2GLC42sKQveCfGfryNRN9w"


@given(st.text(st.characters(codec="utf-8")).filter(lambda name: name not in ("_sd", "...")), VALUES)
def test_a_disclosure_says_what_was_put_in(name: str, value: text.JSON) -> None:
    opened = canonical.parse_disclosure(canonical.disclose(name, value))

    assert (opened.name, opened.value) == (name, value)
    assert len(opened.salt) == 16


def test_salts_come_from_secrets_and_never_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({canonical.disclose("name", "Jane") for _ in range(1_000)}) == 1_000
    asked: list[int | None] = []

    def token_bytes(size: int | None = None) -> bytes:
        asked.append(size)
        return b"s" * 16

    monkeypatch.setattr(secrets, "token_bytes", token_bytes)
    opened = canonical.parse_disclosure(canonical.disclose("name", "Jane"))
    assert (asked, opened.salt) == ([16], b"s" * 16)


@pytest.mark.parametrize(
    ("name", "value"), [("_sd", 1), ("...", 1), ("\ud800", 1), ("a", "\ud800"), ("a", float("inf"))]
)
def test_what_cannot_be_disclosed_is_refused(name: str, value: text.JSON) -> None:
    with pytest.raises(FormatError):
        canonical.disclose(name, value)


def test_a_short_salt_and_a_huge_value_are_refused() -> None:
    with pytest.raises(FormatError, match="128 bits"):
        canonical.disclose("name", "Jane", b"short")
    with pytest.raises(FormatError, match="bytes"):
        canonical.disclose("name", "x" * canonical.MAX_DISCLOSURE)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        "[]",
        '["c2FsdA"]',
        '["c2FsdA","a","b","c"]',
        '[1,"a","b"]',
        '["c2FsdA",1,"b"]',
        '["!","a","b"]',
        '["c2FsdA","_sd","b"]',
        '["c2FsdA","a",NaN]',
        '["c2FsdA","a",{"x":1,"x":2}]',
        '["c2FsdA","a","\\ud800"]',
    ],
)
def test_broken_disclosures_are_refused(body: str) -> None:
    with pytest.raises(FormatError):
        canonical.parse_disclosure(text.to_base64url(body.encode()))


@pytest.mark.parametrize("spelling", ["AA==", "AA=", "A", "A+A", "AB", "A\nAA", "ÄÄÄÄ", "AAAA "])
def test_one_spelling_of_base64url(spelling: str) -> None:
    with pytest.raises(FormatError):
        text.from_base64url(spelling)


@pytest.mark.parametrize("spelling", ["AA", "AB==", "A===", "AAA=A", "AA==\n", "A-A=", "ÄÄÄÄ", " AAAA"])
def test_one_spelling_of_base64(spelling: str) -> None:
    with pytest.raises(FormatError):
        text.from_base64(spelling)


@pytest.mark.parametrize("spelling", ["", "01", "+1", "-1", "1 ", "1_0", "٣", "9223372036854775808", "1" * 30])
def test_one_spelling_of_decimals(spelling: str) -> None:
    with pytest.raises(FormatError):
        text.from_decimal(spelling)
