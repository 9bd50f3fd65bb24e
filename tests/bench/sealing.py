"""Rows: sealing and unsealing a recording as a stream, its memory, and a range from its middle."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import BinaryIO, Protocol

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from compliance.vault import envelope
from tests.bench import clocks, memory
from tests.bench.figures import Figure, at_most, ratio_at_least
from tests.bench.ground import Ground

KEY, CONTEXT = bytes(range(32)), b"bench"
RANGE = 64 * 1024
_BUFFER = 256 * 1024
_RECIPE = "recipe in cryptography"

_Pass = Callable[[Path, BinaryIO], None]


class _Recipe(Protocol):
    def update_into(self, data: memoryview, buf: memoryview) -> int: ...
    def finalize(self) -> bytes: ...


def measure(ground: Ground) -> Iterator[Figure]:
    """Speed against the recipe, memory, and a range."""
    plain, sealed = ground.folder / "plain", ground.folder / "sealed"
    _write_random(plain, ground.scale.recording_bytes)
    _warm()
    with sealed.open("wb", buffering=0) as target:
        sealing_growth = memory.peak_growth(partial(_seal, plain, target))
    unsealing_growth = memory.peak_growth(partial(_in_silence, _unseal, sealed))
    recipe_growth = memory.peak_growth(partial(_in_silence, _recipe_seal, plain))
    yield _speed("seal", ground, clocks.take_turns(_sealers(plain), ground.scale.rounds))
    yield _speed("unseal", ground, clocks.take_turns(_unsealers(sealed), ground.scale.rounds))
    yield Figure(
        what="extra memory, sealing and unsealing a recording",
        measured=max(sealing_growth, unsealing_growth),
        unit="MiB",
        baseline=recipe_growth,
        baseline_is=_RECIPE,
        target=at_most(4),
        note=f"seal {sealing_growth:.1f}, unseal {unsealing_growth:.1f}",
    )
    yield _range(plain, sealed, rounds=100 * ground.scale.rounds)


def _speed(verb: str, ground: Ground, rounds: clocks.Rounds) -> Figure:
    megabytes = ground.scale.recording_bytes / 1e6
    return Figure(
        what=f"{verb} a recording of {megabytes:.0f} MB, streaming",
        measured=megabytes / rounds.cost("ours"),
        unit="MB/s",
        baseline=megabytes / rounds.cost("recipe"),
        baseline_is=_RECIPE,
        ratio=rounds.speed("ours", "recipe"),
        target=ratio_at_least(0.8),
        note="processor time",
    )


def _range(plain: Path, sealed: Path, rounds: int) -> Figure:
    """Keys, commitment and five chunks, authenticated, less what reading as many bytes costs anyway."""
    middle = plain.stat().st_size // 2
    stop = min(middle + RANGE, plain.stat().st_size)
    length = sealed.stat().st_size
    with sealed.open("rb", buffering=0) as file:
        header = file.read(envelope.HEADER)
        reads: list[tuple[int, int]] = []

        def ours() -> bytes:
            opening = envelope.Opening(KEY, CONTEXT, header, length)
            begin, end = opening.span(middle, stop)
            reads.append((begin, end))
            file.seek(begin)
            return b"".join(map(bytes, opening.pieces(middle, stop, file.readinto)))

        def bare() -> bytes:
            file.seek(middle)
            return file.read(stop - middle)

        if ours() != _read(plain, middle, stop):
            raise AssertionError("the range is not what was sealed")
        own = median(_repeat(ours, rounds)) - median(_repeat(bare, rounds))
        read = median(_repeat(bare, rounds))
    return Figure(
        what="64 KiB from its middle, authenticated, own time",
        measured=own * 1000,
        unit="ms",
        baseline=read * 1000,
        baseline_is="reading 64 KiB of plain file",
        target=at_most(0.1),
        note=f"{len(set(reads))} range of the store; its GETs are counted in playback",
    )


def _repeat(work: Callable[[], object], rounds: int) -> list[float]:
    return [clocks.elapsed(work) for _ in range(rounds)]


def _sealers(plain: Path) -> dict[str, clocks.Cost]:
    return {
        "ours": partial(clocks.processor_time, partial(_in_silence, _seal, plain)),
        "recipe": partial(clocks.processor_time, partial(_in_silence, _recipe_seal, plain)),
    }


def _unsealers(sealed: Path) -> dict[str, clocks.Cost]:
    return {
        "ours": partial(clocks.processor_time, partial(_in_silence, _unseal, sealed)),
        "recipe": partial(clocks.processor_time, partial(_in_silence, _recipe_unseal, sealed)),
    }


def _in_silence(work: _Pass, path: Path) -> None:
    """Into the void: the disk is not what is compared."""
    with Path(os.devnull).open("wb", buffering=0) as void:
        work(path, void)


def _seal(path: Path, target: BinaryIO) -> None:
    with path.open("rb", buffering=0) as source:
        target.writelines(envelope.Sealing(KEY, CONTEXT).pieces(source.readinto))


def _unseal(path: Path, target: BinaryIO) -> None:
    with path.open("rb", buffering=0) as source:
        opening = envelope.Opening(KEY, CONTEXT, source.read(envelope.HEADER), path.stat().st_size)
        target.writelines(opening.pieces(0, opening.size, source.readinto))


def _recipe_seal(path: Path, target: BinaryIO) -> None:
    _run_recipe(Cobblestone256Encryptor(KEY, CONTEXT), path, target)


def _recipe_unseal(path: Path, target: BinaryIO) -> None:
    _run_recipe(Cobblestone256Decryptor(KEY, CONTEXT), path, target)


def _run_recipe(recipe: _Recipe, path: Path, target: BinaryIO) -> None:
    """With buffers that are used again, as good as its interface allows."""
    taken, given = memoryview(bytearray(_BUFFER)), memoryview(bytearray(_BUFFER + _BUFFER // 64 + 64 * 1024))
    with path.open("rb", buffering=0) as source:
        while count := source.readinto(taken):
            target.write(given[: recipe.update_into(taken[:count], given)])
        target.write(recipe.finalize())


def _warm() -> None:
    """Load what is loaded once in a process, so that it does not count as memory of a recording."""
    material = HKDFExpand(hashes.SHA512(), 76, b"warm").derive(KEY)
    cipher, target = AESGCM(material[:32]), bytearray(envelope.SEALED_CHUNK)
    cipher.encrypt_into(bytes(12), bytes(envelope.CHUNK), None, target)
    cipher.decrypt_into(bytes(12), bytes(target), None, bytearray(envelope.CHUNK))


def _write_random(path: Path, size: int) -> None:
    with path.open("wb") as file:
        while size:
            piece = os.urandom(min(size, 1 << 20))
            size -= file.write(piece)


def _read(path: Path, start: int, stop: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)
