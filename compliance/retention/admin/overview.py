"""What the overview says about holds and deletion debt."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from accounts import access as rights
from accounts import pages
from accounts.console import actor_of
from accounts.pages import Figure
from compliance.retention import debt, holds
from compliance.retention.models import LegalHold, RetentionReview, RetentionRun
from compliance.retention.operations import reviewing, running


def figures(request: HttpRequest) -> list[Figure]:
    """Holds in force, and artifacts that are decided to go and not proven gone."""
    actor = actor_of(request)
    if not rights.may(actor, "retention.read"):
        return []
    in_force = holds.holds_of(actor.organisation_id).exclude(state=LegalHold.State.RELEASED)
    proposed = in_force.filter(state=LegalHold.State.RELEASE_PROPOSED).exists()
    owed = pages.counted(debt.owed(actor.organisation_id))
    return [
        Figure(
            "Holds in force",
            pages.counted(in_force),
            "a release waits for approval" if proposed else "no release is proposed",
            reverse("admin:retention_legalhold_changelist"),
            pages.WAITING if proposed else pages.PLAIN,
        ),
        Figure(
            "Deletion debt",
            owed,
            "artifacts not proven gone" if owed != "0" else "everything is proven gone",
            reverse("admin:recordings_location_changelist"),
            pages.GOOD if owed == "0" else pages.WAITING,
        ),
        _waiting(actor.organisation_id),
    ]


def _waiting(organisation_id: UUID) -> Figure:
    """A run that stopped itself comes first; else the artifacts that wait for a person's look."""
    stopped = running.runs(organisation_id).filter(state=RetentionRun.State.STOPPED).first()
    if stopped is not None:
        return Figure(
            "Retention run",
            stopped.due,
            "due, more than the guard lets go: waits for approval",
            reverse("admin:retention_retentionrun_changelist"),
            pages.BAD,
        )
    reviews = pages.counted(reviewing.reviews(organisation_id).filter(state=RetentionReview.State.OPEN))
    return Figure(
        "Retention reviews",
        reviews,
        "due, and waiting for a person",
        reverse("admin:retention_retentionreview_changelist"),
        pages.WAITING if reviews != "0" else pages.PLAIN,
    )
