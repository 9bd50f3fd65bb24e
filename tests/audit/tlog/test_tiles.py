"""C2SP tiles: paths, shapes, bundles, and proofs read out of them."""

import random
from hashlib import sha256

import pytest

from audit.tlog import merkle, tiles
from audit.tlog.errors import FormatError
from audit.tlog.tiles import ENTRIES, Tile
from tests.audit.tlog.vectors import plain_leaves


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(1, 1000, 17), "tile/1/x001/000.p/17"),
        (Tile(ENTRIES, 273, 112), "tile/entries/273.p/112"),
        (Tile(7, 12), "tile/7/012"),
    ],
)
def test_paths_both_ways(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert Tile.parse(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/8/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/01",
        "tile/-1/000",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/٠٠٠",
    ],
)
def test_other_spellings_of_a_path_are_refused(path: str) -> None:
    with pytest.raises(FormatError):
        Tile.parse(path)


def test_a_tree_of_70000_has_the_shape_of_the_specification() -> None:
    shape = [(tile.level, tile.width) for tile in tiles.tiles_of(70_000)]

    assert shape.count((0, 256)) == 273
    assert (0, 112) in shape
    assert shape[274:] == [(1, 256), (1, 17), (2, 1)]


def test_tiles_between_are_what_growing_adds() -> None:
    for old, new in ((0, 1), (1, 1), (5, 256), (256, 257), (255, 70_000), (65_535, 65_537)):
        before, after = set(tiles.tiles_of(old)), set(tiles.tiles_of(new))
        assert set(tiles.tiles_between(old, new)) == after - before


def test_a_builder_makes_every_tile_and_the_root_however_it_is_fed() -> None:
    rng = random.Random(8)
    leaves = plain_leaves(70_000)
    whole = tiles.TileBuilder()
    expected = dict(whole.extend(leaves) + whole.partials())
    assert set(expected) == set(tiles.tiles_of(70_000))
    assert whole.root() == merkle.root_from_hashes(leaves)

    made: dict[Tile, bytes] = {}
    builder, start = tiles.TileBuilder(), 0
    while start < len(leaves):
        end = min(len(leaves), start + rng.choice((1, 255, 256, 257, 5_000)))
        made |= dict(builder.extend(leaves[start:end]))
        start = end
        partial = dict(builder.partials())
        assert set(made) | set(partial) == set(tiles.tiles_of(start))
        if start % 3 == 0:
            builder = tiles.TileBuilder.resume(start, partial.__getitem__)
        assert builder.root() == merkle.root_from_hashes(leaves[:start])
    assert made | dict(builder.partials()) == expected


def test_a_tile_holds_the_roots_of_the_subtrees_below_it() -> None:
    leaves = plain_leaves(66_000)
    builder = tiles.TileBuilder()
    made = {tile.path: data for tile, data in builder.extend(leaves) + builder.partials()}

    assert made["tile/1/000"][32:64] == merkle.root_from_hashes(leaves[256:512])
    assert made["tile/2/000.p/1"] == merkle.root_from_hashes(leaves[:65_536])
    assert made["tile/0/257.p/208"] == b"".join(leaves[65_792:])


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 513, 65_535, 65_536, 65_537, 70_000])
def test_proofs_out_of_tiles_are_the_proofs_of_the_tree(size: int) -> None:
    leaves = plain_leaves(size)
    builder = tiles.TileBuilder()
    made = dict(builder.extend(leaves) + builder.partials())
    memory = merkle.reader_of(leaves)
    for index in sorted({0, 1 % size, size // 3, size // 2, size - 1}):
        from_tiles = merkle.inclusion_path(index, size, tiles.reader(size, made.__getitem__))
        assert from_tiles == merkle.inclusion_path(index, size, memory)
        from_tiles = merkle.consistency_path(index, size, tiles.reader(size, made.__getitem__))
        assert from_tiles == merkle.consistency_path(index, size, memory)


def test_a_proof_reads_each_tile_once() -> None:
    leaves = plain_leaves(70_000)
    builder, asked = tiles.TileBuilder(), []
    made = dict(builder.extend(leaves) + builder.partials())

    def fetch(tile: Tile) -> bytes:
        asked.append(tile)
        return made[tile]

    merkle.inclusion_path(69_000, 70_000, tiles.reader(70_000, fetch))
    assert len(asked) == len(set(asked)) <= 5


def test_a_short_tile_is_refused() -> None:
    with pytest.raises(FormatError):
        merkle.inclusion_path(3, 200, tiles.reader(200, lambda tile: b"x" * 32))


def test_bundles_both_ways() -> None:
    entries = [b"", b"a", b"\x00" * 65_535, *(sha256(b"%d" % n).digest() for n in range(253))]

    assert tiles.decode_bundle(tiles.encode_bundle(entries)) == entries
    assert tiles.decode_bundle(b"\x00\x03abc\x00\x00", 2) == [b"abc", b""]


@pytest.mark.parametrize(
    ("data", "width"), [(b"", 1), (b"\x00", 1), (b"\x00\x02a", 1), (b"\x00\x01a", 2), (b"\x00\x01a\x00\x00", 1)]
)
def test_broken_bundles_are_refused(data: bytes, width: int) -> None:
    with pytest.raises(FormatError):
        tiles.decode_bundle(data, width)


def test_no_bundle_of_too_much() -> None:
    with pytest.raises(ValueError, match="bundle"):
        tiles.encode_bundle([b""] * 257)
    with pytest.raises(ValueError, match="bundle"):
        tiles.encode_bundle([b"x" * 65_536])
    with pytest.raises(ValueError, match="outside"):
        tiles.tile_at(0, 1, 256)
