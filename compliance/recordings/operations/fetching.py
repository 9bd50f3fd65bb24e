"""Getting a recording from its platform into the vault: one try, and what it leaves behind.

What can go wrong: half a file, a page instead of sound, a file that never ends, a call that is erased while its sound
is on the way, a worker that dies at any point. So bytes are sealed while they come and are nothing until the
transaction that knows their hash, their length in the store and that the call still lives; whatever ends earlier
leaves a state from which the next try goes on.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.connectors import access as connectors
from compliance.connectors.facts import RecordingCipher, RecordingFacts
from compliance.connectors.providers import registry
from compliance.connectors.providers.questions import Credentials
from compliance.errors import Conflict
from compliance.recordings import access, events, labels
from compliance.recordings.models import Artifact, Call, Location
from compliance.recordings.operations import announcing, downloading, erasing, keeping, renewing
from compliance.recordings.operations.downloading import Fetched, Task, TryFailed
from compliance.recordings.states import ArtifactState
from compliance.vault import store

LADDER = (10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
"""Seconds between tries; the last one repeats until the platform's own copy is gone."""

GIVE_UP_AFTER = timedelta(days=14)
"""Where the platform does not say when its copy goes."""

_THROUGH_THE_LADDER = timedelta(seconds=sum(LADDER), days=1)
_QUARANTINE = frozenset(
    {
        "not_audio", "type_mismatch", "encoded", "too_large", "crashed", "bad_answer",
        "hash_mismatch", "size_mismatch", "not_authentic", "bad_cipher",
    }
)  # fmt: skip
_FETCHABLE = frozenset({ArtifactState.ANNOUNCED, ArtifactState.RETRY_WAIT, ArtifactState.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try; `retry` asks for another one by the ladder."""

    state: ArtifactState
    code: str = ""

    @property
    def retry(self) -> bool:
        return self.state is ArtifactState.RETRY_WAIT


def fetch_recording(*, actor: Actor, artifact_id: UUID) -> Outcome:
    """One try. Where the address has expired, or the platform refuses it, the platform is asked for a fresh one first,
    and that is tried at once; once a try.

    Must be called outside a transaction. Raises Unavailable where our own store or keys do not answer (try again).
    """
    rights.require(actor, "recordings.register")
    renewed = None
    while True:
        task = _begin(actor, artifact_id)
        if isinstance(task, Outcome):
            return task
        if renewed is None and renewing.has_expired(task):
            renewed = renewing.renew_link(actor, task)
            if renewed.is_fresh:
                continue
        try:
            return _had(actor, artifact_id, functools.partial(downloading.download, task))
        except TryFailed as failure:
            if renewed is None and failure.code in renewing.RENEWABLE:
                renewed = renewing.renew_link(actor, task)
                if renewed.is_fresh:
                    continue
            absence = renewed.absence if renewed else ""
            return _note_failure(
                actor, artifact_id, absence or failure.code, is_retryable=failure.is_retryable and not absence
            )


def take_in_recording(
    *, actor: Actor, call_id: UUID, recording: RecordingFacts, chunks: Iterable[bytes]
) -> tuple[UUID, Outcome]:
    """Keep a recording that is at hand in clear pieces, such as a file that is imported: looked at, measured, hashed
    and sealed like one that was fetched. Taking the same one in again changes nothing. The artifact, and what became of
    it.

    Must be called outside a transaction. Raises Gone for an erased call, and whatever the chunks raise.
    """
    rights.require(actor, "recordings.register")
    artifact_id, task = _expect(actor, call_id, recording)
    if isinstance(task, Outcome):
        return artifact_id, task
    media_type = recording.media_type or ""
    try:
        return artifact_id, _had(actor, artifact_id, lambda: downloading.take(task, chunks, media_type))
    except TryFailed as failure:
        return artifact_id, _note_failure(actor, artifact_id, failure.code, is_retryable=failure.is_retryable)


def _had(actor: Actor, artifact_id: UUID, get: Callable[[], Fetched]) -> Outcome:
    """What `get` sealed, kept. Raises TryFailed."""
    try:
        fetched = get()
    except store.KeyDestroyed:
        return _note_refused(actor, artifact_id)
    try:
        return _keep(actor, artifact_id, fetched)
    except _TooLate:
        store.abandon(fetched.staged)
    except store.KeyDestroyed:  # the vault has taken the bytes back
        pass
    return _note_refused(actor, artifact_id)


def _expect(actor: Actor, call_id: UUID, recording: RecordingFacts) -> tuple[UUID, Task | Outcome]:
    """The artifact that the recording will be, registered where there is none, and begun."""
    with tenancy.operation(actor):
        artifact, is_new = announcing.expect_recording(actor.organisation_id, call_id, recording)
        if is_new:
            keeping.note(actor, events.ARTIFACT_ANNOUNCED, artifact)
        return artifact.id, _begun(actor, artifact)


def retry_fetch(*, actor: Actor, artifact_id: UUID) -> Artifact:
    """Ask again for a recording that was not to be had: after its host was allowed, or the platform was mended."""
    rights.require(actor, "recordings.register")
    with tenancy.operation(actor):
        artifact = erasing.lock_artifact(actor.organisation_id, artifact_id)
        if ArtifactState(artifact.state) not in _FETCHABLE or announcing.is_absent(artifact):
            raise Conflict("There is nothing to fetch here", code="state_forbids")
        jobs.enqueue_on_commit(
            "recordings.fetch_recording", organisation_id=actor.organisation_id, object_id=artifact.id
        )
        keeping.note(actor, events.ARTIFACT_RETRIED, artifact)
    return artifact


def _begin(actor: Actor, artifact_id: UUID) -> Task | Outcome:
    """Under lock: is there anything to fetch? The state says so before the first byte is asked for."""
    with tenancy.operation(actor):
        return _begun(actor, erasing.lock_artifact(actor.organisation_id, artifact_id))


def _begun(actor: Actor, artifact: Artifact) -> Task | Outcome:
    state = ArtifactState(artifact.state)
    call = artifact.call
    if call is None or call.state != Call.State.ACTIVE or announcing.is_absent(artifact):
        return Outcome(state, "nothing_to_fetch")
    if state in _FETCHABLE:
        erasing.move_artifact(artifact, ArtifactState.FETCHING, failure_code="")
        keeping.note(actor, events.FETCH_BEGUN, artifact)
    elif state is not ArtifactState.FETCHING:  # fetching: an earlier worker died over it
        return Outcome(state, "nothing_to_fetch")
    return _task_of(artifact, call)


def _task_of(artifact: Artifact, call: Call) -> Task:
    """All that the try needs, opened while the organisation's scope is there."""
    organisation_id = artifact.organisation_id
    connection = connectors.connection_of(organisation_id, call.connection_id)
    url, cipher = access.source_of(artifact) or "", _cipher_of(artifact)
    has_credentials = bool(url and registry.provider_for(connection.platform).credentials)
    return Task(
        organisation_id=organisation_id,
        artifact_id=artifact.id,
        call_id=call.id,
        connection_id=connection.id,
        platform=connection.platform,
        kind=artifact.kind,
        variant=artifact.variant,
        version=artifact.version,
        scope=access.call_scope(organisation_id, call.id),
        external_id=call.external_id,
        url=url,
        expires_at=artifact.source_expires_at,
        hosts=connection.allowed_hosts,
        credentials=connectors.credentials_of(connection) if has_credentials else Credentials(),
        cipher=cipher,
        private_key=connectors.recording_key_of(connection, cipher.public_key_id) if cipher else None,
        expected_hash=artifact.expected_hash,
        expected_size=artifact.size,
    )


def _cipher_of(artifact: Artifact) -> RecordingCipher | None:
    if artifact.sealed_cipher is None or artifact.call_id is None:
        return None
    scope = access.call_scope(artifact.organisation_id, artifact.call_id)
    sealed = bytes(artifact.sealed_cipher)
    document = store.open_value(artifact.organisation_id, scope, labels.cipher(artifact.id), sealed)
    return RecordingCipher(**json.loads(document))


class _TooLate(Exception):
    """The call or the artifact went its way while the bytes were coming."""


def _keep(actor: Actor, artifact_id: UUID, fetched: Fetched) -> Outcome:
    organisation_id, audio = actor.organisation_id, fetched.audio
    with tenancy.operation(actor):
        artifact = erasing.lock_artifact(organisation_id, artifact_id)
        alive = artifact.call is not None and artifact.call.state == Call.State.ACTIVE
        if not alive or artifact.state != ArtifactState.FETCHING.value:
            raise _TooLate
        sealed = store.record(fetched.staged)
        erasing.move_artifact(
            artifact,
            ArtifactState.STORED,
            object=sealed,
            media_type=sealed.media_type,
            codec=audio.codec if audio else "",
            duration_ms=round(audio.duration_seconds * 1000) if audio else artifact.duration_ms,
            size=sealed.size,
            sha256=sealed.sha256,
            stored_at=timezone.now(),
            failure_code="" if audio else "not_measured",
        )
        keeping.locate_in_store(artifact, sealed)
        keeping.note(actor, events.ARTIFACT_STORED, artifact)
        call_id = _call_id(artifact)
        if artifact.sealed_cipher is None and not announcing.agrees(
            artifact.expected_hash, sha256=sealed.sha256, sha512=sealed.sha512
        ):  # told while the bytes were coming
            jobs.enqueue_on_commit("recordings.compare_hash", organisation_id=organisation_id, object_id=artifact.id)
        jobs.enqueue_on_commit("retention.assign", organisation_id=organisation_id, object_id=call_id)
        jobs.enqueue_on_commit("disclosure.find_refusals", organisation_id=organisation_id, object_id=call_id)
    return Outcome(ArtifactState.STORED)


def _call_id(artifact: Artifact) -> UUID:
    if artifact.call_id is None:
        raise Conflict("A recording belongs to a call", code="state_forbids")
    return artifact.call_id


def _note_failure(actor: Actor, artifact_id: UUID, code: str, *, is_retryable: bool) -> Outcome:
    with tenancy.operation(actor):
        artifact = erasing.lock_artifact(actor.organisation_id, artifact_id)
        if artifact.state != ArtifactState.FETCHING.value:
            return Outcome(ArtifactState(artifact.state), code)
        if is_retryable and timezone.now().date() <= _last_day(artifact):
            to = ArtifactState.RETRY_WAIT
        else:
            to = ArtifactState.QUARANTINED if code in _QUARANTINE else ArtifactState.UNAVAILABLE
        erasing.move_artifact(artifact, to, failure_code=code)
        keeping.note(actor, events.ARTIFACT_NOT_FETCHED, artifact, outcome="failed", code=code)
    return Outcome(to, code)


def _last_day(artifact: Artifact) -> date:
    """Until when asking makes sense: as long as the platform keeps its copy, and once through the ladder at least."""
    originals = access.locations_of(artifact.organisation_id, artifact.id)
    told = [place.expected_gone_on for place in originals if place.place == Location.Place.PLATFORM]
    gone_on = next((day for day in told if day), (artifact.registered_at + GIVE_UP_AFTER).date())
    return max(gone_on, (artifact.registered_at + _THROUGH_THE_LADDER).date())


def _note_refused(actor: Actor, artifact_id: UUID) -> Outcome:
    """Late sound of an erased call: not kept, and said so. Sound that another worker stored meanwhile is no news."""
    with tenancy.operation(actor):
        artifact = access.artifact_of(actor.organisation_id, artifact_id)
        if artifact.state == ArtifactState.STORED.value:
            return Outcome(ArtifactState.STORED, "already_stored")
        keeping.note(actor, events.ARTIFACT_REFUSED, artifact, outcome="refused", code="call_erased")
        if artifact.call_id is not None:  # it came late, so it lies at the platform still, or again
            jobs.enqueue_on_commit(
                "retention.delete_late", organisation_id=actor.organisation_id, object_id=artifact.call_id
            )
    return Outcome(ArtifactState(artifact.state), "call_erased")
