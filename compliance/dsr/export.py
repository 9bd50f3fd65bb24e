"""The access package: everything in one ZIP that opens without us, streamed and sealed as it is made.

A cover letter with the items of GDPR Art. 15(1), a page that plays each call beside its words, the audio, the
transcript, what the platform sent, and a manifest of hashes. No clear byte touches the disk.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from zipstream import ZIP_STORED, ZipStream

from accounts import routing, tenancy
from accounts.actors import Actor
from audit import log
from audit.ids import uuid7
from compliance import law
from compliance.connectors import access as connections
from compliance.dsr import access as requests
from compliance.dsr import events
from compliance.dsr.models import Package, PlanItem, SubjectRequest
from compliance.dsr.states import GROUNDS, Decision, Ground
from compliance.recordings import access as register
from compliance.recordings.operations import packages
from compliance.recordings.states import ArtifactKind
from compliance.vault import store

LIFETIME = timedelta(days=14)
_EXTENSIONS = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/ogg": "ogg", "audio/flac": "flac", "audio/mp4": "m4a"}
_ENDED = "it had been kept as long as its purpose needs, and was deleted before your copy was made (GDPR Art. 5(1)(e))"


@dataclass(slots=True)
class _CallFolder:
    """One call as the page shows it."""

    name: str
    call: Any
    governance: Any
    audio: list[str] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # how long each part is kept, and why
    members: list[tuple[str, Any]] = field(default_factory=list)  # (file name, sealed object)
    given: list[UUID] = field(default_factory=list)  # the artifacts behind the members
    notes: list[tuple[str, bytes]] = field(default_factory=list)  # (file name, what was worked out of the words)


@dataclass(frozen=True, slots=True)
class Built:
    """A package, its address, and the artifacts that are in it."""

    package: Package
    url: str = field(repr=False)
    artifact_ids: frozenset[UUID]


def build_package(*, actor: Actor, request_id: UUID, announce: Callable[[Built], None]) -> None:
    """Build, seal and register the package. Outside a transaction: it reads whole recordings.

    `announce` gets it with its address, inside the transaction that registers it: a package whose address nobody was
    told is no answer.
    """
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        request = requests.request_of(organisation_id, request_id)
        folders, left_out = _folders(request)
        pages = _pages(request, folders, left_out)
    scope = store.Scope(store.ScopeKind.EXPORT, uuid7())
    hashes: dict[str, str] = {}
    staged = store.stage(
        organisation_id=organisation_id,
        scope=scope,
        kind=store.ObjectKind.EXPORT,
        source=_zip(request, folders, pages, hashes),
        media_type="application/zip",
    )
    token = secrets.token_urlsafe(32)
    with tenancy.operation(actor):
        request = requests.request_of(organisation_id, request_id, lock=True)
        if requests.packages_of(request):  # another worker, after our lease had run out
            store.abandon(staged)
            return
        artifact = packages.keep_package(organisation_id, request_id, store.record(staged))
        package = Package.objects.create(
            organisation_id=organisation_id,
            request=request,
            artifact=artifact,
            sha256=staged.sha256,
            expires_at=timezone.now() + LIFETIME,
        )
        routing.publish_route(routing.PACKAGE, token, organisation_id=organisation_id, object_id=package.id)
        log.append(
            actor=actor,
            event=events.PACKAGE_BUILT,
            organisation_id=organisation_id,
            obj=("package", package.id),
            cls=log.EntryClass.ACCESS,
            why={"request": str(request_id)},
            what={"sha256": staged.sha256, "size": staged.size, "files": len(hashes), "calls": len(folders)},
        )
        given = frozenset(artifact_id for folder in folders for artifact_id in folder.given)
        announce(Built(package, f"{settings.PUBLIC_URL}/packages/{token}", given))


def _folders(request: SubjectRequest) -> tuple[list[_CallFolder], list[str]]:
    items = [item for item in requests.plan_of(request) if item.right == law.Right.ACCESS]
    left_out = sorted({_why_not(item) for item in items if not _is_given(item)})
    folders: dict[UUID, _CallFolder] = {}
    for item in items:
        if _is_given(item):
            folder = folders.setdefault(item.call_id, _folder(item, len(folders) + 1))
            _add(folder, item.artifact)
    return list(folders.values()), left_out


def _is_given(item: PlanItem) -> bool:
    """What was to be given may have ended by its schedule since the plan was approved."""
    return item.decision == Decision.FULFIL and item.artifact.state in register.READABLE


def _folder(item: PlanItem, number: int) -> _CallFolder:
    call = item.call
    governance = connections.governance_of(call.organisation_id, call.connection_id, call.agent_id)
    day = f"{call.started_at:%Y-%m-%d}" if call.started_at else "undated"
    return _CallFolder(name=f"calls/{number:03d}-{day}", call=call, governance=governance)


def _add(folder: _CallFolder, artifact: Any) -> None:
    if artifact.object is None:
        return
    if artifact.kind == ArtifactKind.RECORDING:
        name = f"{folder.name}/recording-{artifact.variant or 'mono'}.{_EXTENSIONS.get(artifact.media_type, 'bin')}"
        folder.audio.append(name)
    elif artifact.kind == ArtifactKind.TRANSCRIPT:
        name = f"{folder.name}/transcript-{artifact.version}.json"
        folder.messages = register.messages_in(artifact)
        _add_insights(folder, artifact)
    else:
        name = f"{folder.name}/{artifact.kind.replace('_', '-')}-{artifact.id.hex[-6:]}.json"
    folder.members.append((name, artifact.object))
    folder.given.append(artifact.id)
    folder.kept.append(f"{artifact.kind.replace('_', ' ')}: {artifact.retention_reason or 'no date yet'}")


def _add_insights(folder: _CallFolder, transcript: Any) -> None:
    """What was worked out of the person's words is theirs to see (GDPR Art. 15(1))."""
    row = register.insights_row(transcript)
    document = register.insights_document(row) if row else None
    if document is not None:
        folder.notes.append((f"{folder.name}/insights-{transcript.version}.json", document))


