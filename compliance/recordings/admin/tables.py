"""Tables of the register that stand on several pages, and the tones of its states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from accounts import pages
from accounts.console import who
from accounts.pages import Table
from compliance.recordings import access
from compliance.recordings.models import Artifact, Call
from compliance.recordings.states import ArtifactState, LocationState

CALL_STATES = {"active": pages.GOOD, "erasing": pages.WAITING, "erased": pages.QUIET}
ARTIFACT_STATES = {
    ArtifactState.STORED: pages.GOOD,
    ArtifactState.ANNOUNCED: pages.WAITING,
    ArtifactState.FETCHING: pages.WAITING,
    ArtifactState.RETRY_WAIT: pages.WAITING,
    ArtifactState.DUE: pages.WAITING,
    ArtifactState.HELD: pages.PLAIN,
    ArtifactState.DELETING: pages.WAITING,
    ArtifactState.DELETE_FAILED: pages.BAD,
    ArtifactState.QUARANTINED: pages.BAD,
    ArtifactState.MISSING: pages.BAD,
    ArtifactState.UNAVAILABLE: pages.BAD,
    ArtifactState.DELETED: pages.QUIET,
    ArtifactState.NEVER_RECORDED: pages.QUIET,
}
LOCATION_STATES = {
    LocationState.PRESENT: pages.GOOD,
    LocationState.EXPECTED_GONE_ON: pages.PLAIN,
    LocationState.ASKED: pages.WAITING,
    LocationState.REFUSED: pages.BAD,
    LocationState.UNKNOWN: pages.WAITING,
    LocationState.CONFIRMED_GONE: pages.QUIET,
}


def named(artifact: Artifact) -> str:
    variant = artifact.variant if len(artifact.variant) < 12 else ""
    version = f"v{artifact.version}" if artifact.version > 1 else ""
    return " ".join(part for part in (pages.words(artifact.kind).capitalize(), variant, version) if part)


def kept_until(artifact: Artifact) -> Any:
    if artifact.state in {ArtifactState.DELETED, ArtifactState.NEVER_RECORDED}:
        return pages.NOTHING
    if artifact.due_on is None:
        return "without limit" if artifact.retention_rule else "not assigned yet"
    return pages.day(artifact.due_on)


def artifact_table(artifacts: Sequence[Artifact]) -> Table:
    return Table(
        "Artifacts",
        ["Artifact", "State", "Size", "Kept until", "Why"],
        [
            [
                pages.to("recordings_artifact", row.id, named(row)),
                pages.state(row.state, ARTIFACT_STATES),
                pages.size(row.size),
                kept_until(row),
                row.retention_reason,
            ]
            for row in artifacts
        ],
        empty="The platform has told of nothing.",
    )


def place_table(organisation_id: UUID, artifacts: Sequence[Artifact]) -> Table:
    names = {row.id: named(row) for row in artifacts}
    places = access.locations(organisation_id).filter(artifact_id__in=list(names)).order_by("artifact_id", "id")
    return Table(
        "Where the bytes lie",
        ["Artifact", "Place", "State", "Proof", "Checked"],
        [
            [
                names[row.artifact_id],
                f"{row.get_place_display()} ({row.name})" if row.name else row.get_place_display(),
                pages.state(row.state, LOCATION_STATES),
                proof_of(row.proof),
                pages.moment(row.checked_at),
            ]
            for row in places
        ],
        "Each place has its own state and its own proof of absence.",
        "No place is known.",
    )


def proof_of(proof: dict[str, Any]) -> str:
    """How a state was proven, without what only programs read."""
    told = [f"{pages.words(name)}: {pages.words(value)}" for name, value in proof.items() if name in {"how", "answer"}]
    return "; ".join(told) or pages.NOTHING


def party_table(row: Call) -> Table:
    return Table(
        "Who took part",
        ["Data subject", "Part", "State"],
        [
            [
                pages.to("recordings_datasubject", party.subject_id, pages.short(party.subject_id)),
                party.get_part_display(),
                pages.badge("erased", pages.QUIET) if party.subject.erased_at else pages.badge("known", pages.GOOD),
            ]
            for party in access.parties_of(row.organisation_id, row.id)
        ],
        empty="Nobody is known.",
    )


def link_table(request: HttpRequest, row: Artifact) -> Table:
    rows = access.links(row.organisation_id).filter(artifact=row).order_by("-id")[:20]
    return Table(
        "Playback links",
        ["Issued", "By", "Purpose", "Ends", "Opened", "Bytes"],
        [
            [
                pages.moment(one.created_at),
                who(request, one.actor),
                pages.words(one.purpose),
                pages.moment(one.revoked_at or one.expires_at),
                one.opened,
                pages.size(one.bytes_served),
            ]
            for one in rows
        ],
        empty="Nobody has asked for one.",
    )
