"""What the overview says about requests."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import access as rights
from accounts import pages
from accounts.console import actor_of
from accounts.pages import Figure, Table
from compliance.dsr import access
from compliance.dsr.admin import tables
from compliance.dsr.models import OutboundMail


def figures(request: HttpRequest) -> list[Figure]:
    """Open requests and waiting letters."""
    actor = actor_of(request)
    found = []
    if rights.may(actor, "dsr.read"):
        rows = access.requests(actor.organisation_id).filter(state__in=tables.OPEN)
        waiting = pages.counted(rows.exclude(proposed_at=None).filter(approved_at=None))
        text = f"{waiting} waiting for a second person" if waiting != "0" else "none waits for a second person"
        url = reverse("admin:dsr_subjectrequest_changelist")
        found.append(Figure("Open requests", pages.counted(rows), text, url))
    if rights.may(actor, "dsr.read_outbox"):
        letters = access.letters(actor.organisation_id)
        count = pages.counted(letters.filter(state=OutboundMail.State.OUTBOX))
        url = reverse("admin:dsr_outboundmail_changelist") + "?state__exact=outbox"
        found.append(Figure("Letters in the outbox", count, "to be passed on by hand", url))
    return found


def due_next(request: HttpRequest) -> Table | None:
    """The next five dates of open requests."""
    actor = actor_of(request)
    if not rights.may(actor, "dsr.read"):
        return None
    today = timezone.localdate()
    open_ones = access.rights(actor.organisation_id).filter(request__state__in=tables.OPEN)
    rows = open_ones.select_related("request").defer("request__sealed_person").order_by("respond_by", "id")[:5]
    return Table(
        "Due next",
        ["Request", "Right", "Answer by", "Waits for", "Law"],
        [
            [
                pages.to("dsr_subjectrequest", row.request_id, row.request.reference),
                row.right,
                pages.due(row.respond_by, today),
                tables.next_step(row.request),
                row.request.regime,
            ]
            for row in rows
        ],
        empty="No request is open.",
    )