def _why_not(item: PlanItem) -> str:
    if not item.ground:
        return _ENDED
    rule = GROUNDS[Ground(item.ground)]
    return f"{rule.text} ({rule.article})"


def _pages(request: SubjectRequest, folders: list[_CallFolder], left_out: list[str]) -> dict[str, bytes]:
    """The pages that a person reads, rendered while the organisation's rows can be seen."""
    context = {
        "request": request,
        "person": requests.person_of(request),
        "organisation": requests.organisation_of(request.organisation_id),
        "folders": folders,
        "left_out": left_out,
        "made_at": timezone.now(),
    }
    return {name: render_to_string(f"dsr/package_{name}", context).encode() for name in ("index.html", "letter.html")}


def _zip(
    request: SubjectRequest, folders: list[_CallFolder], pages: dict[str, bytes], hashes: dict[str, str]
) -> Iterator[bytes]:
    """The ZIP's bytes. Audio does not shrink, so nothing is compressed and the size of a part is its own."""
    archive = ZipStream(compress_type=ZIP_STORED)
    for name, page in pages.items():
        archive.add(_hashed(name, iter([page]), hashes), name)
    for folder in folders:
        for name, sealed in folder.members:
            archive.add(_hashed(name, _opened(sealed), hashes), name)
        for name, document in folder.notes:
            archive.add(_hashed(name, iter([document]), hashes), name)
    archive.add(_manifest(request, hashes), "manifest.json")
    yield from archive


def _opened(sealed: Any) -> Iterator[bytes]:
    with tenancy.scope(sealed.organisation_id):
        pieces = store.open_stream(sealed)
    yield from pieces


def _hashed(name: str, pieces: Iterator[bytes], hashes: dict[str, str]) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield bytes(piece)
    hashes[name] = digest.hexdigest()


def _manifest(request: SubjectRequest, hashes: dict[str, str]) -> Iterator[bytes]:
    """Made last, when every hash is known."""
    document = {
        "format": "callwarden-package/v1",
        "request": str(request.id),
        "reference": request.reference,
        "made_at": timezone.now().isoformat(),
        "files": [{"name": name, "sha256": digest} for name, digest in sorted(hashes.items())],
    }
    yield json.dumps(document, indent=2).encode()
