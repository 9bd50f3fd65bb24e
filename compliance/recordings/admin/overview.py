"""What the overview says about recordings that are not ours yet."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import access as rights
from accounts import pages
from accounts.console import actor_of
from accounts.pages import Figure
from compliance.recordings.operations import watching


def figures(request: HttpRequest) -> list[Figure]:
    """Recordings that lie at their platform only, and whether one of these is deleted there within three days."""
    actor = actor_of(request)
    if not rights.may(actor, "recordings.read"):
        return []
    waiting = pages.counted(watching.not_secured(actor.organisation_id))
    urgent = pages.counted(watching.expiring(actor.organisation_id, timezone.now().date()))
    text = "at their platforms only" if waiting != "0" else "everything announced is stored"
    return [
        Figure(
            "Not secured",
            waiting,
            text if urgent == "0" else f"{urgent} are deleted at the platform within {watching.WARN_DAYS} days",
            reverse("admin:recordings_artifact_changelist"),
            pages.BAD if urgent != "0" else pages.GOOD if waiting == "0" else pages.WAITING,
        )
    ]
