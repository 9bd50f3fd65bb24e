"""/api/v1/deliveries: what platforms sent, and what became of it."""

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
from compliance.errors import Invalid
from compliance.intake import access, operations
from compliance.intake.models import Delivery
from compliance.intake.states import DeliveryState

_STATES = [state.value for state in DeliveryState]


class DeliverySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    connection_id = serializers.UUIDField()
    call_id = serializers.UUIDField(allow_null=True)
    state = serializers.CharField(help_text=" | ".join(_STATES))
    code = serializers.CharField(help_text="why it was quarantined, refused or ignored")
    size = serializers.IntegerField()
    repeats = serializers.IntegerField(help_text="how often the platform sent it again")
    received_at = serializers.DateTimeField()
    processed_at = serializers.DateTimeField(allow_null=True)


class DeliveryPageSerializer(serializers.Serializer[Any]):
    results = DeliverySerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def _render(delivery: Delivery) -> dict[str, Any]:
    plain = ("id", "connection_id", "call_id", "state", "code", "size", "repeats", "received_at", "processed_at")
    return {name: getattr(delivery, name) for name in plain}


class DeliveriesView(rest.OrganisationView):
    @extend_schema(
        operation_id="deliveries_list",
        parameters=[
            OpenApiParameter("state", str, enum=_STATES),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int),
        ],
        responses=DeliveryPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Webhook deliveries, newest first. Their bodies are not shown here."""
        actor = self.actor()
        rights.require(actor, "intake.read")
        rows = access.deliveries(actor.organisation_id)
        if state := request.query_params.get("state"):
            if state not in _STATES:
                raise Invalid("This state is not known", errors={"state": [f"One of: {', '.join(_STATES)}."]})
            rows = rows.filter(state=state)
        return rest.page_of(request, rows, _render)


class DeliveryView(rest.OrganisationView):
    @extend_schema(operation_id="deliveries_read", responses=DeliverySerializer)
    def get(self, request: Request, delivery_id: UUID) -> Response:
        """One delivery."""
        return Response(_render(access.delivery_for(self.actor(), delivery_id)))


class ReplayView(rest.OrganisationView):
    @extend_schema(operation_id="deliveries_replay", request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, delivery_id: UUID) -> rest.Written:
        """Read a quarantined delivery again."""
        operations.replay_delivery(actor=self.actor(), delivery_id=delivery_id)
        return rest.Written(delivery_id, 202)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        found = access.deliveries(self.actor().organisation_id).filter(id=resource_id).first() if resource_id else None
        return _render(found) if found else None


urlpatterns = [
    path("deliveries", DeliveriesView.as_view()),
    path("deliveries/<uuid:delivery_id>", DeliveryView.as_view()),
    path("deliveries/<uuid:delivery_id>/replay", ReplayView.as_view()),
]
