"""An organisation's own recordings and words into a folder. Run again, it goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from accounts.actors import Actor
from accounts.authentication import actor_named
from accounts.errors import Refusal
from compliance.recordings import call_filters
from compliance.recordings.models import Download
from compliance.recordings.operations import archives, downloads
from compliance.recordings.operations.archives import File, LeftOut

_STATE = "download.json"
_MANIFEST = "manifest.json"
_PIECE = 1024 * 1024


class Command(BaseCommand):
    help = (
        "Download recordings, transcripts and summaries of the calls that the filters mean, into a folder with a "
        "manifest of hashes. Every file is logged. Run again with the same folder, it goes on where it stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", metavar="FOLDER", type=Path, help="made if it is missing; readable by you alone")
        parser.add_argument("--as", dest="email", metavar="EMAIL", required=True, help="the member who downloads")
        parser.add_argument("--organisation", metavar="ID", help="where the member belongs to several")
        parser.add_argument("--purpose", default="", help="why (stands in the log)")
        parser.add_argument("--kinds", nargs="+", choices=downloads.KINDS, default=list(downloads.KINDS))
        for name in call_filters.NAMES:
            parser.add_argument(f"--{name}", metavar=name.upper(), help="of the calls")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = actor_named(options["email"], options["organisation"])
        if actor is None:
            raise CommandError("No such member, or several organisations: name one by --organisation")
        folder: Path = options["folder"]
        try:
            download = _taken_up(actor, folder, options)
            given, missing = _fetch(actor, download, folder)
        except Refusal as refusal:
            raise CommandError(f"{refusal.message} {refusal.errors or ''}".strip()) from refusal
        _write(folder / _MANIFEST, iter([archives.manifest_of(download, given, missing)]))
        self.stdout.write(f"{len(given)} files in {folder}, {len(missing)} left out; hashes stand in {_MANIFEST}.")


def _taken_up(actor: Actor, folder: Path, options: dict[str, Any]) -> Download:
    """The download that was begun in this folder, or a new one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder / _STATE
    if state.exists():
        try:
            download_id = UUID(json.loads(state.read_text())["download"])
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(f"{state} is not from this command") from error
        return downloads.open_download(actor=actor, download_id=download_id)
    if any(folder.iterdir()):
        raise CommandError(f"{folder} is not empty, and no download was begun there")
    calls = call_filters.read({name: options[name] for name in call_filters.NAMES if options[name]})
    download = downloads.start_download(actor=actor, purpose=options["purpose"], calls=calls, kinds=options["kinds"])
    _write(state, iter([json.dumps({"download": str(download.id)}).encode()]))
    return download


def _fetch(actor: Actor, download: Download, folder: Path) -> tuple[list[File], list[LeftOut]]:
    given: list[File] = []
    missing: list[LeftOut] = []
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"{download.items} files", total=download.size)
        for one in archives.files_of(actor, download, known=lambda name, sha256: _is_there(folder / name, sha256)):
            if isinstance(one, LeftOut):
                missing.append(one)
                continue
            if one.pieces is not None:
                _write(folder / one.name, one.pieces, sha256=one.sha256)
            progress.update(bar, advance=one.size)
            given.append(one)
    return given, missing


def _is_there(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest() == sha256


def _write(path: Path, pieces: Iterator[bytes], *, sha256: str | None = None) -> None:
    """The whole file or none: written beside its place, compared, put to disk, then moved."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    digest = hashlib.sha256()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if sha256 is not None and digest.hexdigest() != sha256:
        part.unlink()
        raise CommandError(f"{path.name}: the bytes are not those that were registered")
    part.replace(path)
