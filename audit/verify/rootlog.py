"""The root log, whose entries are the checkpoints of the organisations' logs: one view for everybody."""

from collections.abc import Sequence

from audit.tlog import checkpoint, merkle, proof, tiles
from audit.tlog.errors import FormatError, ProofError, TlogError
from audit.verify.report import Outcome, Report
from audit.verify.sources import Source, SourceError


class HeadCheck:
    """Takes the entries of a root log in order, then `finish`: no organisation's log shrinks or changes its past."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.checked = 0
        self._heads: dict[str, checkpoint.Checkpoint] = {}

    def take(self, start: int, entries: list[bytes]) -> None:
        """Checks the entries from index `start` on."""
        for index, entry in enumerate(entries, start):
            try:
                head = checkpoint.Checkpoint.parse(checkpoint.parse_note(entry).text)
            except FormatError as error:
                self.report.add(Outcome.INVALID, f"entry {index}: {error}")
                continue
            before = self._heads.get(head.origin, head)
            if head.size < before.size or (head.size == before.size and head.root != before.root):
                self.report.add(Outcome.FORKED, f"entry {index}: {head.origin} took back what it had said before")
            self._heads[head.origin] = head
        self.checked += len(entries)

    def skip(self, end: int) -> None:
        """Goes on at index `end`; the entries before it are not there."""

    def finish(self) -> None:
        """Counts."""
        self.report.facts["entries_checked"] = self.checked
        self.report.facts["logs"] = len(self._heads)
        self.report.unchecked.append("the signatures in the entries, and whether each log continues its own past")


def check_root_log(source: Source, note: bytes, report: Report, root_keys: Sequence[checkpoint.VerifierKey]) -> None:
    """Is this very checkpoint in the root log, as `root.proof` says?"""
    data = source.read("root.proof", proof.MAX_PROOF)
    if data is None or not root_keys:
        lacking = "no root.proof is there" if data is None else "no --root-key was given"
        report.unchecked.append(f"whether others are shown the same log: {lacking}")
        return
    try:
        inclusion = proof.Proof.parse(data)
        signed = inclusion.verify(note, root_keys)
        report.vouch(signed.time)
        report.facts["root_log_index"] = inclusion.index
        report.facts["root_log_size"] = signed.checkpoint.size
        _check_root_head(source, report, signed.checkpoint, root_keys)
    except TlogError as error:
        report.add(Outcome.INVALID, f"root.proof: {error}")


def _check_root_head(
    source: Source, report: Report, proven: checkpoint.Checkpoint, root_keys: Sequence[checkpoint.VerifierKey]
) -> None:
    """Does the root log's own checkpoint continue the one of the proof?"""
    note = source.read("root/checkpoint", checkpoint.MAX_NOTE)
    if note is None:
        return
    signed = checkpoint.open_checkpoint(note, root_keys)
    report.vouch(signed.time)
    first, second = sorted((proven, signed.checkpoint), key=lambda head: head.size)
    if first.origin != second.origin:
        raise ProofError("root/checkpoint is of another log")

    def fetch(tile: tiles.Tile) -> bytes:
        data = source.read(f"root/{tile.path}", tile.width * merkle.HASH_SIZE)
        if data is None:
            raise SourceError(f"root/{tile.path} is missing")
        return data

    try:
        path = merkle.consistency_path(first.size, second.size, tiles.reader(second.size, fetch))
    except SourceError as error:
        report.unchecked.append(f"whether root/checkpoint continues the root log of the proof: {error}")
        return
    if not merkle.verify_consistency(first.size, second.size, path, first.root, second.root):
        report.add(Outcome.FORKED, "root/checkpoint and the proof are of two different root logs")
