"""The console's sidebar by task, of what its reader may open, and the words around it."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from accounts.console import ScopedAdmin, member_of, organisation_of

_GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Requests", (("dsr.SubjectRequest", "assignment_ind"), ("dsr.OutboundMail", "mail"))),
    (
        "Calls",
        (
            ("recordings.Call", "call"),
            ("recordings.Artifact", "graphic_eq"),
            ("recordings.DataSubject", "group"),
            ("recordings.Download", "folder_zip"),
            ("recordings.OutsideCheck", "vpn_key"),
        ),
    ),
    (
        "Retention and holds",
        (
            ("retention.LegalHold", "gavel"),
            ("retention.RetentionSchedule", "event_repeat"),
            ("retention.RetentionRun", "auto_delete"),
            ("retention.RetentionReview", "rate_review"),
            ("retention.Disposal", "delete_sweep"),
            ("recordings.Location", "pending_actions"),
            ("retention.UpstreamTask", "assignment_late"),
            ("retention.DisposalProposal", "voice_over_off"),
            ("vault.Tombstone", "key_off"),
        ),
    ),
    (
        "Reconciliation",
        (("reconciliation.Finding", "difference"), ("reconciliation.Run", "compare_arrows")),
    ),
    (
        "Disclosure",
        (
            ("disclosure.Finding", "flag"),
            ("disclosure.Waiver", "pause_circle"),
            ("disclosure.DisclosureAudit", "fact_check"),
            ("disclosure.PromptVersion", "article"),
            ("disclosure.Report", "monitoring"),
            ("disclosure.JurisdictionOverride", "balance"),
        ),
    ),
    (
        "Platforms",
        (
            ("connectors.Connection", "cable"),
            ("connectors.Agent", "support_agent"),
            ("intake.Delivery", "inbox"),
            ("intake.BatchReport", "stacks"),
            ("intake.ImportRun", "move_to_inbox"),
            ("outlet.WebhookEndpoint", "webhook"),
            ("outlet.WebhookDispatch", "outbox"),
        ),
    ),
    ("Log", (("audit.Entry", "receipt_long"),)),
    (
        "Organisation",
        (("accounts.Organisation", "domain"), ("accounts.Membership", "badge"), ("accounts.ApiKey", "key")),
    ),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups of links; one that its reader may not open is not there."""
    first = {"items": [{"title": "Overview", "icon": "dashboard", "link": reverse("admin:index")}]}
    groups = [{"title": title, "items": _allowed(request, items)} for title, items in _GROUPS]
    return [first, *(group for group in groups if group["items"])]


def _allowed(request: HttpRequest, items: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    found = []
    for label, icon in items:
        shown = admin.site.get_model_admin(apps.get_model(label))
        if isinstance(shown, ScopedAdmin) and shown.has_view_permission(request):
            found.append({"title": shown.title, "icon": icon, "link": reverse(shown.url_name("changelist"))})
    return found


def organisation(request: HttpRequest) -> str:
    """Whose console this is."""
    return str(organisation_of(request)) if member_of(request) else ""


def environment(request: HttpRequest) -> list[str] | None:
    """A badge where nothing is real."""
    return ["Demo", "warning"] if member_of(request) and organisation_of(request).is_demo else None


def style(request: HttpRequest) -> str:
    """The console's own style sheet."""
    return static("accounts/console.css")


def icon(request: HttpRequest) -> str:
    """The browser tab's icon."""
    return static("accounts/icon.svg")
