"""Building stones of disposal: moves of calls, artifacts and locations on their way out.

They neither log nor ask for rights: the one operation around them does. All need a transaction inside the
organisation's scope. The order of locks is the call first, then its artifacts, everywhere in this room; whoever holds
the call's lock is alone with it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import routing
from compliance.errors import Conflict, NotFound
from compliance.recordings import labels, states
from compliance.recordings.models import Artifact, Call, DataSubject, Location, Party, PlaybackLink, SubjectIdentifier
from compliance.recordings.operations import concluded, indexed
from compliance.recordings.states import ArtifactKind, ArtifactState, LocationState
from compliance.vault import scopes, store

_BLANKED = (
    "external_id", "batch_id", "direction", "status", "place", "consent", "ended_reason", "agent_version", "language",
    "trust",
)  # fmt: skip

# --- locks ----------------------------------------------------------------------------------------


def lock_call(organisation_id: UUID, call_id: UUID) -> Call:
    """The call, locked until the end of the transaction."""
    call: Call | None = Call.objects.for_organisation(organisation_id).select_for_update().filter(id=call_id).first()
    if call is None:
        raise NotFound()
    return call


def lock_calls(organisation_id: UUID, call_ids: Sequence[UUID]) -> list[Call]:
    """`lock_call` for many, in order of id; ids of nobody are left out."""
    rows = Call.objects.for_organisation(organisation_id).select_for_update().filter(id__in=call_ids)
    return list(rows.order_by("id"))


def lock_artifacts(organisation_id: UUID, call_id: UUID) -> list[Artifact]:
    """A call's artifacts, locked, oldest first, with their objects. The call must be locked already."""
    rows = Artifact.objects.for_organisation(organisation_id).select_for_update(of=("self",)).select_related("object")
    return list(rows.filter(call_id=call_id).order_by("id"))


def lock_artifact(organisation_id: UUID, artifact_id: UUID) -> Artifact:
    """One artifact, locked after its call; `.call` is the locked row (None for an artifact without one)."""
    rows = Artifact.objects.for_organisation(organisation_id)
    found = rows.filter(id=artifact_id).only("call_id").first()
    if found is None:
        raise NotFound()
    call = lock_call(organisation_id, found.call_id) if found.call_id else None
    artifact: Artifact = rows.select_for_update(of=("self",)).select_related("object").get(id=artifact_id)
    artifact.call = call
    return artifact


def lock_batch(organisation_id: UUID, artifact_ids: Sequence[UUID]) -> list[Artifact]:
    """Many artifacts, locked after their calls, calls in order of id; each with its object, and `.call` the locked row.

    Ids of nobody are left out.
    """
    rows = Artifact.objects.for_organisation(organisation_id).filter(id__in=artifact_ids)
    call_ids = set(rows.exclude(call=None).values_list("call_id", flat=True))
    locked = Call.objects.for_organisation(organisation_id).select_for_update().filter(id__in=call_ids)
    calls = {call.id: call for call in locked.order_by("id")}
    artifacts = list(rows.select_for_update(of=("self",)).select_related("object").order_by("call_id", "id"))
    for artifact in artifacts:
        artifact.call = calls.get(artifact.call_id) if artifact.call_id else None
    return artifacts


def lock_ids(organisation_id: UUID, artifact_ids: Sequence[UUID]) -> None:
    """`lock_batch` for who needs the locks and not the rows."""
    rows = Artifact.objects.for_organisation(organisation_id).filter(id__in=artifact_ids)
    call_ids = set(rows.exclude(call=None).values_list("call_id", flat=True))
    calls = Call.objects.for_organisation(organisation_id).select_for_update().filter(id__in=call_ids)
    list(calls.order_by("id").values_list("id", flat=True))
    list(rows.select_for_update().order_by("call_id", "id").values_list("id", flat=True))


# --- artifacts ------------------------------------------------------------------------------------


def move_artifact(artifact: Artifact, to: ArtifactState, **columns: Any) -> None:
    """Move a locked artifact, and set the named columns. Raises Conflict where the table of states has no such move."""
    if not states.may_move(ArtifactState(artifact.state), to):
        raise Conflict(f"From {artifact.state} there is no way to {to.value}", code="state_forbids")
    artifact.state = to.value
    for name, value in columns.items():
        setattr(artifact, name, value)
    artifact.save(update_fields=["state", *columns])
    if to is ArtifactState.DELETING:
        indexed.forget_what_leaves([artifact])
        concluded.forget_what_leaves([artifact])


