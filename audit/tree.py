"""Putting leaves into their organisations' trees: indexes, entries, disclosures, full tiles, frontiers, in the
caller's transaction.

Everything goes as one INSERT a table. Only the sequencer's role may do this, and only one process at a time: the
caller holds `audit_state`.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from audit import arrays
from audit.leaves import Built
from audit.tlog import tiles
from audit.tlog.merkle import Frontier
from audit.tlog.tiles import Tile, TileBuilder

ROOT_LOG_ID = UUID(int=1)
"""The log whose leaves are the organisations' checkpoints. It takes the place of an organisation in every table."""

Connection: TypeAlias = psycopg.Connection[Any]
Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]

MAX_EDGES = 2000
"""How many right edges are kept in memory (at most 24 KB each for a tree of millions)."""


class Forest:
    """The trees of a batch. It remembers the right edge of the trees it grew last, and drops that when a transaction
    fails.
    """

    def __init__(self) -> None:
        self._edges: dict[UUID, TileBuilder] = {}

    def forget(self) -> None:
        """After a failed transaction: what was remembered may never have been committed."""
        self._edges.clear()

    def grow(self, cursor: Cursor, batch: Sequence[Built]) -> None:
        """Give each entry the next index of its organisation's tree, in the order of the batch."""
        by_tree: dict[UUID, list[Built]] = defaultdict(list)
        for built in batch:
            by_tree[built.organisation_id].append(built)
        frontiers = _read_frontiers(cursor, list(by_tree))
        in_order: list[Built] = []
        indexes: list[int] = []
        full: list[tuple[UUID, Tile, bytes]] = []
        for tree_id, entries in by_tree.items():
            frontier, hashes = frontiers[tree_id], [built.hash for built in entries]
            in_order += entries
            indexes += range(frontier.size, frontier.size + len(entries))
            full += [(tree_id, tile, data) for tile, data in self._edge(cursor, tree_id, frontier.size).extend(hashes)]
            frontier.extend(hashes)
        raw = cursor.connection
        ids, trees = [built.id.bytes for built in in_order], [built.organisation_id.bytes for built in in_order]
        _insert_entries(raw, in_order, ids, trees)
        _insert_leaves(raw, in_order, ids, trees, indexes)
        _insert_disclosures(raw, in_order)
        _insert_erased(raw, in_order)
        _insert_tiles(raw, full)
        _write_frontiers(raw, frontiers)

    def _edge(self, cursor: Cursor, tree_id: UUID, size: int) -> TileBuilder:
        held = self._edges.get(tree_id)
        if held is None or held.size != size:
            held = TileBuilder.resume(size, lambda tile: read_tile(cursor, tree_id, tile))
            if len(self._edges) >= MAX_EDGES:
                self._edges.clear()
            self._edges[tree_id] = held
        return held


def read_tile(cursor: Any, tree_id: UUID, tile: Tile) -> bytes:
    """A tile's bytes: full ones as stored, partial ones computed. Works on Django's cursor and on psycopg's."""
    if tile.width == tiles.WIDTH:
        cursor.execute(
            "SELECT data FROM audit_tile WHERE organisation_id = %s AND level = %s AND index = %s",
            (tree_id, tile.level, tile.index),
        )
        found = cursor.fetchone()
        if found is None:
            raise LookupError(f"tile {tile.path} is missing")
        return bytes(found[0])
    first = tile.index * tiles.WIDTH
    if tile.level == 0:
        cursor.execute(
            "SELECT leaf_hash FROM audit_leaf WHERE organisation_id = %s AND index >= %s AND index < %s ORDER BY index",
            (tree_id, first, first + tile.width),
        )
        hashes = [bytes(row[0]) for row in cursor.fetchall()]
    else:
        cursor.execute(
            "SELECT data FROM audit_tile WHERE organisation_id = %s AND level = %s AND index >= %s AND index < %s"
            " ORDER BY index",
            (tree_id, tile.level - 1, first, first + tile.width),
        )
        hashes = [tiles.tile_root(tiles.split_tile(bytes(row[0]))) for row in cursor.fetchall()]
    if len(hashes) != tile.width:
        raise LookupError(f"tile {tile.path} is incomplete")
    return b"".join(hashes)


