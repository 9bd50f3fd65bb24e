"""The Merkle tree of RFC 6962 §2.1 and RFC 9162 §2.1: hashes, growth, proofs and their verification (SHA-256)."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Self, TypeAlias

from audit.tlog.errors import FormatError, ProofError

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = 2**63 - 1

NodeReader: TypeAlias = Callable[[int, int], bytes]
"""(level, index) -> root of the full subtree over leaves [index·2^level, (index+1)·2^level)."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The leaf hash of each entry."""
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def pair_up(row: Sequence[bytes]) -> list[bytes]:
    """The row above: one node for every two of `row`; a last odd one has no node yet."""
    return [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]


class Frontier:
    """The right edge of a growing tree: the roots of its full subtrees, the largest first. At most 63 hashes."""

    __slots__ = ("_nodes", "size")

    def __init__(self) -> None:
        self.size = 0
        self._nodes: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Adds one leaf hash."""
        nodes, carry = self._nodes, self.size
        while carry & 1:
            leaf = node_hash(nodes.pop(), leaf)
            carry >>= 1
        nodes.append(leaf)
        self.size += 1

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Adds many leaf hashes, row by row; the same tree as `append` of each."""
        row, level, odd = list(leaves), 0, []
        while row:
            if self.size >> level & 1:
                row.insert(0, self._nodes.pop())
            if len(row) & 1:
                odd.append(row[-1])
            row = pair_up(row)
            level += 1
        self._nodes.extend(reversed(odd))
        self.size += len(leaves)

    def root(self) -> bytes:
        """MTH of all leaves so far."""
        return self.root_with(None) or EMPTY_ROOT

    def root_with(self, right: bytes | None) -> bytes | None:
        """The root when a smaller subtree with root `right` follows; None for nothing at all."""
        for node in reversed(self._nodes):
            right = node if right is None else node_hash(node, right)
        return right

    def copy(self) -> Self:
        """An independent frontier of the same tree."""
        twin = type(self)()
        twin.size, twin._nodes = self.size, self._nodes.copy()
        return twin

    def to_bytes(self) -> bytes:
        """uint64 size ‖ the hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self._nodes)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The inverse of `to_bytes`; else `FormatError`."""
        size = int.from_bytes(data[:8], "big")
        if len(data) != 8 + HASH_SIZE * size.bit_count() or size > MAX_SIZE:
            raise FormatError("not a frontier")
        frontier = cls()
        frontier.size = size
        frontier._nodes = [data[i : i + HASH_SIZE] for i in range(8, len(data), HASH_SIZE)]
        return frontier


def root_from_hashes(leaves: Sequence[bytes]) -> bytes:
    """MTH of leaf hashes."""
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def reader_of(leaves: Sequence[bytes]) -> NodeReader:
    """Reads nodes out of all leaf hashes, held in memory."""
    rows = [list(leaves)]
    while len(rows[-1]) > 1:
        rows.append(pair_up(rows[-1]))
    return lambda level, index: rows[level][index]


def _largest_power_below(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def range_root(start: int, end: int, node: NodeReader) -> bytes:
    """MTH of leaves [start, end); `start` is a multiple of the smallest power of two that is no less than the count."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, start >> level)
    split = start + _largest_power_below(count)
    return node_hash(range_root(start, split, node), range_root(split, end, node))


def inclusion_path(index: int, size: int, node: NodeReader) -> list[bytes]:
    """PATH(index, D[size]) of RFC 9162 §2.1.3.1, the leaf's sibling first. `ValueError` outside the tree."""
    if not 0 <= index < size:
        raise ValueError("index outside the tree")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _largest_power_below(end - start)
        if index < split:
            path.append(range_root(split, end, node))
            end = split
        else:
            path.append(range_root(start, split, node))
            start = split
    return path[::-1]


def consistency_path(old: int, new: int, node: NodeReader) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 9162 §2.1.4.1; empty where there is nothing to prove. `ValueError` for old > new."""
    if not 0 <= old <= new:
        raise ValueError("sizes out of order")
    if old in (0, new):
        return []
    path: list[bytes] = []
    start, end = 0, new
    whole = True  # is [start, old) still the whole old tree, whose root the verifier knows?
    while old != end:
        split = start + _largest_power_below(end - start)
        if old <= split:
            path.append(range_root(split, end, node))
            end = split
        else:
            path.append(range_root(start, split, node))
            start, whole = split, False
    if not whole:
        path.append(range_root(start, end, node))
    return path[::-1]


def root_of_path(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion path leads to (RFC 9162 §2.1.3.2). `ProofError` where its length does not fit."""
    if not 0 <= index < size:
        raise ProofError("index outside the tree")
    position, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofError("inclusion path too long")
        if position & 1 or position == last:
            root = node_hash(sibling, root)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError("inclusion path too short")
    return root


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Is the leaf hash `leaf` at `index` of the tree of `size` leaves with this root (RFC 9162 §2.1.3.2)?"""
    try:
        return root_of_path(index, size, leaf, path) == root
    except ProofError:
        return False


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Is the tree of `old` leaves a prefix of that of `new` leaves (RFC 9162 §2.1.4.2)? The empty one always is."""
    if not 0 <= old <= new:
        return False
    if old in (0, new):
        return not path and old_root == (EMPTY_ROOT if old == 0 else new_root)
    nodes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not path:
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    first = second = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root
