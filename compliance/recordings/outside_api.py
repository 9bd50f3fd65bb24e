"""/api/v1/outside-checks: sealed objects with their keys for somebody outside, decided by two owners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import rest
from compliance.recordings.downloads import stream_outside_check
from compliance.recordings.models import OutsideCheck
from compliance.recordings.operations import outside_checks as checks

_CURSOR = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]
_PLAIN = (
    "id", "purpose", "artifact_ids", "state", "proposed_by", "decided_by", "decided_at", "deliveries", "keys_given",
    "delivered_at", "created_at", "expires_at",
)  # fmt: skip


class NewOutsideCheckSerializer(rest.StrictSerializer):
    purpose = serializers.CharField(max_length=100, help_text="who checks what, and why")
    calls = serializers.ListField(
        child=serializers.UUIDField(), max_length=checks.MOST_CALLS, required=False, help_text="our ids of calls"
    )
    artifacts = serializers.ListField(
        child=serializers.UUIDField(), max_length=checks.MOST_OBJECTS, required=False, help_text="or of artifacts"
    )


class OutsideCheckSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    purpose = serializers.CharField()
    artifact_ids = serializers.ListField(child=serializers.UUIDField())
    state = serializers.CharField(help_text=" | ".join(OutsideCheck.State.values))
    proposed_by = serializers.CharField()
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    deliveries = serializers.IntegerField(help_text="how often the archive was begun")
    keys_given = serializers.IntegerField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class OutsideCheckPageSerializer(serializers.Serializer[Any]):
    results = OutsideCheckSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def _check(row: OutsideCheck) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _PLAIN}


class _CheckView(rest.OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        row = checks.outside_checks(self.actor()).filter(id=resource_id).first() if resource_id else None
        return _check(row) if row else None


class OutsideChecksView(_CheckView):
    @extend_schema(operation_id="outside_checks_list", parameters=_CURSOR, responses=OutsideCheckPageSerializer)
    def get(self, request: Request) -> Response:
        """The organisation's outside checks, newest first. For owners."""
        return rest.page_of(request, checks.outside_checks(self.actor()), _check)

    @extend_schema(
        operation_id="outside_checks_create",
        request=NewOutsideCheckSerializer,
        responses={201: OutsideCheckSerializer},
    )
    def post(self, request: Request) -> rest.Written:
        """Propose that these objects and their keys are handed out: everything readable of calls, or single artifacts.

        Another owner approves within a day, or nothing happens.
        """
        values = rest.read_input(NewOutsideCheckSerializer, request)
        made = checks.propose_outside_check(
            actor=self.actor(),
            purpose=values["purpose"],
            call_ids=values.get("calls", ()),
            artifact_ids=values.get("artifacts", ()),
        )
        return rest.Written(made.id, 201)


class OutsideCheckView(_CheckView):
    @extend_schema(operation_id="outside_checks_delete", responses={204: None})
    def delete(self, request: Request, check_id: UUID) -> rest.Written:
        """Withdraw a check from which no key has left."""
        checks.withdraw_outside_check(actor=self.actor(), check_id=check_id)
        return rest.Written(None, 204)


class OutsideApproval(_CheckView):
    @extend_schema(operation_id="outside_checks_approve", request=None, responses=OutsideCheckSerializer)
    def post(self, request: Request, check_id: UUID) -> rest.Written:
        """The second owner's half."""
        return rest.Written(checks.approve_outside_check(actor=self.actor(), check_id=check_id).id)


class OutsideRefusal(_CheckView):
    @extend_schema(operation_id="outside_checks_refuse", request=None, responses=OutsideCheckSerializer)
    def post(self, request: Request, check_id: UUID) -> rest.Written:
        """The second owner's no."""
        return rest.Written(checks.refuse_outside_check(actor=self.actor(), check_id=check_id).id)


class OutsideDelivery(rest.OrganisationView):
    asks_others = True  # each object is read outside any transaction

    @extend_schema(
        operation_id="outside_checks_deliver",
        request=None,
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def post(self, request: Request, check_id: UUID) -> StreamingHttpResponse:
        """The ZIP, for who proposed it: objects as they are stored, their keys, and a page that opens them offline.

        Keys leave once. An archive that broke off before its end holds none and can be asked for again.
        """
        return stream_outside_check(self.actor(), check_id)


urlpatterns = [
    path("outside-checks", OutsideChecksView.as_view()),
    path("outside-checks/<uuid:check_id>", OutsideCheckView.as_view()),
    path("outside-checks/<uuid:check_id>/approval", OutsideApproval.as_view()),
    path("outside-checks/<uuid:check_id>/refusal", OutsideRefusal.as_view()),
    path("outside-checks/<uuid:check_id>/delivery", OutsideDelivery.as_view()),
]
