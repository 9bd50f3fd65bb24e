"""/api/v1/webhook-messages and an endpoint's delivery log: what was told, every try, and sending it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from compliance import rest
from compliance.outlet import access, catalogue, operations, representations
from compliance.outlet.models import WebhookDispatch
from compliance.outlet.representations import (
    WebhookAttemptPageSerializer,
    WebhookDispatchPageSerializer,
    WebhookDispatchSerializer,
    WebhookMessagePageSerializer,
    WebhookMessageSerializer,
)

_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]
_STATE = OpenApiParameter("state", str, description=" | ".join(WebhookDispatch.State.values))


class WebhookRedeliverSerializer(rest.StrictSerializer):
    endpoint_id = serializers.UUIDField()


class WebhookRedeliverFailedSerializer(rest.StrictSerializer):
    since = serializers.DateTimeField(help_text="what was written since; messages are kept for 30 days")


class WebhookRedeliveredSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(
        allow_null=True, help_text="messages that are sent again, at most a backlog at once; null where it was told"
    )


class Dispatches(rest.OrganisationView):
    @extend_schema(
        operation_id="webhook_endpoints_dispatches",
        parameters=[_STATE, *_PAGE],
        responses=WebhookDispatchPageSerializer,
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """The delivery log of one endpoint: every message that chose it, newest first."""
        endpoint = access.endpoint_for(self.actor(), endpoint_id)
        rows = access.dispatches(endpoint.organisation_id).filter(endpoint=endpoint)
        state = rest.read_choice(request, "state", WebhookDispatch.State.values)
        return rest.page_of(request, rows.filter(state=state) if state else rows, representations.dispatch)


class SendTest(rest.OrganisationView):
    @extend_schema(operation_id="webhook_endpoints_test", request=None, responses={202: WebhookMessageSerializer})
    def post(self, request: Request, endpoint_id: UUID) -> rest.Written:
        """Send `webhook.test` to one endpoint."""
        return rest.Written(operations.send_test_event(actor=self.actor(), endpoint_id=endpoint_id).id, 202)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return (
            representations.message(access.message_of(self.actor().organisation_id, resource_id))
            if resource_id
            else None
        )


class RedeliverFailed(rest.OrganisationView):
    _count: int | None = None

    @extend_schema(
        operation_id="webhook_endpoints_redeliver_failed",
        request=WebhookRedeliverFailedSerializer,
        responses={202: WebhookRedeliveredSerializer},
    )
    def post(self, request: Request, endpoint_id: UUID) -> rest.Written:
        """Send everything again that was given up for this endpoint since a time."""
        since = rest.read_input(WebhookRedeliverFailedSerializer, request)["since"]
        self._count = operations.redeliver_failed(actor=self.actor(), endpoint_id=endpoint_id, since=since)
        return rest.Written(endpoint_id, 202)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return {"count": self._count}


class Messages(rest.OrganisationView):
    @extend_schema(
        operation_id="webhook_messages_list",
        parameters=[OpenApiParameter("type", str), *_PAGE],
        responses=WebhookMessagePageSerializer,
    )
    def get(self, request: Request) -> Response:
        """What was told in the last 30 days, newest first."""
        rights.require(self.actor(), "outlet.read")
        rows = access.messages(self.actor().organisation_id)
        name = rest.read_choice(request, "type", [*catalogue.EVENT_TYPES, catalogue.TEST.name])
        return rest.page_of(request, rows.filter(type=name) if name else rows, representations.message)


class Message(rest.OrganisationView):
    @extend_schema(operation_id="webhook_messages_read", responses=WebhookMessageSerializer)
    def get(self, request: Request, message_id: UUID) -> Response:
        """One message, with the exact text that is sent."""
        return Response(representations.message(access.message_for(self.actor(), message_id)))


class Attempts(rest.OrganisationView):
    @extend_schema(operation_id="webhook_messages_attempts", parameters=_PAGE, responses=WebhookAttemptPageSerializer)
    def get(self, request: Request, message_id: UUID) -> Response:
        """Every try to deliver one message, at every endpoint, newest first."""
        message = access.message_for(self.actor(), message_id)
        rows = access.attempts(message.organisation_id).filter(dispatch__message=message)
        return rest.page_of(request, rows, representations.attempt)


class Redeliver(rest.OrganisationView):
    @extend_schema(
        operation_id="webhook_messages_redeliver",
        request=WebhookRedeliverSerializer,
        responses={202: WebhookDispatchSerializer},
    )
    def post(self, request: Request, message_id: UUID) -> rest.Written:
        """Send one message to one of its endpoints again: same id, same bytes, a fresh signature."""
        endpoint_id = rest.read_input(WebhookRedeliverSerializer, request)["endpoint_id"]
        found = operations.redeliver_message(actor=self.actor(), message_id=message_id, endpoint_id=endpoint_id)
        return rest.Written(found.id, 202)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        found = access.dispatches(self.actor().organisation_id).filter(id=resource_id).first() if resource_id else None
        return representations.dispatch(found) if found else None


urlpatterns = [
    path("webhook-endpoints/<uuid:endpoint_id>/dispatches", Dispatches.as_view()),
    path("webhook-endpoints/<uuid:endpoint_id>/test", SendTest.as_view()),
    path("webhook-endpoints/<uuid:endpoint_id>/redeliver-failed", RedeliverFailed.as_view()),
    path("webhook-messages", Messages.as_view()),
    path("webhook-messages/<uuid:message_id>", Message.as_view()),
    path("webhook-messages/<uuid:message_id>/attempts", Attempts.as_view()),
    path("webhook-messages/<uuid:message_id>/redeliver", Redeliver.as_view()),
]
