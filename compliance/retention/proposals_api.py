"""Proposals to dispose of calls that were recorded against their caller's word, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from compliance.rest import OrganisationView, StrictSerializer, Written, page_of, read_choice, read_id, read_input
from compliance.retention.models import DisposalProposal
from compliance.retention.operations import proposals


class DismissalInput(StrictSerializer):
    code = serializers.ChoiceField(list(proposals.DISMISSALS))


class DisposalProposalSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    call = serializers.UUIDField()
    ground = serializers.ChoiceField([ground.value for ground in proposals.GROUNDS])
    cause = serializers.UUIDField(help_text="the finding or audit that says so; the call, where its platform says so")
    state = serializers.ChoiceField(DisposalProposal.State.choices)
    opened_at = serializers.DateTimeField()
    proposed_by = serializers.CharField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    code = serializers.CharField(help_text="why it was dismissed")


class DisposalProposalPageSerializer(serializers.Serializer[Any]):
    results = DisposalProposalSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class _ProposalView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return represent_proposal(proposals.proposal_for(self.actor(), resource_id)) if resource_id else None


class DisposalProposals(_ProposalView):
    @extend_schema(
        operation_id="disposal_proposals_list",
        parameters=[
            OpenApiParameter("state", str),
            OpenApiParameter("ground", str),
            OpenApiParameter("call", UUID),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int),
        ],
        responses=DisposalProposalPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Calls that should go because somebody did not want to be recorded, newest first."""
        access.require(self.actor(), "retention.read")
        rows = proposals.proposals_of(self.actor().organisation_id)
        exact = {
            "state": read_choice(request, "state", DisposalProposal.State.values),
            "ground": read_choice(request, "ground", [ground.value for ground in proposals.GROUNDS]),
        }
        rows = rows.filter(**{name: value for name, value in exact.items() if value})
        call = request.query_params.get("call")
        return page_of(request, rows.filter(call_id=read_id(call)) if call else rows, represent_proposal)


class OneDisposalProposal(_ProposalView):
    has_version = True

    @extend_schema(operation_id="disposal_proposals_read", responses=DisposalProposalSerializer)
    def get(self, request: Request, proposal_id: UUID) -> Response:
        """One proposal."""
        return Response(represent_proposal(proposals.proposal_for(self.actor(), proposal_id)))


class ProposalDecision(_ProposalView):
    @extend_schema(operation_id="disposal_proposals_propose", request=None, responses=DisposalProposalSerializer)
    def post(self, request: Request, proposal_id: UUID) -> Written:
        """An officer's half: the call should go."""
        return Written(proposals.propose_disposal(actor=self.actor(), proposal_id=proposal_id).id)


class ProposalApproval(_ProposalView):
    @extend_schema(operation_id="disposal_proposals_approve", request=None, responses=DisposalProposalSerializer)
    def post(self, request: Request, proposal_id: UUID) -> Written:
        """The second half, by somebody else: the call goes. 409 `held` under a legal hold."""
        return Written(proposals.approve_proposal(actor=self.actor(), proposal_id=proposal_id).id)


class ProposalDismissal(_ProposalView):
    @extend_schema(
        operation_id="disposal_proposals_dismiss", request=DismissalInput, responses=DisposalProposalSerializer
    )
    def post(self, request: Request, proposal_id: UUID) -> Written:
        """The call stays, for a coded reason."""
        code = read_input(DismissalInput, request)["code"]
        return Written(proposals.dismiss_proposal(actor=self.actor(), proposal_id=proposal_id, code=code).id)


def represent_proposal(row: DisposalProposal) -> dict[str, Any]:
    """A proposal for programs."""
    return {
        "id": str(row.id),
        "call": str(row.call_id),
        "ground": row.ground,
        "cause": str(row.cause),
        "state": row.state,
        "opened_at": row.opened_at.isoformat(),
        "proposed_by": row.proposed_by or None,
        "decided_by": row.decided_by or None,
        "decided_at": row.decided_at.isoformat() if row.decided_at else None,
        "code": row.code,
    }


urlpatterns = [
    path("disposal-proposals", DisposalProposals.as_view()),
    path("disposal-proposals/<uuid:proposal_id>", OneDisposalProposal.as_view()),
    path("disposal-proposals/<uuid:proposal_id>/proposal", ProposalDecision.as_view()),
    path("disposal-proposals/<uuid:proposal_id>/approval", ProposalApproval.as_view()),
    path("disposal-proposals/<uuid:proposal_id>/dismissal", ProposalDismissal.as_view()),
]
