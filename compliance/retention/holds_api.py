"""Legal holds over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from compliance.connectors import access as connectors
from compliance.recordings import call_filters
from compliance.rest import OrganisationView, StrictSerializer, Written, page_of, read_choice, read_id, read_input
from compliance.retention import holds, operations
from compliance.retention.holds import HoldQuery
from compliance.retention.models import HoldItem, LegalHold

_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]
_SHOWN = 100
"""So many calls stand with a hold; all of them have a list of their own."""


class CoverageInput(StrictSerializer):
    """What a hold covers: exactly one of these."""

    calls = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=holds.MOST_CALLS, required=False
    )
    subject = serializers.UUIDField(required=False, help_text="a person: all their calls, later ones too")
    agent = serializers.CharField(
        required=False, max_length=200, help_text="our id or the platform's: all its calls, later ones too"
    )
    filter = serializers.DictField(
        child=serializers.CharField(max_length=200),
        required=False,
        help_text=f"frozen to the calls that match now; of: {', '.join(call_filters.NAMES)}",
    )


class HoldInput(CoverageInput):
    matter = serializers.CharField(max_length=200, help_text="reference of the matter; no names of callers")
    reason = serializers.CharField(max_length=4000)


class MoreCallsInput(StrictSerializer):
    calls = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=holds.BATCH)


class HeldCallSerializer(serializers.Serializer[Any]):
    call = serializers.UUIDField()
    result = serializers.ChoiceField(
        [holds.HELD, holds.TOO_LATE, holds.GONE], help_text="too_late: its erasure had begun"
    )
    artifacts = serializers.DictField(
        child=serializers.ChoiceField(list(holds.RESULTS)), help_text="what the hold found of each artifact"
    )


class HoldSerializer(serializers.Serializer[Any]):
    """A hold; its reason stays sealed."""

    id = serializers.UUIDField()
    matter = serializers.CharField()
    state = serializers.ChoiceField(LegalHold.State.choices)
    scope = serializers.ChoiceField(["calls", "subject", "agent", "filter"])
    covers_later_calls = serializers.BooleanField()
    is_complete = serializers.BooleanField(help_text="whether every call has its line; all are covered already")
    placed_by = serializers.CharField()
    placed_at = serializers.DateTimeField()
    release_proposed_by = serializers.CharField(allow_null=True)
    released_by = serializers.CharField(allow_null=True)
    calls = HeldCallSerializer(many=True, help_text=f"the first {_SHOWN}; all of them: `/holds/{{id}}/calls`")


class HoldPageSerializer(serializers.Serializer[Any]):
    results = HoldSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class HeldCallPageSerializer(serializers.Serializer[Any]):
    results = HeldCallSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class HoldPreviewSerializer(serializers.Serializer[Any]):
    calls = serializers.IntegerField()
    held = serializers.IntegerField(help_text="calls that would be kept")
    too_late = serializers.IntegerField(help_text="calls whose erasure has begun")
    gone = serializers.IntegerField()
    artifacts = serializers.IntegerField(help_text="that would be kept, with bytes of ours")
    size = serializers.IntegerField(help_text="their bytes, in clear")
    covers_later_calls = serializers.BooleanField()


def query_of(organisation_id: UUID, data: Mapping[str, Any]) -> HoldQuery:
    """What is to be covered, from checked input. Raises Invalid and NotFound."""
    agent = data.get("agent")
    return HoldQuery(
        calls=tuple(sorted(set(data.get("calls", ())))),
        subject=data.get("subject"),
        agent=connectors.agent_named(organisation_id, agent).id if agent else None,
        filter=call_filters.read(data["filter"]) if "filter" in data else None,
    )


class _HoldView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return represent_hold(operations.hold_for(self.actor(), resource_id)) if resource_id else None


class Holds(_HoldView):
    @extend_schema(
        operation_id="holds_list",
        parameters=[
            OpenApiParameter("matter", str, description="exactly this reference"),
            OpenApiParameter("state", str),
            OpenApiParameter("call", UUID, description="holds that have a line for this call"),
            *_PAGE,
        ],
        responses=HoldPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Legal holds, newest first."""
        access.require(self.actor(), "retention.read")
        rows = holds.holds_of(self.actor().organisation_id)
        state, call = read_choice(request, "state", LegalHold.State.values), request.query_params.get("call")
        if state:
            rows = rows.filter(state=state)
        if "matter" in request.query_params:
            rows = rows.filter(matter=request.query_params["matter"])
        if call:
            items = holds.items(self.actor().organisation_id).filter(call_id=read_id(call))
            rows = rows.filter(id__in=items.values("hold_id"))
        return page_of(request, rows, represent_hold)

    @extend_schema(operation_id="holds_place", request=HoldInput, responses={201: HoldSerializer})
    def post(self, request: Request) -> Written:
        """Forbid disposal of calls; what was already going or gone is told per call and artifact."""
        data = read_input(HoldInput, request)
        query = query_of(self.actor().organisation_id, data)
        hold = operations.place_hold(actor=self.actor(), matter=data["matter"], reason=data["reason"], query=query)
        return Written(hold.id, 201)


