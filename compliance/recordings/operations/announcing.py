"""Recordings that a platform speaks of: had fetched, or noted as not to be had, each with where the original lies.

What can go wrong: a recording is never fetched because somebody once said that there is none, or is asked for for ever
although there is none; a location says "gone" on somebody's word. So an absence is a state with the platform's own
reason, a later address ends it, and only "nothing was ever there" counts as a place without bytes.
Called under the call's lock.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from uuid import UUID

from audit.ids import uuid7
from compliance import jobs
from compliance.connectors.facts import Absence, Consent, RecordingCipher, RecordingFacts
from compliance.errors import Gone
from compliance.recordings import access, events, labels
from compliance.recordings.models import Artifact, Location
from compliance.recordings.operations import erasing, keeping
from compliance.recordings.operations.keeping import Taking
from compliance.recordings.states import ArtifactKind, ArtifactState, LocationState, may_move
from compliance.vault import store

CONSENT_REFUSED = "consent_refused"
ABSENT = frozenset({*(absence.value for absence in Absence), CONSENT_REFUSED})
"""Failure codes of what a platform said it has not got."""

_HASH = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_NEVER_MADE = frozenset({Absence.NOT_KEPT.value, CONSENT_REFUSED})
# Fetching: a worker that is at it goes on with the address it has; the next try has the new one.
_ADDRESSABLE = frozenset(
    {ArtifactState.ANNOUNCED, ArtifactState.FETCHING, ArtifactState.RETRY_WAIT, ArtifactState.UNAVAILABLE}
)
_WITHOUT_BYTES = frozenset({ArtifactState.ANNOUNCED, ArtifactState.RETRY_WAIT, ArtifactState.UNAVAILABLE})
_RECORDINGS = frozenset({ArtifactKind.RECORDING.value, ArtifactKind.REDACTED_COPY.value})
# "Deleted" and "failed" prove nothing: until the platform is asked, bytes may lie there.
_ORIGINAL_OF_ABSENT = {
    Absence.ABSENT: LocationState.CONFIRMED_GONE,
    Absence.NOT_KEPT: LocationState.CONFIRMED_GONE,
    Absence.FAILED: LocationState.UNKNOWN,
    Absence.DELETED: LocationState.UNKNOWN,
}


def announce_recordings(taking: Taking) -> list[Artifact]:
    """Register what is new among the recordings and have it fetched; the rows that are new, or newly told about."""
    return [artifact for recording in taking.facts.recordings if (artifact := _announce(taking, recording))]


def expect_recording(organisation_id: UUID, call_id: UUID, recording: RecordingFacts) -> tuple[Artifact, bool]:
    """The artifact of a recording that is at hand, and whether it is new. Locks the call, which is the artifact's
    `.call` then. Raises Gone for an erased one.
    """
    call = erasing.lock_call(organisation_id, call_id)
    if call.state != call.State.ACTIVE:
        raise Gone("This call was erased", code="call_erased")
    kind, variant = keeping.kind_of(recording), keeping.variant_of(recording)
    known = [
        one for one in erasing.lock_artifacts(organisation_id, call_id) if (one.kind, one.variant) == (kind, variant)
    ]
    if known:
        known[-1].call = call
        return known[-1], False
    artifact: Artifact = Artifact.objects.create(
        organisation_id=organisation_id,
        call=call,
        kind=kind.value,
        variant=variant,
        expected_hash=_hash_of(recording),
        size=recording.size,
    )
    return artifact, True


def event_of(artifact: Artifact) -> str:
    """The entry that a row given back by `announce_recordings` gets."""
    if artifact.state == ArtifactState.STORED.value:
        return events.ARTIFACT_DISPUTED
    return events.ARTIFACT_NOT_RECORDED if is_absent(artifact) else events.ARTIFACT_ANNOUNCED


def is_absent(artifact: Artifact) -> bool:
    """Whether a platform said that it has no such recording."""
    states = (ArtifactState.UNAVAILABLE.value, ArtifactState.NEVER_RECORDED.value)
    return artifact.state in states and artifact.failure_code in ABSENT


def may_return(artifact: Artifact) -> bool:
    """Whether an artifact that is over ended by the platform's word alone: a recording that turns up is taken."""
    return artifact.state == ArtifactState.NEVER_RECORDED.value and artifact.failure_code in _NEVER_MADE