def _insert_entries(raw: Connection, entries: Sequence[Built], ids: list[bytes], trees: list[bytes]) -> None:
    fields = [built.fields for built in entries]
    columns = [
        arrays.ids("id", ids),
        arrays.ids("organisation_id", trees),
        arrays.times("recorded_at", [built.at for built in entries]),
        arrays.texts("act", [field.act for field in fields]),
        arrays.texts("cls", [field.cls for field in fields]),
        arrays.texts("outcome", [field.out for field in fields]),
        arrays.texts("object_type", [field.object_type for field in fields]),
        arrays.uuids("object_id", [_uuid_bytes(field.object_id) for field in fields]),
        arrays.uuids("cause", [_uuid_bytes(field.cause) for field in fields]),
        arrays.blobs("leaf", [built.data for built in entries]),
    ]
    arrays.insert(raw, "audit_entry", columns)


def _insert_leaves(
    raw: Connection, entries: Sequence[Built], ids: list[bytes], trees: list[bytes], indexes: list[int]
) -> None:
    columns = [
        arrays.ids("organisation_id", trees),
        arrays.integers("index", indexes),
        arrays.ids("entry_id", ids),
        arrays.blobs("leaf_hash", [built.hash for built in entries]),
    ]
    arrays.insert(raw, "audit_leaf", columns)


def _insert_disclosures(raw: Connection, entries: Sequence[Built]) -> None:
    found = [(built, part) for built in entries for part in built.parts]
    if found:
        columns = [
            arrays.ids("entry_id", [built.id.bytes for built, _ in found]),
            arrays.texts("part", [part.name.encode() for _, part in found]),
            arrays.ids("organisation_id", [built.organisation_id.bytes for built, _ in found]),
            arrays.uuids("subject_id", [part.subject_id.bytes if part.subject_id else None for _, part in found]),
            arrays.ids("key_id", [part.key_id.bytes for _, part in found]),
            arrays.blobs("digests", [part.digests for _, part in found]),
            arrays.blobs("sealed", [part.data for _, part in found]),
        ]
        arrays.insert(raw, "audit_disclosure", columns)


def _insert_erased(raw: Connection, entries: Sequence[Built]) -> None:
    gone = [(built, built.erased[i : i + 32]) for built in entries for i in range(0, len(built.erased), 32)]
    if gone:
        columns = [
            arrays.ids("entry_id", [built.id.bytes for built, _ in gone]),
            arrays.blobs("digest", [digest for _, digest in gone]),
            arrays.ids("organisation_id", [built.organisation_id.bytes for built, _ in gone]),
        ]
        arrays.insert(raw, "audit_erased_disclosure", columns)


def _insert_tiles(raw: Connection, full: Sequence[tuple[UUID, Tile, bytes]]) -> None:
    if full:
        columns = [
            arrays.ids("organisation_id", [tree_id.bytes for tree_id, _, _ in full]),
            arrays.integers("level", [tile.level for _, tile, _ in full]),
            arrays.integers("index", [tile.index for _, tile, _ in full]),
            arrays.blobs("data", [data for _, _, data in full]),
        ]
        arrays.insert(raw, "audit_tile", columns)


def _uuid_bytes(text: bytes | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text.replace(b"-", b"").decode())


def _read_frontiers(cursor: Cursor, tree_ids: list[UUID]) -> dict[UUID, Frontier]:
    cursor.execute("SELECT organisation_id, nodes FROM audit_frontier WHERE organisation_id = ANY(%s)", (tree_ids,))
    found = {tree_id: Frontier.from_bytes(bytes(nodes)) for tree_id, nodes in cursor.fetchall()}
    return {tree_id: found.get(tree_id) or Frontier() for tree_id in tree_ids}


def _write_frontiers(raw: Connection, frontiers: dict[UUID, Frontier]) -> None:
    columns = [
        arrays.ids("organisation_id", [tree_id.bytes for tree_id in frontiers]),
        arrays.integers("size", [frontier.size for frontier in frontiers.values()]),
        arrays.blobs("nodes", [frontier.to_bytes() for frontier in frontiers.values()]),
    ]
    grown = "ON CONFLICT (organisation_id) DO UPDATE SET size = excluded.size, nodes = excluded.nodes"
    arrays.insert(raw, "audit_frontier", columns, grown)
