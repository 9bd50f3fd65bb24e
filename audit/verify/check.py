"""Finds out what a target is, and has it checked."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from audit.tlog import checkpoint, proof, statement
from audit.tlog.errors import FormatError
from audit.verify import documents
from audit.verify.log import check_log
from audit.verify.report import Outcome, Report
from audit.verify.sources import Directory, Source, SourceError, Tar, Web, Zip, is_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the reader brings: keys, a checkpoint from before, the bytes of an entry, the age allowed (seconds)."""

    keys: tuple[checkpoint.VerifierKey, ...]
    root_keys: tuple[checkpoint.VerifierKey, ...] = ()
    kept: str | None = None
    entry: bytes | None = None
    max_age: float | None = None


def verify(target: str, trust: Trust, progress: Callable[[int, int], None] = lambda done, size: None) -> Report:
    """Checks a path or an address. `FileNotFoundError` where there is nothing at all."""
    try:
        report = _dispatch(target, trust, progress)
    except SourceError as error:
        report = Report("unreachable")
        report.add(Outcome.INCOMPLETE, str(error))
    except FormatError as error:
        report = Report("unknown")
        report.add(Outcome.INVALID, str(error))
    if report.outcome < Outcome.INVALID:
        report.check_age(trust.max_age, time.time())
    return report


def _dispatch(target: str, trust: Trust, progress: Callable[[int, int], None]) -> Report:
    if is_address(target):
        source: Source = Web(target)
        if source.read("checkpoint") is None and (data := source.read("", statement.MAX_STATEMENT)) is not None:
            return _document(data, trust)
        return _log(source, trust, progress)
    path = Path(target)
    if not path.exists():
        raise FileNotFoundError(target)
    if path.is_dir():
        return _log(Directory(path), trust, progress)
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PK"):
        return _log(Zip(path), trust, progress)
    if start[257:262] == b"ustar":
        return _log(Tar(path), trust, progress)
    if path.stat().st_size > statement.MAX_STATEMENT:
        raise FormatError("neither an archive nor a file of a size that a statement may have")
    return _document(path.read_bytes(), trust)


def _log(source: Source, trust: Trust, progress: Callable[[int, int], None]) -> Report:
    return check_log(source, trust.keys, root_keys=trust.root_keys, kept=trust.kept, progress=progress)


def _document(data: bytes, trust: Trust) -> Report:
    if data.startswith(proof.HEADER.encode() + b"\n"):
        return documents.check_proof(data, trust.keys, trust.entry)
    if data.lstrip().startswith(b"{"):
        return documents.check_statement(data, trust.keys)
    return documents.check_checkpoint(data, trust.keys)
