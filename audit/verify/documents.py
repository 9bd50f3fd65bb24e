"""Single files: a checkpoint, an inclusion proof, a signed statement."""

from collections.abc import Sequence

from audit.tlog import canonical, checkpoint, leaf, proof, statement
from audit.tlog.errors import FormatError, TlogError
from audit.verify.report import Outcome, Report

_ONE_ENTRY = "all other entries of the log, and whether it is complete: this file speaks of the entries in it only"
_TRUTH = "whether what was logged is true"


def check_checkpoint(data: bytes, keys: Sequence[checkpoint.VerifierKey]) -> Report:
    """Checks the signature of a checkpoint, which is all that one file can show."""
    report = Report("checkpoint")
    try:
        signed = checkpoint.open_checkpoint(data, keys)
    except TlogError as error:
        report.add(Outcome.INVALID, str(error))
        return report
    _note_head(report, signed)
    report.unchecked.append("the entries under it: only the signature was looked at")
    return report


def check_proof(data: bytes, keys: Sequence[checkpoint.VerifierKey], entry: bytes | None = None) -> Report:
    """Checks an inclusion proof of `entry`, or of the leaf that the proof carries in its extra."""
    report = Report("proof")
    try:
        inclusion = proof.Proof.parse(data)
        carried, disclosures = _carried(inclusion)
        if entry is None and carried is None:
            raise FormatError("the proof carries no entry; give its bytes with --entry")
        signed = inclusion.verify(carried or b"" if entry is None else entry, keys)
    except TlogError as error:
        report.add(Outcome.INVALID, str(error))
        return report
    _note_head(report, signed)
    report.facts["index"] = inclusion.index
    if carried is not None and entry in (None, carried):
        _open_fields(report, leaf.Leaf.parse(carried), disclosures)
    report.unchecked += [_ONE_ENTRY, _TRUTH]
    return report


def _carried(inclusion: proof.Proof) -> tuple[bytes | None, tuple[str, ...]]:
    return (None, ()) if inclusion.extra is None else proof.unpack_entry(inclusion.extra)


def _open_fields(report: Report, facts: leaf.Leaf, disclosures: Sequence[str]) -> None:
    report.facts |= {"entry": str(facts.id), "act": facts.act, "at": facts.at.isoformat()}
    report.facts |= {"fields": len(facts.digests), "fields_disclosed": len(disclosures)}
    report.facts["fields_withheld_or_erased"] = len(facts.digests) - len(disclosures)
    for disclosure in disclosures:
        if canonical.digest(disclosure) not in facts.digests:
            report.add(Outcome.INVALID, "a disclosure is not the one that was logged")


def _note_head(report: Report, signed: checkpoint.SignedCheckpoint) -> None:
    head = signed.checkpoint
    report.facts |= {"origin": head.origin, "size": head.size, "root": head.root.hex()}
    report.vouch(signed.time)


def check_statement(data: bytes, keys: Sequence[checkpoint.VerifierKey]) -> Report:
    """Checks a certificate or report with everything in it."""
    report = Report("statement")
    try:
        parsed = statement.parse(data)
    except FormatError as error:
        report.add(Outcome.INVALID, str(error))
        return report
    found = statement.check(parsed, keys)
    for problem in found.problems:
        report.add(Outcome.INVALID, problem)
    report.facts |= {"statement": parsed.kind, "origin": parsed.origin, "issued_at": parsed.issued_at.isoformat()}
    report.facts |= {"entries_proven": len(found.entries), "entries_referred_to": len(parsed.references)}
    report.facts["fields_disclosed"] = sum(len(entry.disclosed) for entry in found.entries)
    report.facts["fields_withheld_or_erased"] = sum(entry.withheld for entry in found.entries)
    if found.ok:
        report.vouch(parsed.issued_at.timestamp())
    report.unchecked += [
        _ONE_ENTRY,
        "whether the body is true, beyond the entries that it points at",
    ]
    return report
