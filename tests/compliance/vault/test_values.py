"""Small sealed values: the golden vector, the derivation by the library's HKDF, and values in the wrong place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.vault.errors import Unreadable
from compliance.vault.scopes import ScopeKind
from compliance.vault.values import OVERHEAD, ValueKey

VECTOR: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "vault" / "wrap.json").read_text())[
    "value"
]
KEY = ValueKey(bytes(32), UUID(int=1), ScopeKind.SUBJECT, UUID(int=2))


def test_golden_vector() -> None:
    key = ValueKey(
        bytes.fromhex(VECTOR["wrapping_key"]), UUID(VECTOR["organisation"]), VECTOR["kind"], UUID(VECTOR["scope"])
    )
    salt, plaintext = bytes.fromhex(VECTOR["salt"]), bytes.fromhex(VECTOR["plaintext"])
    assert key.seal(VECTOR["label"], plaintext, salt=salt).hex() == VECTOR["sealed"]
    assert key.open(VECTOR["label"], bytes.fromhex(VECTOR["sealed"])) == plaintext


def test_the_librarys_hkdf_opens_it() -> None:
    sealed = KEY.seal("table.column/1", b"words")
    place = KEY.organisation_id.bytes + bytes([KEY.kind]) + KEY.scope_id.bytes
    name = b"table.column/1"
    info = b"callwarden/value/v1\x00" + place + len(name).to_bytes(2, "big") + name + sealed[1:25]
    material = HKDFExpand(hashes.SHA512(), 44, info).derive(KEY.key)
    assert AESGCM(material[:32]).decrypt(material[32:], sealed[25:], None) == b"words"


@given(plaintext=st.binary(max_size=300), label=st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_what_is_sealed_comes_back(plaintext: bytes, label: str) -> None:
    sealed = KEY.seal(label, plaintext)
    assert KEY.open(label, sealed) == plaintext
    assert len(sealed) == len(plaintext) + OVERHEAD


@given(at=st.integers(0, OVERHEAD + 4), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_any_flipped_bit_makes_it_unreadable(at: int, bit: int) -> None:
    spoiled = bytearray(KEY.seal("label", b"words"))
    spoiled[at] ^= 1 << bit
    with pytest.raises(Unreadable):
        KEY.open("label", bytes(spoiled))


@given(data=st.binary(max_size=100))
@settings(max_examples=60, deadline=None)
def test_hostile_bytes_raise_only_our_error(data: bytes) -> None:
    with pytest.raises(Unreadable):
        KEY.open("label", data)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("key", bytes([1]) * 32),
        ("organisation_id", UUID(int=9)),
        ("kind", ScopeKind.CALL),
        ("scope_id", UUID(int=9)),
    ],
)
def test_it_opens_only_in_its_scope(part: str, value: Any) -> None:
    sealed = KEY.seal("label", b"words")
    with pytest.raises(Unreadable):
        replace(KEY, **{part: value}).open("label", sealed)


def test_it_opens_only_under_its_label() -> None:
    with pytest.raises(Unreadable):
        KEY.open("table.column/2", KEY.seal("table.column/1", b"words"))


def test_equal_values_look_different() -> None:
    assert KEY.seal("label", b"words") != KEY.seal("label", b"words")


def test_the_key_is_not_shown() -> None:
    assert repr(KEY) == "ValueKey(…)"
