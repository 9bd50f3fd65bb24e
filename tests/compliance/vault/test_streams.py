"""Figures of what flows: the same whatever the source is, and whether a thread takes them or not."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from compliance.vault import envelope, streams
from compliance.vault.streams import Measured, MeasuredPieces, Source

SIZES = [0, 1, 262_144, streams._ALONE, streams._ALONE + 1, 5_000_000]
STEP = 100_000


def pieces_of(data: bytes, step: int = STEP) -> Iterator[bytes]:
    for start in range(0, len(data), step):
        yield data[start : start + step]


def drained(measured: Measured) -> bytes:
    """All of it, through one buffer that is written over each time, as sealing does."""
    buffer, got = bytearray(262_144), bytearray()
    while count := measured.read_into(memoryview(buffer)):
        got += buffer[:count]
    return bytes(got)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["bytes", "file", "pieces", "large pieces"])
@pytest.mark.parametrize("with_sha512", [True, False])
def test_figures_of_every_source(size: int, kind: str, with_sha512: bool) -> None:
    data = os.urandom(size)
    sources: dict[str, Source] = {
        "bytes": data,
        "file": io.BytesIO(data),
        "pieces": pieces_of(data),
        "large pieces": pieces_of(data, 3_000_000),
    }
    with closing(Measured(sources[kind], with_sha512=with_sha512)) as measured:
        assert drained(measured) == data
        assert measured.size == size
        assert measured.sha256 == hashlib.sha256(data).hexdigest()
        assert measured.sha512 == (hashlib.sha512(data).hexdigest() if with_sha512 else "")


def test_pieces_that_somebody_writes_over_are_hashed_at_once() -> None:
    data = os.urandom(3_000_000)

    def reused() -> Iterator[bytes]:
        buffer = bytearray(STEP)
        for piece in pieces_of(data):
            buffer[: len(piece)] = piece
            yield memoryview(buffer)[: len(piece)]  # type: ignore[misc]

    with closing(Measured(reused())) as measured:
        drained(measured)
        assert measured.sha256 == hashlib.sha256(data).hexdigest()


def test_no_thread_outlives_a_source_that_fails() -> None:
    def failing() -> Iterator[bytes]:
        yield from pieces_of(bytes(5_000_000))
        raise OSError("the other side is gone")

    with pytest.raises(OSError, match="gone"), closing(Measured(failing())) as measured:
        drained(measured)
    assert hash_threads() == []


@pytest.mark.parametrize("size", SIZES)
def test_figures_of_the_ciphertext_that_is_written_over(size: int) -> None:
    """A piece is hashed while the next is made in the other buffer, and before that one is used again."""
    sealing = envelope.Sealing(bytes(32), b"context")
    with closing(MeasuredPieces(sealing.pieces(envelope.reader(os.urandom(size))))) as pieces:
        sealed = b"".join(bytes(piece) for piece in pieces)
        assert pieces.length == len(sealed) == envelope.sealed_length(size)
        assert pieces.sha256 == hashlib.sha256(sealed).hexdigest()
    assert hash_threads() == []


def test_a_slow_hash_holds_the_next_but_one_piece_back(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, hand_over = threading.Event(), streams._Behind.hand_over

    def held(behind: streams._Behind, piece: memoryview) -> None:
        work = behind._work
        behind._work = lambda one: (gate.wait(30), work(one))[1]
        hand_over(behind, piece)
        behind._work = work

    monkeypatch.setattr(streams._Behind, "hand_over", held)
    data, got = os.urandom(3_000_000), list[bytes]()
    sealing = envelope.Sealing(bytes(32), b"context")
    with closing(MeasuredPieces(sealing.pieces(envelope.reader(data)))) as pieces:
        reader = threading.Thread(target=lambda: got.extend(bytes(piece) for piece in pieces))
        reader.start()
        reader.join(0.3)
        before = len(got)
        gate.set()
        reader.join(30)
        assert before < len(got)
        assert pieces.sha256 == hashlib.sha256(b"".join(got)).hexdigest()


def hash_threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("hash")]


def test_few_pieces_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the hashes are, what is read ahead of them is bounded."""
    gate, asked, take = threading.Event(), 0, Measured._take
    ahead = streams._ALONE // STEP + streams._BEHIND + 3

    def slowly(measured: Measured, piece: bytes | memoryview) -> None:
        if threading.current_thread().name.startswith("hash"):
            gate.wait(5)
        take(measured, piece)

    def counted() -> Iterator[bytes]:
        nonlocal asked
        for piece in pieces_of(bytes(6_000_000)):
            asked += 1
            yield piece

    monkeypatch.setattr(Measured, "_take", slowly)
    with closing(Measured(counted())) as measured:
        reader = threading.Thread(target=drained, args=(measured,))
        reader.start()
        reader.join(0.3)
        assert asked <= ahead
        gate.set()
        reader.join(10)
        assert asked == 60
        assert measured.sha256 == hashlib.sha256(bytes(6_000_000)).hexdigest()
