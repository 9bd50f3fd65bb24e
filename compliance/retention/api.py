"""Holds, schedules and deletion debt over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from compliance.recordings import access as register
from compliance.recordings.states import LocationState
from compliance.rest import OrganisationView, Written, page_of, read_input
from compliance.retention import debt, holds, operations
from compliance.retention import representations as shapes

_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]


class _HoldView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return shapes.hold(operations.hold_for(self.actor(), resource_id)) if resource_id else None


class Holds(_HoldView):
    @extend_schema(operation_id="holds_list", parameters=_PAGE, responses=shapes.HoldPageSerializer)
    def get(self, request: Request) -> Response:
        """Legal holds, newest first."""
        access.require(self.actor(), "retention.read")
        return page_of(request, holds.holds_of(self.actor().organisation_id), shapes.hold)

    @extend_schema(operation_id="holds_place", request=shapes.HoldInput, responses={201: shapes.HoldSerializer})
    def post(self, request: Request) -> Written:
        """Forbid disposal of calls; what was already going or gone is told per call."""
        data = read_input(shapes.HoldInput, request)
        hold = operations.place_hold(
            actor=self.actor(), matter=data["matter"], reason=data["reason"], call_ids=data["calls"]
        )
        return Written(hold.id, 201)


class OneHold(_HoldView):
    has_version = True

    @extend_schema(operation_id="holds_read", responses=shapes.HoldSerializer)
    def get(self, request: Request, hold_id: UUID) -> Response:
        """One hold with its calls."""
        access.require(self.actor(), "retention.read")
        return Response(shapes.hold(operations.hold_for(self.actor(), hold_id)))


class ReleaseProposal(_HoldView):
    @extend_schema(operation_id="holds_propose_release", request=None, responses=shapes.HoldSerializer)
    def post(self, request: Request, hold_id: UUID) -> Written:
        """First half of a release."""
        return Written(operations.propose_release(actor=self.actor(), hold_id=hold_id).id)


class Release(_HoldView):
    @extend_schema(operation_id="holds_release", request=None, responses=shapes.HoldSerializer)
    def post(self, request: Request, hold_id: UUID) -> Written:
        """Second half, by somebody else; what waited goes on."""
        return Written(operations.approve_release(actor=self.actor(), hold_id=hold_id).id)


class Schedule(OrganisationView):
    has_version = True

    @extend_schema(operation_id="schedule_read", responses=shapes.ScheduleSerializer)
    def get(self, request: Request) -> Response:
        """The rules in force."""
        access.require(self.actor(), "retention.read")
        return Response(self.represent(None))

    @extend_schema(operation_id="schedule_set", request=shapes.ScheduleInput, responses=shapes.ScheduleSerializer)
    def put(self, request: Request) -> Written:
        """A new version of the rules; every artifact gets its date anew."""
        document = read_input(shapes.ScheduleInput, request)["document"]
        return Written(operations.set_schedule(actor=self.actor(), document=document).id)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any]:
        return shapes.schedule(*operations.current_schedule(self.actor().organisation_id))


class DeletionDebt(OrganisationView):
    @extend_schema(operation_id="deletion_debt_list", parameters=_PAGE, responses=shapes.DebtPageSerializer)
    def get(self, request: Request) -> Response:
        """Places that were asked to delete and are not proven empty yet."""
        access.require(self.actor(), "retention.read")
        rows = register.locations(self.actor().organisation_id).filter(
            state__in=[LocationState.ASKED, LocationState.REFUSED]
        )
        return page_of(request, rows, shapes.debt)


class LocationCheck(OrganisationView):
    asks_others = True

    @extend_schema(operation_id="locations_check", request=None, responses=shapes.CheckedLocationSerializer)
    def post(self, request: Request, location_id: UUID) -> Response:
        """Ask the platform's address now."""
        is_gone = debt.check_location(actor=self.actor(), location_id=location_id)
        return Response({"id": str(location_id), "is_gone": is_gone})


class LocationAttestation(OrganisationView):
    @extend_schema(operation_id="locations_attest", request=shapes.EvidenceInput, responses=shapes.DebtSerializer)
    def post(self, request: Request, location_id: UUID) -> Written:
        """State, with evidence, that a place without an address of its own is empty."""
        debt.attest_gone(
            actor=self.actor(), location_id=location_id, evidence=read_input(shapes.EvidenceInput, request)["evidence"]
        )
        return Written(location_id)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        rows = register.locations(self.actor().organisation_id)
        return shapes.debt(rows.get(id=resource_id)) if resource_id else None


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
