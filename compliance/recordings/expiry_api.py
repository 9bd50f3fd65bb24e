"""/api/v1/artifacts/not-secured: recordings that lie at their platform only, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from compliance import rest
from compliance.errors import Invalid
from compliance.recordings.models import Artifact
from compliance.recordings.operations import watching
from compliance.recordings.states import UNSECURED


class NotSecuredSerializer(serializers.Serializer[Any]):
    artifact_id = serializers.UUIDField()
    call_id = serializers.UUIDField()
    kind = serializers.CharField()
    variant = serializers.CharField()
    state = serializers.CharField(help_text=" | ".join(UNSECURED))
    code = serializers.CharField(help_text="what the last try ended with; empty before the first")
    gone_on = serializers.DateField(allow_null=True, help_text="when the platform deletes its copy; null: not told")
    days_left = serializers.IntegerField(allow_null=True, help_text="until that day; negative where it is over")
    link_expires_at = serializers.DateTimeField(allow_null=True)
    alarm = serializers.CharField(help_text="the last alarm that was raised for it, or empty")
    registered_at = serializers.DateTimeField()


class NotSecuredPageSerializer(serializers.Serializer[Any]):
    results = NotSecuredSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


_PARAMETERS = [
    OpenApiParameter("within_days", int, description="only those that the platform deletes within so many days"),
    OpenApiParameter("cursor", str),
    OpenApiParameter("limit", int),
]
_MOST_DAYS = 3_650


class NotSecuredView(rest.OrganisationView):
    @extend_schema(operation_id="artifacts_not_secured", parameters=_PARAMETERS, responses=NotSecuredPageSerializer)
    def get(self, request: Request) -> Response:
        """Recordings that are announced and not stored here, newest first, with the platform's own day of deletion."""
        actor = self.actor()
        rights.require(actor, "recordings.read")
        today = timezone.now().date()
        rows = watching.not_secured(actor.organisation_id)
        text = request.query_params.get("within_days", "")
        if text:
            rows = rows.filter(gone_on__lte=today + timedelta(days=_days(text)))

        def render(artifact: Artifact) -> dict[str, Any]:
            return {
                "artifact_id": artifact.id,
                "call_id": artifact.call_id,
                "kind": artifact.kind,
                "variant": artifact.variant,
                "state": artifact.state,
                "code": artifact.failure_code,
                "gone_on": getattr(artifact, "gone_on", None),
                "days_left": watching.days_left(artifact, today),
                "link_expires_at": artifact.source_expires_at,
                "alarm": artifact.alarm,
                "registered_at": artifact.registered_at,
            }

        return rest.page_of(request, rows, render)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:5]) <= _MOST_DAYS and len(text) <= 5):
        raise Invalid("This number of days cannot be used", errors={"within_days": [f"0 to {_MOST_DAYS}."]})
    return int(text)


urlpatterns = [path("artifacts/not-secured", NotSecuredView.as_view())]
