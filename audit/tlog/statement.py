"""Signed statements, `callwarden-statement/v1`: certificates and reports that an outsider checks with no one's help.

One JSON document holds all that is needed. The signed note binds kind, origin, time and the digest of the body; the
body states facts; what it says about the log is proven by the entries beside it, each with the leaf's bytes and an
inclusion proof up to a checkpoint that the log signed; disclosures open single fields of those entries, the others stay
shut. The layout is in docs/formats/log.md.

The note's first line is the format, a checkpoint's first line is the log's origin: with one key for both, neither can
pass for the other.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from audit.tlog import canonical, checkpoint, leaf, proof, text
from audit.tlog.errors import FormatError, ProofError, TlogError
from audit.tlog.text import JSON

FORMAT = "callwarden-statement/v1"
MAX_STATEMENT = 64 * 1024 * 1024

_MEMBERS = frozenset({"format", "note", "body", "entries", "disclosures"})
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_NOTE = re.compile(
    re.escape(FORMAT) + "\nkind ([a-z][a-z0-9_.:/+-]{0,63})\norigin ([^\n]+)\n"
    "issued ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\nbody sha256 ([0-9a-f]{64})\n"
)


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry of the log: the leaf's bytes, and its inclusion proof as the text of a tlog-proof."""

    leaf: bytes
    proof: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Where the body points at an entry."""

    id: UUID
    index: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, taken apart and not yet believed. `body_digest` is what the note says, in hex."""

    kind: str
    origin: str
    issued_at: datetime
    body_digest: str
    body: Mapping[str, JSON]
    entries: tuple[ProvenEntry, ...]
    disclosures: tuple[str, ...]
    note: str

    @property
    def references(self) -> tuple[Reference, ...]:
        """The entries that the body points at, in the body's order."""
        return tuple(_references(self.body))


@dataclass(frozen=True, slots=True)
class CheckedEntry:
    """An entry whose inclusion is proven. `withheld` counts the fields that the statement does not open."""

    index: int
    leaf: leaf.Leaf
    disclosed: Mapping[str, JSON]
    withheld: int
    tree_size: int


