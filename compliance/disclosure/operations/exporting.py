"""Evidence about one call leaves: for a stated purpose, with an entry, and with a link of its own to the sound."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance.connectors.facts import Message
from compliance.disclosure import access as doors
from compliance.disclosure import events, evidence, standing
from compliance.disclosure.evidence import Sound
from compliance.disclosure.models import DisclosureAudit
from compliance.errors import Gone, NotFound
from compliance.recordings import access as register
from compliance.recordings import purposes
from compliance.recordings.operations import links


def export_evidence(*, actor: Actor, call_id: UUID, purpose: str = "") -> dict[str, Any]:
    """What proves whether the caller of a call was told: words, second, digests, law, and where to hear it.

    Opens the words of at most two turns. Raises Invalid without a purpose, NotFound where nothing was judged, Gone for
    an erased call.
    """
    rights.require(actor, "recordings.open_content")
    rights.require(actor, "disclosure.read")
    purpose = links.stated_purpose(actor, purpose)
    with tenancy.operation(actor) as entry_id:
        call = register.call_of(actor.organisation_id, call_id)
        if call.state != call.State.ACTIVE:
            raise Gone("This call was erased", code="call_erased")
        audit = doors.audit_of_call(actor.organisation_id, call_id)
        if audit is None:
            raise NotFound("This call was not judged", code="not_judged")
        recording = register.recording_of(actor.organisation_id, call_id)
        _note(actor, audit, purpose, recording)
        sound = _sound(actor, recording, purpose) if recording else None
        document = _document(call, audit, _messages(audit), sound) | {
            "exported": {"at": timezone.now(), "by": actor.reference, "purpose": purpose, "entry": str(entry_id)}
        }
    return document


def _document(call: Any, audit: DisclosureAudit, messages: list[Message] | None, sound: Sound | None) -> dict[str, Any]:
    found, transcript = audit.details, audit.artifact
    told_at = found.get("seconds_to_disclosure")
    return {
        "call": {
            "id": call.id,
            "external_id": call.external_id,
            "agent": str(call.agent) if call.agent_id else None,
            "started_at": call.started_at,
            "duration_ms": call.duration_ms,
            "place": call.place or None,
        },
        "verdict": audit.verdict,
        "reasons": evidence.reasons(audit.reasons),
        "disclosure": evidence.quoted(messages, found.get("disclosure_turn"), told_at),
        "first_personal_data_turn": found.get("first_personal_data_turn"),
        "objection": evidence.quoted(messages, found.get("objection_turn"), found.get("seconds_to_objection")),
        "language": audit.language,
        "jurisdictions": audit.jurisdictions,
        "law": evidence.law(audit.jurisdictions, found, standing.today()),
        "overrides": [
            {"code": row.code, "class": row.demand, "reason": row.reason, "set_by": row.set_by, "set_at": row.set_at}
            for row in standing.overrides_of_audit(audit)
        ],
        "ai_check": found.get("ai_check"),
        "spoken": audit.spoken or None,
        "audit": {"id": audit.id, "rulebook": audit.rulebook, "judged_at": audit.judged_at},
        "transcript": {"artifact_id": transcript.id, "sha256": transcript.sha256 or None} if transcript else None,
        "recording": evidence.playing(sound, told_at),
    }


def _messages(audit: DisclosureAudit) -> list[Message] | None:
    """The very transcript that was judged, even where a newer one is there; None where nothing is left of it."""
    if audit.artifact_id is None:
        return None
    transcript = register.artifact_of(audit.organisation_id, audit.artifact_id)
    try:
        return register.messages_in(transcript)
    except Gone:
        return None


def _sound(actor: Actor, recording: Any, purpose: str) -> Sound:
    issued = links.issue_playback_link(actor=actor, artifact_id=recording.id, purpose=purpose, lifetime=links.LONGEST)
    return Sound(str(recording.id), recording.sha256, recording.duration_ms, issued.url, issued.link.expires_at)


def _note(actor: Actor, audit: DisclosureAudit, purpose: str, recording: Any) -> None:
    what: dict[str, str | int | bool | None] = {
        "audit": str(audit.id),
        "verdict": audit.verdict,
        "transcript": str(audit.artifact_id) if audit.artifact_id else None,
        "recording": str(recording.id) if recording else None,
    }
    log.append(
        actor=actor,
        event=events.EVIDENCE_EXPORTED,
        organisation_id=actor.organisation_id,
        obj=("call", audit.call_id),
        cls=log.EntryClass.ACCESS,
        why={"purpose": purposes.code_of(purpose)},
        what=what,
        identifying={"purpose": purpose},
    )
