"""C2SP tlog-tiles: where hashes and entries of a tree lie in immutable files, and how proofs are read out of them."""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from audit.tlog import merkle
from audit.tlog.errors import FormatError

WIDTH = 256
HEIGHT = 8
MAX_ENTRY = 0xFFFF
MAX_LEVEL = 7
ENTRIES = -1
"""The level of entry bundles, as Go's tlog counts."""

_LENGTH = struct.Struct(">H")
_PATH = re.compile(r"tile/(entries|[0-7])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """`width` hashes at `level`, or entries where the level is `ENTRIES`; the first has position index·256."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """`tile/<L>/<N>[.p/<W>]`, N in groups of three digits, all but the last with an x."""
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"

    @classmethod
    def parse(cls, path: str) -> Self:
        """The tile of a path in its only spelling; else `FormatError`."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise FormatError("not a tile path")
        level = ENTRIES if match[1] == "entries" else int(match[1])
        tile = cls(level, int(match[2].replace("x", "").replace("/", "")), int(match[3] or WIDTH))
        if tile.path != path or tile.width > WIDTH:
            raise FormatError("not a tile path in canonical form")
        return tile

    @property
    def entries(self) -> "Tile":
        """The entry bundle beside a tile of level 0."""
        return Tile(ENTRIES, self.index, self.width)


def row_length(level: int, size: int) -> int:
    """How many hashes the tiles of `level` hold in a tree of `size` leaves."""
    return size >> HEIGHT * max(level, 0)


def tile_at(level: int, index: int, size: int) -> Tile:
    """The tile as served at this size: full, or the partial one at the right edge. `ValueError` outside the tree."""
    width = min(row_length(level, size) - index * WIDTH, WIDTH)
    if width <= 0:
        raise ValueError("tile outside the tree")
    return Tile(level, index, width)


def tiles_of(size: int) -> Iterator[Tile]:
    """All hash tiles of a tree, level by level."""
    yield from tiles_between(0, size)


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """The hash tiles that a tree of `new` leaves has and the tree of `old` leaves had not (or had narrower)."""
    level = 0
    while row_length(level, new):
        last = (row_length(level, new) - 1) // WIDTH
        if row_length(level, new) > row_length(level, old):
            for index in range(row_length(level, old) // WIDTH, last + 1):
                yield tile_at(level, index, new)
        level += 1


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """An entry bundle: uint16 length ‖ entry, repeated. `ValueError` for more than 256 entries or a longer entry."""
    if len(entries) > WIDTH or any(len(entry) > MAX_ENTRY for entry in entries):
        raise ValueError("too many or too long entries for a bundle")
    return b"".join([_LENGTH.pack(len(entry)) + entry for entry in entries])


def decode_bundle(data: bytes, width: int = WIDTH) -> list[bytes]:
    """Exactly `width` entries of a bundle; else `FormatError`."""
    entries: list[bytes] = []
    position, end = 0, len(data)
    unpack = _LENGTH.unpack_from
    while position < end and len(entries) < width:
        if position + 2 > end:
            break
        start = position + 2
        position = start + unpack(data, position)[0]
        entries.append(data[start:position])
    if position != end or len(entries) != width:
        raise FormatError(f"not an entry bundle of {width}")
    return entries


def split_tile(data: bytes, width: int = WIDTH) -> list[bytes]:
    """The hashes of a tile file; `FormatError` where its length is another."""
    if len(data) != width * merkle.HASH_SIZE:
        raise FormatError(f"not a tile of {width} hashes")
    return [data[i : i + merkle.HASH_SIZE] for i in range(0, len(data), merkle.HASH_SIZE)]


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes: of a full tile, the hash that stands for it one level up."""
    row = hashes
    while len(row) > 1:
        row = merkle.pair_up(row)
    return row[0]


def reader(size: int, fetch: Callable[[Tile], bytes]) -> merkle.NodeReader:
    """Reads nodes of the tree of `size` leaves out of tiles, each fetched once. `FormatError` for a wrong length."""
    held: dict[tuple[int, int], list[bytes]] = {}

    def node(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        number, start = divmod(index << height, WIDTH)
        if (tile_level, number) not in held:
            tile = tile_at(tile_level, number, size)
            held[tile_level, number] = split_tile(fetch(tile), tile.width)
        return tile_root(held[tile_level, number][start : start + (1 << height)])

    return node


class TileBuilder:
    """Collects leaf hashes into tiles. It holds the partial tiles of the right edge, at most 255 hashes a level."""

    __slots__ = ("_rows", "size")

    def __init__(self) -> None:
        self.size = 0
        self._rows: list[list[bytes]] = []

    @classmethod
    def resume(cls, size: int, fetch: Callable[[Tile], bytes]) -> Self:
        """The builder of a tree of `size` leaves, from its partial tiles."""
        builder = cls()
        builder.size, level = size, 0
        while length := row_length(level, size):
            edge, width = divmod(length, WIDTH)
            builder._rows.append(split_tile(fetch(Tile(level, edge, width)), width) if width else [])
            level += 1
        return builder

    def extend(self, leaves: Sequence[bytes]) -> list[tuple[Tile, bytes]]:
        """Adds leaf hashes; gives the tiles that became full, lower levels first."""
        full: list[tuple[Tile, bytes]] = []
        self.size += len(leaves)
        rising, level = list(leaves), 0
        while rising:
            if level == len(self._rows):
                self._rows.append([])
            row = self._rows[level] + rising
            first = (row_length(level, self.size) - len(row)) // WIDTH
            whole = [row[i : i + WIDTH] for i in range(0, len(row) - WIDTH + 1, WIDTH)]
            full += [(Tile(level, first + i), b"".join(hashes)) for i, hashes in enumerate(whole)]
            self._rows[level] = row[len(whole) * WIDTH :]
            rising, level = [tile_root(hashes) for hashes in whole], level + 1
        return full

    def copy(self) -> Self:
        """An independent builder of the same tree."""
        twin = type(self)()
        twin.size, twin._rows = self.size, [row.copy() for row in self._rows]
        return twin

    def root(self) -> bytes:
        """MTH of all leaves so far."""
        root: bytes | None = None
        for row in self._rows:
            edge = merkle.Frontier()
            edge.extend(row)
            root = edge.root_with(root)
        return root or merkle.EMPTY_ROOT

    def partials(self) -> list[tuple[Tile, bytes]]:
        """The partial tiles at this size; an empty one does not exist."""
        return [
            (Tile(level, row_length(level, self.size) // WIDTH, len(row)), b"".join(row))
            for level, row in enumerate(self._rows)
            if row
        ]
