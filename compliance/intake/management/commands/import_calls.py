"""Calls that lie as files in a folder or a bucket, into the register."""

from __future__ import annotations

import hashlib
import os
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from accounts.actors import Actor
from accounts.errors import Refusal
from compliance.intake import manifests
from compliance.intake.management import operators
from compliance.intake.manifests import Line, LineError
from compliance.intake.models import ImportRun
from compliance.intake.operations import importing
from compliance.intake.sources import Bucket, Folder, Source, SourceError

_T = TypeVar("_T")
_SHOWN = 50
EX_DATAERR, EX_TEMPFAIL = 65, 75


class Command(BaseCommand):
    help = (
        "Take in calls that a manifest lists: JSON Lines, or CSV where its name ends in .csv; one call a line. Every "
        "line is read before the first is taken in. The files stay as they are. Run again with the same manifest, it "
        "goes on where it stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("manifest", metavar="MANIFEST", type=Path)
        parser.add_argument("--connection", required=True, metavar="ID|NAME", help="the account whose calls these are")
        place = parser.add_mutually_exclusive_group()
        place.add_argument("--folder", type=Path, help="where the files lie (default: beside the manifest)")
        place.add_argument(
            "--bucket",
            metavar="URL",
            help="s3://bucket/prefix?endpoint=…&region=…; IMPORT_ACCESS_KEY_ID and IMPORT_SECRET_ACCESS_KEY where the "
            "environment's own credentials are others",
        )
        parser.add_argument("--workers", type=int, choices=range(1, 17), default=1, metavar="N", help="files at a time")
        parser.add_argument("--check", action="store_true", help="read the manifest and say what is wrong; no more")
        operators.add_actor(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        manifest: Path = options["manifest"]
        digest, total = self._checked(manifest)
        if options["check"]:
            self.stdout.write(f"{total} calls; the manifest can be used.")
            return
        actor, connection_id = operators.actor_and_connection(options)
        kind, source = _source(options, manifest)
        try:
            run = importing.start_import(
                actor=actor,
                connection_id=connection_id,
                kind=kind,
                source=source.name,
                manifest_sha256=digest,
                total=total,
            )
            lines = (line for line in _lines(manifest) if isinstance(line, Line))
            code = _take_in(actor, run, lines, source, options["workers"])
            run = importing.finish_import(actor=actor, run_id=run.id, code=code)
        except Refusal as refusal:
            raise CommandError(f"{refusal.message} {refusal.errors or ''}".strip()) from refusal
        self.stdout.write(operators.told(run))
        if run.state != ImportRun.State.FINISHED:
            raise CommandError("Not finished: run it again.", returncode=EX_TEMPFAIL)

    def _checked(self, manifest: Path) -> tuple[str, int]:
        """The manifest's hash and the number of its calls. Every unusable line is named before anything changes."""
        total, wrong = 0, 0
        for line in _lines(manifest):
            total += 1
            if isinstance(line, LineError):
                wrong += 1
                if wrong <= _SHOWN:
                    self.stderr.write(str(line))
        if wrong:
            raise CommandError(f"{wrong} of {total} lines cannot be used; nothing was taken in.", returncode=EX_DATAERR)
        with manifest.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), total


def _lines(manifest: Path) -> Iterator[Line | LineError]:
    try:
        with manifest.open("rb") as file:
            yield from manifests.read(file, is_csv=manifest.suffix.lower() == ".csv")
    except OSError as error:
        raise CommandError(f"{manifest}: {error.strerror}") from error


def _source(options: dict[str, Any], manifest: Path) -> tuple[ImportRun.Kind, Source]:
    if options["bucket"] is None:
        return ImportRun.Kind.FOLDER, Folder(options["folder"] or manifest.parent)
    key = os.environ.get("IMPORT_ACCESS_KEY_ID", ""), os.environ.get("IMPORT_SECRET_ACCESS_KEY", "")
    try:
        return ImportRun.Kind.BUCKET, Bucket(options["bucket"], key=key if all(key) else None)
    except ValueError as error:
        raise CommandError(f"--bucket: {error}") from error


class _Queue:
    """The lines that are still to be taken in, for several threads."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._lock = Lock()

    def next(self) -> Line | None:
        """The next line; None at the end."""
        with self._lock:
            return next(self._lines, None)

    def end(self) -> None:
        """Give nothing more out."""
        with self._lock:
            self._lines = iter(())


@dataclass(frozen=True, slots=True)
class _Work:
    """One import, as each of its threads does it."""

    actor: Actor
    run: ImportRun
    source: Source
    queue: _Queue
    tell: Callable[[], None]

    def until_the_end(self) -> str:
        """Line after line; "" at the end, else why it stopped before."""
        while (line := self.queue.next()) is not None:
            try:
                goes_on = importing.import_line(actor=self.actor, run_id=self.run.id, line=line, source=self.source)
            except SourceError as error:
                self.queue.end()
                return f"source_{error.code}"
            if not goes_on:
                self.queue.end()
                return "stopped"
            self.tell()
        return ""

    def in_a_thread(self) -> str:
        """The same, with database connections of its own."""
        try:
            return self.until_the_end()
        finally:
            connections.close_all()


def _take_in(actor: Actor, run: ImportRun, lines: Iterator[Line], source: Source, workers: int) -> str:
    """Everything that waits; "" at the end, else why it stopped before."""
    with operators.progress() as progress:
        bar = progress.add_task("calls", total=run.total)
        waiting = _waiting(actor, run, lines, lambda: progress.advance(bar))
        work = _Work(actor, run, source, _Queue(waiting), lambda: progress.advance(bar))
        if workers == 1:
            return work.until_the_end()
        with ThreadPoolExecutor(workers) as pool:
            codes = [future.result() for future in [pool.submit(work.in_a_thread) for _ in range(workers)]]
    return next(filter(None, codes), "")


def _waiting(actor: Actor, run: ImportRun, lines: Iterator[Line], tell: Callable[[], None]) -> Iterator[Line]:
    for batch in _batches(lines, importing.BATCH):
        numbers = importing.plan_lines(actor=actor, run_id=run.id, lines=batch)
        for line in batch:
            if line.number in numbers:
                yield line
            else:
                tell()


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