def move_batch(artifacts: Sequence[Artifact], to: ArtifactState, **columns: Any) -> None:
    """`move_artifact` for locked artifacts of one organisation, in one statement. None moves where one may not."""
    for artifact in artifacts:
        if not states.may_move(ArtifactState(artifact.state), to):
            raise Conflict(f"From {artifact.state} there is no way to {to.value}", code="state_forbids")
    if not artifacts:
        return
    rows = Artifact.objects.for_organisation(artifacts[0].organisation_id)
    rows.filter(id__in=[artifact.id for artifact in artifacts]).update(state=to.value, **columns)
    for artifact in artifacts:
        artifact.state = to.value
        for name, value in columns.items():
            setattr(artifact, name, value)
    if to is ArtifactState.DELETING:
        indexed.forget_what_leaves(artifacts)
        concluded.forget_what_leaves(artifacts)


def assign_batch(
    organisation_id: UUID, artifact_ids: Sequence[UUID], *, due_on: date | None, rule: str, reason: str, action: str
) -> int:
    """Write the same date, rule, reason and action on locked artifacts, in one statement; how many there were."""
    rows = Artifact.objects.for_organisation(organisation_id).filter(id__in=artifact_ids)
    return rows.update(due_on=due_on, retention_rule=rule, retention_reason=reason, retention_action=action)


# --- locations ------------------------------------------------------------------------------------


def add_location(
    artifact: Artifact,
    place: Location.Place,
    *,
    name: str,
    key: str = "",
    expected_gone_on: date | None = None,
    state: LocationState = LocationState.PRESENT,
) -> Location:
    """Register one more place where an artifact's bytes lie."""
    location: Location = Location.objects.create(
        organisation_id=artifact.organisation_id,
        artifact=artifact,
        place=place.value,
        name=name,
        key=key,
        state=state.value,
        expected_gone_on=expected_gone_on,
        checked_at=timezone.now(),
    )
    return location


def note_location(
    location: Location, state: LocationState, *, proof: Mapping[str, Any], checked_at: datetime | None = None
) -> None:
    """What was found out about a place.

    The same state again is a newer proof; another one must be in the table of moves.
    """
    find_location(location, state, proof=proof, checked_at=checked_at)
    location.save(update_fields=["state", "proof", "checked_at"])


def find_location(
    location: Location, state: LocationState, *, proof: Mapping[str, Any], checked_at: datetime | None = None
) -> None:
    """`note_location` without saving: many are saved at once by `note_batch`."""
    if location.state != state.value and not states.may_move(LocationState(location.state), state):
        raise Conflict(f"From {location.state} there is no way to {state.value}", code="state_forbids")
    location.state, location.proof = state.value, dict(proof)
    location.checked_at = checked_at or timezone.now()


def note_batch(locations: Sequence[Location]) -> None:
    """Save what `find_location` noted on places of one organisation: one statement for those that got the same."""
    groups: dict[tuple[str, str, datetime | None], list[Location]] = defaultdict(list)
    for location in locations:
        groups[location.state, json.dumps(location.proof), location.checked_at].append(location)
    for (state, _, checked_at), same in groups.items():
        rows = Location.objects.for_organisation(same[0].organisation_id).filter(id__in=[one.id for one in same])
        rows.update(state=state, proof=same[0].proof, checked_at=checked_at)


def keep_probe(location: Location, url: str) -> None:
    """Keep the address by which absence will be proven, under the location's own key: it must outlive the call's."""
    scope = scopes.Scope(scopes.ScopeKind.LOCATION, location.id)
    location.sealed_probe = store.seal_value(location.organisation_id, scope, labels.probe(location.id), url.encode())
    location.save(update_fields=["sealed_probe"])


def probe_of(location: Location) -> str | None:
    """The address kept by `keep_probe`, opened."""
    if location.sealed_probe is None:
        return None
    scope = scopes.Scope(scopes.ScopeKind.LOCATION, location.id)
    sealed = bytes(location.sealed_probe)
    return store.open_value(location.organisation_id, scope, labels.probe(location.id), sealed).decode()


def note_attempt(location: Location, code: str, *, proof: Mapping[str, Any] | None = None) -> None:
    """One more try at a place from which data is to go, and what it ended with; where it was first wanted gone."""
    location.asked_at = location.asked_at or timezone.now()
    location.attempts += 1
    location.last_code = code[:64]
    if proof is not None:
        location.proof = dict(proof)
    location.save(update_fields=["asked_at", "attempts", "last_code", "proof"])


@dataclass(frozen=True, slots=True)
class LateCopy:
    """Something of an erased call that a platform turned out to have, again or still."""

    kind: ArtifactKind
    variant: str = ""
    url: str = field(default="", repr=False)
    part_id: str = field(default="", repr=False)


