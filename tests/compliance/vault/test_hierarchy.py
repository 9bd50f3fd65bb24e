"""Keys under keys: golden vectors, derivations recomputed by hand, and wraps in the wrong place."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.vault import hierarchy
from compliance.vault.errors import Unreadable
from compliance.vault.hierarchy import DataKeyPlace, KeyKind, KeyName, StoredKeyPlace
from compliance.vault.scopes import ObjectKind, ScopeKind

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "vault" / "wrap.json").read_text())
KEY, OTHER_KEY, SECRET = bytes(32), bytes([1]) * 32, bytes(range(32))
PLACE = DataKeyPlace(UUID(int=1), UUID(int=2), UUID(int=3), ObjectKind.RECORDING, 1, 100, 172, bytes(56))
STORED = StoredKeyPlace(UUID(int=1), UUID(int=2), KeyName(KeyKind.CALL, UUID(int=3)), 1)


def _hkdf_sha512(material: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with an empty salt, written out."""
    extracted = hmac.digest(bytes(64), material, "sha512")
    return hmac.digest(extracted, info + b"\x01", "sha512")[:length]


@pytest.mark.parametrize("vector", VECTORS["wrapping_keys"], ids=lambda vector: vector["name"])
def test_wrapping_key_vectors(vector: dict[str, Any]) -> None:
    scope_key = bytes.fromhex(vector["scope_key"])
    subjects = {UUID(id_): bytes.fromhex(key) for id_, key in vector["subjects"].items()}
    organisation_id, scope_id = UUID(vector["organisation"]), UUID(vector["scope"])
    derived = hierarchy.wrapping_key(scope_key, subjects, organisation_id=organisation_id, scope_id=scope_id)
    material = scope_key + b"".join(subjects[id_] for id_ in sorted(subjects))
    info = b"kekc/v1" + organisation_id.bytes + scope_id.bytes + len(subjects).to_bytes(4, "big")
    assert derived.hex() == vector["wrapping_key"]
    assert derived == _hkdf_sha512(material, info, 32)


def test_the_order_in_which_principals_are_given_is_no_matter() -> None:
    first, second = uuid4(), uuid4()
    place = {"organisation_id": UUID(int=1), "scope_id": UUID(int=2)}
    one = hierarchy.wrapping_key(KEY, {first: SECRET, second: OTHER_KEY}, **place)
    assert one == hierarchy.wrapping_key(KEY, {second: OTHER_KEY, first: SECRET}, **place)


def test_every_key_and_id_is_needed() -> None:
    ids = sorted([uuid4(), uuid4()])
    keys = dict(zip(ids, (SECRET, OTHER_KEY), strict=True))
    swapped = dict(zip(ids, (OTHER_KEY, SECRET), strict=True))

    def derive(scope_key: bytes, subjects: dict[UUID, bytes], organisation: int = 1, scope: int = 2) -> bytes:
        place = {"organisation_id": UUID(int=organisation), "scope_id": UUID(int=scope)}
        return hierarchy.wrapping_key(scope_key, subjects, **place)

    variants = {
        derive(KEY, keys),
        derive(OTHER_KEY, keys),
        derive(KEY, {}),
        derive(KEY, {ids[0]: SECRET}),
        derive(KEY, swapped),
        derive(KEY, keys, organisation=3),
        derive(KEY, keys, scope=3),
    }
    assert len(variants) == 7


def test_data_key_vector() -> None:
    vector = VECTORS["data_key"]
    key, nonce = bytes.fromhex(vector["wrapping_key"]), bytes.fromhex(vector["nonce"])
    place = vector["place"]
    ids = (UUID(place["organisation"]), UUID(place["scope"]), UUID(place["object"]))
    numbers = (ObjectKind(place["kind"]), place["version"], place["size"], place["length"])
    bound = DataKeyPlace(*ids, *numbers, bytes.fromhex(place["header"]))
    data_key = bytes.fromhex(vector["data_key"])
    wrapped = hierarchy.wrap_data_key(key, bound, data_key, nonce=nonce)
    assert bound.additional_data().hex() == vector["additional_data"]
    assert wrapped.hex() == vector["wrapped"]
    assert wrapped == nonce + AESGCM(key).encrypt(nonce, data_key, bytes.fromhex(vector["additional_data"]))
    assert hierarchy.unwrap_data_key(key, bound, wrapped) == data_key


