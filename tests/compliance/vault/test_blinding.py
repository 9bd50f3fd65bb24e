"""Blind tokens: their layout for ever, and that they say nothing without the key."""

from __future__ import annotations

import hmac
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from compliance.vault import hierarchy, store
from compliance.vault.blinding import Blinder

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
GOLDEN = [-1376057429, -1376057339, -1376056386, -1376056376, -1376055226, -1376052319]
GRAMS = ("abc", "the", " a ", "i\u0307s", "録音中", "🙂🙂🙂")


def by_hand(key: bytes, gram: str) -> int:
    """The layout of docs/formats/vault.md, written once more."""
    route = int.from_bytes(hmac.digest(key, b"route/v1", "sha256"), "big") >> (256 - 19)
    bucket = int.from_bytes(hmac.digest(key, b"gram/v1\x00" + gram.encode(), "sha256"), "big") >> (256 - 13)
    token = route << 13 | bucket
    return token - (1 << 32) if token >= 1 << 31 else token


def test_the_layout() -> None:
    for key in (KEY, OTHER):
        blinder = Blinder(key)
        for gram in GRAMS:
            assert blinder.tokens([gram]) == blinder.tokens([gram]) == [by_hand(key, gram)]


def test_golden_tokens() -> None:
    assert Blinder(KEY).tokens(GRAMS) == GOLDEN


@given(
    st.sets(st.text(st.characters(codec="utf-8"), min_size=3, max_size=3), max_size=30),
    st.binary(min_size=32, max_size=32),
)
def test_tokens_are_sorted_numbers_of_32_bits_with_one_route(grams: set[str], key: bytes) -> None:
    tokens = Blinder(key).tokens(grams)
    assert tokens == sorted(set(tokens))
    assert all(-(1 << 31) <= token < 1 << 31 for token in tokens)
    assert len({token >> 13 for token in tokens}) <= 1
    assert len(tokens) <= len(grams)


def test_other_keys_give_other_routes_and_buckets() -> None:
    ours, theirs = Blinder(KEY).tokens(GRAMS), Blinder(OTHER).tokens(GRAMS)
    assert not set(ours) & set(theirs)
    assert {one & 0x1FFF for one in ours} != {one & 0x1FFF for one in theirs}


def test_the_key_is_not_shown() -> None:
    assert repr(Blinder(KEY)) == "Blinder(…)"


def test_the_search_key_is_no_other_key() -> None:
    assert len({hierarchy.search_key(KEY), hierarchy.fingerprint_key(KEY), KEY}) == 3


def test_each_organisation_has_its_own_and_keeps_it(organisation_id: UUID, other_organisation_id: UUID) -> None:
    ours = store.blinder(organisation_id).tokens(GRAMS)
    assert store.blinder(organisation_id).tokens(GRAMS) == ours
    assert not set(store.blinder(other_organisation_id).tokens(GRAMS)) & set(ours)
