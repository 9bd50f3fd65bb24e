"""tlog-proof files: one file that proves one entry."""

import pytest

from audit.tlog import proof
from audit.tlog.errors import FormatError, ProofError
from tests.audit.tlog.vectors import ROOT_SIGNER, SIGNER, disclosures_of, entries_of, proof_of, signed_head

ENTRIES = entries_of(7)
NOTE = signed_head(ENTRIES)


@pytest.mark.parametrize("index", range(7))
def test_a_proof_is_read_back_and_proves_its_entry_only(index: int) -> None:
    parsed = proof.Proof.parse(proof_of(index, ENTRIES, NOTE))

    assert parsed.text() == proof_of(index, ENTRIES, NOTE)
    assert parsed.verify(ENTRIES[index], [SIGNER.key]).checkpoint.size == 7
    assert parsed.extra is not None
    assert proof.unpack_entry(parsed.extra) == (ENTRIES[index], tuple(disclosures_of(index)))
    with pytest.raises(ProofError):
        parsed.verify(ENTRIES[(index + 1) % 7], [SIGNER.key])
    with pytest.raises(ProofError):
        parsed.verify(ENTRIES[index], [ROOT_SIGNER.key])


def test_a_tree_of_one_has_an_empty_path() -> None:
    entries = entries_of(1)
    text = proof_of(0, entries, signed_head(entries))

    assert proof.Proof.parse(text).path == ()
    assert proof.Proof.parse(text).verify(entries[0], [SIGNER.key]).checkpoint.size == 1


GOOD = proof.Proof.make(0, [b"\x01" * 32], NOTE).text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@v1", "@v2"),
        ("index 0", "index 00"),
        ("index 0", "index -1"),
        ("index 0\n", ""),
        ("\n\n", "\n"),
        ("index 0", "extra\nindex 0"),
        ("index 0", "extra !\nindex 0"),
        ("AQEB", "AQE"),
        ("index 0", "index 0\n" + ("A" * 43 + "=\n") * 70),
        ("\n— ", "\n- "),
    ],
)
def test_malformed_proofs_are_refused(old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(FormatError):
        proof.Proof.parse(GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    "extra", [b"", b"[]", b'{"leaf":"x"}', b'{"leaf":1,"disclosures":[]}', b'{"leaf":"x","disclosures":[]}']
)
def test_an_extra_that_holds_no_entry_is_refused(extra: bytes) -> None:
    with pytest.raises(FormatError):
        proof.unpack_entry(extra)
