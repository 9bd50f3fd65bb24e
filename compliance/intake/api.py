"""/api/v1/deliveries and /api/v1/batches: what platforms sent, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
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
from compliance.errors import Invalid
from compliance.intake import access, operations
from compliance.intake.models import BatchReport, Delivery
from compliance.intake.states import BatchState, DeliveryState, GapReason

_STATES = [state.value for state in DeliveryState]
_BATCH_STATES = [state.value for state in BatchState]
_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]


class DeliverySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    connection_id = serializers.UUIDField()
    call_id = serializers.UUIDField(allow_null=True)
    state = serializers.CharField(help_text=" | ".join(_STATES))
    event = serializers.CharField(help_text="call, batch or deletion; else the platform's own word")
    code = serializers.CharField(help_text="why it was quarantined, refused or ignored, or what it told")
    size = serializers.IntegerField()
    repeats = serializers.IntegerField(help_text="how often the platform sent it again")
    received_at = serializers.DateTimeField()
    processed_at = serializers.DateTimeField(allow_null=True)


class DeliveryPageSerializer(serializers.Serializer[Any]):
    results = DeliverySerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ReplaySerializer(rest.StrictSerializer):
    connection_id = serializers.UUIDField(required=False)
    code = serializers.CharField(max_length=64, required=False, allow_blank=True)


class ReplayedSerializer(serializers.Serializer[Any]):
    replayed = serializers.IntegerField(help_text="at most 500 at a time")
    remaining = serializers.IntegerField(help_text="of the same choice, for the next time")


class BatchSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    connection_id = serializers.UUIDField()
    batch_id = serializers.CharField(help_text="the platform's id")
    state = serializers.CharField(help_text=" | ".join(_BATCH_STATES))
    outcome = serializers.CharField(help_text="completed | failed")
    expected = serializers.IntegerField(
        allow_null=True, help_text="calls there should be; null: the platform told none"
    )
    received = serializers.IntegerField(help_text="calls of the batch that came in, erased ones too")
    total = serializers.IntegerField(allow_null=True)
    processed = serializers.IntegerField(allow_null=True)
    succeeded = serializers.IntegerField(allow_null=True)
    failed = serializers.IntegerField(allow_null=True)
    reported_at = serializers.DateTimeField()
    checked_at = serializers.DateTimeField(allow_null=True)
    accepted_by = serializers.CharField()
    accepted_reason = serializers.CharField(help_text="empty, or " + " | ".join(GapReason))


class BatchPageSerializer(serializers.Serializer[Any]):
    results = BatchSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class AcceptGapSerializer(rest.StrictSerializer):
    reason = serializers.ChoiceField(choices=[reason.value for reason in GapReason])


_OF_DELIVERY = tuple(DeliverySerializer().get_fields())
_OF_BATCH = tuple(BatchSerializer().get_fields())


def _render(delivery: Delivery) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in _OF_DELIVERY}


def _render_batch(report: BatchReport) -> dict[str, Any]:
    return {name: getattr(report, name) for name in _OF_BATCH}


class DeliveriesView(rest.OrganisationView):
    @extend_schema(
        operation_id="deliveries_list",
        parameters=[
            OpenApiParameter("state", str, enum=_STATES),
            OpenApiParameter("connection", UUID),
            OpenApiParameter("code", str),
            OpenApiParameter("received_from", datetime, description="the first moment that counts"),
            OpenApiParameter("received_to", datetime, description="the first moment that does not"),
            *_PAGE,
        ],
        responses=DeliveryPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Webhook deliveries, newest first. Their bodies are not shown here."""
        actor = self.actor()
        rights.require(actor, "intake.read")
        return rest.page_of(request, _chosen(request, access.deliveries(actor.organisation_id)), _render)


def _chosen(request: Request, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """The rows that the query asks for."""
    asked = request.query_params
    if state := rest.read_choice(request, "state", _STATES):
        rows = rows.filter(state=state)
    if connection := asked.get("connection"):
        rows = rows.filter(connection_id=rest.read_id(connection))
    if code := asked.get("code"):
        rows = rows.filter(code=code)
    if begin := _moment(request, "received_from"):
        rows = rows.filter(received_at__gte=begin)
    if end := _moment(request, "received_to"):
        rows = rows.filter(received_at__lt=end)
    return rows


def _moment(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise Invalid("Not a moment", errors={name: ["A date and time by ISO 8601."]})
    return found if found.tzinfo else found.replace(tzinfo=UTC)


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


class ReplayAllView(rest.OrganisationView):
    @extend_schema(operation_id="deliveries_replay_all", request=ReplaySerializer, responses={202: ReplayedSerializer})
    def post(self, request: Request) -> Response:
        """Read again what is quarantined of a connection, with a code, or both; at most 500 at a time."""
        values = rest.read_input(ReplaySerializer, request)
        done = operations.replay_deliveries(
            actor=self.actor(), connection_id=values.get("connection_id"), code=values.get("code", "")
        )
        return Response({"replayed": done.count, "remaining": done.remaining}, status=202)


class BatchesView(rest.OrganisationView):
    @extend_schema(
        operation_id="batches_list",
        parameters=[
            OpenApiParameter("state", str, enum=_BATCH_STATES), OpenApiParameter("connection", UUID), *_PAGE,
        ],
        responses=BatchPageSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Batches that platforms reported, newest first, each with the calls that came in."""
        actor = self.actor()
        rights.require(actor, "intake.read")
        rows = access.batches(actor.organisation_id)
        if state := rest.read_choice(request, "state", _BATCH_STATES):
            rows = rows.filter(state=state)
        if connection := request.query_params.get("connection"):
            rows = rows.filter(connection_id=rest.read_id(connection))
        return rest.page_of(request, rows, _render_batch)


class _BatchView(rest.OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return _render_batch(access.batch_for(self.actor(), resource_id)) if resource_id else None


class BatchView(_BatchView):
    @extend_schema(operation_id="batches_read", responses=BatchSerializer)
    def get(self, request: Request, report_id: UUID) -> Response:
        """One batch."""
        return Response(_render_batch(access.batch_for(self.actor(), report_id)))


class AcceptGapView(_BatchView):
    @extend_schema(operation_id="batches_accept_gap", request=AcceptGapSerializer, responses=BatchSerializer)
    def post(self, request: Request, report_id: UUID) -> rest.Written:
        """Let a gap be, with a reason: it is no alarm any more."""
        values = rest.read_input(AcceptGapSerializer, request)
        operations.accept_batch_gap(actor=self.actor(), report_id=report_id, reason=values["reason"])
        return rest.Written(report_id)


urlpatterns = [
    path("deliveries", DeliveriesView.as_view()),
    path("deliveries/replay", ReplayAllView.as_view()),
    path("deliveries/<uuid:delivery_id>", DeliveryView.as_view()),
    path("deliveries/<uuid:delivery_id>/replay", ReplayView.as_view()),
    path("batches", BatchesView.as_view()),
    path("batches/<uuid:report_id>", BatchView.as_view()),
    path("batches/<uuid:report_id>/accept-gap", AcceptGapView.as_view()),
]
