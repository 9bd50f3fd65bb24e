"""Schedules, their previews and versions, runs, and what waits for a person, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from compliance.errors import Invalid
from compliance.rest import OrganisationView, Written, page_of, read_input
from compliance.retention import operations
from compliance.retention import representations as shapes
from compliance.retention.models import RetentionReview
from compliance.retention.operations import reviewing, running, schedules

_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]


class Schedule(OrganisationView):
    has_version = True

    @extend_schema(operation_id="schedule_read", responses=shapes.ScheduleSerializer)
    def get(self, request: Request) -> Response:
        """The rules in force."""
        access.require(self.actor(), "retention.read")
        return Response(self.represent(None))

    @extend_schema(operation_id="schedule_set", request=shapes.ScheduleInput, responses=shapes.ScheduleSerializer)
    def put(self, request: Request) -> Written:
        """Save a new version of the rules. Where it would delete much it waits, as `proposed`, for a second person."""
        document = read_input(shapes.ScheduleInput, request)["document"]
        return Written(operations.set_schedule(actor=self.actor(), document=document).id)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any]:
        organisation_id = self.actor().organisation_id
        return shapes.schedule(
            *operations.current_schedule(organisation_id), schedules.proposed_version(organisation_id)
        )


class SchedulePreview(OrganisationView):
    @extend_schema(operation_id="schedule_preview", request=shapes.PreviewInput, responses=shapes.PreviewSerializer)
    def post(self, request: Request) -> Response:
        """What rules would do to what is here now; nothing is saved."""
        data = read_input(shapes.PreviewInput, request)
        after = data.get("after")
        found = operations.preview_schedule(actor=self.actor(), document=data["document"], after=after)
        return Response(shapes.preview(found, goes_on=after is not None))


class _VersionView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        rows = schedules.versions(self.actor().organisation_id)
        return shapes.schedule_version(rows.get(id=resource_id)) if resource_id else None


class ScheduleVersions(OrganisationView):
    @extend_schema(
        operation_id="schedule_versions_list", parameters=_PAGE, responses=shapes.ScheduleVersionPageSerializer
    )
    def get(self, request: Request) -> Response:
        """Every version of the rules, newest first, with what it would have deleted when it was saved."""
        access.require(self.actor(), "retention.read")
        return page_of(request, schedules.versions(self.actor().organisation_id), shapes.schedule_version)


class ScheduleApproval(_VersionView):
    @extend_schema(operation_id="schedule_approve", request=None, responses=shapes.ScheduleVersionSerializer)
    def post(self, request: Request, version: int) -> Written:
        """The second person's yes; what it would delete is counted again."""
        return Written(operations.approve_schedule(actor=self.actor(), version=version).id)


class ScheduleRejection(_VersionView):
    @extend_schema(operation_id="schedule_reject", request=None, responses=shapes.ScheduleVersionSerializer)
    def post(self, request: Request, version: int) -> Written:
        """The second person's no."""
        return Written(operations.reject_schedule(actor=self.actor(), version=version).id)


class ScheduleWithdrawal(_VersionView):
    @extend_schema(operation_id="schedule_withdraw", request=None, responses=shapes.ScheduleVersionSerializer)
    def post(self, request: Request, version: int) -> Written:
        """Whoever proposed takes it back."""
        return Written(operations.withdraw_schedule(actor=self.actor(), version=version).id)


class _RunView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return shapes.run(operations.run_for(self.actor(), resource_id)) if resource_id else None


class Runs(_RunView):
    @extend_schema(operation_id="runs_list", parameters=_PAGE, responses=shapes.RunPageSerializer)
    def get(self, request: Request) -> Response:
        """Each day's run, newest first."""
        access.require(self.actor(), "retention.read")
        return page_of(request, running.runs(self.actor().organisation_id), shapes.run)

    @extend_schema(operation_id="runs_start", request=None, responses={201: shapes.RunSerializer})
    def post(self, request: Request) -> Written:
        """Start the day's run by hand. Above its guard it stops, and another person decides."""
        return Written(operations.start_run(actor=self.actor()).id, 201)


class OneRun(_RunView):
    has_version = True

    @extend_schema(operation_id="runs_read", responses=shapes.RunSerializer)
    def get(self, request: Request, run_id: UUID) -> Response:
        """One run."""
        access.require(self.actor(), "retention.read")
        return Response(self.represent(run_id))


class RunApproval(_RunView):
    @extend_schema(operation_id="runs_approve", request=None, responses=shapes.RunSerializer)
    def post(self, request: Request, run_id: UUID) -> Written:
        """Let a run go on that stopped itself."""
        return Written(operations.approve_run(actor=self.actor(), run_id=run_id).id)


class RunRefusal(_RunView):
    @extend_schema(operation_id="runs_refuse", request=None, responses=shapes.RunSerializer)
    def post(self, request: Request, run_id: UUID) -> Written:
        """Nothing leaves today."""
        return Written(operations.refuse_run(actor=self.actor(), run_id=run_id).id)


class _ReviewView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        rows = reviewing.reviews(self.actor().organisation_id)
        return shapes.review(rows.get(id=resource_id)) if resource_id else None


class Reviews(_ReviewView):
    @extend_schema(
        operation_id="reviews_list",
        parameters=[*_PAGE, OpenApiParameter("state", str, enum=RetentionReview.State.values)],
        responses=shapes.ReviewPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """What is due and waits for a person, newest first."""
        access.require(self.actor(), "retention.read")
        rows = reviewing.reviews(self.actor().organisation_id)
        state = request.query_params.get("state")
        if state is not None and state not in RetentionReview.State.values:
            raise Invalid("No such state", errors={"state": [", ".join(RetentionReview.State.values)]})
        return page_of(request, rows.filter(state=state) if state else rows, shapes.review)


class ReviewExtension(_ReviewView):
    @extend_schema(operation_id="reviews_extend", request=shapes.ExtensionInput, responses=shapes.ReviewSerializer)
    def post(self, request: Request, review_id: UUID) -> Written:
        """Keep it for so many days more."""
        data = read_input(shapes.ExtensionInput, request)
        row = operations.extend_review(
            actor=self.actor(), review_id=review_id, days=data["days"], reason=data["reason"]
        )
        return Written(row.id)


class ReviewApproval(_ReviewView):
    @extend_schema(operation_id="reviews_approve", request=None, responses=shapes.ReviewSerializer)
    def post(self, request: Request, review_id: UUID) -> Written:
        """It may go."""
        return Written(operations.approve_review(actor=self.actor(), review_id=review_id).id)


urlpatterns = [
    path("retention-schedule", Schedule.as_view()),
    path("retention/schedules", ScheduleVersions.as_view()),
    path("retention/schedules/preview", SchedulePreview.as_view()),
    path("retention/schedules/<int:version>/approval", ScheduleApproval.as_view()),
    path("retention/schedules/<int:version>/rejection", ScheduleRejection.as_view()),
    path("retention/schedules/<int:version>/withdrawal", ScheduleWithdrawal.as_view()),
    path("retention/runs", Runs.as_view()),
    path("retention/runs/<uuid:run_id>", OneRun.as_view()),
    path("retention/runs/<uuid:run_id>/approval", RunApproval.as_view()),
    path("retention/runs/<uuid:run_id>/refusal", RunRefusal.as_view()),
    path("retention/reviews", Reviews.as_view()),
    path("retention/reviews/<uuid:review_id>/extension", ReviewExtension.as_view()),
    path("retention/reviews/<uuid:review_id>/approval", ReviewApproval.as_view()),
]
