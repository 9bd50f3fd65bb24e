"""Requests over HTTP: receive, verify, plan, approve, answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from compliance import law
from compliance.dsr import access, certificate, notices
from compliance.dsr import representations as shapes
from compliance.dsr.downloads import stream_package
from compliance.dsr.operations import deciding, delivering, planning, receiving, verifying
from compliance.dsr.states import Decision, Ground, Reason, State
from compliance.errors import Invalid
from compliance.recordings.identifiers import IdentifierKind
from compliance.rest import PROBLEM_JSON, OrganisationView, Written, page_of, problem, read_choice, read_input

_LIST = [
    OpenApiParameter("state", str, enum=[state.value for state in State]),
    OpenApiParameter("cursor", str),
    OpenApiParameter("limit", int),
]


class _RequestView(OrganisationView):
    """Every write answers with the request as it stands now."""

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        if resource_id is None:
            return None
        return shapes.request(access.request_for(self.actor(), resource_id))


class Requests(_RequestView):
    @extend_schema(operation_id="requests_list", parameters=_LIST, responses=shapes.RequestPageSerializer)
    def get(self, request: Request) -> Response:
        """Requests, newest first."""
        rights.require(self.actor(), "dsr.read")
        rows = access.requests(self.actor().organisation_id)
        if state := read_choice(request, "state", State):
            rows = rows.filter(state=state)
        return page_of(request, rows, shapes.request)

    @extend_schema(
        operation_id="requests_receive", request=shapes.RequestInput, responses={201: shapes.RequestSerializer}
    )
    def post(self, request: Request) -> Written:
        """Open a request; its dates are in the answer, each with its rule."""
        data = read_input(shapes.RequestInput, request)
        new = receiving.NewRequest(
            rights=[law.Right(right) for right in data["rights"]],
            identities=[(IdentifierKind(item["kind"]), item["value"]) for item in data["identities"]],
            regime=data["regime"],
            place=data["place"],
            person=access.Person(**(data.get("person") or {})),
            received_at=data.get("received_at"),
        )
        return Written(receiving.receive_request(actor=self.actor(), new=new).id, 201)


class OneRequest(_RequestView):
    has_version = True

    @extend_schema(operation_id="requests_read", responses=shapes.RequestSerializer)
    def get(self, request: Request, request_id: UUID) -> Response:
        """One request: state, dates and why, identities (without values), what is open."""
        return Response(shapes.request(access.request_for(self.actor(), request_id)))


class Codes(_RequestView):
    @extend_schema(
        operation_id="requests_send_code", request=shapes.CodeInput, responses={202: shapes.RequestSerializer}
    )
    def post(self, request: Request, request_id: UUID) -> Written:
        """Send a one-time code to a claimed address that the register knows."""
        claim = read_input(shapes.CodeInput, request)["claim"]
        verifying.send_code(actor=self.actor(), request_id=request_id, claim_id=claim)
        return Written(request_id, 202)


class Verification(_RequestView):
    @extend_schema(operation_id="requests_verify", request=shapes.VerifyInput, responses=shapes.RequestSerializer)
    def post(self, request: Request, request_id: UUID) -> Written | Response:
        """Prove the identity by a code, or (an officer) by evidence in words. A wrong code costs a try."""
        data = read_input(shapes.VerifyInput, request)
        if ("code" in data) == ("evidence" in data):
            raise Invalid("Give a code or evidence", errors={"code": ["Exactly one of code and evidence."]})
        if "evidence" in data:
            verifying.verify_by_officer(actor=self.actor(), request_id=request_id, evidence=data["evidence"])
            return Written(request_id)
        try:
            verifying.verify_identity(actor=self.actor(), request_id=request_id, code=data["code"])
        except verifying.CodeRefused as refusal:
            # Answered, not raised: the try that it cost must be committed.
            body = problem(refusal.status, refusal.code, refusal.title)
            return Response(body, status=refusal.status, content_type=PROBLEM_JSON)
        return Written(request_id)


class Plan(OrganisationView):
    @extend_schema(operation_id="requests_plan", responses=shapes.PlanSerializer)
    def get(self, request: Request, request_id: UUID) -> Response:
        """What is to happen with each artifact, and why."""
        found = access.request_for(self.actor(), request_id)
        items = access.plan_of(found)
        body = {
            "plan_digest": found.plan_digest or planning.digest_of(items),
            "is_proposed": found.proposed_at is not None,
            "calls": len({item.call_id for item in items}),
            "items": [shapes.plan_item(item) for item in items],
        }
        return Response(body)


class PlanDecision(_RequestView):
    @extend_schema(operation_id="requests_decide", request=shapes.DecisionInput, responses=shapes.RequestSerializer)
    def put(self, request: Request, item_id: UUID) -> Written:
        """Change the decision on one artifact, with its ground."""
        data = read_input(shapes.DecisionInput, request)
        ground = Ground(data["ground"]) if data["ground"] else None
        item = planning.set_decision(
            actor=self.actor(), item_id=item_id, decision=Decision(data["decision"]), ground=ground
        )
        return Written(item.request_id)


class Proposal(_RequestView):
    @extend_schema(operation_id="requests_propose", request=None, responses=shapes.RequestSerializer)
    def post(self, request: Request, request_id: UUID) -> Written:
        """Freeze the plan and put it before a second person."""
        deciding.propose_plan(actor=self.actor(), request_id=request_id)
        return Written(request_id)

    @extend_schema(operation_id="requests_withdraw_proposal", responses={200: shapes.RequestSerializer})
    def delete(self, request: Request, request_id: UUID) -> Written:
        """Take the plan back while nothing of it is done."""
        deciding.withdraw_proposal(actor=self.actor(), request_id=request_id)
        return Written(request_id)


class Approval(_RequestView):
    @extend_schema(operation_id="requests_approve", request=shapes.ApproveInput, responses=shapes.RequestSerializer)
    def post(self, request: Request, request_id: UUID) -> Written:
        """Approve exactly the proposed plan; never one's own proposal."""
        digest = read_input(shapes.ApproveInput, request)["plan_digest"]
        deciding.approve_request(actor=self.actor(), request_id=request_id, plan_digest=digest)
        return Written(request_id)