def reopen_upstream(call: Call, external_id: str, copies: Sequence[LateCopy], *, platform: str) -> list[Location]:
    """Note where data of an erased call lies upstream after all, with what is needed to have it deleted again.

    The platform's id of the call is no longer kept with the call, so it goes under the key of each place, which ends
    with the debt. A place that was proven gone stays as it was proven, and a new one is opened beside it; one that is
    owed already stays as it is.
    """
    found = []
    for copy in copies:
        artifact = _late_artifact(call, copy)
        rows = Location.objects.for_organisation(call.organisation_id).filter(artifact=artifact)
        rows = rows.filter(place=Location.Place.PLATFORM).exclude(state=LocationState.CONFIRMED_GONE.value)
        location = rows.order_by("-id").first() or add_location(artifact, Location.Place.PLATFORM, name=platform)
        found.append(location)
        if location.sealed_probe is not None:
            continue  # it is owed already, by the address that was known when it was decided
        keep_probe(location, json.dumps({"url": copy.url, "external_id": external_id, "part_id": copy.part_id}))
    return found


def _late_artifact(call: Call, copy: LateCopy) -> Artifact:
    """The artifact that a late copy belongs to; of one that we never had, a row that says that we never had it."""
    rows = Artifact.objects.for_organisation(call.organisation_id).filter(call=call, kind=copy.kind.value)
    found: Artifact | None = rows.filter(variant=copy.variant).order_by("-version").first()
    if found is None:
        found = Artifact.objects.create(
            organisation_id=call.organisation_id,
            call=call,
            kind=copy.kind.value,
            variant=copy.variant,
            state=ArtifactState.NEVER_RECORDED.value,
            deletion_ground="call_erased",
        )
    return found


# --- calls and people -----------------------------------------------------------------------------


def mark_call_erasing(call: Call) -> None:
    """From the commit of this on, nothing of the call is registered, fetched, opened or played."""
    if call.state != Call.State.ACTIVE:
        raise Conflict("This call is being erased already, or is", code="call_erased")
    call.state = Call.State.ERASING
    call.save(update_fields=["state"])
    indexed.forget_words(call.organisation_id, [call.id])
    concluded.forget_insights(call.organisation_id, [call.id])


def mark_call_active(call: Call) -> None:
    """Back from `mark_call_erasing`. Only while no key was destroyed: the caller has made sure."""
    if call.state != Call.State.ERASING:
        raise Conflict("This call is not being erased", code="state_forbids")
    call.state = Call.State.ACTIVE
    call.save(update_fields=["state"])
    indexed.ask_for_words(call.organisation_id, call.id)
    concluded.ask_for_insights(call.organisation_id, call.id)


def mark_call_erased(call: Call) -> None:
    """Turn the row into its own tombstone: ids, the keyed digest, times, agent and connection stay; the rest goes.

    Late events are recognised by the digest and refused.
    """
    if call.state != Call.State.ERASING:
        raise Conflict("A call is erased after it was marked so", code="state_forbids")
    call.state, call.erased_at = Call.State.ERASED, timezone.now()
    for name in _BLANKED:
        setattr(call, name, "")
    call.sealed_facts, call.consent_at = None, None
    call.standings, call.places, call.labels = {}, [], []
    call.save(
        update_fields=[
            "state", "erased_at", *_BLANKED, "sealed_facts", "consent_at", "standings", "places", "labels"
        ]
    )  # fmt: skip
    found = Artifact.objects.for_organisation(call.organisation_id).filter(call=call)
    found.exclude(sealed_source=None).update(sealed_source=None, sealed_cipher=None, source_expires_at=None)
    withdraw_links(call.organisation_id, list(found.values_list("id", flat=True)))


def subjects_only_in(organisation_id: UUID, call_ids: Iterable[UUID]) -> list[UUID]:
    """The principals of these calls who are in no other call that is not erased: nothing is left of them once these
    are gone.
    """
    call_ids = list(call_ids)
    parties = Party.objects.for_organisation(organisation_id)
    here = set(parties.filter(call_id__in=call_ids, part=Party.Part.PRINCIPAL).values_list("subject_id", flat=True))
    elsewhere = parties.filter(subject_id__in=here).exclude(call_id__in=call_ids).exclude(call__state=Call.State.ERASED)
    return sorted(here - set(elsewhere.values_list("subject_id", flat=True)))


def forget_subjects(organisation_id: UUID, subject_ids: Sequence[UUID]) -> int:
    """Take away everything by which these people could be found.

    Their rows stay, empty, because calls point to them.
    """
    SubjectIdentifier.objects.for_organisation(organisation_id).filter(subject_id__in=subject_ids).delete()
    rows = DataSubject.objects.for_organisation(organisation_id).filter(id__in=subject_ids, erased_at=None)
    return rows.update(sealed_name=None, region="", erased_at=timezone.now())


def withdraw_links(organisation_id: UUID, artifact_ids: Sequence[UUID]) -> int:
    """End every playback link to these artifacts; how many were open."""
    rows = PlaybackLink.objects.for_organisation(organisation_id).filter(artifact_id__in=artifact_ids, revoked_at=None)
    link_ids = list(rows.values_list("id", flat=True))
    for link_id in link_ids:
        routing.withdraw_routes(routing.PLAYBACK, object_id=link_id)
    return rows.filter(id__in=link_ids).update(revoked_at=timezone.now())
