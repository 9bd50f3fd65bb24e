"""Finding people and their calls by what is known about them, without opening anything but what is asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from compliance.connectors import access as connectors
from compliance.errors import Invalid
from compliance.recordings import fingerprints, identifiers, labels
from compliance.recordings.identifiers import IdentifierKind
from compliance.recordings.models import Call, DataSubject, Party, SubjectIdentifier
from compliance.vault import scopes, store


@dataclass(frozen=True, slots=True)
class Claim:
    """An identifier as a person wrote it; `region` (ISO 3166) helps with a number without country code."""

    kind: IdentifierKind
    value: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class SubjectMatch:
    """A data subject, and by which kinds of identifier they were found."""

    subject_id: UUID
    kinds: frozenset[IdentifierKind]


@dataclass(frozen=True, slots=True)
class Match:
    """A call in which a found data subject took part."""

    call_id: UUID
    subject_id: UUID
    kinds: frozenset[IdentifierKind]


@dataclass(frozen=True, slots=True)
class KnownIdentifier:
    """One identifier of a data subject, opened."""

    kind: IdentifierKind
    value: str
    source: str
    first_seen_at: datetime


def subjects_matching(organisation_id: UUID, claims: Sequence[Claim]) -> list[SubjectMatch]:
    """Everybody who has one of these identifiers. Raises Invalid for a claim that is none of its kind."""
    kinds: dict[UUID, set[IdentifierKind]] = defaultdict(set)
    for kind, digests in _digests(organisation_id, claims).items():
        rows = SubjectIdentifier.objects.for_organisation(organisation_id).filter(
            kind=kind.value, fingerprint__in=digests
        )
        for subject_id in rows.values_list("subject_id", flat=True):
            kinds[subject_id].add(kind)
    return [SubjectMatch(subject_id, frozenset(kinds[subject_id])) for subject_id in sorted(kinds)]


def find_calls(organisation_id: UUID, claims: Sequence[Claim]) -> list[Match]:
    """The calls of everybody who has one of these identifiers, newest first; erased ones left out.

    Two index look-ups, nothing opened.
    """
    kinds = {match.subject_id: match.kinds for match in subjects_matching(organisation_id, claims)}
    if not kinds:
        return []
    rows = Party.objects.for_organisation(organisation_id).filter(subject_id__in=kinds)
    rows = rows.exclude(call__state=Call.State.ERASED).order_by("-call_id")
    return [
        Match(call_id, subject_id, kinds[subject_id])
        for call_id, subject_id in rows.values_list("call_id", "subject_id")
    ]


def calls_of_subjects(
    organisation_id: UUID, subject_ids: Iterable[UUID], *, include_erased: bool = False
) -> list[UUID]:
    """The calls in which these people took part, newest first."""
    rows = Party.objects.for_organisation(organisation_id).filter(subject_id__in=list(subject_ids))
    if not include_erased:
        rows = rows.exclude(call__state=Call.State.ERASED)
    return list(rows.order_by("-call_id").values_list("call_id", flat=True).distinct())


def calls_with(organisation_id: UUID, subject_id: UUID) -> QuerySet[Party, UUID]:
    """Ids of the calls in which this person took part, erased ones included, to be used inside another query."""
    rows = Party.objects.for_organisation(organisation_id).filter(subject_id=subject_id)
    return rows.values_list("call_id", flat=True)


def is_known(organisation_id: UUID, subject_id: UUID) -> bool:
    """Whether a person of this id is in the register, erased ones included."""
    return DataSubject.objects.for_organisation(organisation_id).filter(id=subject_id).exists()


def identifier_kinds(organisation_id: UUID, subject_id: UUID) -> list[IdentifierKind]:
    """Which kinds of identifier are known of a person, without opening one."""
    rows = SubjectIdentifier.objects.for_organisation(organisation_id).filter(subject_id=subject_id)
    return sorted({IdentifierKind(kind) for kind in rows.values_list("kind", flat=True)})


def identifiers_of(organisation_id: UUID, subject_id: UUID) -> list[KnownIdentifier]:
    """Everything a person is known by, opened, oldest first.

    Not logged. Raises KeyDestroyed once the person is erased.
    """
    rows = SubjectIdentifier.objects.for_organisation(organisation_id).filter(subject_id=subject_id)
    found = list(rows.order_by("id"))
    if not found:
        return []
    values = store.values_to_open(organisation_id, scopes.subject(subject_id))
    return [
        KnownIdentifier(
            kind=IdentifierKind(row.kind),
            value=values.open(labels.identifier(row.id), bytes(row.sealed_value)).decode(),
            source=row.source,
            first_seen_at=row.first_seen_at,
        )
        for row in found
    ]


def name_of(organisation_id: UUID, subject_id: UUID) -> str | None:
    """A person's name, opened. Not logged."""
    subject = DataSubject.objects.for_organisation(organisation_id).filter(id=subject_id).first()
    if subject is None or subject.sealed_name is None:
        return None
    sealed = bytes(subject.sealed_name)
    return store.open_value(organisation_id, scopes.subject(subject_id), labels.name(subject_id), sealed).decode()


def _digests(organisation_id: UUID, claims: Sequence[Claim]) -> dict[IdentifierKind, list[bytes]]:
    digests: dict[IdentifierKind, list[bytes]] = defaultdict(list)
    connections: list[UUID | None] = [None]
    if any(fingerprints.is_local(claim.kind) for claim in claims):
        connections += connectors.connections_of(organisation_id).values_list("id", flat=True)
    for claim in claims:
        normalised = _normalised(claim)
        places = connections if fingerprints.is_local(claim.kind) else connections[:1]
        digests[claim.kind] += [
            fingerprints.of_identifier(organisation_id, claim.kind, normalised, at) for at in places
        ]
    return digests


def _normalised(claim: Claim) -> str:
    if claim.kind is IdentifierKind.NAME:
        raise Invalid("Nobody is found by name alone", errors={"kind": ["Names only propose a match."]})
    try:
        return identifiers.normalise(claim.kind, claim.value, claim.region)
    except identifiers.IdentifierError as error:
        raise Invalid("An identifier cannot be used", errors={claim.kind.value: [str(error)]}) from error
