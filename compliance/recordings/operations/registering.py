"""What a platform said about a call becomes rows of the register.

What can go wrong: an older or poorer word blanks a better one, two words at once clash, or data of an erased call
comes back. So facts are merged by rank under the call's lock, the platform's id is found by a keyed digest that
outlives the call, and a tombstone beats everything.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
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
from compliance.recordings.operations import announcing, concluded, erasing, indexed, keeping, placing, recognising
from compliance.recordings.operations.keeping import Taking
from compliance.recordings.states import ArtifactKind
from compliance.vault import store

_LONGEST = {"ended_reason": 80, "agent_version": 80, "language": 35}
_LATELY = timedelta(days=2)
_RECORDINGS = frozenset({ArtifactKind.RECORDING.value, ArtifactKind.REDACTED_COPY.value})


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
    changed = known is None or _has_changed(known, merged)
    if changed:
        _write_columns(taking, told_labels=set(known.labels if known else ()))
    if changed and not is_new:
        announcing.follow_platform_days(taking)
        indexed.follow_beginning(call)
    _take_in_content(taking, is_new=is_new, changed=changed)
    return call


def _has_changed(known: CallFacts, merged: CallFacts) -> bool:
    """Also where a better source says the same: a weaker one that comes later must not overrule it. The standing of a
    recording that departed since is no news.
    """
    standings = {
        name: standing
        for name, standing in known.standings.items()
        if name in merged.standings or not merging.is_of_recording(name)
    }
    return (documents.facts_document(known), standings) != (documents.facts_document(merged), merged.standings)


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
    newest = {(one.kind, one.variant): one for one in artifacts}
    gone = {(one.kind, one.variant) for one in artifacts if one.state in access.LEAVING}
    # What a platform said it never made may turn up after all, and must be seen then.
    sounding = {_key(one) for one in facts.recordings if one.url or one.content is not None}
    gone -= {key for key, one in newest.items() if _is_back(one) or (announcing.may_return(one) and key in sounding)}
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


def _is_back(newest: Artifact) -> bool:
    """A recording that turned up after its platform had said that it never made one."""
    return newest.kind in _RECORDINGS and newest.version > 1 and newest.state not in access.LEAVING


def _key(recording: RecordingFacts) -> tuple[str, str]:
    return keeping.kind_of(recording).value, keeping.variant_of(recording)


def _known(call: Call, artifacts: list[Artifact]) -> CallFacts:
    """What earlier words came to, put together again from the row and the artifacts that are left."""
    facts = access.kept_facts(call)
    sources = {(one.kind, one.variant): one for one in artifacts if one.state not in access.LEAVING}
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
    if recording.absence is not None:
        return recording
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
    placing.note_placements(call, facts)
    spoken = recognising.identifiers_spoken(organisation_id, facts.transcript)
    recognising.note_identifiers(subject, [*seen, *spoken], name=facts.contact_name)


def _write_columns(taking: Taking, *, told_labels: set[str]) -> None:
    call, facts = taking.call, taking.facts
    if facts.agent_id:
        call.agent = connector_operations.ensure_agent(
            actor=taking.actor,
            connection_id=call.connection_id,
            external_id=facts.agent_id,
            name=facts.agent_name or "",
            version=facts.agent_version or "" if _is_recent(taking) else "",
        )
    _write_wider_columns(call, facts)
    # A label that an officer took away does not come back with the next word of the platform.
    # And one that the platform's better word no longer names goes, so that the order of words makes no difference.
    kept = [label for label in call.labels if label not in told_labels or label in facts.labels]
    call.labels = [*kept, *sorted(set(facts.labels) - told_labels - set(kept))]
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


def _is_recent(taking: Taking) -> bool:
    """Whether the call tells how its agent is now: imported history does not."""
    began = taking.facts.started_at or taking.facts.ended_at
    return began is None or taking.received_at - began < _LATELY


def _write_wider_columns(call: Call, facts: CallFacts) -> None:
    """What schedules, filters and the disclosure audit look at; words of platforms are cut to their columns."""
    call.consent = facts.consent.value if facts.consent else ""
    call.consent_at = facts.consent_at
    call.trust = facts.trust.value if facts.trust else ""
    for column, word in (
        ("ended_reason", facts.ended_reason),
        ("agent_version", facts.agent_version),
        ("language", facts.language),
    ):
        setattr(call, column, (word or "")[: _LONGEST[column]])


def _take_in_content(taking: Taking, *, is_new: bool, changed: bool) -> None:
    announced = announcing.announce_recordings(taking)
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
        code = {"code": artifact.failure_code} if artifact.failure_code else {}
        keeping.note(taking.actor, announcing.event_of(artifact), artifact, **code)
    for artifact in stored:
        keeping.note(taking.actor, events.ARTIFACT_STORED, artifact)
    _enqueue(taking, "retention.assign")
    if transcript:
        _enqueue(taking, "disclosure.audit_call")
        indexed.ask_for_words(taking.organisation_id, taking.call.id)
        concluded.ask_for_insights(taking.organisation_id, taking.call.id)


def _enqueue(taking: Taking, job: str) -> None:
    jobs.enqueue_on_commit(job, organisation_id=taking.organisation_id, object_id=taking.call.id)


def _note_refusal(actor: Actor, connection_id: UUID, facts: CallFacts) -> None:
    with tenancy.operation(actor):
        call = known_call(actor.organisation_id, connection_id, facts.external_id)
        if call is not None:  # what came late lies at the platform again: it is to be deleted there once more
            connection = connectors.connection_of(actor.organisation_id, connection_id)
            call = erasing.lock_call(actor.organisation_id, call.id)
            erasing.reopen_upstream(call, facts.external_id, _late_copies(facts), platform=connection.platform)
            jobs.enqueue_on_commit("retention.delete_late", organisation_id=actor.organisation_id, object_id=call.id)
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


def _late_copies(facts: CallFacts) -> list[erasing.LateCopy]:
    """What a platform's late word says that it has of a call."""
    sounds = [
        erasing.LateCopy(keeping.kind_of(one), keeping.variant_of(one), url=one.url, part_id=one.external_id or "")
        for one in facts.recordings
        if one.absence is None
    ]
    words = [erasing.LateCopy(ArtifactKind.TRANSCRIPT)] if facts.transcript else []
    return [*sounds, *words]
