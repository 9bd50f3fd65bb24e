"""What a platform said about a call becomes rows of the register.

What can go wrong: an older or poorer word blanks a better one, two words at once clash, or data of an erased call
comes back. So facts are merged by rank under the call's lock, the platform's id is found by a keyed digest that
outlives the call, and a tombstone beats everything.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.connectors import access as connectors
from compliance.connectors import merging
from compliance.connectors import operations as connector_operations
from compliance.connectors.facts import CallFacts, RecordingFacts
from compliance.connectors.providers import registry
from compliance.errors import Gone
from compliance.recordings import access, documents, events, fingerprints, labels
from compliance.recordings.documents import Summary
from compliance.recordings.models import Artifact, Call, Party
from compliance.recordings.operations import erasing, keeping, recognising
from compliance.recordings.operations.keeping import Taking
from compliance.recordings.states import ArtifactKind
from compliance.vault import store


class CallErased(Gone):
    """The call was erased, or is being erased: nothing about it is taken in any more."""

    code = "call_erased"
    title = "This call was erased"


def register_call(*, actor: Actor, connection_id: UUID, facts: CallFacts, received_at: datetime) -> Call:
    """Take in what a platform said about one call, whatever came before it. Saying it twice changes nothing.

    Raises CallErased for a tombstoned call; the refusal is an entry of its own.
    """
    rights.require(actor, "recordings.register")
    try:
        with tenancy.operation(actor):
            return _register(actor, connection_id, facts, received_at)
    except CallErased:
        _note_refusal(actor, connection_id, facts)
        raise


def erased_call(organisation_id: UUID, connection_id: UUID, external_id: str) -> bool:
    """Whether a platform's call has a tombstone."""
    call = known_call(organisation_id, connection_id, external_id)
    return call is not None and call.state != Call.State.ACTIVE


def known_call(organisation_id: UUID, connection_id: UUID, external_id: str) -> Call | None:
    """The call that a platform names so, erased ones included."""
    digest = fingerprints.of_call(organisation_id, connection_id, external_id)
    rows = Call.objects.for_organisation(organisation_id)
    return rows.filter(connection_id=connection_id, external_digest=digest).first()


def _register(actor: Actor, connection_id: UUID, facts: CallFacts, received_at: datetime) -> Call:
    organisation_id = actor.organisation_id
    connection = connectors.connection_of(organisation_id, connection_id)
    call, is_new = _locked_call(organisation_id, connection_id, facts.external_id)
    if call.state != Call.State.ACTIVE:
        raise CallErased()
    artifacts = [] if is_new else erasing.lock_artifacts(organisation_id, call.id)
    known = None if is_new else _known(call, artifacts)
    merged = merging.merge(known, _without_departed(facts, artifacts))
    _note_people(call, merged, is_new=is_new)
    taking = Taking(
        actor=actor,
        call=call,
        scope=access.call_scope(organisation_id, call.id),
        facts=merged,
        provider=registry.provider_for(connection.platform),
        received_at=received_at,
        artifacts=artifacts,
    )
    changed = known is None or documents.facts_document(known) != documents.facts_document(merged)
    if changed:
        _write_columns(taking)
    _take_in_content(taking, is_new=is_new, changed=changed)
    return call


def _locked_call(organisation_id: UUID, connection_id: UUID, external_id: str) -> tuple[Call, bool]:
    """The call's row, locked, made where there is none.

    Of two that make it at once, one waits and finds the other's.
    """
    digest = fingerprints.of_call(organisation_id, connection_id, external_id)
    rows = Call.objects.for_organisation(organisation_id).select_for_update()
    found = rows.filter(connection_id=connection_id, external_digest=digest).first()
    if found is not None:
        return found, False
    try:
        with transaction.atomic():
            call = Call.objects.create(
                organisation_id=organisation_id,
                connection_id=connection_id,
                external_id=external_id,
                external_digest=digest,
            )
            return call, True
    except IntegrityError:
        return rows.get(connection_id=connection_id, external_digest=digest), False


def _without_departed(facts: CallFacts, artifacts: list[Artifact]) -> CallFacts:
    """The facts without what was disposed of for this call: a late word must not bring it back."""
    gone = {(one.kind, one.variant) for one in artifacts if one.state in access.LEAVING}
    if not gone:
        return facts
    has_summary = (ArtifactKind.SUMMARY.value, "") not in gone
    return merging.replaced(
        facts,
        recordings=tuple(one for one in facts.recordings if _key(one) not in gone),
        transcript=() if (ArtifactKind.TRANSCRIPT.value, "") in gone else facts.transcript,
        summary=facts.summary if has_summary else None,
        metrics_json=facts.metrics_json if has_summary else None,
    )


