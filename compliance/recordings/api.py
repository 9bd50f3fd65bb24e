"""/api/v1/calls, /api/v1/artifacts/{id}/links, /api/v1/links: the register over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from compliance import rest
from compliance.errors import Gone
from compliance.recordings import (
    access,
    call_filters,
    describing_api,
    dialgen_api,
    downloads_api,
    expiry_api,
    insights_api,
    outside_api,
    search_api,
)
from compliance.recordings.models import Call
from compliance.recordings.operations import links, opening
from compliance.recordings.representations import (
    CallDetailSerializer,
    CallPageSerializer,
    LinkSerializer,
    NewLinkSerializer,
    TranscriptSerializer,
    render_call,
    render_details,
)

CALL_FILTERS = [
    OpenApiParameter("connection", UUID, description="our id"),
    OpenApiParameter("platform", str),
    OpenApiParameter("agent", str, description="our id or the platform's"),
    OpenApiParameter("batch", str, description="the platform's batch id"),
    OpenApiParameter("direction", str, description="inbound or outbound"),
    OpenApiParameter("outcome", str, description="how the call went: completed, voicemail, no_answer, …"),
    OpenApiParameter("consent", str, description="the platform's word: granted, refused, not_granted"),
    OpenApiParameter("place", str, description="ISO 3166 place of the caller; a country finds its parts too"),
    OpenApiParameter("label", str),
    OpenApiParameter("since", str, description="ISO 8601 with zone: calls that started then or later"),
    OpenApiParameter("until", str, description="ISO 8601 with zone: calls that started before"),
    OpenApiParameter("state", str, enum=Call.State.values),
]
_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]
_PURPOSE = OpenApiParameter("purpose", str, description="needed unless the key has a default purpose")


# --- views ----------------------------------------------------------------------------------------


def _filtered(rows: QuerySet[Call], request: Request) -> QuerySet[Call]:
    asked = {name: text for name, text in request.query_params.items() if name not in {"cursor", "limit"}}
    return call_filters.read(asked).apply(rows)


class CallsView(rest.OrganisationView):
    @extend_schema(operation_id="calls_list", parameters=[*CALL_FILTERS, *_PAGE], responses=CallPageSerializer)
    def get(self, request: Request) -> Response:
        """The calls of the register, newest first."""
        actor = self.actor()
        rights.require(actor, "recordings.read")
        return rest.page_of(request, _filtered(access.calls(actor.organisation_id), request), render_call)


class CallView(rest.OrganisationView):
    @extend_schema(operation_id="calls_read", responses=CallDetailSerializer)
    def get(self, request: Request, reference: str) -> Response:
        """One call (our id or the platform's) with every artifact, where its bytes lie, and until when it is kept."""
        return Response(render_details(access.call_for(self.actor(), reference)))


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
    *search_api.urlpatterns,  # before the calls' own references
    path("calls/<str:reference>", CallView.as_view()),
    path("calls/<str:reference>/transcript", TranscriptView.as_view()),
    path("artifacts/<uuid:artifact_id>/links", ArtifactLinksView.as_view()),
    path("links/<uuid:link_id>", LinkView.as_view()),
    *insights_api.urlpatterns,
    *describing_api.urlpatterns,
    *expiry_api.urlpatterns,
    *downloads_api.urlpatterns,
    *outside_api.urlpatterns,
    *dialgen_api.urlpatterns,
]
