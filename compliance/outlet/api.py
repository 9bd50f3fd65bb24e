"""/api/v1/webhook-endpoints: where events are told, and the catalogue of what can be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from compliance import rest
from compliance.outlet import access, catalogue, messages_api, operations, representations, targets
from compliance.outlet.representations import (
    WebhookEndpointPageSerializer,
    WebhookEndpointSerializer,
    WebhookEventTypeSerializer,
    WebhookNewSecretSerializer,
)

_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]
_TYPES_HELP = "names of events, the beginning of names and .*, or * for all"


class WebhookNewEndpointSerializer(rest.StrictSerializer):
    url = serializers.CharField(max_length=targets.MOST_CHARACTERS)
    event_types = serializers.ListField(child=serializers.CharField(max_length=64), help_text=_TYPES_HELP)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)


class WebhookEndpointChangeSerializer(rest.StrictSerializer):
    url = serializers.CharField(max_length=targets.MOST_CHARACTERS, required=False)
    event_types = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, help_text=_TYPES_HELP
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)


class WebhookRotateSecretSerializer(rest.StrictSerializer):
    overlap_seconds = serializers.IntegerField(min_value=0, max_value=30 * 86_400, required=False)


class _View(rest.OrganisationView):
    """Answers a write with the endpoint."""

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        if resource_id is None:
            return None
        return representations.endpoint(access.endpoint_of(self.actor().organisation_id, resource_id))


class _SecretView(_View):
    """Answers with the secret too, where it was made just now."""

    _fresh: operations.NewSecret | None = None

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        shown = super().represent(resource_id)
        return None if shown is None else {**shown, "secret": self._fresh.secret if self._fresh else None}


class EventTypes(rest.OrganisationView):
    @extend_schema(operation_id="webhook_event_types_list", responses=WebhookEventTypeSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Every event that can be told, with the fields of its `data`."""
        rights.require(self.actor(), "outlet.read")
        return Response([representations.event_type(one) for one in catalogue.EVENT_TYPES.values()])


class Endpoints(_SecretView):
    @extend_schema(operation_id="webhook_endpoints_list", parameters=_PAGE, responses=WebhookEndpointPageSerializer)
    def get(self, request: Request) -> Response:
        """The organisation's endpoints, newest first."""
        rights.require(self.actor(), "outlet.read")
        return rest.page_of(request, access.endpoints(self.actor().organisation_id), representations.endpoint)

    @extend_schema(
        operation_id="webhook_endpoints_create",
        request=WebhookNewEndpointSerializer,
        responses={201: WebhookNewSecretSerializer},
    )
    def post(self, request: Request) -> rest.Written:
        """Name an endpoint. The answer tells, once, the secret by which its messages are signed."""
        values = rest.read_input(WebhookNewEndpointSerializer, request)
        self._fresh = operations.create_endpoint(actor=self.actor(), new=operations.NewEndpoint(**values))
        return rest.Written(self._fresh.endpoint.id, 201)


class Endpoint(_View):
    has_version = True

    @extend_schema(operation_id="webhook_endpoints_read", responses=WebhookEndpointSerializer)
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """One endpoint with its standing."""
        return Response(representations.endpoint(access.endpoint_for(self.actor(), endpoint_id)))

    @extend_schema(
        operation_id="webhook_endpoints_update",
        request=WebhookEndpointChangeSerializer,
        responses=WebhookEndpointSerializer,
    )
    def patch(self, request: Request, endpoint_id: UUID) -> rest.Written:
        """Change what is named; the rest stays. What waits goes to the new address."""
        values, actor = rest.read_input(WebhookEndpointChangeSerializer, request), self.actor()
        rights.require(actor, "outlet.manage")
        known = access.endpoint_of(actor.organisation_id, endpoint_id)
        new = operations.NewEndpoint(
            url=values.get("url", known.url),
            event_types=values.get("event_types", known.event_types),
            description=values.get("description", known.description),
        )
        operations.change_endpoint(actor=actor, endpoint_id=endpoint_id, new=new)
        return rest.Written(endpoint_id)

    @extend_schema(operation_id="webhook_endpoints_delete", responses={204: None})
    def delete(self, request: Request, endpoint_id: UUID) -> rest.Written:
        """Remove an endpoint: address and secrets are forgotten, what waits is given up."""
        operations.remove_endpoint(actor=self.actor(), endpoint_id=endpoint_id)
        return rest.Written(None, 204)


class Pause(_View):
    @extend_schema(operation_id="webhook_endpoints_pause", request=None, responses=WebhookEndpointSerializer)
    def post(self, request: Request, endpoint_id: UUID) -> rest.Written:
        """Send nothing until it is resumed; what happens meanwhile waits."""
        operations.pause_endpoint(actor=self.actor(), endpoint_id=endpoint_id)
        return rest.Written(endpoint_id)


class Resume(_View):
    @extend_schema(operation_id="webhook_endpoints_resume", request=None, responses=WebhookEndpointSerializer)
    def post(self, request: Request, endpoint_id: UUID) -> rest.Written:
        """Send again, what waits first; also after it was disabled."""
        operations.resume_endpoint(actor=self.actor(), endpoint_id=endpoint_id)
        return rest.Written(endpoint_id)


class RotateSecret(_SecretView):
    @extend_schema(
        operation_id="webhook_endpoints_rotate_secret",
        request=WebhookRotateSecretSerializer,
        responses=WebhookNewSecretSerializer,
    )
    def post(self, request: Request, endpoint_id: UUID) -> rest.Written:
        """A new secret, told once; the one before signs beside it for the overlap (24 hours unless said otherwise)."""
        seconds = rest.read_input(WebhookRotateSecretSerializer, request).get("overlap_seconds")
        overlap = operations.OVERLAP if seconds is None else timedelta(seconds=seconds)
        self._fresh = operations.rotate_secret(actor=self.actor(), endpoint_id=endpoint_id, overlap=overlap)
        return rest.Written(endpoint_id)


urlpatterns = [
    path("webhook-event-types", EventTypes.as_view()),
    path("webhook-endpoints", Endpoints.as_view()),
    path("webhook-endpoints/<uuid:endpoint_id>", Endpoint.as_view()),
    path("webhook-endpoints/<uuid:endpoint_id>/pause", Pause.as_view()),
    path("webhook-endpoints/<uuid:endpoint_id>/resume", Resume.as_view()),
    path("webhook-endpoints/<uuid:endpoint_id>/rotate-secret", RotateSecret.as_view()),
    *messages_api.urlpatterns,
]
