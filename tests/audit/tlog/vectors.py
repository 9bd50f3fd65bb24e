"""Makes the golden vectors of the log's formats from fixed keys, salts and times.

`python -m tests.audit.tlog.vectors` writes the files that are missing and refuses to change one that is there: what
was once written must be read for ever, so other bytes need a new format number and a vector of their own.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa

from audit.tlog import canonical, checkpoint, leaf, merkle, proof, statement, text, tiles

DIRECTORY = Path(__file__).parents[2] / "vectors" / "tlog"

ORGANISATION = UUID("0199e5a0-0000-7000-8000-000000000001")
ORIGIN = f"callwarden.example/log/{ORGANISATION}"
ROOT_ORIGIN = "callwarden.example/log/root"
ISSUED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

SIGNER = checkpoint.Signer(ORIGIN, ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ROOT_SIGNER = checkpoint.Signer(ROOT_ORIGIN, ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
COSIGNER = checkpoint.Cosigner(ROOT_ORIGIN, mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(range(2, 34))))

DISCLOSED: tuple[tuple[str, object], ...] = (
    ("actor", "person:0199e5a0-0000-7000-8000-00000000000a"),
    ("ip", "203.0.113.7"),
    ("reason", "Frau Łuczak bat darum — „gelöscht“ 🙂"),
    ("after", {"state": "stored", "bytes": 123456, "stereo": True, "note": None, "gain": -1.5}),
)


def disclosures_of(number: int) -> list[str]:
    """The four disclosures of the example entry `number`, with salts that are only good for vectors."""
    return [
        canonical.disclose(name, value, sha256(b"%d %d" % (number, place)).digest()[:16])  # type: ignore[arg-type]
        for place, (name, value) in enumerate(DISCLOSED)
    ]


def leaf_of(number: int) -> leaf.Leaf:
    """The example entry `number`."""
    return leaf.Leaf(
        id=UUID(int=ORGANISATION.int + 0x1000 + number),
        organisation_id=ORGANISATION,
        at=datetime(2026, 11, 22, 11, 0, number % 60, 123456, tzinfo=UTC),
        act="recording.link.issued",
        cls="access",
        out="ok",
        object_type="recording",
        object_id=UUID(int=ORGANISATION.int + 0x2000 + number),
        writer="0123456789abcdef",
        number=number + 1,
        cause=None if number % 2 else UUID(int=ORGANISATION.int + 0x1000),
        request="4bf92f3577b34da6a3ce929d0e0e4736",
        what={"count": number, "complete": True, "sha256": sha256(b"%d" % number).hexdigest(), "until": "2026-12-24"},
        why={"basis": "contract", "hold": None},
        digests=tuple(map(canonical.digest, disclosures_of(number))),
    )


def entries_of(size: int) -> list[bytes]:
    """The leaves of the example log."""
    return [leaf_of(number).encode() for number in range(size)]


def plain_leaves(size: int) -> list[bytes]:
    """The leaf hashes of the entries "0", "1", "2" and so on."""
    return merkle.leaf_hashes(b"%d" % number for number in range(size))


def proof_of(index: int, entries: list[bytes], note: str) -> str:
    """The tlog-proof of an entry of the example log, self-contained."""
    path = merkle.inclusion_path(index, len(entries), merkle.reader_of(merkle.leaf_hashes(entries)))
    return proof.Proof.make(index, path, note, proof.pack_entry(entries[index], disclosures_of(index))).text()


def signed_head(entries: list[bytes]) -> str:
    """The signed checkpoint of the example log."""
    return SIGNER.sign_note(checkpoint.Checkpoint(ORIGIN, len(entries), root_of(entries)).text())


def root_of(entries: list[bytes]) -> bytes:
    """The root over entries."""
    return merkle.root_from_hashes(merkle.leaf_hashes(entries))


def make_leaf() -> object:
    """Leaf v1."""
    bare = leaf_of(1)._replace(what={}, why={}, digests=(), object_id=None, request=None)
    return {
        "format": "leaf v1",
        "leaves": [
            {"bytes": data.decode(), "hash": merkle.leaf_hash(data).hex()}
            for data in (leaf_of(0).encode(), leaf_of(1).encode(), bare.encode())
        ],
    }


def make_disclosure() -> object:
    """Disclosures."""
    return {
        "format": "RFC 9901 section 4.2.1, sha-256",
        "disclosures": [
            {"name": name, "value": value, "disclosure": disclosure, "digest": canonical.digest(disclosure)}
            for (name, value), disclosure in zip(DISCLOSED, disclosures_of(0), strict=True)
        ],
    }


def make_merkle() -> object:
    """Roots, proofs and tiles of the trees over "0", "1", "2" and so on."""
    everything = plain_leaves(70_000)
    trees = []
    for size in (*range(71), 255, 256, 257, 70_000):
        node = merkle.reader_of(everything[:size])
        places = sorted({index for index in (0, size // 3, size // 2, size - 1) if 0 <= index < size})
        olds = sorted({old for old in (1, size // 3, size // 2, size - 1) if 0 < old < size})
        trees.append(
            {
                "size": size,
                "root": merkle.root_from_hashes(everything[:size]).hex(),
                "inclusion": {str(at): [h.hex() for h in merkle.inclusion_path(at, size, node)] for at in places},
                "consistency": {str(old): [h.hex() for h in merkle.consistency_path(old, size, node)] for old in olds},
            }
        )
    builder = tiles.TileBuilder()
    made = builder.extend(everything) + builder.partials()
    edge = {tile.path: sha256(data).hexdigest() for tile, data in made if tile.level or tile.index in (0, 272, 273)}
    return {"format": "RFC 6962, C2SP tlog-tiles", "trees": trees, "tiles_of_70000": edge}


def make_checkpoint() -> object:
    """Checkpoints of an organisation's log and of the root log. ML-DSA signatures are random, so there is none."""
    head = checkpoint.Checkpoint(ROOT_ORIGIN, 2, root_of([b"0", b"1"]))
    return {
        "format": "C2SP signed-note, tlog-checkpoint",
        "vkey": SIGNER.vkey,
        "note": signed_head(entries_of(5)),
        "root_vkey": ROOT_SIGNER.vkey,
        "root_note": ROOT_SIGNER.sign_note(head.text()),
        "cosigner_vkey_sha256": sha256(COSIGNER.vkey.encode()).hexdigest(),
    }


