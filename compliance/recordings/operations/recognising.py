"""Who is in a call: an existing data subject where the platform's word leaves no doubt, a new one otherwise.

What can go wrong: two people become one, and one of them hears the other's calls. So nobody is merged by likeness, an
id that names several people names none of them, and a shared telephone does not join two contacts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection as database
from django.utils import timezone

from audit.ids import uuid7
from compliance.connectors.facts import CallFacts, Message
from compliance.recordings import fingerprints, identifiers, labels, places
from compliance.recordings.identifiers import IdentifierError, IdentifierKind
from compliance.recordings.models import DataSubject, SubjectIdentifier
from compliance.vault import scopes, store

SPEAKERS = frozenset({"user", "caller", "customer", "contact", "human", "client"})
"""Roles of the person on the other side, in the words of the platforms."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One identifier that turned up, normalised."""

    kind: IdentifierKind
    value: str
    fingerprint: bytes
    source: str
    connection_id: UUID | None


def identifiers_told(organisation_id: UUID, connection_id: UUID, facts: CallFacts) -> list[Seen]:
    """Telephone number, contact id and mail address as the platform told them.

    What is no identifier of its kind is left out: it stays in the facts.
    """
    told = [
        (IdentifierKind.PHONE, facts.phone_number),
        (IdentifierKind.CONTACT_ID, facts.contact_id),
        (IdentifierKind.EMAIL, facts.email),
    ]
    seen = []
    for kind, value in told:
        normalised = _normalised(kind, value)
        if normalised:
            seen.append(_seen(organisation_id, kind, normalised, SubjectIdentifier.Source.PLATFORM, connection_id))
    return seen


def identifiers_spoken(organisation_id: UUID, messages: Sequence[Message]) -> list[Seen]:
    """Mail addresses that the person on the other side said.

    They help to find the person; they never decide who it is.
    """
    words = [message.content for message in messages if message.role.lower() in SPEAKERS]
    found = {match.value: None for text in words for match in identifiers.find_emails(text)}
    return [
        _seen(organisation_id, IdentifierKind.EMAIL, value, SubjectIdentifier.Source.TRANSCRIPT, None)
        for value in found
    ]


def place_of(seen: Iterable[Seen]) -> str:
    """ISO 3166 place of the number, "" where none is known."""
    return next((places.place_of_number(one.value) for one in seen if one.kind is IdentifierKind.PHONE), "")


def recognise_subject(organisation_id: UUID, seen: Sequence[Seen], *, region: str) -> DataSubject:
    """The one existing data subject that these identifiers name, or a new one.

    A contact id decides; only without a known one does the telephone, and only where no number was told the mail
    address; neither of the two for somebody who has another contact id at the same connection, and no address that was
    only heard. Two calls of one person at the same time wait for each other here.
    """
    _wait_for_others(one.fingerprint for one in seen)
    known = _named_by(organisation_id, [one for one in seen if one.kind is IdentifierKind.CONTACT_ID])
    if not known:
        contact = next((one for one in seen if one.kind is IdentifierKind.CONTACT_ID), None)
        phones = [one for one in seen if one.kind is IdentifierKind.PHONE]
        known = _named_by(organisation_id, phones or [one for one in seen if one.kind is IdentifierKind.EMAIL])
        known -= _with_another_contact(organisation_id, known, contact)
    if len(known) == 1:
        subject: DataSubject = DataSubject.objects.for_organisation(organisation_id).get(id=known.pop())
        # Somebody whose erasure has begun and is not through yet is nobody we know any more.
        if not store.is_tombstoned(organisation_id, scopes.subject(subject.id)):
            return subject
    stranger: DataSubject = DataSubject.objects.create(organisation_id=organisation_id, region=region)
    return stranger


def note_identifiers(subject: DataSubject, seen: Sequence[Seen], *, name: str | None) -> int:
    """Keep what turned up, sealed under the person; how many were new."""
    organisation_id = subject.organisation_id
    rows = SubjectIdentifier.objects.for_organisation(organisation_id).filter(subject=subject)
    known = {(kind, bytes(fingerprint)) for kind, fingerprint in rows.values_list("kind", "fingerprint")}
    first = {(one.kind.value, one.fingerprint): one for one in reversed(seen)}
    again = [one for key, one in first.items() if key in known]
    if again:
        rows.filter(fingerprint__in=[one.fingerprint for one in again]).update(last_seen_at=timezone.now())
        told = [one.fingerprint for one in again if one.source == SubjectIdentifier.Source.PLATFORM]
        heard = rows.filter(fingerprint__in=told, source=SubjectIdentifier.Source.TRANSCRIPT)
        heard.update(source=SubjectIdentifier.Source.PLATFORM)
    new = [one for key, one in first.items() if key not in known]
    if not new and (subject.sealed_name is not None or not name):
        return 0
    values = store.values(organisation_id, scopes.subject(subject.id))
    SubjectIdentifier.objects.bulk_create([_row(subject, one, values) for one in new])
    if name and subject.sealed_name is None:
        subject.sealed_name = values.seal(labels.name(subject.id), name.encode())
        subject.save(update_fields=["sealed_name"])
    return len(new)


def _row(subject: DataSubject, seen: Seen, values: store.Values) -> SubjectIdentifier:
    id_ = uuid7()
    return SubjectIdentifier(
        id=id_,
        organisation_id=subject.organisation_id,
        subject=subject,
        kind=seen.kind.value,
        connection_id=seen.connection_id if fingerprints.is_local(seen.kind) else None,
        sealed_value=values.seal(labels.identifier(id_), seen.value.encode()),
        fingerprint=seen.fingerprint,
        source=seen.source,
    )


def _normalised(kind: IdentifierKind, value: str | None) -> str | None:
    try:
        return identifiers.normalise(kind, value) if value else None
    except IdentifierError:
        return None


def _seen(organisation_id: UUID, kind: IdentifierKind, value: str, source: str, connection_id: UUID | None) -> Seen:
    return Seen(
        kind, value, fingerprints.of_identifier(organisation_id, kind, value, connection_id), source, connection_id
    )


def _wait_for_others(digests: Iterable[bytes]) -> None:
    """Whoever registers the same person now does it before us or after us, always in the same order of locks."""
    with database.cursor() as cursor:
        for number in sorted(int.from_bytes(digest[:8], "big", signed=True) for digest in digests):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _named_by(organisation_id: UUID, seen: Sequence[Seen]) -> set[UUID]:
    named: set[UUID] = set()
    for one in seen:
        rows = SubjectIdentifier.objects.for_organisation(organisation_id).filter(
            kind=one.kind.value, fingerprint=one.fingerprint, subject__erased_at=None
        )
        rows = rows.exclude(source=SubjectIdentifier.Source.TRANSCRIPT)
        named |= set(rows.values_list("subject_id", flat=True))
    return named


def _with_another_contact(organisation_id: UUID, subjects: set[UUID], contact: Seen | None) -> set[UUID]:
    if contact is None or not subjects:
        return set()
    rows = SubjectIdentifier.objects.for_organisation(organisation_id).filter(
        subject_id__in=subjects,
        kind=contact.kind.value,
        connection=contact.connection_id,
    )
    return set(rows.exclude(fingerprint=contact.fingerprint).values_list("subject_id", flat=True))
