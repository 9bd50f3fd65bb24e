"""/api/v1/calls, /api/v1/artifacts/{id}/links, /api/v1/links: the register over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import path
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from compliance import rest
from compliance.errors import Gone, Invalid
from compliance.recordings import access, dialgen_api
from compliance.recordings.models import Artifact, Call, Location
from compliance.recordings.operations import links, opening
from compliance.recordings.states import ArtifactKind, ArtifactState, LocationState

# --- shapes ---------------------------------------------------------------------------------------


class CallSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    external_id = serializers.CharField(help_text="the platform's id; empty once erased")
    connection_id = serializers.UUIDField()
    platform = serializers.CharField()
    agent_id = serializers.UUIDField(allow_null=True)
    agent_external_id = serializers.CharField(allow_null=True)
    batch_id = serializers.CharField()
    direction = serializers.CharField()
    status = serializers.CharField()
    place = serializers.CharField(help_text="ISO 3166 place of the caller, from the number")
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    duration_seconds = serializers.FloatField(allow_null=True)
    state = serializers.CharField(help_text=" | ".join(Call.State.values))
    registered_at = serializers.DateTimeField()
    erased_at = serializers.DateTimeField(allow_null=True)


class LocationSerializer(serializers.Serializer[Any]):
    place = serializers.CharField(help_text=" | ".join(Location.Place.values))
    name = serializers.CharField()
    state = serializers.CharField(help_text=" | ".join(LocationState))
    expected_gone_on = serializers.DateField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)


class ArtifactSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.CharField(help_text=" | ".join(ArtifactKind))
    variant = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.CharField(help_text=" | ".join(ArtifactState))
    failure_code = serializers.CharField()
    media_type = serializers.CharField()
    codec = serializers.CharField()
    duration_seconds = serializers.FloatField(allow_null=True)
    size = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField()
    stored_at = serializers.DateTimeField(allow_null=True)
    deleted_at = serializers.DateTimeField(allow_null=True)
    due_on = serializers.DateField(allow_null=True, help_text="the day of disposal; null: kept, or not assigned yet")
    retention_rule = serializers.CharField()
    retention_reason = serializers.CharField()
    locations = LocationSerializer(many=True)


class CallDetailSerializer(CallSerializer):
    artifacts = ArtifactSerializer(many=True)


class CallPageSerializer(serializers.Serializer[Any]):
    results = CallSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class TurnSerializer(serializers.Serializer[Any]):
    role = serializers.CharField()
    content = serializers.CharField()
    timestamp = serializers.JSONField(help_text="ISO 8601, or seconds from the start of the call, or null")


class TranscriptSerializer(serializers.Serializer[Any]):
    call_id = serializers.UUIDField()
    transcription = TurnSerializer(many=True)


class NewLinkSerializer(rest.StrictSerializer):
    purpose = serializers.CharField(max_length=100, required=False, help_text="needed where the key has no default")
    lifetime_seconds = serializers.IntegerField(min_value=1, max_value=3600, required=False, help_text="900 by default")


class LinkSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    artifact_id = serializers.UUIDField()
    url = serializers.URLField()
    purpose = serializers.CharField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    opened = serializers.IntegerField()
    bytes_served = serializers.IntegerField()


_FILTERS = [
    OpenApiParameter("agent", str, description="our id or the platform's"),
    OpenApiParameter("batch", str, description="the platform's batch id"),
    OpenApiParameter("since", str, description="ISO 8601 with zone: calls that started then or later"),
    OpenApiParameter("until", str, description="ISO 8601 with zone: calls that started before"),
    OpenApiParameter("state", str, enum=Call.State.values),
    OpenApiParameter("cursor", str),
    OpenApiParameter("limit", int),
]
_PURPOSE = OpenApiParameter("purpose", str, description="needed unless the key has a default purpose")


# --- rendering ------------------------------------------------------------------------------------


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def render_call(call: Call) -> dict[str, Any]:
    """A call as the lists show it: nothing that needs a purpose to be opened."""
    return {
        "id": call.id,
        "external_id": call.external_id,
        "connection_id": call.connection_id,
        "platform": call.connection.platform,
        "agent_id": call.agent_id,
        "agent_external_id": call.agent.external_id if call.agent else None,
        "batch_id": call.batch_id,
        "direction": call.direction,
        "status": call.status,
        "place": call.place,
        "started_at": call.started_at,
        "ended_at": call.ended_at,
        "duration_seconds": _seconds(call.duration_ms),
        "state": call.state,
        "registered_at": call.registered_at,
        "erased_at": call.erased_at,
    }


def _render_artifact(artifact: Artifact, places: list[Location]) -> dict[str, Any]:
    plain = (
        "id", "kind", "variant", "version", "state", "failure_code", "media_type", "codec", "size", "sha256",
        "stored_at", "deleted_at", "due_on", "retention_rule", "retention_reason",
    )  # fmt: skip
    return {name: getattr(artifact, name) for name in plain} | {
        "duration_seconds": _seconds(artifact.duration_ms),
        "locations": [
            {name: getattr(one, name) for name in ("place", "name", "state", "expected_gone_on", "checked_at")}
            for one in places
        ],
    }


def _render_details(call: Call) -> dict[str, Any]:
    artifacts = access.artifacts_of(call.organisation_id, call.id)
    places = access.locations(call.organisation_id).filter(artifact__in=artifacts).order_by("id")
    by_artifact: dict[UUID, list[Location]] = {artifact.id: [] for artifact in artifacts}
    for place in places:
        by_artifact[place.artifact_id].append(place)
    return render_call(call) | {"artifacts": [_render_artifact(one, by_artifact[one.id]) for one in artifacts]}


# --- views ----------------------------------------------------------------------------------------


def _filtered(rows: QuerySet[Call], request: Request) -> QuerySet[Call]:
    asked = request.query_params
    unknown = sorted(set(asked) - {parameter.name for parameter in _FILTERS})
    if unknown:
        raise Invalid("A filter is not known", errors={name: ["This field is not known."] for name in unknown})
    if agent := asked.get("agent"):
        rows = rows.filter(agent_id=UUID(agent)) if _is_uuid(agent) else rows.filter(agent__external_id=agent)
    if batch := asked.get("batch"):
        rows = rows.filter(batch_id=batch)
    if state := asked.get("state"):
        if state not in Call.State.values:
            raise Invalid("This state is not known", errors={"state": [f"One of: {', '.join(Call.State.values)}."]})
        rows = rows.filter(state=state)
    for name, look_up in (("since", "started_at__gte"), ("until", "started_at__lt")):
        if text := asked.get(name):
            rows = rows.filter(**{look_up: _moment(name, text)})
    return rows


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _moment(name: str, text: str) -> Any:
    try:
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Invalid("A time needs its zone", errors={name: ["ISO 8601 with zone, such as 2026-03-01T00:00:00Z."]})
    return moment


class CallsView(rest.OrganisationView):
    @extend_schema(operation_id="calls_list", parameters=_FILTERS, responses=CallPageSerializer)
    def get(self, request: Request) -> Response:
        """The calls of the register, newest first."""
        actor = self.actor()
        rights.require(actor, "recordings.read")
        return rest.page_of(request, _filtered(access.calls(actor.organisation_id), request), render_call)


class CallView(rest.OrganisationView):
    @extend_schema(operation_id="calls_read", responses=CallDetailSerializer)
    def get(self, request: Request, reference: str) -> Response:
        """One call (our id or the platform's) with every artifact, where its bytes lie, and until when it is kept."""
        return Response(_render_details(access.call_for(self.actor(), reference)))


class TranscriptView(rest.OrganisationView):
    @extend_schema(operation_id="calls_transcript", parameters=[_PURPOSE], responses=TranscriptSerializer)
    def get(self, request: Request, reference: str) -> Response:
        """The words of a call. Each opening is logged with its purpose."""
        actor = self.actor()
        call = access.call_for(actor, reference)
        if call.state != Call.State.ACTIVE:
            raise Gone("This call was erased")
        purpose = request.query_params.get("purpose", "")
        messages = opening.open_transcript(actor=actor, call_id=call.id, purpose=purpose)
        turns = [{"role": one.role, "content": one.content, "timestamp": one.timestamp} for one in messages]
        return Response({"call_id": call.id, "transcription": turns}, headers={"Cache-Control": "private, no-store"})


class ArtifactLinksView(rest.OrganisationView):
    @extend_schema(operation_id="links_create", request=NewLinkSerializer, responses={201: LinkSerializer})
    def post(self, request: Request, artifact_id: UUID) -> rest.Written:
        """A link that plays one recording for one purpose, for at most an hour."""
        values = rest.read_input(NewLinkSerializer, request)
        issued = links.issue_playback_link(
            actor=self.actor(),
            artifact_id=artifact_id,
            purpose=values.get("purpose", ""),
            lifetime=timedelta(seconds=values.get("lifetime_seconds", links.LIFETIME.total_seconds())),
        )
        return rest.Written(issued.link.id, 201)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        if resource_id is None:
            return None
        link = access.link_of(self.actor().organisation_id, resource_id)
        plain = ("id", "artifact_id", "purpose", "expires_at", "revoked_at", "opened", "bytes_served")
        return {name: getattr(link, name) for name in plain} | {"url": links.url_of(link)}


class LinkView(rest.OrganisationView):
    @extend_schema(operation_id="links_delete", responses={204: None})
    def delete(self, request: Request, link_id: UUID) -> rest.Written:
        """End a link at once."""
        links.revoke_playback_link(actor=self.actor(), link_id=link_id)
        return rest.Written(None, 204)


urlpatterns = [
    path("calls", CallsView.as_view()),
    path("calls/<str:reference>", CallView.as_view()),
    path("calls/<str:reference>/transcript", TranscriptView.as_view()),
    path("artifacts/<uuid:artifact_id>/links", ArtifactLinksView.as_view()),
    path("links/<uuid:link_id>", LinkView.as_view()),
    *dialgen_api.urlpatterns,
]