@dataclass(slots=True)
class StatementReport:
    """What a check found. Nothing in the statement may be believed unless `ok`."""

    statement: Statement
    problems: list[str] = field(default_factory=list)
    entries: list[CheckedEntry] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Did everything verify?"""
        return not self.problems


def _references(value: JSON) -> Iterator[Reference]:
    if isinstance(value, Mapping):
        if "entry" in value:
            yield _reference(value["entry"])
        for name, member in value.items():
            if name != "entry":
                yield from _references(member)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for member in value:
            yield from _references(member)


def _reference(value: JSON) -> Reference:
    if isinstance(value, Mapping) and value.keys() == {"id", "index"}:
        entry_id, index = value["id"], value["index"]
        if isinstance(entry_id, str) and isinstance(index, int) and not isinstance(index, bool) and index >= 0:
            try:
                identifier = UUID(entry_id)
            except ValueError as error:
                raise FormatError("the id of an entry is no UUID") from error
            if str(identifier) == entry_id:
                return Reference(identifier, index)
    raise FormatError('an entry is referred to by {"id": UUID, "index": number}')


def issue(
    *,
    kind: str,
    origin: str,
    body: Mapping[str, JSON],
    signer: checkpoint.Signer,
    issued_at: datetime,
    entries: Sequence[ProvenEntry],
    disclosures: Sequence[str] = (),
    keys: Sequence[checkpoint.VerifierKey] = (),
) -> bytes:
    """The signed statement of a log (`origin`, which is also the signer's name) at `issued_at`, to the second.

    `keys` are older keys of the log under which the entries' checkpoints were signed. The `extra` of a proof is left
    out. The statement is checked as a stranger would before it is handed out: `FormatError` or `ProofError` instead of
    a statement that does not verify.
    """
    if issued_at.tzinfo is None:
        raise FormatError("the time of a statement names no zone")
    digest = sha256(canonical.encode(body)).hexdigest()
    issued = issued_at.astimezone(UTC).strftime(_TIME)
    note = signer.sign_note(f"{FORMAT}\nkind {kind}\norigin {origin}\nissued {issued}\nbody sha256 {digest}\n")
    document = canonical.encode(
        {
            "body": body,
            "disclosures": list(disclosures),
            "entries": [{"leaf": entry.leaf.decode(), "proof": _without_extra(entry.proof)} for entry in entries],
            "format": FORMAT,
            "note": note,
        }
    )
    report = check(parse(document), (signer.key, *keys))
    if not report.ok:
        raise ProofError("; ".join(report.problems))
    return document


def _without_extra(proof_text: str) -> str:
    # A proof of ours may carry all disclosures of its entry; a statement opens only those that it was told to.
    parsed = proof.Proof.parse(proof_text)
    return proof.Proof.make(parsed.index, parsed.path, parsed.note).text()


def parse(data: bytes) -> Statement:
    """Takes a statement apart; `FormatError` for another form. Nothing is believed yet."""
    document = text.load_json(data, limit=MAX_STATEMENT)
    if not isinstance(document, dict) or document.keys() != _MEMBERS or document["format"] != FORMAT:
        raise FormatError(f"not a {FORMAT}")
    note, body = document["note"], document["body"]
    if not isinstance(note, str) or not isinstance(body, dict):
        raise FormatError("a statement has a note and a body")
    text.check_json(body, floats=False)
    match = _NOTE.fullmatch(checkpoint.parse_note(note).text)
    if match is None:
        raise FormatError("not the note of a statement")
    try:
        issued_at = datetime.strptime(match[3], _TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise FormatError("the time of a statement is not in the calendar") from error
    statement = Statement(
        kind=match[1],
        origin=match[2],
        issued_at=issued_at,
        body_digest=match[4],
        body=body,
        entries=tuple(_entry(value) for value in _as_list(document["entries"])),
        disclosures=tuple(_disclosure(value) for value in _as_list(document["disclosures"])),
        note=note,
    )
    for _ in _references(statement.body):
        pass
    return statement


def _as_list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise FormatError("entries and disclosures are lists")
    return value


def _entry(value: object) -> ProvenEntry:
    if isinstance(value, dict) and value.keys() == {"leaf", "proof"}:
        leaf_text, proof_text = value["leaf"], value["proof"]
        if isinstance(leaf_text, str) and isinstance(proof_text, str):
            leaf.scan(leaf_text.encode())
            if proof.Proof.parse(proof_text).extra is not None:
                raise FormatError("a proof in a statement carries no extra")
            return ProvenEntry(leaf_text.encode(), proof_text)
    raise FormatError("an entry of a statement is a leaf with its proof")


def _disclosure(value: object) -> str:
    if not isinstance(value, str):
        raise FormatError("a disclosure is text")
    canonical.parse_disclosure(value)
    return value


class _Checker:
    """Checks one statement. Checkpoints repeat from proof to proof, so each is opened once."""

    def __init__(self, statement: Statement, keys: Sequence[checkpoint.VerifierKey]) -> None:
        self.report = StatementReport(statement)
        self.keys = [key for key in keys if key.name == statement.origin]
        self.heads: dict[str, checkpoint.Checkpoint] = {}
        self.unused = {canonical.digest(disclosure): disclosure for disclosure in statement.disclosures}

    def check_note(self) -> None:
        statement = self.report.statement
        try:
            checkpoint.verify_note(checkpoint.parse_note(statement.note), self.keys)
        except TlogError as error:
            self.report.problems.append(f"the statement is not signed by {statement.origin}: {error}")
        if sha256(canonical.encode(statement.body)).hexdigest() != statement.body_digest:
            self.report.problems.append("the body is not the one that was signed")

    def check_entry(self, entry: ProvenEntry, opened: Mapping[str, str]) -> None:
        inclusion = proof.Proof.parse(entry.proof)
        try:
            head = self._head(inclusion.note)
            inclusion.check_path(entry.leaf, head)
        except TlogError as error:
            self.report.problems.append(f"the entry at index {inclusion.index} is not proven: {error}")
            return
        facts = leaf.Leaf.parse(entry.leaf)
        shown = [canonical.parse_disclosure(opened[digest]) for digest in facts.digests if digest in opened]
        for digest in facts.digests:
            self.unused.pop(digest, None)
        disclosed = {disclosure.name: disclosure.value for disclosure in shown}
        if len(disclosed) != len(shown):
            self.report.problems.append(f"the entry at index {inclusion.index} has two disclosures of one name")
        withheld = len(facts.digests) - len(shown)
        self.report.entries.append(CheckedEntry(inclusion.index, facts, disclosed, withheld, head.size))

    def _head(self, note: str) -> checkpoint.Checkpoint:
        if note not in self.heads:
            head = checkpoint.open_checkpoint(note, self.keys).checkpoint
            if head.origin != self.report.statement.origin:
                raise ProofError(f"the checkpoint is of {head.origin}")
            self.heads[note] = head
        return self.heads[note]

    def check_references(self) -> None:
        proven = {(entry.leaf.id, entry.index) for entry in self.report.entries}
        for reference in self.report.statement.references:
            if (reference.id, reference.index) not in proven:
                self.report.problems.append(f"entry {reference.id} at index {reference.index} is named, but not proven")
        self.report.problems += [f"disclosure {digest} belongs to none of the entries" for digest in self.unused]


def check(statement: Statement, keys: Sequence[checkpoint.VerifierKey]) -> StatementReport:
    """Checks signature, body, every entry's inclusion, every reference of the body and every disclosure.

    Only keys named as the statement's origin count, so a key of another log, though trusted, cannot speak for this one.
    """
    checker = _Checker(statement, keys)
    opened = dict(checker.unused)
    checker.check_note()
    for entry in statement.entries:
        checker.check_entry(entry, opened)
    checker.check_references()
    return checker.report