def agrees(expected: str, *, sha256: str, sha512: str) -> bool:
    """Whether bytes with these hashes (hex) are those that were announced; true where nothing was."""
    name, _, digest = expected.partition(":")
    return not expected or {"sha256": sha256, "sha512": sha512}.get(name, "") == digest


def _announce(taking: Taking, recording: RecordingFacts) -> Artifact | None:
    artifact = taking.newest(keeping.kind_of(recording), keeping.variant_of(recording))
    if recording.absence is not None:
        return _note_absence(taking, recording, recording.absence, artifact)
    if not recording.url and recording.content is None:
        return None
    if artifact is None or may_return(artifact):
        artifact = _register(taking, recording, version=artifact.version + 1 if artifact else 1)
        _locate_original(taking, artifact)
    elif ArtifactState(artifact.state) in _ADDRESSABLE and _is_elsewhere(artifact, recording):
        _readdress(taking, artifact, recording)
    else:
        return _note_hash(taking, artifact, recording)
    jobs.enqueue_on_commit("recordings.fetch_recording", organisation_id=taking.organisation_id, object_id=artifact.id)
    return artifact


def _is_elsewhere(artifact: Artifact, recording: RecordingFacts) -> bool:
    """Whether the recording is now to be had in another place than the one that is known."""
    is_over = artifact.state == ArtifactState.UNAVAILABLE.value
    if recording.content is None and artifact.sealed_source is None:
        return is_over  # else the sound is here already, in a delivery: no address is better
    if recording.content is None:
        return access.source_of(artifact) != recording.url
    return is_over or artifact.sealed_source is not None or artifact.expected_hash != _hash_of(recording)


def _hash_of(recording: RecordingFacts) -> str:
    told = (recording.announced_hash or "").lower()
    if _HASH.fullmatch(told) or recording.content is None:
        return told if _HASH.fullmatch(told) else ""
    return f"sha256:{hashlib.sha256(recording.content).hexdigest()}"


def _register(taking: Taking, recording: RecordingFacts, *, version: int) -> Artifact:
    seconds = recording.duration_seconds
    artifact = Artifact(
        id=uuid7(),
        organisation_id=taking.organisation_id,
        call=taking.call,
        kind=keeping.kind_of(recording).value,
        variant=keeping.variant_of(recording),
        version=version,
        media_type=(recording.media_type or "")[:100],
        duration_ms=None if seconds is None else round(seconds * 1000),
    )
    _address(taking, artifact, recording)
    artifact.save(force_insert=True)
    return artifact


def _readdress(taking: Taking, artifact: Artifact, recording: RecordingFacts) -> None:
    _address(taking, artifact, recording)
    if is_absent(artifact):
        artifact.failure_code = ""
    artifact.save(
        update_fields=[
            "sealed_source", "sealed_cipher", "source_expires_at", "expected_hash", "size", "failure_code",
        ]
    )  # fmt: skip
    for original in _originals(taking.organisation_id, [artifact.id]):
        if original.state in (LocationState.CONFIRMED_GONE.value, LocationState.UNKNOWN.value):
            erasing.note_location(original, LocationState.PRESENT, proof={"answer": "announced"})


def _address(taking: Taking, artifact: Artifact, recording: RecordingFacts) -> None:
    """Where the sound is, and what is said about the bytes there; for sound that lies in its delivery, no address."""
    seal = store.values(taking.organisation_id, taking.scope).seal
    url, cipher = recording.url, recording.cipher
    artifact.sealed_source = seal(labels.source(artifact.id), url.encode()) if url else None
    artifact.sealed_cipher = seal(labels.cipher(artifact.id), _cipher_document(cipher)) if cipher else None
    artifact.source_expires_at = taking.provider.link_expires_at(recording, taking.received_at) if url else None
    artifact.expected_hash = _hash_of(recording)
    artifact.size = recording.size if recording.content is None else len(recording.content)


def _cipher_document(cipher: RecordingCipher) -> bytes:
    return json.dumps(asdict(cipher), separators=(",", ":")).encode()


