"""The queue of findings over HTTP: whose they are, what became of them, and waivers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access, members
from compliance.connectors import access as agents
from compliance.disclosure import access as doors
from compliance.disclosure import finding_shapes as shapes
from compliance.disclosure import queue
from compliance.disclosure.models import Finding, Verdict, Waiver
from compliance.disclosure.operations import assigning, findings, waiving
from compliance.rest import OrganisationView, Written, page_of, read_choice, read_id, read_input

_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]
_FILTERS = [
    OpenApiParameter("state", str, enum=Finding.State.values),
    OpenApiParameter("verdict", str, enum=Verdict.values),
    OpenApiParameter("reason", str),
    OpenApiParameter("agent", str, description="our id or the platform's"),
    OpenApiParameter("call", UUID),
    OpenApiParameter("assignee", str, description="a user's id, `me`, or `nobody`"),
    OpenApiParameter("overdue", str, enum=["true", "false"]),
]


class _FindingView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        organisation_id = self.actor().organisation_id
        rows = queue.with_waivers(doors.findings(organisation_id), organisation_id)
        return shapes.finding(rows.get(id=resource_id)) if resource_id else None


class Findings(OrganisationView):
    @extend_schema(
        operation_id="disclosure_findings_list", parameters=[*_PAGE, *_FILTERS], responses=shapes.FindingPageSerializer
    )
    def get(self, request: Request) -> Response:
        """Findings, newest first."""
        actor, asked = self.actor(), request.query_params
        access.require(actor, "disclosure.read")
        rows = queue.with_waivers(doors.findings(actor.organisation_id), actor.organisation_id)
        exact = {
            "state": read_choice(request, "state", Finding.State.values),
            "verdict": read_choice(request, "verdict", Verdict.values),
            "reason": asked.get("reason"),
            "audit__call_id": read_id(asked["call"]) if "call" in asked else None,
        }
        rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
        if "agent" in asked:
            rows = queue.of_agent(rows, agents.agent_named(actor.organisation_id, asked["agent"]).id)
        late = read_choice(request, "overdue", ["true", "false"])
        if late:
            rows = queue.overdue(rows, is_late=late == "true")
        return page_of(request, self._assigned(rows, asked.get("assignee")), shapes.finding)

    def _assigned(self, rows: QuerySet[Finding], assignee: str | None) -> QuerySet[Finding]:
        if assignee is None:
            return rows
        if assignee == "nobody":
            return queue.assigned(rows, "")
        if assignee == "me":
            return queue.assigned(rows, self.actor().reference)
        return queue.assigned(rows, members.reference_of(read_id(assignee)))


class OneFinding(_FindingView):
    has_version = True

    @extend_schema(operation_id="disclosure_findings_read", responses=shapes.FindingSerializer)
    def get(self, request: Request, finding_id: UUID) -> Response:
        """One finding."""
        return Response(self.represent(doors.finding_for(self.actor(), finding_id).id))


class FindingAssignment(_FindingView):
    @extend_schema(
        operation_id="disclosure_findings_assign", request=shapes.AssignmentInput, responses=shapes.FindingSerializer
    )
    def put(self, request: Request, finding_id: UUID) -> Written:
        """Whose it is from now on."""
        assignee = read_input(shapes.AssignmentInput, request)["assignee"]
        return Written(assigning.assign_finding(actor=self.actor(), finding_id=finding_id, assignee=assignee).id)


class FindingResolution(_FindingView):
    @extend_schema(
        operation_id="disclosure_findings_resolve", request=shapes.ResolutionInput, responses=shapes.FindingSerializer
    )
    def post(self, request: Request, finding_id: UUID) -> Written:
        """Say what became of a finding. The verdict stays. 409 `still_found`: the newest judgement says otherwise."""
        data = read_input(shapes.ResolutionInput, request)
        return Written(findings.resolve_finding(actor=self.actor(), finding_id=finding_id, **data).id)


class FindingReopening(_FindingView):
    @extend_schema(
        operation_id="disclosure_findings_reopen", request=shapes.ReopeningInput, responses=shapes.FindingSerializer
    )
    def post(self, request: Request, finding_id: UUID) -> Written:
        """Take back a resolution, or a waiver before its day."""
        data = read_input(shapes.ReopeningInput, request)
        return Written(findings.reopen_finding(actor=self.actor(), finding_id=finding_id, **data).id)


class _WaiverView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return shapes.waiver(doors.waiver_for(self.actor(), resource_id)) if resource_id else None


class FindingWaiver(_WaiverView):
    @extend_schema(
        operation_id="disclosure_waivers_propose",
        request=shapes.WaiverInput,
        responses={201: shapes.WaiverSerializer},
    )
    def post(self, request: Request, finding_id: UUID) -> Written:
        """Propose to live with a finding until a day; a second person approves."""
        data = read_input(shapes.WaiverInput, request)
        return Written(waiving.propose_waiver(actor=self.actor(), finding_id=finding_id, **data).id, 201)


class Waivers(_WaiverView):
    @extend_schema(
        operation_id="disclosure_waivers_list",
        parameters=[*_PAGE, OpenApiParameter("state", str, enum=Waiver.State.values)],
        responses=shapes.WaiverPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Waivers, newest first."""
        access.require(self.actor(), "disclosure.read")
        rows = doors.waivers(self.actor().organisation_id)
        state = read_choice(request, "state", Waiver.State.values)
        return page_of(request, rows.filter(state=state) if state else rows, shapes.waiver)


