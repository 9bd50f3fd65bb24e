"""Sealed objects against the recipe in `cryptography` (the oracle), golden vectors, and every way to spoil one."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.vault import envelope
from compliance.vault.envelope import CHUNK, HEADER, SEALED_CHUNK, TAG
from compliance.vault.errors import Unreadable
from compliance.vault.scopes import ObjectKind

VECTORS = Path(__file__).parents[2] / "vectors" / "vault" / "object.json"
KEY, CONTEXT = bytes(range(32)), b"a context"
BLOCK = envelope.BLOCK_CHUNKS * CHUNK
EDGES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + CHUNK, 2 * BLOCK]


def _plaintext(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def _read(sealed: bytes, start: int, stop: int, *, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    opening = envelope.Opening(key, context, sealed[:HEADER], len(sealed))
    begin, end = opening.span(start, stop)
    return b"".join(bytes(piece) for piece in opening.pieces(start, stop, envelope.reader(sealed[begin:end])))


@pytest.mark.parametrize("size", EDGES)
def test_the_recipe_opens_what_we_seal(size: int) -> None:
    sealed = envelope.seal(KEY, CONTEXT, _plaintext(size))
    recipe = Cobblestone256Decryptor(KEY, CONTEXT)
    assert recipe.update(sealed) + recipe.finalize() == _plaintext(size)
    assert len(sealed) == envelope.sealed_length(size)


@pytest.mark.parametrize("size", EDGES)
def test_we_open_what_the_recipe_seals(size: int) -> None:
    recipe = Cobblestone256Encryptor(KEY, CONTEXT)
    sealed = recipe.update(_plaintext(size)) + recipe.finalize()
    assert envelope.unseal(KEY, CONTEXT, sealed) == _plaintext(size)
    assert envelope.plain_size(len(sealed)) == size


@given(size=st.integers(0, 3 * CHUNK), cut=st.data())
@settings(max_examples=60, deadline=None)
def test_a_range_is_the_slice(size: int, cut: st.DataObject) -> None:
    start = cut.draw(st.integers(0, size))
    stop = cut.draw(st.integers(start, size))
    sealed = envelope.seal(KEY, CONTEXT, _plaintext(size))
    assert _read(sealed, start, stop) == _plaintext(size)[start:stop]


@pytest.mark.parametrize(
    ("start", "stop"), [(BLOCK - 1, BLOCK + 1), (CHUNK, 2 * BLOCK), (5, 5), (2 * BLOCK, 2 * BLOCK)]
)
def test_ranges_across_blocks(start: int, stop: int) -> None:
    sealed = envelope.seal(KEY, CONTEXT, _plaintext(2 * BLOCK))
    assert _read(sealed, start, stop) == _plaintext(2 * BLOCK)[start:stop]


def test_two_ranges_of_one_object_may_be_read_side_by_side() -> None:
    sealed = envelope.seal(KEY, CONTEXT, _plaintext(3 * BLOCK))
    opening = envelope.Opening(KEY, CONTEXT, sealed[:HEADER], len(sealed))
    starts = (0, BLOCK + 5)
    passes = []
    for start in starts:
        begin, end = opening.span(start, start + BLOCK + 100)
        passes.append(opening.pieces(start, start + BLOCK + 100, envelope.reader(sealed[begin:end])))
    seen = [bytearray(), bytearray()]
    for first, second in zip(*passes, strict=True):
        seen[0] += first
        seen[1] += second
    assert [bytes(one) for one in seen] == [_plaintext(3 * BLOCK)[start : start + BLOCK + 100] for start in starts]


def test_a_range_reads_only_its_chunks() -> None:
    opening = envelope.Opening(
        KEY, CONTEXT, (sealed := envelope.seal(KEY, CONTEXT, _plaintext(BLOCK)))[:HEADER], len(sealed)
    )
    assert opening.span(CHUNK, CHUNK + 1) == (HEADER + SEALED_CHUNK, HEADER + 2 * SEALED_CHUNK)
    assert opening.span(7, 7) == (HEADER, HEADER)
    assert opening.span(BLOCK, BLOCK) == (len(sealed) - TAG, len(sealed))  # the end is always looked at


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (2, 1), (0, 11), (11, 11)])
def test_a_range_outside_is_the_callers_error(start: int, stop: int) -> None:
    sealed = envelope.seal(KEY, CONTEXT, _plaintext(10))
    with pytest.raises(ValueError, match="range"):
        _read(sealed, start, stop)


def test_short_reads_of_the_source_change_nothing() -> None:
    data = _plaintext(BLOCK + 5)
    whole = envelope.reader(data)
    sealing = envelope.Sealing(KEY, CONTEXT)
    sealed = b"".join(bytes(piece) for piece in sealing.pieces(lambda buffer: whole(buffer[:1000])))
    assert envelope.unseal(KEY, CONTEXT, sealed) == data


# --- what must not be read ------------------------------------------------------------------------------


def _places(length: int) -> dict[str, int]:
    """One position in every class of bytes of a sealed object of two full chunks and a short one."""
    last = HEADER + 2 * SEALED_CHUNK
    return {
        "salt": 3,
        "commitment": 30,
        "first chunk": HEADER + 100,
        "first tag": HEADER + CHUNK + 2,
        "second chunk": HEADER + SEALED_CHUNK + 9,
        "second tag": last - 1,
        "last chunk": last + 1,
        "last tag": length - 1,
    }


SIZE = 2 * CHUNK + 50
SEALED = envelope.seal(KEY, CONTEXT, _plaintext(SIZE))


@pytest.mark.parametrize("place", _places(len(SEALED)))
@pytest.mark.parametrize("bit", [0, 7])
def test_one_flipped_bit_makes_it_unreadable(place: str, bit: int) -> None:
    spoiled = bytearray(SEALED)
    spoiled[_places(len(SEALED))[place]] ^= 1 << bit
    with pytest.raises(Unreadable):
        envelope.unseal(KEY, CONTEXT, bytes(spoiled))


@given(at=st.integers(0, len(SEALED) - 1), bit=st.integers(0, 7))
@settings(max_examples=80, deadline=None)
def test_any_flipped_bit_makes_it_unreadable(at: int, bit: int) -> None:
    spoiled = bytearray(SEALED)
    spoiled[at] ^= 1 << bit
    with pytest.raises(Unreadable):
        envelope.unseal(KEY, CONTEXT, bytes(spoiled))


@given(length=st.integers(0, len(SEALED) - 1))
@settings(max_examples=80, deadline=None)
def test_any_cut_makes_it_unreadable(length: int) -> None:
    with pytest.raises(Unreadable):
        envelope.unseal(KEY, CONTEXT, SEALED[:length])


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_a_cut_at_a_chunks_edge_makes_it_unreadable(chunks: int) -> None:
    with pytest.raises(Unreadable):
        envelope.unseal(KEY, CONTEXT, SEALED[: HEADER + chunks * SEALED_CHUNK])


@given(tail=st.binary(min_size=1, max_size=2 * TAG))
@settings(max_examples=40, deadline=None)
def test_any_longer_object_is_unreadable(tail: bytes) -> None:
    with pytest.raises(Unreadable):
        envelope.unseal(KEY, CONTEXT, SEALED + tail)


def _chunks() -> tuple[bytes, bytes, bytes, bytes]:
    first, second = HEADER + SEALED_CHUNK, HEADER + 2 * SEALED_CHUNK
    return SEALED[:HEADER], SEALED[HEADER:first], SEALED[first:second], SEALED[second:]


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 0, 2), (0, 2), (0, 1, 1, 2), (0, 1, 2, 2)])
def test_chunks_in_another_order_are_unreadable(order: tuple[int, ...]) -> None:
    header, *chunks = _chunks()
    with pytest.raises(Unreadable):
        envelope.unseal(KEY, CONTEXT, header + b"".join(chunks[i] for i in order))


@given(data=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_hostile_bytes_raise_only_our_error(data: bytes) -> None:
    with pytest.raises(Unreadable):
        envelope.unseal(KEY, CONTEXT, data)


def test_a_read_that_ends_early_is_unreadable() -> None:
    opening = envelope.Opening(KEY, CONTEXT, SEALED[:HEADER], len(SEALED))
    with pytest.raises(Unreadable):
        list(opening.pieces(0, SIZE, envelope.reader(SEALED[HEADER:-1])))


def test_nothing_of_a_spoiled_piece_is_shown() -> None:
    spoiled = bytearray(envelope.seal(KEY, CONTEXT, _plaintext(2 * BLOCK)))
    spoiled[HEADER + 20 * SEALED_CHUNK] ^= 1
    opening = envelope.Opening(KEY, CONTEXT, bytes(spoiled[:HEADER]), len(spoiled))
    pieces = opening.pieces(0, 2 * BLOCK, envelope.reader(bytes(spoiled[HEADER:])))
    assert bytes(next(pieces)) == _plaintext(BLOCK)  # the block before it, and no byte more
    with pytest.raises(Unreadable):
        next(pieces)


PLACE = {
    "organisation_id": UUID(int=1),
    "scope_id": UUID(int=2),
    "object_id": UUID(int=3),
    "kind": ObjectKind.RECORDING,
    "version": 1,
}
ELSEWHERE = {
    "organisation_id": UUID(int=9),
    "scope_id": UUID(int=9),
    "object_id": UUID(int=9),
    "kind": ObjectKind.TRANSCRIPT,
    "version": 2,
}


@pytest.mark.parametrize("part", PLACE)
def test_an_object_in_another_place_fails_at_the_commitment(part: str) -> None:
    context = envelope.object_context(**PLACE)  # type: ignore[arg-type]
    other = envelope.object_context(**PLACE | {part: ELSEWHERE[part]})  # type: ignore[arg-type]
    sealed = envelope.seal(KEY, context, b"words")
    with pytest.raises(Unreadable) as refusal:
        envelope.Opening(KEY, other, sealed[:HEADER], len(sealed))
    assert refusal.value.__notes__ == ["commitment"]


def test_another_key_fails_at_the_commitment() -> None:
    with pytest.raises(Unreadable) as refusal:
        envelope.Opening(os.urandom(32), CONTEXT, SEALED[:HEADER], len(SEALED))
    assert refusal.value.__notes__ == ["commitment"]


def test_a_header_of_another_length_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        envelope.Opening(KEY, CONTEXT, SEALED[: HEADER - 1], len(SEALED))


def test_the_refusal_says_the_same_whatever_was_found() -> None:
    messages = set()
    for spoiled in (SEALED[:-1], SEALED[:10], b"\0" + SEALED[1:]):
        with pytest.raises(Unreadable) as refusal:
            envelope.unseal(KEY, CONTEXT, spoiled)
        messages.add((refusal.value.message, refusal.value.code, refusal.value.status))
    assert messages == {("This cannot be read", "unreadable", 500)}


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text())["vectors"], ids=lambda vector: vector["name"])
def test_golden_vector(vector: dict[str, str]) -> None:
    key, context = bytes.fromhex(vector["key"]), bytes.fromhex(vector["context"])
    plaintext, sealed = _vector_plaintext(vector), bytes.fromhex(vector.get("sealed", ""))
    sealing = envelope.Sealing(key, context, salt=bytes.fromhex(vector["salt"]))
    ours = b"".join(bytes(piece) for piece in sealing.pieces(envelope.reader(plaintext)))
    assert sealing.header.hex() == vector["header"]
    assert envelope.unseal(key, context, ours) == plaintext
    if sealed:
        assert ours == sealed
    assert _digest(ours) == vector["sealed_sha256"]


def test_the_vectors_context_is_the_one_of_their_place() -> None:
    document = json.loads(VECTORS.read_text())
    place = document["place"]
    context = envelope.object_context(
        organisation_id=UUID(place["organisation"]),
        scope_id=UUID(place["scope"]),
        object_id=UUID(place["object"]),
        kind=ObjectKind(place["kind"]),
        version=place["version"],
    )
    assert {vector["context"] for vector in document["vectors"]} == {context.hex()}


def _vector_plaintext(vector: dict[str, str]) -> bytes:
    """A vector's plaintext is its size of the bytes 0, 1, … 250, over and over."""
    return _plaintext(int(vector["size"]))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
