"""Getting a recording from its platform into the vault.

What can go wrong: half a file, a page instead of sound, a file that never ends, a call that is erased while its sound
is on the way, a worker that dies at any point. So bytes are sealed while they come and are nothing until the
transaction that knows their hash, their length in the store and that the call still lives; whatever ends earlier
leaves a state from which the next try goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.connectors import access as connectors
from compliance.connectors import destinations
from compliance.connectors.fetching import FetchedAudio, FetchLimits, SafeFetcher
from compliance.connectors.probing import AudioFacts, ProbeFailed, Prober
from compliance.connectors.providers import registry
from compliance.connectors.refusals import FetchError
from compliance.errors import Conflict
from compliance.recordings import access, events
from compliance.recordings.models import Artifact, Call, Location
from compliance.recordings.operations import erasing, keeping
from compliance.recordings.states import ArtifactKind, ArtifactState
from compliance.vault import scopes, store

LADDER = (10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
"""Seconds between tries; the last one repeats until the platform's own copy is gone."""

GIVE_UP_AFTER = timedelta(days=14)
"""Where the platform does not say when its copy goes."""

_THROUGH_THE_LADDER = timedelta(seconds=sum(LADDER), days=1)
_QUARANTINE = frozenset({"not_audio", "type_mismatch", "encoded", "too_large", "crashed", "bad_answer"})
_FETCHABLE = frozenset({ArtifactState.ANNOUNCED, ArtifactState.RETRY_WAIT, ArtifactState.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try; `retry` asks for another one by the ladder."""

    state: ArtifactState
    code: str = ""

    @property
    def retry(self) -> bool:
        return self.state is ArtifactState.RETRY_WAIT


@dataclass(frozen=True, slots=True)
class _Task:
    organisation_id: UUID
    artifact_id: UUID
    kind: store.ObjectKind
    version: int
    scope: scopes.Scope
    url: str
    hosts: Sequence[str]
    max_redirects: int


@dataclass(frozen=True, slots=True)
class _Fetched:
    staged: store.Staged
    audio: AudioFacts | None  # None: sound, but too large for our measuring


def fetch_recording(*, actor: Actor, artifact_id: UUID) -> Outcome:
    """One try.

    Must be called outside a transaction. Raises Unavailable where our own store or keys do not answer (try again).
    """
    rights.require(actor, "recordings.register")
    task = _begin(actor, artifact_id)
    if isinstance(task, Outcome):
        return task
    try:
        fetched = _download(task)
    except FetchError as error:
        return _note_failure(actor, artifact_id, error.code, is_retryable=error.is_retryable)
    except ProbeFailed as error:
        return _note_failure(actor, artifact_id, error.code, is_retryable=False)
    except store.KeyDestroyed:
        return _note_refused(actor, artifact_id)
    try:
        return _keep(actor, artifact_id, fetched)
    except _TooLate:
        store.abandon(fetched.staged)
    except store.KeyDestroyed:  # the vault has taken the bytes back
        pass
    return _note_refused(actor, artifact_id)


def retry_fetch(*, actor: Actor, artifact_id: UUID) -> Artifact:
    """Ask again for a recording that was not to be had: after its host was allowed, or the platform was mended."""
    rights.require(actor, "recordings.register")
    with tenancy.operation(actor):
        artifact = erasing.lock_artifact(actor.organisation_id, artifact_id)
        if ArtifactState(artifact.state) not in _FETCHABLE or artifact.sealed_source is None:
            raise Conflict("There is nothing to fetch here", code="state_forbids")
        jobs.enqueue_on_commit(
            "recordings.fetch_recording", organisation_id=actor.organisation_id, object_id=artifact.id
        )
        keeping.note(actor, events.ARTIFACT_RETRIED, artifact)
    return artifact


def _begin(actor: Actor, artifact_id: UUID) -> _Task | Outcome:
    """Under lock: is there anything to fetch? The state says so before the first byte is asked for."""
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        artifact = erasing.lock_artifact(organisation_id, artifact_id)
        state = ArtifactState(artifact.state)
        call = artifact.call
        if call is None or call.state != Call.State.ACTIVE or artifact.sealed_source is None:
            return Outcome(state, "nothing_to_fetch")
        if state in _FETCHABLE:
            erasing.move_artifact(artifact, ArtifactState.FETCHING, failure_code="")
            keeping.note(actor, events.FETCH_BEGUN, artifact)
        elif state is not ArtifactState.FETCHING:  # fetching: an earlier worker died over it
            return Outcome(state, "nothing_to_fetch")
        connection = connectors.connection_of(organisation_id, call.connection_id)
        is_copy = artifact.kind == ArtifactKind.REDACTED_COPY.value
        return _Task(
            organisation_id=organisation_id,
            artifact_id=artifact_id,
            kind=store.ObjectKind.REDACTED_RECORDING if is_copy else store.ObjectKind.RECORDING,
            version=artifact.version,
            scope=access.call_scope(organisation_id, call.id),
            url=access.source_of(artifact) or "",
            hosts=connection.allowed_hosts,
            max_redirects=registry.provider_for(connection.platform).max_redirects,
        )


def _download(task: _Task) -> _Fetched:
    """Fetch, measure and seal in one stream; nothing in clear touches the disk.

    What fails in the middle is taken back by the vault.
    """
    fetcher = SafeFetcher(test_hosts=destinations.parse_test_hosts(",".join(settings.FETCH_TEST_HOSTS)))
    limits = FetchLimits(max_bytes=settings.FETCH_MAX_BYTES)
    with fetcher.open(task.url, allowed_hosts=task.hosts, max_redirects=task.max_redirects, limits=limits) as audio:
        with Prober(audio.container) as prober:
            staged = store.stage(
                organisation_id=task.organisation_id,
                scope=task.scope,
                kind=task.kind,
                source=prober.tee(audio),
                media_type=audio.media_type,
                version=task.version,
            )
            try:
                return _Fetched(staged, _checked(audio, staged, prober))
            except (FetchError, ProbeFailed):
                store.abandon(staged)
                raise


def _checked(audio: FetchedAudio, staged: store.Staged, prober: Prober) -> AudioFacts | None:
    """What was sealed is what was received, all of it, and it is sound."""
    if audio.receipt.sha256.hex() != staged.sha256:
        raise FetchError("truncated")
    try:
        return prober.finish()
    except ProbeFailed as error:
        # Sound that our measuring cannot carry to the end is still the recording; what is no sound is not.
        if error.code in {"too_slow", "limits"}:
            return None
        raise


class _TooLate(Exception):
    """The call or the artifact went its way while the bytes were coming."""


def _keep(actor: Actor, artifact_id: UUID, fetched: _Fetched) -> Outcome:
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
        jobs.enqueue_on_commit("retention.assign", organisation_id=organisation_id, object_id=_call_id(artifact))
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
    return Outcome(ArtifactState(artifact.state), "call_erased")
