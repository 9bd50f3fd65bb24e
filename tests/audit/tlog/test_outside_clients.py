"""Clients that others wrote read our notes, tiles and proofs. They are young packages: for tests only."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa

from audit.tlog import checkpoint, merkle, tiles
from tests.audit.tlog.vectors import COSIGNER, ORIGIN, ROOT_ORIGIN, ROOT_SIGNER, SIGNER, leaf_of, plain_leaves

SIZE = 600


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A served log of 600 entries, as files."""
    root = tmp_path_factory.mktemp("log")
    entries = [leaf_of(number).encode() for number in range(SIZE)]
    builder = tiles.TileBuilder()
    files = {tile.path: data for tile, data in builder.extend(merkle.leaf_hashes(entries)) + builder.partials()}
    for start in range(0, SIZE, tiles.WIDTH):
        tile = tiles.tile_at(0, start // tiles.WIDTH, SIZE)
        files[tile.entries.path] = tiles.encode_bundle(entries[start : start + tiles.WIDTH])
    head = checkpoint.Checkpoint(ORIGIN, SIZE, builder.root())
    files["checkpoint"] = SIGNER.sign_note(head.text()).encode()
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def test_aics_tlog_accepts_checkpoint_tiles_and_proofs(log: Path) -> None:
    aics_tlog = pytest.importorskip("aics_tlog", reason="aics-tlog is not installed: an outside client is not checked")
    from aics_tlog.verified import audit_tiles  # type: ignore[import-not-found,unused-ignore]

    note = aics_tlog.parse_note((log / "checkpoint").read_bytes())
    assert aics_tlog.verify_note(note, [aics_tlog.parse_vkey(SIGNER.vkey)])
    head = aics_tlog.parse_checkpoint(note.text)
    reader = aics_tlog.FileSystemTileReader(log)

    assert aics_tlog.tree_root_from_tiles(reader, SIZE) == head.root
    audit_tiles(reader, SIZE, head.root)
    leaves = merkle.leaf_hashes(aics_tlog.read_entry(reader, index, SIZE) for index in range(SIZE))
    node = merkle.reader_of(leaves)
    for index in (0, 255, 256, 599):
        assert aics_tlog.inclusion_proof_from_tiles(reader, index, SIZE) == merkle.inclusion_path(index, SIZE, node)
        path = merkle.inclusion_path(index, SIZE, node)
        assert aics_tlog.verify_inclusion(leaves[index], index, SIZE, path, head.root)
        old_root = merkle.root_from_hashes(leaves[: index + 1])
        path = merkle.consistency_path(index + 1, SIZE, node)
        assert aics_tlog.verify_consistency(index + 1, SIZE, old_root, head.root, path)


def test_aics_tlog_makes_the_tiles_that_we_make() -> None:
    aics_tiles = pytest.importorskip(
        "aics_tlog.tiles", reason="aics-tlog is not installed: an outside client is not checked"
    )
    entries = [b"%d" % number for number in range(70_000)]
    builder = tiles.TileBuilder()
    ours = {tile.path: data for tile, data in builder.extend(plain_leaves(70_000)) + builder.partials()}

    theirs = aics_tiles.materialise_tiles(entries)
    assert {path: data for path, data in theirs.items() if "entries" not in path} == ours


def test_tlog_scales_accepts_checkpoint_and_proofs(log: Path) -> None:
    tlog = pytest.importorskip(
        "tlog_scales.tlog", reason="tlog-scales is not installed: an outside client is not checked"
    )
    from tlog_scales import signing  # type: ignore[import-not-found,unused-ignore]

    head = tlog.Checkpoint.from_text((log / "checkpoint").read_text(encoding="utf-8"))
    head.verify(signing.Vkey.from_string(SIGNER.vkey))
    leaves = merkle.leaf_hashes(leaf_of(number).encode() for number in range(SIZE))
    node = merkle.reader_of(leaves)

    tlog.InclusionProof(300, SIZE, merkle.inclusion_path(300, SIZE, node)).check(leaves[300], head.root_hash)
    old_root = merkle.root_from_hashes(leaves[:300])
    tlog.ConsistencyProof(300, SIZE, merkle.consistency_path(300, SIZE, node)).check(old_root, head.root_hash)


def test_tlog_scales_accepts_our_ml_dsa_cosignature_and_we_accept_theirs() -> None:
    tlog = pytest.importorskip(
        "tlog_scales.tlog", reason="tlog-scales is not installed: an outside client is not checked"
    )
    from tlog_scales import signing

    head = checkpoint.Checkpoint(ROOT_ORIGIN, 2, merkle.root_from_hashes(plain_leaves(2)))
    note = ROOT_SIGNER.sign_note(head.text()) + COSIGNER.signature_line(head, time=1_795_000_000)
    theirs = tlog.Checkpoint.from_text(note)
    for vkey in (ROOT_SIGNER.vkey, COSIGNER.vkey):
        theirs.verify(signing.Vkey.from_string(vkey))

    key = mldsa.MLDSA44PrivateKey.from_seed_bytes(b"\x0b" * 32)
    line = signing.MLDSA44CosignatureSigner("witness.example/1", key).sign(theirs).serialize() + "\n"
    witness = checkpoint.Cosigner("witness.example/1", key).key
    ours = checkpoint.open_checkpoint(note + line, [ROOT_SIGNER.key, witness])
    assert [signature.key.name for signature in ours.verified] == [ROOT_ORIGIN, "witness.example/1"]
