"""Taking in what a platform told about a call: its words are sealed, and the rows of what is stored are made.

Called under the call's lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from accounts.actors import Actor
from audit import log
from compliance.connectors.facts import CallFacts, RecordingFacts, RecordingKind
from compliance.connectors.providers.base import Provider
from compliance.recordings import documents
from compliance.recordings.documents import Summary
from compliance.recordings.models import Artifact, Call, Location
from compliance.recordings.operations import erasing
from compliance.recordings.states import ArtifactKind, ArtifactState
from compliance.vault import scopes, store

JSON = "application/json"
INLINE_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Taking:
    """One call, locked, and what is known about it now."""

    actor: Actor
    call: Call
    scope: scopes.Scope
    facts: CallFacts
    provider: Provider
    received_at: datetime
    artifacts: Sequence[Artifact]

    @property
    def organisation_id(self) -> UUID:
        return self.call.organisation_id

    def newest(self, kind: ArtifactKind, variant: str = "") -> Artifact | None:
        """The newest version of one artifact, whatever became of it."""
        found = [one for one in self.artifacts if one.kind == kind.value and one.variant == variant]
        return max(found, key=lambda one: one.version, default=None)


def kind_of(recording: RecordingFacts) -> ArtifactKind:
    """What a recording is to the register: the platform's redacted one is a copy of another."""
    return ArtifactKind.REDACTED_COPY if recording.kind is RecordingKind.REDACTED else ArtifactKind.RECORDING


def variant_of(recording: RecordingFacts) -> str:
    """Names a recording among those of its call: its kind, and the platform's id where it has one (as a digest: ids
    may be long).
    """
    if not recording.external_id:
        return recording.kind.value
    return f"{recording.kind.value}:{hashlib.sha256(recording.external_id.encode()).hexdigest()[:16]}"


def keep_transcript(taking: Taking) -> Artifact | None:
    """Seal the words as a new version, where they differ from the newest one. None where nothing was kept."""
    if not taking.facts.transcript:
        return None
    document = documents.transcript_document(taking.facts.transcript)
    return _keep(taking, ArtifactKind.TRANSCRIPT, store.ObjectKind.TRANSCRIPT, document)


def keep_summary(taking: Taking) -> Artifact | None:
    """Seal the platform's summary and metrics likewise."""
    summary = Summary(taking.facts.summary, taking.facts.metrics_json)
    if summary.is_blank:
        return None
    return _keep(taking, ArtifactKind.SUMMARY, store.ObjectKind.SUMMARY, documents.summary_document(summary))


def _keep(taking: Taking, kind: ArtifactKind, object_kind: store.ObjectKind, document: bytes) -> Artifact | None:
    known = taking.newest(kind)
    if known is not None and known.sha256 == hashlib.sha256(document).hexdigest():
        return None
    sealed = sealed_document(taking.organisation_id, taking.scope, object_kind, document, version=_next(known))
    artifact = store_artifact(taking.call, kind, sealed, version=sealed.version)
    if known is None:
        gone_on = taking.provider.transcript_gone_on(taking.facts, taking.received_at)
        erasing.add_location(artifact, Location.Place.PLATFORM, name=taking.provider.name, expected_gone_on=gone_on)
    return artifact


def _next(known: Artifact | None) -> int:
    return known.version + 1 if known else 1


def sealed_document(
    organisation_id: UUID,
    scope: scopes.Scope,
    kind: store.ObjectKind,
    document: bytes,
    *,
    version: int = 1,
    media_type: str = JSON,
) -> store.SealedObject:
    """Seal a document: in the row where it is small, in the store where it is not."""
    if len(document) <= INLINE_LIMIT:
        return store.put_inline(
            organisation_id=organisation_id,
            scope=scope,
            kind=kind,
            plaintext=document,
            media_type=media_type,
            version=version,
        )
    return store.put(
        organisation_id=organisation_id,
        scope=scope,
        kind=kind,
        source=document,
        media_type=media_type,
        version=version,
    )


def store_artifact(
    call: Call, kind: ArtifactKind, sealed: store.SealedObject, *, version: int = 1, variant: str = ""
) -> Artifact:
    """Register a sealed object as a stored artifact of a call, with its place."""
    artifact: Artifact = Artifact.objects.create(
        organisation_id=call.organisation_id,
        call=call,
        kind=kind.value,
        variant=variant,
        version=version,
        state=ArtifactState.STORED.value,
        stored_at=timezone.now(),
        object=sealed,
        media_type=sealed.media_type,
        size=sealed.size,
        sha256=sealed.sha256,
    )
    locate_in_store(artifact, sealed)
    return artifact


def locate_in_store(artifact: Artifact, sealed: store.SealedObject) -> Location:
    """Register where our own bytes lie: in the store, or in the database where they are small."""
    name = "vault" if sealed.store_key else "database"
    return erasing.add_location(artifact, Location.Place.STORE, name=name, key=sealed.store_key)


def note(actor: Actor, event: str, artifact: Artifact, *, outcome: str = "ok", **what: str | int | bool | None) -> UUID:
    """The entry about an artifact: ids, codes, counts and hashes."""
    facts: dict[str, str | int | bool | None] = {
        "call": str(artifact.call_id) if artifact.call_id else None,
        "kind": artifact.kind,
        "version": artifact.version,
        "state": artifact.state,
    }
    if artifact.sha256:
        facts |= {"sha256": artifact.sha256, "size": artifact.size}
    return log.append(
        actor=actor,
        event=event,
        organisation_id=artifact.organisation_id,
        obj=("artifact", artifact.id),
        cls=log.EntryClass.CHANGE,
        outcome=outcome,
        what=facts | what,
    )