def make_proof() -> object:
    """An inclusion proof."""
    entries = entries_of(5)
    return {
        "format": "c2sp.org/tlog-proof@v1, extra: leaf and disclosures",
        "vkey": SIGNER.vkey,
        "entry": entries[3].decode(),
        "proof": proof_of(3, entries, signed_head(entries)),
    }


def make_statement() -> object:
    """A signed statement."""
    entries = entries_of(5)
    note = signed_head(entries)
    places: list[text.JSON] = [{"location": "store", "answer": "404", "entry": {"id": str(leaf_of(3).id), "index": 3}}]
    document = statement.issue(
        kind="erasure.certificate",
        origin=ORIGIN,
        body={"request": str(leaf_of(1).id), "artifacts": [{"sha256": sha256(b"a").hexdigest(), "locations": places}]},
        signer=SIGNER,
        issued_at=ISSUED,
        entries=[statement.ProvenEntry(entries[3], proof_of(3, entries, note))],
        disclosures=disclosures_of(3)[:1],
    )
    return {"format": statement.FORMAT, "vkey": SIGNER.vkey, "statement": document.decode()}


MAKERS: dict[str, Callable[[], object]] = {
    "leaf": make_leaf,
    "disclosure": make_disclosure,
    "merkle": make_merkle,
    "checkpoint": make_checkpoint,
    "proof": make_proof,
    "statement": make_statement,
}


def render(name: str) -> str:
    """The text of a vector file."""
    return json.dumps(MAKERS[name](), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Writes what is missing."""
    changed = []
    for name in MAKERS:
        file = DIRECTORY / f"{name}.json"
        if not file.exists():
            file.write_text(render(name), encoding="utf-8")
        elif file.read_text(encoding="utf-8") != render(name):
            changed.append(file.name)
    sys.stdout.write(f"other bytes than were committed: {', '.join(changed)}\n" if changed else "all as committed\n")
    return bool(changed)


if __name__ == "__main__":
    sys.exit(main())
