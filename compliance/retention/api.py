"""Holds, schedules and deletion debt over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from compliance.recordings import access as register
from compliance.recordings.states import LocationState
from compliance.rest import OrganisationView, StrictSerializer, Written, page_of, read_input
from compliance.retention import debt, operations, rules
from compliance.retention.models import HoldItem, LegalHold

_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]


class HoldInput(StrictSerializer):
    matter = serializers.CharField(max_length=200, help_text="reference of the matter; no names of callers")
    reason = serializers.CharField(max_length=4000)
    calls = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=operations.MAX_HOLD_CALLS)


class ScheduleInput(StrictSerializer):
    document = serializers.JSONField()


class EvidenceInput(StrictSerializer):
    evidence = serializers.CharField(max_length=4000)


class _HoldView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return render_hold(operations.hold_for(self.actor(), resource_id)) if resource_id else None


class Holds(_HoldView):
    @extend_schema(operation_id="holds_list", parameters=_PAGE, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Legal holds, newest first."""
        access.require(self.actor(), "retention.read")
        return page_of(request, LegalHold.objects.for_organisation(self.actor().organisation_id), render_hold)

    @extend_schema(operation_id="holds_place", request=HoldInput, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Written:
        """Forbid disposal of calls; what was already going or gone is told per call."""
        data = read_input(HoldInput, request)
        hold = operations.place_hold(
            actor=self.actor(), matter=data["matter"], reason=data["reason"], call_ids=data["calls"]
        )
        return Written(hold.id, 201)


class OneHold(_HoldView):
    @extend_schema(operation_id="holds_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, hold_id: UUID) -> Response:
        """One hold with its calls."""
        access.require(self.actor(), "retention.read")
        return Response(render_hold(operations.hold_for(self.actor(), hold_id)))


class ReleaseProposal(_HoldView):
    @extend_schema(operation_id="holds_propose_release", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, hold_id: UUID) -> Written:
        """First half of a release."""
        return Written(operations.propose_release(actor=self.actor(), hold_id=hold_id).id)


class Release(_HoldView):
    @extend_schema(operation_id="holds_release", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, hold_id: UUID) -> Written:
        """Second half, by somebody else; what waited goes on."""
        return Written(operations.approve_release(actor=self.actor(), hold_id=hold_id).id)


class Schedule(OrganisationView):
    @extend_schema(operation_id="schedule_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The rules in force."""
        access.require(self.actor(), "retention.read")
        return Response(self.represent(None))

    @extend_schema(operation_id="schedule_set", request=ScheduleInput, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request) -> Written:
        """A new version of the rules; every artifact gets its date anew."""
        document = read_input(ScheduleInput, request)["document"]
        return Written(operations.set_schedule(actor=self.actor(), document=document).id)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any]:
        version, schedule = operations.current_schedule(self.actor().organisation_id)
        return {"version": version, "document": rules.to_document(schedule)}


class DeletionDebt(OrganisationView):
    @extend_schema(operation_id="deletion_debt_list", parameters=_PAGE, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Places that were asked to delete and are not proven empty yet."""
        access.require(self.actor(), "retention.read")
        rows = register.locations(self.actor().organisation_id).filter(
            state__in=[LocationState.ASKED, LocationState.REFUSED]
        )
        return page_of(request, rows, render_location)


class LocationCheck(OrganisationView):
    @extend_schema(operation_id="locations_check", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, location_id: UUID) -> Response:
        """Ask the platform's address now."""
        is_gone = debt.check_location(actor=self.actor(), location_id=location_id)
        return Response({"id": str(location_id), "is_gone": is_gone})


class LocationAttestation(OrganisationView):
    @extend_schema(operation_id="locations_attest", request=EvidenceInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, location_id: UUID) -> Written:
        """State, with evidence, that a place without an address of its own is empty."""
        debt.attest_gone(
            actor=self.actor(), location_id=location_id, evidence=read_input(EvidenceInput, request)["evidence"]
        )
        return Written(location_id)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        rows = register.locations(self.actor().organisation_id)
        return render_location(rows.get(id=resource_id)) if resource_id else None


def render_hold(hold: LegalHold) -> dict[str, Any]:
    """A hold for programs; its reason stays sealed."""
    items = HoldItem.objects.for_organisation(hold.organisation_id).filter(hold=hold)
    return {
        "id": str(hold.id),
        "matter": hold.matter,
        "state": hold.state,
        "placed_by": hold.placed_by,
        "placed_at": hold.placed_at.isoformat(),
        "release_proposed_by": hold.release_proposed_by or None,
        "released_by": hold.released_by or None,
        "calls": [{"call": str(item.call_id), "result": item.result} for item in items],
    }


def render_location(location: Any) -> dict[str, Any]:
    """A place with its state and proof."""
    return {
        "id": str(location.id),
        "artifact": str(location.artifact_id),
        "place": location.place,
        "name": location.name,
        "state": location.state,
        "proof": location.proof,
        "expected_gone_on": location.expected_gone_on.isoformat() if location.expected_gone_on else None,
    }


urlpatterns = [
    path("holds", Holds.as_view()),
    path("holds/<uuid:hold_id>", OneHold.as_view()),
    path("holds/<uuid:hold_id>/release-proposal", ReleaseProposal.as_view()),
    path("holds/<uuid:hold_id>/release", Release.as_view()),
    path("retention-schedule", Schedule.as_view()),
    path("deletion-debt", DeletionDebt.as_view()),
    path("locations/<uuid:location_id>/check", LocationCheck.as_view()),
    path("locations/<uuid:location_id>/attestation", LocationAttestation.as_view()),
]
