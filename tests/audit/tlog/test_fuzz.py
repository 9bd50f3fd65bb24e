"""Hostile bytes: every parser answers with its own error or with a value, never with anything else."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit.tlog import canonical, checkpoint, leaf, merkle, proof, statement, text, tiles
from audit.tlog.errors import FormatError
from audit.verify import leaves
from tests.audit.tlog import vectors

ENTRIES = vectors.entries_of(5)
NOTE = vectors.signed_head(ENTRIES)
LINE = canonical.encode(
    {"disclosures": [], "entry": str(vectors.ORGANISATION), "erased": [{"by": 3, "digest": "A" * 43}], "index": 3}
)


def as_text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))


PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "leaf": (leaf.Leaf.parse, ENTRIES[0]),
    "disclosure": (as_text(canonical.parse_disclosure), vectors.disclosures_of(0)[3].encode()),
    "json": (lambda data: text.load_json(data, limit=10_000), b'{"a":[1,2.5,null,true,"\\u00e9"],"b":{"c":-1e9}}'),
    "note": (checkpoint.parse_note, NOTE.encode()),
    "checkpoint": (as_text(checkpoint.Checkpoint.parse), checkpoint.parse_note(NOTE).text.encode()),
    "vkey": (as_text(checkpoint.VerifierKey.parse), vectors.SIGNER.vkey.encode()),
    "proof": (proof.Proof.parse, vectors.proof_of(3, ENTRIES, NOTE).encode()),
    "extra": (proof.unpack_entry, proof.pack_entry(ENTRIES[0], vectors.disclosures_of(0))),
    "frontier": (merkle.Frontier.from_bytes, merkle.Frontier().to_bytes()),
    "bundle": (lambda data: tiles.decode_bundle(data, 5), tiles.encode_bundle(ENTRIES)),
    "tile path": (as_text(tiles.Tile.parse), b"tile/0/x001/234.p/17"),
    "disclosures line": (leaves.parse_line, LINE),
}


def statement_bytes() -> bytes:
    made = vectors.make_statement()
    assert isinstance(made, dict)
    return str(made["statement"]).encode()


PARSERS["statement"] = (lambda data: statement.check(statement.parse(data), [vectors.SIGNER.key]), statement_bytes())

MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["set", "insert", "delete", "double", "cut"]), st.integers(0, 2**20), st.binary(max_size=12)
    ),
    min_size=1,
    max_size=5,
)


def mutate(data: bytes, mutations: list[tuple[str, int, bytes]]) -> bytes:
    for kind, place, piece in mutations:
        at = place % (len(data) + 1)
        if kind == "set":
            data = data[:at] + piece + data[at + len(piece) :]
        elif kind == "insert":
            data = data[:at] + piece + data[at:]
        elif kind == "delete":
            data = data[:at] + data[at + max(len(piece), 1) :]
        elif kind == "double":
            data = data[:at] + data[at : at + 40] + data[at:]
        else:
            data = data[:at]
    return data


@pytest.mark.parametrize("name", PARSERS)
def test_what_we_write_is_read(name: str) -> None:
    parse, good = PARSERS[name]
    parse(good)


@pytest.mark.parametrize("name", PARSERS)
@given(mutations=MUTATIONS)
def test_mutated_bytes_raise_only_format_errors(name: str, mutations: list[tuple[str, int, bytes]]) -> None:
    parse, good = PARSERS[name]
    try:
        parse(mutate(good, mutations))
    except FormatError:
        pass


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.binary(max_size=300))
@example(data=b"[" * 5_000)
@example(data=b'{"a":' * 5_000)
@example(data=b"9" * 5_000)
@example(data=b"\xed\xa0\x80")
def test_any_bytes_raise_only_format_errors(name: str, data: bytes) -> None:
    parse, _ = PARSERS[name]
    try:
        parse(data)
    except FormatError:
        pass


@given(mutations=MUTATIONS)
def test_a_mutated_leaf_is_the_same_leaf_or_none(mutations: list[tuple[str, int, bytes]]) -> None:
    changed = mutate(ENTRIES[0], mutations)
    try:
        parsed = leaf.Leaf.parse(changed)
    except FormatError:
        return
    assert parsed.encode() == changed
