"""Statements: issued only when they verify, and believed only when all of it does."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from audit.tlog import canonical, checkpoint, statement
from audit.tlog.errors import FormatError, ProofError
from audit.tlog.statement import ProvenEntry
from tests.audit.tlog.vectors import (
    ISSUED,
    ORIGIN,
    ROOT_SIGNER,
    SIGNER,
    disclosures_of,
    entries_of,
    leaf_of,
    proof_of,
    signed_head,
)

ENTRIES = entries_of(9)
NOTE = signed_head(ENTRIES)


def proven(index: int) -> ProvenEntry:
    return ProvenEntry(ENTRIES[index], proof_of(index, ENTRIES, NOTE))


def pointer(index: int) -> dict[str, Any]:
    return {"entry": {"id": str(leaf_of(index).id), "index": index}}


def issue(**changes: Any) -> bytes:
    values: dict[str, Any] = {
        "kind": "erasure.certificate",
        "origin": ORIGIN,
        "body": {"name": "Frau Łuczak", "steps": [{"done": True, **pointer(2)}, pointer(5)], "request": pointer(8)},
        "signer": SIGNER,
        "issued_at": ISSUED,
        "entries": [proven(2), proven(5), proven(8)],
        "disclosures": [disclosures_of(2)[0], disclosures_of(5)[1]],
    }
    return statement.issue(**(values | changes))


def test_a_statement_verifies_and_opens_only_what_it_was_told_to() -> None:
    document = issue()
    report = statement.check(statement.parse(document), [SIGNER.key])

    assert report.ok
    assert [entry.index for entry in report.entries] == [2, 5, 8]
    assert [set(entry.disclosed) for entry in report.entries] == [{"actor"}, {"ip"}, set()]
    assert [entry.withheld for entry in report.entries] == [3, 3, 4]
    assert [reference.index for reference in report.statement.references] == [8, 2, 5]
    assert (report.statement.kind, report.statement.issued_at) == ("erasure.certificate", ISSUED)
    for hidden in (*disclosures_of(8), disclosures_of(2)[1]):
        assert hidden.encode() not in document


def test_the_same_facts_give_the_same_bytes_and_another_layout_still_verifies() -> None:
    assert issue() == issue()
    pretty = json.dumps(json.loads(issue()), indent=2).encode()
    assert statement.check(statement.parse(pretty), [SIGNER.key]).ok


def test_an_older_key_may_have_signed_the_checkpoint() -> None:
    new = checkpoint.Signer(ORIGIN, ed25519.Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))

    document = issue(signer=new, keys=[SIGNER.key])
    assert statement.check(statement.parse(document), [new.key, SIGNER.key]).ok
    assert not statement.check(statement.parse(document), [new.key]).ok
    with pytest.raises(ProofError):
        issue(signer=new)


@pytest.mark.parametrize(
    "changes",
    [
        {"entries": [proven(2), proven(5)]},
        {"body": {**pointer(2), "other": pointer(7)}},
        {"body": {"entry": {"id": str(leaf_of(2).id), "index": 5}}},
        {"disclosures": disclosures_of(7)[:1]},
        {"entries": [ProvenEntry(ENTRIES[3], proof_of(2, ENTRIES, NOTE)), proven(5), proven(8)]},
        {"signer": ROOT_SIGNER},
        {"origin": "callwarden.example/log/other"},
    ],
)
def test_nothing_is_issued_that_a_stranger_would_refuse(changes: dict[str, Any]) -> None:
    with pytest.raises(ProofError):
        issue(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"body": {"entry": 5}},
        {"body": {"entry": {"id": "x", "index": 1}}},
        {"body": {"share": 0.5}},
        {"kind": "Not a code"},
        {"body": {"entry": {"id": str(leaf_of(2).id), "index": -1}}},
        {"body": {"entry": {"id": str(leaf_of(2).id), "index": True}}},
        {"body": {"entry": {"id": str(leaf_of(2).id).upper(), "index": 2}}},
        {"issued_at": ISSUED.replace(tzinfo=None)},
        {"origin": f"{ORIGIN}\nissued 2026-01-01T00:00:00Z"},
        {"disclosures": ["x"]},
    ],
)
def test_what_has_no_form_is_not_issued(changes: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        issue(**changes)


def changed(change: Any) -> statement.StatementReport:
    document = json.loads(issue())
    change(document)
    return statement.check(statement.parse(json.dumps(document).encode()), [SIGNER.key])


def test_a_changed_fact_is_found() -> None:
    report = changed(lambda document: document["body"].update(name="Frau Müller"))
    assert report.problems == ["the body is not the one that was signed"]


def test_a_removed_entry_is_found() -> None:
    report = changed(lambda document: document["entries"].pop(1))
    assert any("index 5 is named, but not proven" in problem for problem in report.problems)


def test_a_changed_leaf_is_found() -> None:
    def change(document: Any) -> None:
        document["entries"][0]["leaf"] = document["entries"][0]["leaf"].replace('"out":"ok"', '"out":"no"')

    assert any("index 2 is not proven" in problem for problem in changed(change).problems)


def test_a_changed_time_is_found() -> None:
    report = changed(lambda document: document.update(note=document["note"].replace("2026-11-22T12", "2026-11-21T12")))
    assert any("is not signed by" in problem for problem in report.problems)


def test_a_swapped_disclosure_is_found() -> None:
    other = canonical.disclose("actor", "person:somebody")
    report = changed(lambda document: document.update(disclosures=[other]))
    assert any("belongs to none" in problem for problem in report.problems)


def test_a_trusted_key_of_another_log_cannot_speak_for_this_one() -> None:
    parsed = statement.parse(issue())
    note = ROOT_SIGNER.sign_note(checkpoint.parse_note(parsed.note).text)
    report = changed(lambda document: document.update(note=note))

    assert not report.ok
    forged = statement.parse(json.dumps(json.loads(issue()) | {"note": note}).encode())
    assert not statement.check(forged, [SIGNER.key, ROOT_SIGNER.key]).ok


def test_no_checkpoint_passes_as_a_statement() -> None:
    with pytest.raises(FormatError):
        changed(lambda document: document.update(note=NOTE))


@pytest.mark.parametrize("member", ["format", "note", "body", "entries", "disclosures"])
def test_every_member_is_needed_and_no_other(member: str) -> None:
    with pytest.raises(FormatError):
        changed(lambda document: document.pop(member))
    with pytest.raises(FormatError):
        changed(lambda document: document.update(more=1))
    with pytest.raises(FormatError):
        changed(lambda document: document.update({member: 1}))


def test_a_proof_with_an_extra_is_refused() -> None:
    with pytest.raises(FormatError, match="extra"):
        changed(lambda document: document["entries"][0].update(proof=proof_of(2, ENTRIES, NOTE)))


def test_a_date_outside_the_calendar_is_refused() -> None:
    text = checkpoint.parse_note(statement.parse(issue()).note).text.replace("2026-11-22", "2026-02-30")
    with pytest.raises(FormatError, match="calendar"):
        changed(lambda document: document.update(note=SIGNER.sign_note(text)))


def test_issue_keeps_whole_seconds_in_utc() -> None:
    parsed = statement.parse(issue(issued_at=datetime(2026, 11, 22, 12, 0, 0, 999_999, tzinfo=UTC)))
    assert parsed.issued_at == ISSUED
