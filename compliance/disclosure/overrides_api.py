"""Overrides of the law table over HTTP: everybody reads them, officers set them, a second person lets loose ones in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from compliance.disclosure import override_shapes as shapes
from compliance.disclosure import standing
from compliance.disclosure.models import JurisdictionOverride
from compliance.disclosure.operations import overrides
from compliance.disclosure.operations.overrides import NewOverride
from compliance.rest import OrganisationView, Written, page_of, read_choice, read_input


class _OverrideView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return shapes.override(standing.override_for(self.actor(), resource_id)) if resource_id else None


class Overrides(_OverrideView):
    @extend_schema(
        operation_id="disclosure_overrides_list",
        parameters=[
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int),
            OpenApiParameter("state", str, enum=JurisdictionOverride.State.values),
        ],
        responses=shapes.OverridePageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Every override, newest first, ended ones included."""
        actor = self.actor()
        access.require(actor, "disclosure.read")
        rows = standing.overrides(actor.organisation_id)
        state = read_choice(request, "state", JurisdictionOverride.State.values)
        return page_of(request, rows.filter(state=state) if state else rows, shapes.override)

    @extend_schema(
        operation_id="disclosure_overrides_set",
        request=shapes.OverrideInput,
        responses={201: shapes.OverrideSerializer},
    )
    def post(self, request: Request) -> Written:
        """Decide otherwise than the table. What asks for less anywhere waits, as `proposed`, for a second person."""
        data = read_input(shapes.OverrideInput, request)
        new = NewOverride(data["code"], data["class"], data["purpose"], data["reason"], data.get("until"))
        return Written(overrides.set_override(actor=self.actor(), new=new).id, 201)


class OneOverride(_OverrideView):
    @extend_schema(operation_id="disclosure_overrides_read", responses=shapes.OverrideSerializer)
    def get(self, request: Request, override_id: UUID) -> Response:
        """One override."""
        return Response(self.represent(override_id))


class OverrideRemoval(_OverrideView):
    @extend_schema(operation_id="disclosure_overrides_remove", request=None, responses=shapes.OverrideSerializer)
    def post(self, request: Request, override_id: UUID) -> Written:
        """Let the table decide again; where that asks for less, once a second person agrees."""
        return Written(overrides.remove_override(actor=self.actor(), override_id=override_id).id)


class OverrideApproval(_OverrideView):
    @extend_schema(operation_id="disclosure_overrides_approve", request=None, responses=shapes.OverrideSerializer)
    def post(self, request: Request, override_id: UUID) -> Written:
        """The second person's yes, to an override or to its removal."""
        return Written(overrides.approve_override(actor=self.actor(), override_id=override_id).id)


class OverrideRejection(_OverrideView):
    @extend_schema(operation_id="disclosure_overrides_reject", request=None, responses=shapes.OverrideSerializer)
    def post(self, request: Request, override_id: UUID) -> Written:
        """The second person's no, or the proposer's own."""
        return Written(overrides.reject_override(actor=self.actor(), override_id=override_id).id)


urlpatterns = [
    path("disclosure/overrides", Overrides.as_view()),
    path("disclosure/overrides/<uuid:override_id>", OneOverride.as_view()),
    path("disclosure/overrides/<uuid:override_id>/removal", OverrideRemoval.as_view()),
    path("disclosure/overrides/<uuid:override_id>/approval", OverrideApproval.as_view()),
    path("disclosure/overrides/<uuid:override_id>/rejection", OverrideRejection.as_view()),
]
