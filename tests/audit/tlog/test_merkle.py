"""RFC 6962 trees: known answers, growth, and proofs that hold for what is true and for nothing else."""

import random
from collections.abc import Sequence
from hashlib import sha256

import pytest

from audit.tlog import merkle
from audit.tlog.errors import FormatError, ProofError
from tests.audit.tlog.vectors import plain_leaves

SIZES = (*range(34), 63, 64, 65, 127, 128, 129, 255, 256, 257)


def recursive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH as RFC 6962 §2.1 writes it down."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + recursive_root(leaves[:split]) + recursive_root(leaves[split:])).digest()


def test_known_answers_of_rfc6962_test() -> None:
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert (
        merkle.node_hash(b"N123", b"N456").hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )


@pytest.mark.parametrize("size", SIZES)
def test_roots_are_those_of_the_definition(size: int) -> None:
    leaves = plain_leaves(size)
    one_by_one = merkle.Frontier()
    for leaf in leaves:
        one_by_one.append(leaf)

    assert one_by_one.root() == merkle.root_from_hashes(leaves) == recursive_root(leaves)


def test_extending_in_any_pieces_gives_the_same_tree() -> None:
    rng = random.Random(6962)
    leaves = plain_leaves(2_000)
    for _ in range(30):
        frontier, start = merkle.Frontier(), 0
        while start < len(leaves):
            end = min(len(leaves), start + rng.choice((0, 1, 2, 3, 17, 255, 256, 257, 700)))
            frontier.extend(leaves[start:end])
            start = end
            assert frontier.root() == merkle.root_from_hashes(leaves[:start])
        assert merkle.Frontier.from_bytes(frontier.to_bytes()).root() == frontier.root()


def test_a_copy_grows_alone() -> None:
    frontier = merkle.Frontier()
    frontier.extend(plain_leaves(5))
    twin, before = frontier.copy(), frontier.root()
    twin.append(merkle.leaf_hash(b"more"))

    assert frontier.root() == before != twin.root()


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 7, b"\x00" * 7 + b"\x01", b"\x00" * 8 + b"x" * 32, b"\xff" * 8 + b"x" * 2048]
)
def test_a_broken_frontier_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        merkle.Frontier.from_bytes(data)


@pytest.mark.parametrize("size", [size for size in SIZES if size])
def test_every_inclusion_path_verifies_and_nothing_near_it(size: int) -> None:
    leaves = plain_leaves(size)
    node, root = merkle.reader_of(leaves), merkle.root_from_hashes(leaves)
    for index in range(size):
        path = merkle.inclusion_path(index, size, node)
        assert merkle.verify_inclusion(index, size, leaves[index], path, root)
        assert len(path) <= max(size - 1, 0).bit_length()
        assert not merkle.verify_inclusion(index, size, merkle.leaf_hash(b"other"), path, root)
        assert not merkle.verify_inclusion(index, size, leaves[index], [*path, root], root)
        assert not merkle.verify_inclusion(size, size, leaves[index], path, root)
        for place in range(len(path)):
            assert not merkle.verify_inclusion(index, size, leaves[index], path[:place] + path[place + 1 :], root)
            bent = [*path[:place], merkle.leaf_hash(b"bent"), *path[place + 1 :]]
            assert not merkle.verify_inclusion(index, size, leaves[index], bent, root)


def test_a_path_proves_one_index_only() -> None:
    leaves = plain_leaves(21)
    node, root = merkle.reader_of(leaves), merkle.root_from_hashes(leaves)
    for index in range(21):
        path = merkle.inclusion_path(index, 21, node)
        holds = [other for other in range(21) if merkle.verify_inclusion(other, 21, leaves[index], path, root)]
        assert holds == [index]


@pytest.mark.parametrize("new", [size for size in SIZES if size])
def test_every_consistency_path_verifies_and_nothing_near_it(new: int) -> None:
    leaves = plain_leaves(new)
    node, root = merkle.reader_of(leaves), merkle.root_from_hashes(leaves)
    for old in range(new + 1):
        old_root = merkle.root_from_hashes(leaves[:old])
        path = merkle.consistency_path(old, new, node)
        assert merkle.verify_consistency(old, new, path, old_root, root)
        other = merkle.leaf_hash(b"other")
        assert not merkle.verify_consistency(old, new, path, other, root)
        assert not merkle.verify_consistency(old, new, [*path, other], old_root, root)
        assert old == 0 or not merkle.verify_consistency(old, new, path, old_root, other)
        for place in range(len(path)):
            bent = [*path[:place], other, *path[place + 1 :]]
            assert not merkle.verify_consistency(old, new, bent, old_root, root)
            assert not merkle.verify_consistency(old, new, path[:place] + path[place + 1 :], old_root, root)


def test_sizes_out_of_order_prove_nothing() -> None:
    root = merkle.root_from_hashes(plain_leaves(3))
    assert not merkle.verify_consistency(3, 2, [], root, root)
    assert not merkle.verify_consistency(-1, 2, [], root, root)
    assert not merkle.verify_inclusion(-1, 3, root, [], root)
    node = merkle.reader_of(plain_leaves(3))
    with pytest.raises(ValueError, match="index outside"):
        merkle.inclusion_path(3, 3, node)
    with pytest.raises(ValueError, match="out of order"):
        merkle.consistency_path(4, 3, node)
    with pytest.raises(ProofError):
        merkle.root_of_path(0, 3, root, [])
