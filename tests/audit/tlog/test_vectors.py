"""The golden vectors: what was written once is written the same for ever, and is still read."""

import json
from typing import Any

import pytest

from audit.tlog import canonical, checkpoint, leaf, merkle, proof, statement
from tests.audit.tlog import vectors


def read(name: str) -> Any:
    return json.loads((vectors.DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", vectors.MAKERS)
def test_the_bytes_are_the_committed_ones(name: str) -> None:
    committed = (vectors.DIRECTORY / f"{name}.json").read_text(encoding="utf-8")

    assert vectors.render(name) == committed, (
        f"{name}.json would change: logs that exist could no longer be read the way they were written. "
        "A changed format needs a new format number, with vectors of its own beside these."
    )


def test_leaves_are_read_back() -> None:
    for vector in read("leaf")["leaves"]:
        data = vector["bytes"].encode()
        assert leaf.Leaf.parse(data).encode() == data
        assert merkle.leaf_hash(data).hex() == vector["hash"]


def test_disclosures_are_read_back() -> None:
    for vector in read("disclosure")["disclosures"]:
        opened = canonical.parse_disclosure(vector["disclosure"])
        assert (opened.name, opened.value) == (vector["name"], vector["value"])
        assert canonical.digest(vector["disclosure"]) == vector["digest"]


def test_every_path_of_every_tree_verifies() -> None:
    trees = {tree["size"]: tree for tree in read("merkle")["trees"]}
    leaves = vectors.plain_leaves(70_000)
    checked = 0
    for size, tree in trees.items():
        root = bytes.fromhex(tree["root"])
        for index, path in tree["inclusion"].items():
            nodes = [bytes.fromhex(node) for node in path]
            assert merkle.verify_inclusion(int(index), size, leaves[int(index)], nodes, root)
            checked += 1
        for old, path in tree["consistency"].items():
            old_root = merkle.root_from_hashes(leaves[: int(old)])
            nodes = [bytes.fromhex(node) for node in path]
            assert merkle.verify_consistency(int(old), size, nodes, old_root, root)
            checked += 1
    assert checked > 400


def test_notes_proof_and_statement_verify() -> None:
    notes, one, signed = read("checkpoint"), read("proof"), read("statement")
    key = checkpoint.VerifierKey.parse(notes["vkey"])
    root_key = checkpoint.VerifierKey.parse(notes["root_vkey"])

    assert checkpoint.open_checkpoint(notes["note"], [key]).checkpoint.size == 5
    assert checkpoint.open_checkpoint(notes["root_note"], [root_key]).checkpoint.origin == vectors.ROOT_ORIGIN
    assert proof.Proof.parse(one["proof"]).verify(one["entry"].encode(), [key]).checkpoint.size == 5
    report = statement.check(statement.parse(signed["statement"].encode()), [key])
    assert report.ok
    assert [entry.disclosed for entry in report.entries] == [{"actor": vectors.DISCLOSED[0][1]}]
