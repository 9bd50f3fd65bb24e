"""Requests of data subjects: dates, identity, plan, two people, answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Show, button
from accounts.console import ScopedAdmin, actor_of
from accounts.pages import Facts, Part
from compliance import law
from compliance.dsr import access, certificate
from compliance.dsr.admin import questions, tables
from compliance.dsr.downloads import stream_package
from compliance.dsr.models import SubjectRequest
from compliance.dsr.operations import deciding, delivering, opening, planning, receiving, verifying
from compliance.dsr.states import Decision, Reason, State, is_final
from compliance.errors import Refusal

_MEDIA = {"json": "application/json", "pdf": "application/pdf"}


def _is_open(row: SubjectRequest) -> bool:
    return row.state in tables.OPEN


def _is_unverified(row: SubjectRequest) -> bool:
    return _is_open(row) and row.verified_at is None


def _is_planned(row: SubjectRequest) -> bool:
    """Verified, and the plan can still be changed."""
    return row.state == State.IN_PROGRESS and row.verified_at is not None and row.proposed_at is None


def _is_untouched(row: SubjectRequest) -> bool:
    """Open, and nothing of its plan is done: it can still end otherwise."""
    return _is_open(row) and not any(item.result for item in access.plan_of(row))


def _is_kept(row: SubjectRequest) -> bool:
    """Not yet minimised."""
    return row.minimise_on is not None or not is_final(State(row.state))


def _is_proposed(row: SubjectRequest) -> bool:
    return row.state == State.IN_PROGRESS and row.proposed_at is not None and row.approved_at is None


@admin.register(SubjectRequest)
class SubjectRequestAdmin(ScopedAdmin):
    read_action = "dsr.read"
    title = "Requests"
    intro = "Access and erasure. Each right has its own legal date; every date says which rule it comes from."
    empty = "Nobody has asked for anything yet."
    list_display = ("reference", "right_list", "due", "standing", "step", "regime", "received")
    list_filter = ("state",)
    search_fields = ("reference",)
    search_help_text = "Reference, as the person quotes it"
    ordering = ("-received_at",)
    actions_list = ("receive",)
    actions_detail = (
        "open_identities",
        "send_code",
        "verify_code",
        "verify_by_officer",
        "locate",
        "decide",
        "propose",
        "approve",
        "withdraw",
        "download_package",
        {"title": "End", "items": ["deny", "revoke"]},
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[SubjectRequest]:
        organisation_id = actor_of(request).organisation_id
        dates = access.rights(organisation_id).filter(request=OuterRef("pk"), outcome="")
        first = Subquery(dates.order_by("respond_by").values("respond_by")[:1])
        return access.requests(organisation_id).defer("sealed_person").annotate(due_on=first)

    def dress(self, request: HttpRequest, rows: list[Any]) -> None:
        known = access.rights(actor_of(request).organisation_id).filter(request__in=rows)
        named: dict[UUID, list[str]] = {}
        for request_id, right in known.order_by("right").values_list("request_id", "right"):
            named.setdefault(request_id, []).append(right)
        for row in rows:
            row.rights = named.get(row.id, [])

    def name_of(self, row: SubjectRequest) -> str:
        return row.reference

    @admin.display(description="Rights")
    def right_list(self, row: Any) -> str:
        return pages.listed(row.rights)

    @admin.display(description="Answer by", ordering="due_on")
    def due(self, row: Any) -> str:
        return pages.due(row.due_on, timezone.localdate()) if _is_open(row) else pages.day(row.due_on)

    @admin.display(description="State")
    def standing(self, row: SubjectRequest) -> str:
        return pages.state(row.state, tables.STATES)

    @admin.display(description="Waits for")
    def step(self, row: SubjectRequest) -> str:
        return tables.next_step(row)

    @admin.display(description="Received", ordering="received_at")
    def received(self, row: SubjectRequest) -> str:
        return pages.moment(row.received_at)

    def parts(self, request: HttpRequest, row: SubjectRequest) -> Sequence[Part]:
        return tables.parts_of(request, row, timezone.localdate())

    # --- in ---------------------------------------------------------------------------------------

    @button(
        "dsr.receive",
        "New request",
        text="Its dates are fixed at once. What the person told you is sealed under the request's own key.",
        done="The request is open, and an acknowledgement is in the outbox.",
        form=questions.NewRequest,
        submit="Open the request",
        icon="add",
    )
    def receive(self, actor: Actor, row: None, data: dict[str, Any]) -> SubjectRequest:
        new = receiving.NewRequest(
            rights=[law.Right(right) for right in data["rights"]],
            identities=questions.NewRequest.identities(data),
            regime=data["regime"],
            place=data["place"].strip().upper(),
            person=access.Person(name=data["name"], email=data["address"]),
            received_at=data["received_at"],
            channel=SubjectRequest.Channel.CONSOLE,
        )
        return receiving.receive_request(actor=actor, new=new)

    # --- identity ---------------------------------------------------------------------------------

    @button(
        "dsr.handle",
        "Who asked",
        text="You see the person's name, address and identifiers. The opening is an entry in the log, with your name.",
        submit="Open",
        icon="person",
        fits=_is_kept,
    )
    def open_identities(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> Show:
        told = opening.open_identities(actor=actor, request_id=row.id)
        person = Facts("Person", [("Name", told.person.name or "–"), ("Address", told.person.email or "–")])
        claims = [
            (pages.words(kind), f"{value} ({'proven' if proven else 'not proven'})")
            for kind, value, proven in told.identities
        ]
        return Show("Who asked", [person, Facts("Identities", claims)])

    @button(
        "dsr.handle",
        "Send a code",
        text="A one-time code goes to an address that the register knows. It works for 30 minutes.",
        done="The code is on its way (or in the outbox, where no mail server is set up).",
        form=questions.ClaimQuestion,
        submit="Send",
        icon="mail",
        fits=_is_unverified,
    )
    def send_code(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> None:
        verifying.send_code(actor=actor, request_id=row.id, claim_id=UUID(data["claim"]))

    @button(
        "dsr.handle",
        "Enter a code",
        text="The code proves the address it was sent to, and the search begins.",
        done="The identity is proven; the calls are being located.",
        form=questions.CodeQuestion,
        submit="Verify",
        icon="pin",
        fits=_is_unverified,
    )
    def verify_code(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> None:
        verifying.verify_identity(actor=actor, request_id=row.id, code=data["code"])

    @button(
        "dsr.handle",
        "Vouch",
        text="You state, with your name, that this is the person. All identities of the request count as proven.",
        done="The identity is proven on your word; the calls are being located.",
        form=questions.EvidenceQuestion,
        submit="Vouch for the person",
        icon="verified_user",
        fits=_is_unverified,
    )
    def verify_by_officer(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> None:
        verifying.verify_by_officer(actor=actor, request_id=row.id, evidence=data["evidence"])

    # --- plan -------------------------------------------------------------------------------------

    @button(
        "dsr.handle",
        "Locate calls",
        text="Searches by every identity again. Decisions made by hand stay.",
        done="The search is done.",
        icon="search",
        fits=_is_planned,
    )
    def locate(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> str:
        items = planning.locate_calls(actor=actor, request_id=row.id)
        calls = len({item.call_id for item in items})
        return f"The search found {len(items)} artifacts in {calls} calls." if items else "The search found nothing."

    @button(
        "dsr.handle",
        "Change a decision",
        text="Until the plan is proposed, each artifact can be decided by hand.",
        done="The decision is changed.",
        form=questions.DecisionQuestion,
        submit="Save",
        icon="rule",
        fits=lambda row: _is_planned(row) and row.located_at is not None,
    )
    def decide(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> None:
        planning.set_decision(
            actor=actor,
            item_id=UUID(data["item"]),
            decision=Decision(data["decision"]),
            ground=questions.DecisionQuestion.ground_of(data),
        )

    @button(
        "dsr.handle",
        "Propose the plan",
        text="Freezes the plan and puts it before a second person. It can be taken back until it is carried out.",
        done="The plan is proposed; somebody else approves it.",
        submit="Propose",
        icon="send",
        fits=lambda row: _is_planned(row) and row.located_at is not None,
    )
    def propose(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> None:
        deciding.propose_plan(actor=actor, request_id=row.id)

    @button(
        "dsr.approve",
        "Approve the plan",
        text="Exactly the plan on the request's page is carried out. What it erases cannot be brought back.",
        done="The plan is approved and is being carried out.",
        form=questions.ApproveQuestion,
        submit="Approve",
        icon="task_alt",
        is_dangerous=True,
        fits=_is_proposed,
    )
    def approve(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> None:
        deciding.approve_request(actor=actor, request_id=row.id, plan_digest=data["plan_digest"])

    @button(
        "dsr.handle",
        "Take the plan back",
        text="Nothing of it has been done yet. It can be changed and proposed again.",
        done="The plan is taken back.",
        icon="undo",
        fits=lambda row: row.proposed_at is not None and _is_untouched(row),
    )
    def withdraw(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> None:
        deciding.withdraw_proposal(actor=actor, request_id=row.id)

    # --- out --------------------------------------------------------------------------------------

    @button(
        "recordings.open_content",
        "Download package",
        text="You get the person's audio and words, to hand over by another way. The download is an entry in the log.",
        submit="Download",
        icon="folder_zip",
        fits=lambda row: bool(access.packages_of(row)),
    )
    def download_package(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> HttpResponseBase:
        return stream_package(delivering.hand_over(actor=actor, request_id=row.id))

    @button(
        "dsr.handle",
        "Deny",
        text="The request ends here, and the person is told why. A hold is no reason: answer what you can in time.",
        done="The request is denied; the letter is in the outbox.",
        form=questions.DenyQuestion,
        is_dangerous=True,
        icon="block",
        fits=_is_untouched,
    )
    def deny(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> None:
        deciding.deny_request(
            actor=actor, request_id=row.id, reason=Reason(data["reason"]), explanation=data["explanation"]
        )

    @button(
        "dsr.handle",
        "Withdrawn by the person",
        text="The person took the request back. Nothing more is done with it.",
        done="The request is revoked.",
        icon="person_cancel",
        fits=_is_untouched,
    )
    def revoke(self, actor: Actor, row: SubjectRequest, data: dict[str, Any]) -> None:
        deciding.revoke_request(actor=actor, request_id=row.id)

    # --- certificates -----------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download_certificate)
        own = path(
            "<uuid:request_id>/certificates/<int:number>.<str:form>", view, name="dsr_subjectrequest_certificate"
        )
        return [own, *super().get_urls()]

    def download_certificate(self, request: HttpRequest, request_id: UUID, number: int, form: str) -> HttpResponse:
        """One certificate as a file. Reading it is an entry of the operation."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            data = certificate.open_certificate(
                actor=actor_of(request), request_id=request_id, number=number, as_pdf=form == "pdf"
            )
        except Refusal as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return redirect(reverse(self.url_name("changelist")))
        answer = HttpResponse(data, content_type=_MEDIA.get(form, "application/json"))
        name = f"certificate-{number}.{'pdf' if form == 'pdf' else 'json'}"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer
