"""Row: a whole log checked offline by the verifier, as an outsider would, in a process of its own."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ed25519

from audit.tlog import checkpoint, leaf, merkle, tiles
from compliance.embedded.places import PROJECT
from tests.bench import clocks
from tests.bench.figures import Figure, at_most
from tests.bench.ground import Ground

MILLION = 1_000_000
_ORGANISATION = UUID("0199e5a0-0000-7000-8000-000000000001")
_ORIGIN = f"callwarden.example/log/{_ORGANISATION}"
_SIGNER = checkpoint.Signer(_ORIGIN, ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
_START = datetime(2026, 11, 22, tzinfo=UTC)


def measure(ground: Ground) -> Iterator[Figure]:
    """Leaves with four salted digests each, as an operation of a person writes them."""
    size, small = ground.scale.log_entries, tiles.WIDTH
    log, tiny = ground.folder / "log", ground.folder / "tiny"
    write_log(log, size)
    write_log(tiny, small)
    tries = range(1 if size == MILLION else 3)
    start = min(check(tiny) for _ in tries)
    taken = min(check(log) for _ in tries)
    hashed = min(clocks.processor_time(partial(_hash_only, log)) for _ in tries)
    share = (MILLION - small) / (size - small)
    seconds = start + max(taken - start, hashed) * share
    scaled = "" if size == MILLION else f", scaled from {size:,} entries (SCALE=1M verifies all)"
    yield Figure(
        what="verify a log of 1,000,000 entries offline",
        measured=seconds,
        unit="s",
        baseline=hashed * share,
        baseline_is="SHA-256 of each entry and node, nothing else",
        ratio=hashed * share / seconds,
        target=at_most(10),
        note=f"processor time, best of {len(tries)}{scaled}; {start:.2f} s of it is the program's start",
    )


def write_log(folder: Path, size: int) -> None:
    """An export as `audit.export` lays it out: checkpoint, tiles, entry bundles."""
    builder, bundle = tiles.TileBuilder(), list[bytes]()
    for start in range(0, size, tiles.WIDTH):
        bundle = [_leaf(number) for number in range(start, min(start + tiles.WIDTH, size))]
        _write(folder, tiles.tile_at(0, start // tiles.WIDTH, size).entries, tiles.encode_bundle(bundle))
        for tile, data in builder.extend(merkle.leaf_hashes(bundle)):
            _write(folder, tile, data)
    for tile, data in builder.partials():
        _write(folder, tile, data)
    head = checkpoint.Checkpoint(_ORIGIN, size, builder.root())
    (folder / "checkpoint").write_text(_SIGNER.sign_note(head.text()))


def _leaf(number: int) -> bytes:
    drawn = os.urandom(32)
    digests = tuple(
        hashlib.sha256(drawn + bytes([place])).digest()[:32].hex()[:43] for place in range(4)
    )  # as many characters as a digest has, of its alphabet
    return leaf.Leaf(
        id=UUID(int=_ORGANISATION.int + 0x10000 + number),
        organisation_id=_ORGANISATION,
        at=_START + timedelta(milliseconds=number),
        act="recordings.artifact.opened",
        cls="access",
        out="ok",
        object_type="artifact",
        object_id=UUID(int=_ORGANISATION.int + 0x20000 + number // 3),
        writer="0123456789abcdef",
        number=number + 1,
        request=drawn[:16].hex(),
        what={"bytes": number, "from": 0},
        why={"purpose": "quality_assurance"},
        digests=digests,
    ).encode()


def _write(folder: Path, tile: tiles.Tile, data: bytes) -> None:
    path = folder / tile.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def check(log: Path) -> float:
    """Processor seconds of `python -m audit.verify`, start included."""
    before = _children()
    answer = subprocess.run(
        [sys.executable, "-m", "audit.verify", str(log), "--key", _SIGNER.vkey],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise AssertionError(f"the verifier answers {answer.returncode}: {answer.stdout}{answer.stderr}")
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _hash_only(log: Path) -> None:
    """What no verifier can go below in Python."""
    row: list[bytes] = []
    for path in sorted((log / "tile" / "entries").rglob("*")):
        if path.is_file():
            row += merkle.leaf_hashes(_entries(path.read_bytes()))
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=False)
        row = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]


def _entries(bundle: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        found.append(bundle[at + 2 : end])
        at = end
    return found
