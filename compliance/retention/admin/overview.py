"""What the overview says about holds and deletion debt."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from accounts import access as rights
from accounts import pages
from accounts.console import actor_of
from accounts.pages import Figure
from compliance.retention import debt, holds
from compliance.retention.models import LegalHold


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
    ]