def test_additional_data_of_a_data_key_is_laid_out_as_documented() -> None:
    data = PLACE.additional_data()
    assert data[:7] == b"cw-dek\x01"
    assert data[7:55] == UUID(int=1).bytes + UUID(int=2).bytes + UUID(int=3).bytes
    assert data[55:60] == b"\x01\x00\x00\x00\x01"
    assert data[60:76] == (100).to_bytes(8, "big") + (172).to_bytes(8, "big")
    assert data[76:] == hashlib.sha256(bytes(56)).digest()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("organisation_id", UUID(int=9)),
        ("scope_id", UUID(int=9)),
        ("object_id", UUID(int=9)),
        ("kind", ObjectKind.TRANSCRIPT),
        ("version", 2),
        ("size", 101),
        ("length", 173),
        ("header", bytes(55) + b"\x01"),
    ],
)
def test_a_data_key_opens_only_in_its_place(part: str, value: Any) -> None:
    wrapped = hierarchy.wrap_data_key(KEY, PLACE, SECRET)
    with pytest.raises(Unreadable):
        hierarchy.unwrap_data_key(KEY, replace(PLACE, **{part: value}), wrapped)


def test_a_data_key_opens_only_under_its_key() -> None:
    with pytest.raises(Unreadable):
        hierarchy.unwrap_data_key(OTHER_KEY, PLACE, hierarchy.wrap_data_key(KEY, PLACE, SECRET))


def test_stored_key_vector() -> None:
    vector = VECTORS["stored_key"]
    place = vector["place"]
    name = KeyName(KeyKind(place["kind"]), UUID(place["scope"]))
    bound = StoredKeyPlace(UUID(place["organisation"]), UUID(place["row"]), name, place["version"])
    root, key = bytes.fromhex(vector["organisation_key"]), bytes.fromhex(vector["key"])
    wrapped = hierarchy.wrap_stored_key(root, bound, key, nonce=bytes.fromhex(vector["nonce"]))
    row_key = hmac.digest(root, b"wrap" + bound.row_id.bytes + b"\x01", "sha512")[:32]
    by_hand = AESGCM(row_key).encrypt(bytes.fromhex(vector["nonce"]), key, bytes.fromhex(vector["additional_data"]))
    assert wrapped.hex() == vector["wrapped"]
    assert wrapped[12:] == by_hand
    assert hierarchy.unwrap_stored_key(root, bound, wrapped) == key


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("organisation_id", UUID(int=9)),
        ("row_id", UUID(int=9)),
        ("name", KeyName(KeyKind.SUBJECT, UUID(int=3))),
        ("name", KeyName(KeyKind.CALL, UUID(int=9))),
        ("version", 2),
    ],
)
def test_a_stored_key_opens_only_in_its_row(part: str, value: Any) -> None:
    wrapped = hierarchy.wrap_stored_key(KEY, STORED, SECRET)
    with pytest.raises(Unreadable):
        hierarchy.unwrap_stored_key(KEY, replace(STORED, **{part: value}), wrapped)


@given(data=st.binary(max_size=80))
@settings(max_examples=50, deadline=None)
def test_hostile_wraps_raise_only_our_error(data: bytes) -> None:
    with pytest.raises(Unreadable):
        hierarchy.unwrap_data_key(KEY, PLACE, data)


@given(at=st.integers(0, hierarchy.WRAPPED - 1), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_any_flipped_bit_of_a_wrap_makes_it_unreadable(at: int, bit: int) -> None:
    spoiled = bytearray(hierarchy.wrap_data_key(KEY, PLACE, SECRET))
    spoiled[at] ^= 1 << bit
    with pytest.raises(Unreadable):
        hierarchy.unwrap_data_key(KEY, PLACE, bytes(spoiled))


def test_wraps_of_the_same_key_differ() -> None:
    assert hierarchy.wrap_data_key(KEY, PLACE, SECRET) != hierarchy.wrap_data_key(KEY, PLACE, SECRET)


def test_fingerprint_vector() -> None:
    vector = VECTORS["fingerprint"]
    key = hierarchy.fingerprint_key(bytes.fromhex(vector["organisation_scope_key"]))
    assert hierarchy.fingerprint(key, vector["kind"], vector["normalised"]).hex() == vector["fingerprint"]


def test_fingerprints_of_other_kinds_and_keys_differ() -> None:
    one = hierarchy.fingerprint(KEY, "phone", "+4915112345678")
    assert one != hierarchy.fingerprint(KEY, "contact_id", "+4915112345678")
    assert one != hierarchy.fingerprint(OTHER_KEY, "phone", "+4915112345678")
    assert hierarchy.fingerprint(KEY, "a", "b") != hierarchy.fingerprint(KEY, "ab", "")


def test_every_scope_has_a_key_of_the_same_number() -> None:
    for kind in ScopeKind:
        assert KeyName.of_scope(kind, UUID(int=1)).kind.value == kind.value
    assert {KeyKind(kind.value).name for kind in ScopeKind} == {kind.name for kind in ScopeKind}
