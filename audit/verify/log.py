"""The whole log, hashed again: entries against tiles, tiles against the signed root, the root against an older one."""

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from audit.tlog import checkpoint, merkle, tiles
from audit.tlog.errors import FormatError, TlogError
from audit.verify.leaves import LeafCheck
from audit.verify.report import Outcome, Report
from audit.verify.rootlog import HeadCheck, check_root_log
from audit.verify.sources import Source, SourceError

PROGRESS_SECONDS = 5.0
MAX_BUNDLE = tiles.WIDTH * (2 + tiles.MAX_ENTRY)


class _Rehash:
    """One pass over the entries of a log."""

    def __init__(self, source: Source, head: checkpoint.Checkpoint, report: Report, kept: checkpoint.Checkpoint | None):
        self.source = source
        self.head = head
        self.report = report
        self.kept = kept
        self.kept_root: bytes | None = merkle.EMPTY_ROOT if kept and kept.size == 0 else None
        self.builder = tiles.TileBuilder()
        self.leaves: LeafCheck | HeadCheck = (
            HeadCheck(report)
            if head.origin.endswith("/log/root")
            else LeafCheck(report, head.size, source.lines("disclosures.jsonl"))
        )

    def run(self, progress: Callable[[int, int], None]) -> None:
        """Hashes all entries; the report has what is wrong."""
        size, last = self.head.size, time.monotonic()
        for start in range(0, size, tiles.WIDTH):
            if not self._take(tiles.tile_at(0, start // tiles.WIDTH, size), start):
                self.report.add(Outcome.INCOMPLETE, f"entries from {start} on are missing, and so are their hashes")
                break
            if time.monotonic() - last > PROGRESS_SECONDS:
                progress(start, size)
                last = time.monotonic()
        self.leaves.finish()
        if self.builder.size == size:
            for tile, data in self.builder.partials():
                if tile.level:
                    self._compare(tile, data)
            if self.builder.root() != self.head.root:
                self.report.add(Outcome.INVALID, "the entries do not have the root that was signed")

    def _take(self, tile: tiles.Tile, start: int) -> bool:
        served = self._read(tile.path, tile.width * merkle.HASH_SIZE)
        bundle = self._read(tile.entries.path, MAX_BUNDLE)
        entries = None
        if bundle is not None:
            try:
                entries = tiles.decode_bundle(bundle, tile.width)
            except FormatError as error:
                self.report.add(Outcome.INVALID, f"{tile.entries.path}: {error}")
        if entries is not None:
            hashes = merkle.leaf_hashes(entries)
            self.leaves.take(start, entries)
            self._check_served(tile, served, b"".join(hashes))
        elif served is not None and len(served) == tile.width * merkle.HASH_SIZE:
            hashes = tiles.split_tile(served, tile.width)
            self.leaves.skip(start + tile.width)
            self.report.add(Outcome.INCOMPLETE, f"{tile.entries.path} is missing: {tile.width} entries not checked")
        else:
            return False
        self._grow(hashes)
        return True

    def _grow(self, hashes: list[bytes]) -> None:
        start = self.builder.size
        if self.kept and start < self.kept.size <= start + len(hashes):
            then = self.builder.copy()
            then.extend(hashes[: self.kept.size - start])
            self.kept_root = then.root()
        for tile, data in self.builder.extend(hashes):
            if tile.level:
                self._compare(tile, data)

    def _compare(self, tile: tiles.Tile, data: bytes) -> None:
        self._check_served(tile, self._read(tile.path, len(data)), data)

    def _check_served(self, tile: tiles.Tile, served: bytes | None, data: bytes) -> None:
        if served is None:
            self.report.add(Outcome.INCOMPLETE, f"{tile.path} is missing")
        elif served != data:
            self.report.add(Outcome.INVALID, f"{tile.path} is not the hashes of what lies under it")

    def _read(self, path: str, limit: int) -> bytes | None:
        try:
            return self.source.read(path, limit)
        except FormatError as error:
            self.report.add(Outcome.INVALID, str(error))
        except SourceError as error:
            self.report.add(Outcome.INCOMPLETE, str(error))
        return None


def check_log(
    source: Source,
    keys: Sequence[checkpoint.VerifierKey],
    *,
    root_keys: Sequence[checkpoint.VerifierKey] = (),
    kept: str | None = None,
    progress: Callable[[int, int], None] = lambda done, size: None,
) -> Report:
    """Checks everything in an exported or served log. `kept` is a checkpoint of it that the reader has from before."""
    report = Report("log")
    note = source.read("checkpoint", checkpoint.MAX_NOTE)
    if note is None:
        report.add(Outcome.INCOMPLETE, "there is no checkpoint")
        return report
    try:
        signed = checkpoint.open_checkpoint(note, keys)
        old = None if kept is None else checkpoint.open_checkpoint(kept, keys).checkpoint
    except TlogError as error:
        report.add(Outcome.INVALID, f"the checkpoint is not to be believed: {error}")
        return report
    head = signed.checkpoint
    report.facts |= {"origin": head.origin, "size": head.size, "root": head.root.hex()}
    report.vouch(signed.time)
    rehash = _Rehash(source, head, report, old)
    rehash.run(progress)
    _check_kept(report, head, old, rehash.kept_root)
    if isinstance(rehash.leaves, LeafCheck):
        _check_origin(report, head.origin, rehash.leaves.organisation)
        check_root_log(source, note, report, root_keys)
    _say_what_was_not_checked(report, note, signed)
    return report


def _check_origin(report: Report, origin: str, organisation: bytes | None) -> None:
    last = origin.rpartition("/")[2]
    try:
        named = str(UUID(last))
    except ValueError:
        report.unchecked.append("whether the entries belong to this log's organisation: its origin names none")
        return
    if organisation is not None and named != organisation.decode():
        report.add(Outcome.INVALID, f"the entries belong to organisation {organisation.decode()}, not to {named}")


def _check_kept(
    report: Report, head: checkpoint.Checkpoint, kept: checkpoint.Checkpoint | None, kept_root: bytes | None
) -> None:
    if kept is None:
        report.unchecked.append("whether this continues a log that you saw before: no --old was given")
    elif kept.origin != head.origin:
        report.add(Outcome.INVALID, f"the older checkpoint is of another log, {kept.origin}")
    elif kept.size > head.size:
        report.add(
            Outcome.INCOMPLETE,
            f"the checkpoint that you kept covers {kept.size} entries, this log {head.size}: rolled back, or older",
        )
    elif kept_root is None and kept.size != head.size:
        report.unchecked.append("whether this continues the log of the older checkpoint: entries are missing")
    elif (head.root if kept_root is None else kept_root) != kept.root:
        report.add(Outcome.FORKED, f"at {kept.size} entries this is not the log of the checkpoint that you kept")
    else:
        report.facts["continues_checkpoint_of_size"] = kept.size


def _say_what_was_not_checked(report: Report, note: bytes, signed: checkpoint.SignedCheckpoint) -> None:
    others = len(checkpoint.parse_note(note).signatures) - len(signed.verified)
    if others:
        report.unchecked.append(f"{others} signatures under the checkpoint, of keys that were not given")
    report.unchecked += [
        "whether what was logged is true, and whether something was done that never reached the log",
        "whether the last entries of a writer were removed before they got a place: only a later one shows the hole",
    ]