class OneWaiver(_WaiverView):
    has_version = True

    @extend_schema(operation_id="disclosure_waivers_read", responses=shapes.WaiverSerializer)
    def get(self, request: Request, waiver_id: UUID) -> Response:
        """One waiver."""
        return Response(self.represent(waiver_id))


class WaiverApproval(_WaiverView):
    @extend_schema(operation_id="disclosure_waivers_approve", request=None, responses=shapes.WaiverSerializer)
    def post(self, request: Request, waiver_id: UUID) -> Written:
        """The second person's yes. 403 `own_proposal` for whoever proposed it."""
        return Written(waiving.approve_waiver(actor=self.actor(), waiver_id=waiver_id).id)


class WaiverRefusal(_WaiverView):
    @extend_schema(operation_id="disclosure_waivers_refuse", request=None, responses=shapes.WaiverSerializer)
    def post(self, request: Request, waiver_id: UUID) -> Written:
        """The second person's no."""
        return Written(waiving.refuse_waiver(actor=self.actor(), waiver_id=waiver_id).id)


class WaiverWithdrawal(_WaiverView):
    @extend_schema(operation_id="disclosure_waivers_withdraw", request=None, responses=shapes.WaiverSerializer)
    def post(self, request: Request, waiver_id: UUID) -> Written:
        """Whoever proposed takes it back."""
        return Written(waiving.withdraw_waiver(actor=self.actor(), waiver_id=waiver_id).id)


urlpatterns = [
    path("disclosure/findings", Findings.as_view()),
    path("disclosure/findings/<uuid:finding_id>", OneFinding.as_view()),
    path("disclosure/findings/<uuid:finding_id>/assignment", FindingAssignment.as_view()),
    path("disclosure/findings/<uuid:finding_id>/resolve", FindingResolution.as_view()),
    path("disclosure/findings/<uuid:finding_id>/reopen", FindingReopening.as_view()),
    path("disclosure/findings/<uuid:finding_id>/waiver", FindingWaiver.as_view()),
    path("disclosure/waivers", Waivers.as_view()),
    path("disclosure/waivers/<uuid:waiver_id>", OneWaiver.as_view()),
    path("disclosure/waivers/<uuid:waiver_id>/approval", WaiverApproval.as_view()),
    path("disclosure/waivers/<uuid:waiver_id>/refusal", WaiverRefusal.as_view()),
    path("disclosure/waivers/<uuid:waiver_id>/withdrawal", WaiverWithdrawal.as_view()),
]