class Denial(_RequestView):
    @extend_schema(operation_id="requests_deny", request=shapes.DenyInput, responses=shapes.RequestSerializer)
    def post(self, request: Request, request_id: UUID) -> Written:
        """Refuse, with a coded reason and an explanation to the person."""
        data = read_input(shapes.DenyInput, request)
        deciding.deny_request(
            actor=self.actor(), request_id=request_id, reason=Reason(data["reason"]), explanation=data["explanation"]
        )
        return Written(request_id)


class Revocation(_RequestView):
    @extend_schema(operation_id="requests_revoke", request=None, responses=shapes.RequestSerializer)
    def post(self, request: Request, request_id: UUID) -> Written:
        """The person withdrew the request."""
        deciding.revoke_request(actor=self.actor(), request_id=request_id)
        return Written(request_id)


class Letters(OrganisationView):
    @extend_schema(operation_id="requests_letters", responses=shapes.LettersSerializer)
    def get(self, request: Request, request_id: UUID) -> Response:
        """Letters of a request, without their words."""
        rows = access.letters_of(access.request_for(self.actor(), request_id))
        return Response({"results": [shapes.letter(row) for row in rows]})


class OneLetter(OrganisationView):
    @extend_schema(operation_id="letters_read", responses=shapes.OpenedLetterSerializer)
    def get(self, request: Request, letter_id: UUID) -> Response:
        """The words of a letter in the outbox (officers only; an entry)."""
        letter = notices.open_letter(actor=self.actor(), letter_id=letter_id)
        return Response({"template": letter.template, "to": letter.to, "subject": letter.subject, "body": letter.body})


class PackageDownload(OrganisationView):
    @extend_schema(operation_id="requests_package", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, request_id: UUID) -> StreamingHttpResponse:
        """The access package, for an officer who hands it over by another way (an entry)."""
        return stream_package(delivering.hand_over(actor=self.actor(), request_id=request_id))


class CertificateDownload(OrganisationView):
    @extend_schema(operation_id="requests_certificate", responses=shapes.StatementSerializer)
    def get(self, request: Request, request_id: UUID, number: int) -> HttpResponse:
        """The signed statement: check it with `python -m audit.verify`."""
        data = certificate.open_certificate(actor=self.actor(), request_id=request_id, number=number)
        return HttpResponse(data, content_type="application/json")


class CertificatePdf(OrganisationView):
    @extend_schema(operation_id="requests_certificate_pdf", responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, request_id: UUID, number: int) -> HttpResponse:
        """The same for people, as PDF/A."""
        data = certificate.open_certificate(actor=self.actor(), request_id=request_id, number=number, as_pdf=True)
        return HttpResponse(data, content_type="application/pdf")


urlpatterns = [
    path("requests", Requests.as_view()),
    path("requests/<uuid:request_id>", OneRequest.as_view()),
    path("requests/<uuid:request_id>/codes", Codes.as_view()),
    path("requests/<uuid:request_id>/verification", Verification.as_view()),
    path("requests/<uuid:request_id>/plan", Plan.as_view()),
    path("requests/<uuid:request_id>/proposal", Proposal.as_view()),
    path("requests/<uuid:request_id>/approval", Approval.as_view()),
    path("requests/<uuid:request_id>/denial", Denial.as_view()),
    path("requests/<uuid:request_id>/revocation", Revocation.as_view()),
    path("requests/<uuid:request_id>/letters", Letters.as_view()),
    path("requests/<uuid:request_id>/package", PackageDownload.as_view()),
    path("requests/<uuid:request_id>/certificates/<int:number>", CertificateDownload.as_view()),
    path("requests/<uuid:request_id>/certificates/<int:number>.pdf", CertificatePdf.as_view()),
    path("plan-items/<uuid:item_id>", PlanDecision.as_view()),
    path("letters/<uuid:letter_id>", OneLetter.as_view()),
]
