"""/api/v1/reconciliation: runs, findings, and the two halves of a repair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from compliance.reconciliation import access, operations, report
from compliance.reconciliation import representations as shapes
from compliance.reconciliation.models import Finding
from compliance.reconciliation.rules.kinds import Kind
from compliance.rest import OrganisationView, Written, page_of, read_input
from compliance.rest.inputs import read_choice, read_id

_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]
_FILTERS = [
    OpenApiParameter("kind", str, enum=[one.value for one in Kind]),
    OpenApiParameter("state", str, enum=Finding.State.values),
    OpenApiParameter("run", OpenApiTypes.UUID, description="the last run that saw it"),
    OpenApiParameter("artifact", OpenApiTypes.UUID),
]


class _RunView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return shapes.run(access.run_of(self.actor().organisation_id, resource_id)) if resource_id else None


class _FindingView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return shapes.finding(access.finding_of(self.actor().organisation_id, resource_id)) if resource_id else None


class Runs(_RunView):
    @extend_schema(
        operation_id="reconciliation_runs_list", parameters=_PAGE, responses=shapes.ReconciliationRunPageSerializer
    )
    def get(self, request: Request) -> Response:
        """Runs, newest first."""
        rights.require(self.actor(), "reconciliation.read")
        return page_of(request, access.runs(self.actor().organisation_id), shapes.run)

    @extend_schema(
        operation_id="reconciliation_runs_start", request=None, responses={202: shapes.ReconciliationRunSerializer}
    )
    def post(self, request: Request) -> Written:
        """Compare everything now; 409 while a run is under way."""
        return Written(operations.start_run(actor=self.actor()).id, 202)


class OneRun(_RunView):
    @extend_schema(operation_id="reconciliation_runs_read", responses=shapes.ReconciliationRunSerializer)
    def get(self, request: Request, run_id: UUID) -> Response:
        """One run."""
        rights.require(self.actor(), "reconciliation.read")
        return Response(self.represent(run_id))


class Continuation(_RunView):
    @extend_schema(
        operation_id="reconciliation_runs_continue", request=None, responses=shapes.ReconciliationRunSerializer
    )
    def post(self, request: Request, run_id: UUID) -> Written:
        """Let a run go on that stopped because it found too much of one kind. It still changes nothing."""
        return Written(operations.continue_run(actor=self.actor(), run_id=run_id).id)


class Report(OrganisationView):
    @extend_schema(operation_id="reconciliation_runs_report", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, run_id: UUID) -> HttpResponse:
        """The signed report, byte for byte, as `python -m audit.verify` takes it."""
        document = report.open_report(actor=self.actor(), run_id=run_id)
        return HttpResponse(document, content_type="application/json")


class Findings(OrganisationView):
    @extend_schema(
        operation_id="reconciliation_findings_list",
        parameters=[*_PAGE, *_FILTERS],
        responses=shapes.DiscrepancyPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Findings, newest first."""
        rights.require(self.actor(), "reconciliation.read")
        rows = access.findings(self.actor().organisation_id)
        chosen = {
            "kind": read_choice(request, "kind", [one.value for one in Kind]),
            "state": read_choice(request, "state", Finding.State.values),
        }
        for name, column in (("run", "last_run_id"), ("artifact", "artifact_id")):
            text = request.query_params.get(name)
            chosen[column] = str(read_id(text)) if text is not None else None
        rows = rows.filter(**{name: value for name, value in chosen.items() if value is not None})
        return page_of(request, rows, shapes.finding)


class OneFinding(_FindingView):
    @extend_schema(operation_id="reconciliation_findings_read", responses=shapes.DiscrepancySerializer)
    def get(self, request: Request, finding_id: UUID) -> Response:
        """One finding."""
        rights.require(self.actor(), "reconciliation.read")
        return Response(self.represent(finding_id))


class RepairProposal(_FindingView):
    @extend_schema(
        operation_id="reconciliation_findings_propose_repair", request=None, responses=shapes.DiscrepancySerializer
    )
    def post(self, request: Request, finding_id: UUID) -> Written:
        """First half of a repair."""
        return Written(operations.propose_repair(actor=self.actor(), finding_id=finding_id).id)


class RepairApproval(_FindingView):
    @extend_schema(
        operation_id="reconciliation_findings_approve_repair",
        request=None,
        responses={202: shapes.DiscrepancySerializer},
    )
    def post(self, request: Request, finding_id: UUID) -> Written:
        """Second half, by somebody else; a job carries it out."""
        return Written(operations.approve_repair(actor=self.actor(), finding_id=finding_id).id, 202)


class Dismissal(_FindingView):
    @extend_schema(
        operation_id="reconciliation_findings_dismiss",
        request=shapes.DiscrepancyDismissalInput,
        responses=shapes.DiscrepancySerializer,
    )
    def post(self, request: Request, finding_id: UUID) -> Written:
        """Leave it as it is, for a coded reason."""
        code = read_input(shapes.DiscrepancyDismissalInput, request)["code"]
        return Written(operations.dismiss_finding(actor=self.actor(), finding_id=finding_id, code=code).id)


urlpatterns = [
    path("reconciliation/runs", Runs.as_view()),
    path("reconciliation/runs/<uuid:run_id>", OneRun.as_view()),
    path("reconciliation/runs/<uuid:run_id>/continue", Continuation.as_view()),
    path("reconciliation/runs/<uuid:run_id>/report", Report.as_view()),
    path("reconciliation/findings", Findings.as_view()),
    path("reconciliation/findings/<uuid:finding_id>", OneFinding.as_view()),
    path("reconciliation/findings/<uuid:finding_id>/propose-repair", RepairProposal.as_view()),
    path("reconciliation/findings/<uuid:finding_id>/approve-repair", RepairApproval.as_view()),
    path("reconciliation/findings/<uuid:finding_id>/dismiss", Dismissal.as_view()),
]