class HoldPreview(OrganisationView):
    @extend_schema(operation_id="holds_preview", request=CoverageInput, responses=HoldPreviewSerializer)
    def post(self, request: Request) -> Response:
        """How much a hold would cover; changes nothing."""
        query = query_of(self.actor().organisation_id, read_input(CoverageInput, request))
        found = operations.preview_hold(actor=self.actor(), query=query)
        return Response(asdict(found))


class OneHold(_HoldView):
    has_version = True

    @extend_schema(operation_id="holds_read", responses=HoldSerializer)
    def get(self, request: Request, hold_id: UUID) -> Response:
        """One hold with its first calls."""
        access.require(self.actor(), "retention.read")
        return Response(represent_hold(operations.hold_for(self.actor(), hold_id)))


class HeldCalls(_HoldView):
    @extend_schema(
        operation_id="holds_list_calls",
        parameters=[OpenApiParameter("result", str), *_PAGE],
        responses=HeldCallPageSerializer,
    )
    def get(self, request: Request, hold_id: UUID) -> Response:
        """Every call of a hold, newest line first."""
        access.require(self.actor(), "retention.read")
        hold = operations.hold_for(self.actor(), hold_id)
        rows = holds.items(self.actor().organisation_id).filter(hold=hold)
        result = read_choice(request, "result", [holds.HELD, holds.TOO_LATE, holds.GONE])
        return page_of(request, rows.filter(result=result) if result else rows, _item)

    @extend_schema(operation_id="holds_add_calls", request=MoreCallsInput, responses=HoldSerializer)
    def post(self, request: Request, hold_id: UUID) -> Written:
        """Extend a hold to more calls."""
        calls = read_input(MoreCallsInput, request)["calls"]
        return Written(operations.add_calls(actor=self.actor(), hold_id=hold_id, call_ids=calls).id)


class ReleaseProposal(_HoldView):
    @extend_schema(operation_id="holds_propose_release", request=None, responses=HoldSerializer)
    def post(self, request: Request, hold_id: UUID) -> Written:
        """First half of a release."""
        return Written(operations.propose_release(actor=self.actor(), hold_id=hold_id).id)


class Release(_HoldView):
    @extend_schema(operation_id="holds_release", request=None, responses=HoldSerializer)
    def post(self, request: Request, hold_id: UUID) -> Written:
        """Second half, by somebody else; what waited goes on."""
        return Written(operations.approve_release(actor=self.actor(), hold_id=hold_id).id)


def represent_hold(row: LegalHold) -> dict[str, Any]:
    """A hold for programs."""
    scope = row.query.get("scope", "calls")
    return {
        "id": str(row.id),
        "matter": row.matter,
        "state": row.state,
        "scope": scope,
        "covers_later_calls": scope in {"subject", "agent"} and row.state != LegalHold.State.RELEASED,
        "is_complete": holds.is_complete(row),
        "placed_by": row.placed_by,
        "placed_at": row.placed_at.isoformat(),
        "release_proposed_by": row.release_proposed_by or None,
        "released_by": row.released_by or None,
        "calls": [_item(item) for item in holds.items_of(row, _SHOWN)],
    }


def _item(item: HoldItem) -> dict[str, Any]:
    return {"call": str(item.call_id), "result": item.result, "artifacts": item.artifacts}


urlpatterns = [
    path("holds", Holds.as_view()),
    path("holds/preview", HoldPreview.as_view()),
    path("holds/<uuid:hold_id>", OneHold.as_view()),
    path("holds/<uuid:hold_id>/calls", HeldCalls.as_view()),
    path("holds/<uuid:hold_id>/release-proposal", ReleaseProposal.as_view()),
    path("holds/<uuid:hold_id>/release", Release.as_view()),
]
