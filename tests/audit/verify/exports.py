"""Writes exports of example logs, honest ones and others."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from audit.tlog import checkpoint, leaf, merkle, proof, tiles
from tests.audit.tlog import vectors

SIZE = 700


@dataclass
class Export:
    """The files of an export before they are written."""

    leaves: list[leaf.Leaf]
    files: dict[str, bytes] = field(default_factory=dict)
    lines: list[dict[str, object]] = field(default_factory=list)

    @property
    def entries(self) -> list[bytes]:
        return [entry.encode() for entry in self.leaves]

    def build(self) -> "Export":
        """Tiles, bundles and checkpoint of the leaves as they are now."""
        entries = self.entries
        builder = tiles.TileBuilder()
        made = builder.extend(merkle.leaf_hashes(entries)) + builder.partials()
        self.files = {tile.path: data for tile, data in made}
        for start in range(0, len(entries), tiles.WIDTH):
            tile = tiles.tile_at(0, start // tiles.WIDTH, len(entries))
            self.files[tile.entries.path] = tiles.encode_bundle(entries[start : start + tiles.WIDTH])
        head = checkpoint.Checkpoint(vectors.ORIGIN, len(entries), builder.root())
        self.files["checkpoint"] = vectors.SIGNER.sign_note(head.text()).encode()
        return self

    def write(self, root: Path) -> Path:
        """The files below `root`."""
        if self.lines:
            self.files["disclosures.jsonl"] = b"".join(json.dumps(line).encode() + b"\n" for line in self.lines)
        for path, data in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        return root


def example(size: int = SIZE) -> Export:
    """An honest log of `size` entries by two writers."""
    leaves = [
        vectors.leaf_of(number)._replace(writer=f"{number % 2:016x}", number=number // 2 + 1) for number in range(size)
    ]
    return Export(leaves).build()


def with_disclosures(export: Export) -> Export:
    """The first 300 entries opened; of entry 7 one field erased at entry 9, one erased before, one withheld."""
    export.lines = [
        {"entry": str(vectors.leaf_of(n).id), "index": n, "disclosures": vectors.disclosures_of(n), "erased": []}
        for n in range(300)
    ]
    line, digests = export.lines[7], vectors.leaf_of(7).digests
    line["disclosures"] = vectors.disclosures_of(7)[:1]
    line["erased"] = [{"digest": digests[1], "by": 9}, {"digest": digests[2], "by": None}]
    return export


def with_root_log(export: Export) -> Export:
    """The export's checkpoint as entry 1 of a root log of three, cosigned at 2026-11-22 12:00 UTC."""
    entries = [b"first", export.files["checkpoint"], b"third"]
    builder = tiles.TileBuilder()
    hashes = merkle.leaf_hashes(entries)
    made = builder.extend(hashes) + builder.partials()
    head = checkpoint.Checkpoint(vectors.ROOT_ORIGIN, 3, builder.root())
    time = int(vectors.ISSUED.timestamp())
    note = vectors.ROOT_SIGNER.sign_note(head.text()) + vectors.COSIGNER.signature_line(head, time=time)
    path = merkle.inclusion_path(1, 3, merkle.reader_of(hashes))
    export.files |= {f"root/{tile.path}": data for tile, data in made}
    export.files |= {"root/checkpoint": note.encode(), "root.proof": proof.Proof.make(1, path, note).text().encode()}
    return export