def _key(recording: RecordingFacts) -> tuple[str, str]:
    return keeping.kind_of(recording).value, keeping.variant_of(recording)


def _known(call: Call, artifacts: list[Artifact]) -> CallFacts:
    """What earlier words came to, put together again from the row and the artifacts that are left."""
    facts = access.kept_facts(call)
    sources = {
        (one.kind, one.variant): one for one in artifacts if one.state not in access.LEAVING and one.sealed_source
    }
    transcript = access.transcript_of(call.organisation_id, call.id)
    summary = access.summary_of(call.organisation_id, call.id)
    words = access.summary_in(summary) if summary else Summary()
    return merging.replaced(
        facts,
        transcript=tuple(access.messages_in(transcript)) if transcript else (),
        summary=words.words,
        metrics_json=words.metrics_json,
        recordings=tuple(_addressed(one, sources[_key(one)]) for one in facts.recordings if _key(one) in sources),
    )


def _addressed(recording: RecordingFacts, artifact: Artifact) -> RecordingFacts:
    url = access.source_of(artifact) or ""
    return dataclasses.replace(recording, url=url, expires_at=artifact.source_expires_at)


def _note_people(call: Call, facts: CallFacts, *, is_new: bool) -> None:
    """The call's principal is decided at its first word and never exchanged, because the call's seals hang on it."""
    organisation_id = call.organisation_id
    seen = recognising.identifiers_told(organisation_id, call.connection_id, facts)
    place = recognising.place_of(seen)
    if is_new:
        subject = recognising.recognise_subject(organisation_id, seen, region=place)
        Party.objects.create(organisation_id=organisation_id, call=call, subject=subject)
    else:
        parties = access.parties_of(organisation_id, call.id)
        subject = next(party.subject for party in parties if party.part == Party.Part.PRINCIPAL)
    call.place = place or call.place
    spoken = recognising.identifiers_spoken(organisation_id, facts.transcript)
    recognising.note_identifiers(subject, [*seen, *spoken], name=facts.contact_name)


def _write_columns(taking: Taking) -> None:
    call, facts = taking.call, taking.facts
    if facts.agent_id:
        call.agent = connector_operations.ensure_agent(
            actor=taking.actor, connection_id=call.connection_id, external_id=facts.agent_id
        )
    call.batch_id = facts.batch_id or ""
    call.direction = facts.direction.value if facts.direction else ""
    call.status = facts.status.value if facts.status else ""
    call.started_at, call.ended_at = facts.started_at, facts.ended_at
    call.duration_ms = None if facts.duration_seconds is None else round(facts.duration_seconds * 1000)
    call.standings = merging.standings_to_json(facts)
    call.sealed_facts = store.seal_value(
        taking.organisation_id, taking.scope, labels.facts(call.id), documents.facts_document(facts)
    )
    call.save()


def _take_in_content(taking: Taking, *, is_new: bool, changed: bool) -> None:
    announced = keeping.announce_recordings(taking)
    transcript = keeping.keep_transcript(taking)
    summary = keeping.keep_summary(taking)
    stored = [one for one in (transcript, summary) if one]
    if not (is_new or changed or announced or stored):
        return
    log.append(
        actor=taking.actor,
        event=events.CALL_REGISTERED if is_new else events.CALL_UPDATED,
        organisation_id=taking.organisation_id,
        obj=("call", taking.call.id),
        cls=log.EntryClass.CHANGE,
        what={
            "connection": str(taking.call.connection_id),
            "rank": int(taking.facts.rank),
            "announced": len(announced),
            "stored": len(stored),
        },
    )
    for artifact in announced:
        keeping.note(taking.actor, events.ARTIFACT_ANNOUNCED, artifact)
    for artifact in stored:
        keeping.note(taking.actor, events.ARTIFACT_STORED, artifact)
    _enqueue(taking, "retention.assign")
    if transcript:
        _enqueue(taking, "disclosure.audit_call")


def _enqueue(taking: Taking, job: str) -> None:
    jobs.enqueue_on_commit(job, organisation_id=taking.organisation_id, object_id=taking.call.id)


def _note_refusal(actor: Actor, connection_id: UUID, facts: CallFacts) -> None:
    with tenancy.operation(actor):
        call = known_call(actor.organisation_id, connection_id, facts.external_id)
        log.append(
            actor=actor,
            event=events.CALL_REFUSED,
            organisation_id=actor.organisation_id,
            obj=("call", call.id if call else None),
            cls=log.EntryClass.CHANGE,
            outcome="refused",
            why={"code": CallErased.code},
            what={"recordings": len(facts.recordings), "turns": len(facts.transcript)},
        )
