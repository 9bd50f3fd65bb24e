"""What the overview says about findings."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from accounts import access as rights
from accounts import pages
from accounts.console import actor_of
from accounts.pages import Figure
from compliance.disclosure import access, queue
from compliance.disclosure.models import Verdict, Waiver


def figures(request: HttpRequest) -> list[Figure]:
    """What is open, what is late, and what waits for a second person."""
    actor = actor_of(request)
    if not rights.may(actor, "disclosure.read"):
        return []
    found, url = access.findings(actor.organisation_id), reverse("admin:disclosure_finding_changelist")
    rows = found.filter(state=queue.OPEN)
    failed = pages.counted(rows.filter(verdict=Verdict.FAIL))
    review = pages.counted(rows.filter(verdict=Verdict.REVIEW))
    tone = pages.BAD if failed != "0" else pages.WAITING if review != "0" else pages.GOOD
    late = pages.counted(queue.overdue(found))
    asked = pages.counted(access.waivers(actor.organisation_id).filter(state=Waiver.State.PROPOSED))
    waiting = f"waivers that wait for a second person: {asked}" if asked != "0" else "no waiver waits"
    return [
        Figure("Open findings", pages.counted(rows), f"{failed} fail, {review} to review", url, tone),
        Figure("Overdue findings", late, waiting, f"{url}?show=overdue", pages.BAD if late != "0" else pages.GOOD),
    ]
