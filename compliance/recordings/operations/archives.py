"""What a batch download gives out: its files one after the other, as a ZIP or one by one, and the manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from zipstream import ZIP_STORED, ZipStream

from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import Invalid
from compliance.recordings import access, events, purposes
from compliance.recordings.models import Artifact, Call, Download, DownloadItem
from compliance.recordings.operations import downloads, links
from compliance.vault import store

MANIFEST_FORMAT = "callwarden-download/v1"
_PAGE = 200
_EXTENSIONS = {
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "application/json": "json",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file of a download, opened: read `pieces` to the end, then compare with `sha256`.

    None for `pieces`: the reader has it already.
    """

    number: int
    name: str
    size: int
    sha256: str
    facts: dict[str, Any]
    pieces: Iterator[bytes] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An item that is not there any more, and why."""

    number: int
    artifact_id: UUID
    code: str


def archive_of(*, actor: Actor, download_id: UUID, after: int = 0) -> Iterator[bytes]:
    """A ZIP of the files after that number and `manifest.json`, made as it is read; nothing is kept.

    Nothing is compressed, because sound does not shrink. The first piece proves that keys and store answer.
    """
    download = downloads.open_download(actor=actor, download_id=download_id)
    if not 0 <= after < download.items:
        raise Invalid("There is no file after this number", errors={"after": [f"0 to {download.items - 1}."]})
    return _archive(actor, download, after)


def files_of(
    actor: Actor, download: Download, after: int = 0, known: Callable[[str, str], bool] | None = None
) -> Iterator[File | LeftOut]:
    """The files after a number, in order, each opened (and its opening committed) when it is asked for.

    Read each to its end before the next. What the reader says that it has (`known`, by name and SHA-256) is not opened
    again. Raises what the vault raises.
    """
    number = after
    while True:
        with tenancy.scope(actor.organisation_id):
            page = list(
                access.download_items(download.organisation_id, download.id)
                .filter(number__gt=number)
                .order_by("number")[:_PAGE]
            )
        for item in page:
            yield _open(actor, download, item, known)
        if len(page) < _PAGE:
            break
        number = page[-1].number
    _finish(actor, download)


def manifest_of(download: Download, files: Sequence[File], left_out: Sequence[LeftOut]) -> bytes:
    """The manifest of what was given: names, hashes, sizes, the calls they belong to, and what is missing and why."""
    document = {
        "format": MANIFEST_FORMAT,
        "download": str(download.id),
        "purpose": download.purpose,
        "made_at": timezone.now().isoformat(),
        "of_files": download.items,
        "files": [
            one.facts | {"number": one.number, "name": one.name, "size": one.size, "sha256": one.sha256}
            for one in files
        ],
        "left_out": [{"number": one.number, "artifact": str(one.artifact_id), "why": one.code} for one in left_out],
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode()


def _archive(actor: Actor, download: Download, after: int) -> Iterator[bytes]:
    archive = ZipStream(compress_type=ZIP_STORED)
    given: list[File] = []
    missing: list[LeftOut] = []
    for one in files_of(actor, download, after):
        if isinstance(one, LeftOut):
            missing.append(one)
            continue
        archive.add(_compared(one), one.name)
        yield from archive.all_files()
        given.append(one)
    archive.add(manifest_of(download, given, missing), "manifest.json")
    yield from archive.finalize()


def _compared(one: File) -> Iterator[bytes]:
    """The bytes, and a broken archive rather than a whole one where they are not those that were registered."""
    digest = hashlib.sha256()
    for piece in one.pieces or ():
        digest.update(piece)
        yield bytes(piece)
    if digest.hexdigest() != one.sha256:
        raise store.Unreadable.because("the bytes are not those that were registered")


def _open(
    actor: Actor, download: Download, item: DownloadItem, known: Callable[[str, str], bool] | None
) -> File | LeftOut:
    artifact: Artifact = item.artifact
    with tenancy.operation(actor):
        fresh = access.artifacts(actor.organisation_id).filter(id=artifact.id).select_related("call__agent").get()
        if _is_gone(fresh) or fresh.object is None:
            _mark(item, code="gone")
            return LeftOut(item.number, artifact.id, "gone")
        name = _name(fresh)
        if item.sent_at and known is not None and known(name, fresh.sha256):
            return File(item.number, name, fresh.size or 0, fresh.sha256, _facts(fresh), None)
        try:
            pieces = store.open_stream(fresh.object)
        except store.KeyDestroyed:
            _mark(item, code="gone")
            return LeftOut(item.number, artifact.id, "gone")
        _mark(item, sent_at=timezone.now())
        what = {"download": str(download.id), "call": str(fresh.call_id), "kind": fresh.kind, "bytes": fresh.size}
        links.note_access(actor, events.ARTIFACT_OPENED, ("artifact", fresh.id), download.purpose, what)
        return File(item.number, name, fresh.size or 0, fresh.sha256, _facts(fresh), pieces)


def _is_gone(artifact: Artifact) -> bool:
    call = artifact.call
    return call is None or call.state != Call.State.ACTIVE or artifact.state not in access.READABLE


def _mark(item: DownloadItem, *, sent_at: datetime | None = None, code: str = "") -> None:
    rows = DownloadItem.objects.for_organisation(item.organisation_id).filter(id=item.id)
    rows.update(sent_at=sent_at, code=code)


def _name(artifact: Artifact) -> str:
    """Ours alone: a platform's id or variant is no safe part of a path."""
    extension = _EXTENSIONS.get(artifact.media_type, "bin")
    variant = f"-{artifact.variant.partition(':')[0]}" if artifact.variant else ""
    return f"calls/{artifact.call_id}/{artifact.kind}{variant}-{artifact.id.hex[-8:]}.{extension}"


def _facts(artifact: Artifact) -> dict[str, Any]:
    call = artifact.call
    if call is None:
        return {}
    return {
        "call": str(call.id),
        "external_id": call.external_id,
        "agent": call.agent.external_id if call.agent else None,
        "batch": call.batch_id or None,
        "started_at": call.started_at.isoformat() if call.started_at else None,
        "artifact": str(artifact.id),
        "kind": artifact.kind,
        "version": artifact.version,
        "media_type": artifact.media_type,
        "kept_until": artifact.due_on.isoformat() if artifact.due_on else None,
    }


def _finish(actor: Actor, download: Download) -> None:
    """Once every file was given at least once; reading it again later finishes it no second time."""
    with tenancy.operation(actor):
        row = downloads.lock_download(actor, download.id)
        is_open = row.state == Download.State.OPEN
        if not is_open or access.download_items(row.organisation_id, row.id).filter(sent_at=None, code="").exists():
            return
        row.state, row.finished_at = Download.State.FINISHED, timezone.now()
        row.save(update_fields=["state", "finished_at"])
        log.append(
            actor=actor,
            event=events.DOWNLOAD_FINISHED,
            organisation_id=actor.organisation_id,
            obj=("download", row.id),
            cls=log.EntryClass.ACCESS,
            why={"purpose": purposes.code_of(row.purpose)},
            what={
                "files": row.items,
                "left_out": access.download_items(row.organisation_id, row.id).exclude(code="").count(),
            },
        )
