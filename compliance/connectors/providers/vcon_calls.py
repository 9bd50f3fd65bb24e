"""Reads what a vCon says about its call. Pure.

Names that changed between the drafts are read in all their spellings: `mimetype` and `mediatype`, `alg` with
`signature` and `content_hash`, `appended`, `amended` and `amended_from`, `redacted` and `redacted_from`, `must_support`
and `critical`, `type` and `purpose` of attachments.

A vCon that amends or redacts another one speaks of the same call: it is registered under the other's uuid, an amended
one as the better word, a redacted one as the poorer.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from compliance.connectors.facts import (
    CallFacts,
    CallStatus,
    Consent,
    Direction,
    Rank,
    Trust,
)
from compliance.connectors.providers import payloads, vcon_sounds, vcon_words
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import Fields
from compliance.connectors.providers.vcon_envelopes import json_body

_VERSIONS = frozenset({"0.0.1", "0.0.2", "0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0"})
_UNDERSTOOD = frozenset({"lawful_basis", "wtf_transcription", "wtf_transcript"})
_MOST_PARTIES, _MOST_DIALOGS = 100, 20_000
_MOST_ANALYSES = 500
_AGENTS = frozenset({"agent", "bot", "assistant", "system", "ai"})
_DISPOSITIONS = {
    "no-answer": CallStatus.NO_ANSWER,
    "busy": CallStatus.BUSY,
    "failed": CallStatus.FAILED,
    "congestion": CallStatus.FAILED,
    "hung-up": CallStatus.CANCELLED,
    "voicemail-no-message": CallStatus.VOICEMAIL,
}
_DIRECTIONS = {
    "in": Direction.INBOUND,
    "inbound": Direction.INBOUND,
    "out": Direction.OUTBOUND,
    "outbound": Direction.OUTBOUND,
}


def check_version(document: Fields) -> None:
    """Raises Unparseable for a syntax or a critical extension that we do not know."""
    version = document.line("vcon")
    if version is not None and version not in _VERSIONS:
        raise Unparseable("unknown_vcon_version", "vcon")
    for name in ("critical", "must_support"):
        wanted = document.entries(name, _MOST_PARTIES)
        if any(not isinstance(one, str) or one not in _UNDERSTOOD for one in wanted):
            # Whoever marked it so says that the document must not be read without it.
            raise Unparseable("critical_extension", name)


def call_of(document: Fields, trust: Trust) -> CallFacts:
    """The call that a document is about. Raises Unparseable."""
    parties = [
        _inner(one, f"parties[{n}]", document) for n, one in enumerate(document.entries("parties", _MOST_PARTIES))
    ]
    dialogs = [_inner(one, f"dialog[{n}]", document) for n, one in enumerate(document.entries("dialog", _MOST_DIALOGS))]
    analyses = [
        _inner(one, f"analysis[{n}]", document) for n, one in enumerate(document.entries("analysis", _MOST_ANALYSES))
    ]
    agent, person = _ends(parties, document.notes)
    origin, is_redacted = _origin(document)
    sounds = [one for one in dialogs if one.line("type") == "recording"]
    calls = sounds or dialogs

    def role_of(index: int | None) -> str:
        if index is None or index >= len(parties):
            return "unknown"
        return "assistant" if index == agent else "user"

    words = vcon_words.from_dialogs(dialogs, role_of) or vcon_words.from_analyses(analyses, role_of)
    contact = parties[person] if person is not None else Fields({}, "", document.notes)
    consent, consent_at = _consent(document)
    starts = [start for one in calls if (start := one.moment("start")) is not None]
    return CallFacts(
        external_id=origin,
        rank=Rank.PARTIAL if is_redacted else Rank.COMPLETED,
        agent_id=_agent_id(parties[agent]) if agent is not None else None,
        agent_name=_agent_name(parties[agent]) if agent is not None else None,
        direction=_direction(calls, person),
        status=_status(dialogs, has_content=bool(sounds or words)),
        platform_status=next((one.line("disposition") for one in dialogs if one.raw("disposition")), None),
        started_at=min(starts, default=None),
        ended_at=vcon_words.latest_end(calls),
        created_at=document.moment("created_at"),
        duration_seconds=next((one.seconds("duration") for one in sounds if one.raw("duration") is not None), None),
        phone_number=_phone(contact),
        our_number=_phone(parties[agent]) if agent is not None else None,
        email=_mail(contact),
        contact_name=contact.line("name"),
        summary=_summary(analyses),
        language=_language(analyses),
        consent=consent,
        consent_kind="lawful_basis" if consent else None,
        consent_at=consent_at,
        trust=trust,
        recordings=tuple(
            vcon_sounds.recording_of(one, number, is_redacted) for number, one in enumerate(dialogs) if one in sounds
        ),
        transcript=words,
        event_at=document.moment("updated_at") or document.moment("created_at"),
        notes=tuple(sorted(document.notes)),
    )


def _inner(value: Any, at: str, document: Fields) -> Fields:
    if not isinstance(value, dict):
        raise Unparseable("wrong_type", at)
    return Fields(value, at, document.notes)


def _origin(document: Fields) -> tuple[str, bool]:
    """The uuid that the call goes by, and whether this is a redacted twin of it."""
    own = _uuid(document, "uuid")
    if own is None:
        raise Unparseable("missing_field", "uuid")
    for name in ("redacted", "redacted_from"):
        if document.raw(name):
            return _uuid(document.inner(name), "uuid") or own, True
    for name in ("amended", "amended_from", "appended"):
        if document.raw(name):
            return _uuid(document.inner(name), "uuid") or own, False
    return own, False


def _uuid(fields: Fields, name: str) -> str | None:
    text = fields.identifier(name)
    if text is None:
        return None
    try:
        return str(UUID(text))
    except ValueError:
        raise Unparseable("not_a_uuid", fields.where(name)) from None


def _ends(parties: Sequence[Fields], notes: set[str]) -> tuple[int | None, int | None]:
    """Which party is the agent and which the person; where nobody is marked, the first with a number is the person."""
    agents = [number for number, party in enumerate(parties) if _is_agent(party)]
    persons = [number for number in range(len(parties)) if number not in agents]
    if not persons:
        return (agents[0] if agents else None), None
    person = next((number for number in persons if _phone(parties[number])), persons[0])
    if len(persons) > 1:
        notes.add("several_persons")
    if not agents:
        notes.add("person_assumed")
    return (agents[0] if agents else None), person


def _is_agent(party: Fields) -> bool:
    words = (party.line("type"), party.line("role"), party.inner("meta").line("role"))
    return any(word is not None and word.lower() in _AGENTS for word in words)


def _agent_id(party: Fields) -> str | None:
    """A machine's id. A human agent is a person, and no id of an agent is made of a person's name or address."""
    return party.identifier("uuid") or party.identifier("did") if _is_machine(party) else None


def _agent_name(party: Fields) -> str | None:
    return party.line("name") if _is_machine(party) else None


def _is_machine(party: Fields) -> bool:
    return (party.line("type") or "").lower() in {"bot", "system", "ai"}


def _phone(party: Fields) -> str | None:
    number = party.line("tel")
    return number.removeprefix("tel:") if number else None


def _mail(party: Fields) -> str | None:
    address = party.line("mailto")
    return address.removeprefix("mailto:") if address else None


def _direction(dialogs: Sequence[Fields], person: int | None) -> Direction | None:
    """As the writer says (`meta.direction`), else by who began the first dialog, where that is said."""
    for dialog in dialogs:
        word = dialog.inner("meta").line("direction")
        if word is not None and word.lower() in _DIRECTIONS:
            return _DIRECTIONS[word.lower()]
    first = next(iter(dialogs), None)
    if first is None or first.raw("originator") is None or person is None or first.line("type") == "text":
        return None
    return Direction.INBOUND if first.count("originator") == person else Direction.OUTBOUND


def _status(dialogs: Sequence[Fields], *, has_content: bool) -> CallStatus | None:
    if has_content:
        return CallStatus.COMPLETED
    word = next((one.line("disposition") for one in dialogs if one.line("type") == "incomplete"), None)
    return _DISPOSITIONS.get(word, CallStatus.UNKNOWN) if word else None


def _summary(analyses: Sequence[Fields]) -> str | None:
    return next(
        (
            one.text("body")
            for one in analyses
            if one.line("type") == "summary" and isinstance(one.raw("body"), str) and one.raw("body")
        ),
        None,
    )


def _language(analyses: Sequence[Fields]) -> str | None:
    for one in analyses:
        body = one.raw("body")
        if one.line("type") == "transcript" and isinstance(body, dict):
            fields = Fields(body, one.where("body"), one.notes)
            found = fields.if_readable(fields.line, "detected_language") or fields.if_readable(fields.line, "language")
            if found and len(found) <= payloads.MAX_ID:
                return found[:35]
    return None


def _consent(document: Fields) -> tuple[Consent | None, datetime | None]:
    """What a lawful-basis attachment (draft-howe-vcon-lawful-basis) says about recording."""
    for number, one in enumerate(document.entries("attachments", _MOST_ANALYSES)):
        attachment = _inner(one, f"attachments[{number}]", document)
        if "lawful_basis" not in (attachment.raw("purpose"), attachment.raw("type")):
            continue
        body = json_body(attachment.raw("body"), attachment.line("encoding"), attachment.where("body"))
        fields = _inner(body, attachment.where("body"), document)
        if fields.line("lawful_basis") != "consent":
            continue
        for grant in (_inner(one, fields.where("purpose_grants"), document)
                      for one in fields.entries("purpose_grants", _MOST_ANALYSES)):  # fmt: skip
            if grant.line("purpose") == "recording" and isinstance(grant.raw("granted"), bool):
                told = Consent.GRANTED if grant.raw("granted") else Consent.REFUSED
                return told, grant.moment("granted_at")
    return None, None