def _note_hash(taking: Taking, artifact: Artifact, recording: RecordingFacts) -> Artifact | None:
    """A hash that is told after the address. Stored bytes that differ stay, and are shown as disputed."""
    told = _hash_of(recording) if recording.content is None else ""
    if not told or artifact.expected_hash == told or artifact.sealed_cipher is not None:
        return None
    artifact.expected_hash = told
    sealed = artifact.object
    is_stored = artifact.state == ArtifactState.STORED.value and sealed is not None
    if sealed is None or not is_stored or agrees(told, sha256=sealed.sha256, sha512=sealed.sha512):
        artifact.save(update_fields=["expected_hash"])
        return None
    if told.startswith("sha512:") and not sealed.sha512:  # nobody has taken it: the sound is to be read once more
        artifact.save(update_fields=["expected_hash"])
        jobs.enqueue_on_commit("recordings.compare_hash", organisation_id=taking.organisation_id, object_id=artifact.id)
        return None
    artifact.failure_code = "hash_mismatch"
    artifact.save(update_fields=["expected_hash", "failure_code"])
    return artifact


# --- what a platform has not got ------------------------------------------------------------------


def _note_absence(
    taking: Taking, recording: RecordingFacts, absence: Absence, artifact: Artifact | None
) -> Artifact | None:
    """Never a fetch. What is stored stays; what a worker fetches at this moment is not taken out of its hands."""
    refused = taking.facts.consent is Consent.REFUSED and absence is Absence.ABSENT
    code = CONSENT_REFUSED if refused else absence.value
    state = ArtifactState.NEVER_RECORDED if code in _NEVER_MADE else ArtifactState.UNAVAILABLE
    if artifact is None:
        artifact = _register(taking, recording, version=1)
        artifact.state, artifact.failure_code = state.value, code
        artifact.save(update_fields=["state", "failure_code"])
        _locate_original(taking, artifact, absence)
        return artifact
    _doubt_original(taking, artifact, absence)
    was = ArtifactState(artifact.state)
    if was not in _WITHOUT_BYTES or (was is state and artifact.failure_code == code):
        return None
    if may_move(was, state):
        erasing.move_artifact(artifact, state, failure_code=code)
    else:
        artifact.failure_code = code
        artifact.save(update_fields=["failure_code"])
    return artifact


def _doubt_original(taking: Taking, artifact: Artifact, absence: Absence) -> None:
    """What was present is not known to be any more: the platform's word is no proof."""
    for original in _originals(taking.organisation_id, [artifact.id]):
        if original.state in (LocationState.PRESENT.value, LocationState.EXPECTED_GONE_ON.value):
            erasing.note_location(original, LocationState.UNKNOWN, proof=_word(taking, absence))


# --- where the originals lie ----------------------------------------------------------------------


def _locate_original(taking: Taking, artifact: Artifact, absence: Absence | None = None) -> None:
    state = _ORIGINAL_OF_ABSENT[absence] if absence else LocationState.PRESENT
    gone_on = None if absence else taking.provider.original_gone_on(taking.facts, taking.received_at)
    place = Location.Place.PLATFORM
    original = erasing.add_location(artifact, place, name=taking.provider.name, expected_gone_on=gone_on, state=state)
    if absence:
        erasing.note_location(original, state, proof=_word(taking, absence))


def _word(taking: Taking, absence: Absence) -> dict[str, str]:
    return {"answer": f"platform_said_{absence.value}", "at": taking.received_at.isoformat()}


def follow_platform_days(taking: Taking) -> None:
    """The days on which the platform deletes its copies, where it names others than before.

    Its own word counts as it is. A day that we work out only ever moves forward in time: what was taken for the call's
    end may have been our receipt.
    """
    facts, at = taking.facts, taking.received_at
    recordings = taking.provider.original_gone_on(facts, at), facts.recording_gone_at is not None
    words = taking.provider.transcript_gone_on(facts, at), facts.transcript_gone_at is not None
    if recordings[0] is None and words[0] is None:
        return
    kinds = {artifact.id: artifact.kind for artifact in taking.artifacts if artifact.kind != ArtifactKind.DELIVERY}
    for original in _originals(taking.organisation_id, kinds):
        day, is_told = recordings if kinds[original.artifact_id] in _RECORDINGS else words
        if day is None or original.state == LocationState.CONFIRMED_GONE.value:
            continue
        _follow_day(original, day, is_told=is_told)


def _follow_day(original: Location, day: date, *, is_told: bool) -> None:
    known = original.expected_gone_on
    if known == day or (known is not None and not is_told and day > known):
        return
    original.expected_gone_on = day
    original.save(update_fields=["expected_gone_on"])


def _originals(organisation_id: UUID, artifact_ids: Iterable[UUID]) -> list[Location]:
    rows = access.locations(organisation_id).filter(artifact__in=list(artifact_ids))
    return list(rows.filter(place=Location.Place.PLATFORM).order_by("id"))
