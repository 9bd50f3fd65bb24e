"""/api/v1/calls/{id}/insights: what a call's words hold."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import rest
from compliance.errors import Gone
from compliance.recordings import access
from compliance.recordings.insights.sentiment import Feeling, LanguageSource
from compliance.recordings.insights.spans import SpanKind
from compliance.recordings.models import Call
from compliance.recordings.operations import concluding
from compliance.recordings.operations.concluding import Opened


class SpanSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text=" | ".join(SpanKind))
    turn = serializers.IntegerField(help_text="from 0, as in the transcript")
    start = serializers.IntegerField(help_text="in the turn's content, in code points")
    end = serializers.IntegerField()
    hint = serializers.CharField(help_text="at most the last digits, or the first letter")


class TurnScoreSerializer(serializers.Serializer[Any]):
    turn = serializers.IntegerField()
    score = serializers.FloatField(help_text="-1 to 1")


class SentimentSerializer(serializers.Serializer[Any]):
    feeling = serializers.CharField(help_text=" | ".join(Feeling))
    score = serializers.FloatField(allow_null=True, help_text="-1 to 1: the mean over the caller's turns")
    method = serializers.CharField(help_text="with its version")
    language = serializers.CharField(help_text="BCP 47; empty: nobody can tell")
    language_source = serializers.CharField(help_text=" | ".join(LanguageSource))
    turns = TurnScoreSerializer(many=True, help_text="of the caller alone: what the agent said is not judged")


class CountsSerializer(serializers.Serializer[Any]):
    phone = serializers.IntegerField()
    email = serializers.IntegerField()
    card = serializers.IntegerField()


class InsightsSerializer(serializers.Serializer[Any]):
    call_id = serializers.UUIDField()
    transcript_version = serializers.IntegerField()
    method = serializers.IntegerField(help_text="a higher one found them in another way")
    made_at = serializers.DateTimeField()
    is_current = serializers.BooleanField(help_text="where not, they are being worked out again")
    is_complete = serializers.BooleanField(help_text="where not, there are more digits than are looked at")
    regions = serializers.ListField(child=serializers.CharField(), help_text="whose way of dialling was looked for")
    counts = CountsSerializer()
    spans = SpanSerializer(many=True)
    sentiment = SentimentSerializer()


class InsightsView(rest.OrganisationView):
    @extend_schema(
        operation_id="calls_insights",
        parameters=[OpenApiParameter("purpose", str, description="needed unless the key has a default purpose")],
        responses=InsightsSerializer,
    )
    def get(self, request: Request, reference: str) -> Response:
        """Telephone numbers, addresses and cards that were said, and how the caller's words sound. Each opening is
        logged with its purpose. 404 `no_transcript` where there are no words, 409 `insights_pending` until these were
        looked through.
        """
        actor = self.actor()
        call = access.call_for(actor, reference)
        if call.state != Call.State.ACTIVE:
            raise Gone("This call was erased")
        purpose = request.query_params.get("purpose", "")
        opened = concluding.open_insights(actor=actor, call_id=call.id, purpose=purpose)
        return Response(render_insights(call.id, opened), headers={"Cache-Control": "private, no-store"})


def render_insights(call_id: UUID, opened: Opened) -> dict[str, Any]:
    """Insights as the API gives them."""
    found, felt = opened.insights, opened.insights.sentiment
    counted = Counter(one.kind for one in found.spans)
    return {
        "call_id": call_id,
        "transcript_version": opened.version,
        "method": opened.method,
        "made_at": opened.made_at,
        "is_current": opened.is_current,
        "is_complete": found.is_complete,
        "regions": list(found.regions),
        "counts": {kind.value: counted[kind] for kind in SpanKind},
        "spans": [dataclasses.asdict(one) for one in found.spans],
        "sentiment": {
            "feeling": felt.feeling,
            "score": felt.score,
            "method": felt.method,
            "language": felt.language,
            "language_source": felt.language_source,
            "turns": [{"turn": turn, "score": score} for turn, score in felt.turns],
        },
    }


urlpatterns = [path("calls/<str:reference>/insights", InsightsView.as_view())]
