"""/api/v1/call/get-metric and get-batch: DialGen's own calls, for programs that know them, with our links in place of
DialGen's.

Names, shapes and errors are DialGen's. Both open content, so the key needs the right to it and a default purpose, and
each is logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from accounts.actors import Actor
from compliance import rest
from compliance.connectors.facts import CallFacts
from compliance.errors import Gone, Invalid, NotFound
from compliance.recordings import access
from compliance.recordings.models import Call
from compliance.recordings.operations import links, opening

MOST = 500
"""Calls that one get-batch answers with; more are refused, not left out."""


class MessageSerializer(serializers.Serializer[Any]):
    role = serializers.CharField()
    content = serializers.CharField()
    timestamp = serializers.JSONField()


class CallDataSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="DialGen's id")
    recordingUrl = serializers.URLField(allow_null=True, help_text="ours; expires; null while nothing is stored")  # noqa: N815
    duration = serializers.FloatField(allow_null=True, help_text="seconds")
    contactId = serializers.CharField(allow_null=True)  # noqa: N815
    agentId = serializers.CharField(allow_null=True)  # noqa: N815
    batchId = serializers.CharField()  # noqa: N815
    callSid = serializers.CharField(allow_null=True)  # noqa: N815
    direction = serializers.CharField(allow_null=True)
    status = serializers.CharField(allow_null=True)
    startTime = serializers.DateTimeField(allow_null=True)  # noqa: N815
    endTime = serializers.DateTimeField(allow_null=True)  # noqa: N815
    phoneNumber = serializers.CharField(allow_null=True)  # noqa: N815
    contactName = serializers.CharField(allow_null=True)  # noqa: N815
    transcription = MessageSerializer(many=True)
    summary = serializers.CharField(allow_null=True)
    metricJson = serializers.JSONField(allow_null=True)  # noqa: N815
    createdAt = serializers.DateTimeField(allow_null=True)  # noqa: N815


_METRIC = inline_serializer("DialGenCall", {"success": serializers.BooleanField(), "callData": CallDataSerializer()})
_BATCH = inline_serializer(
    "DialGenBatch", {"success": serializers.BooleanField(), "calls": CallDataSerializer(many=True)}
)
_FAILURE = inline_serializer(
    "DialGenFailure",
    {"success": serializers.BooleanField(), "error": serializers.CharField(), "code": serializers.CharField()},
)


class _DialGenView(rest.OrganisationView):
    """Errors in DialGen's shape, with the status that fits."""

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        problem = response.data if isinstance(response.data, Mapping) else {}
        error = problem.get("detail") or problem.get("title") or "Failed"
        response.data = {"success": False, "error": error, "code": problem.get("code", "failed")}
        response.content_type = "application/json"
        return response

    def called(self, external_id: str) -> QuerySet[Call]:
        """The organisation's DialGen call of this id."""
        return access.calls_named(self._allowed().organisation_id, external_id).filter(connection__platform="dialgen")

    def calls(self) -> QuerySet[Call]:
        """The organisation's DialGen calls."""
        return access.calls(self._allowed().organisation_id).filter(connection__platform="dialgen")

    def _allowed(self) -> Actor:
        actor = self.actor()
        rights.require(actor, "recordings.read")
        rights.require(actor, "recordings.open_content")
        return actor

    def asked(self, request: Request, name: str) -> str:
        """A parameter that must be there."""
        value = request.query_params.get(name, "").strip()
        if not value:
            raise Invalid(f"{name} is needed", code="missing_parameter", errors={name: ["Needed."]})
        return value


class GetMetricView(_DialGenView):
    @extend_schema(
        operation_id="dialgen_get_metric",
        parameters=[
            OpenApiParameter("callId", str, required=True),
            OpenApiParameter("userId", str, description="the account of the connection, where one is set"),
            OpenApiParameter("agentId", str),
            OpenApiParameter("contactId", str),
        ],
        responses={200: _METRIC, 400: _FAILURE, 401: _FAILURE, 403: _FAILURE, 404: _FAILURE, 410: _FAILURE},
    )
    def get(self, request: Request) -> Response:
        """One call with its recording and words.

        Ids that are given must be the call's own; otherwise there is no such call.
        """
        call = self.called(self.asked(request, "callId")).order_by("-id").first()
        if call is None:
            raise NotFound("There is no such call")
        if call.state != Call.State.ACTIVE:
            raise Gone("This call was erased")
        facts = opening.open_call_facts(actor=self.actor(), call_id=call.id)
        _refuse_other(request, call, facts)
        data = _call_data(self, call, facts)
        return Response({"success": True, "callData": data}, headers={"Cache-Control": "private, no-store"})


class GetBatchView(_DialGenView):
    @extend_schema(
        operation_id="dialgen_get_batch",
        parameters=[OpenApiParameter("batchId", str, required=True)],
        responses={200: _BATCH, 400: _FAILURE, 401: _FAILURE, 403: _FAILURE, 404: _FAILURE},
    )
    def get(self, request: Request) -> Response:
        """The calls of a batch, oldest first."""
        rows = self.calls().filter(batch_id=self.asked(request, "batchId"), state=Call.State.ACTIVE).order_by("id")
        found = list(rows[: MOST + 1])
        if not found:
            raise NotFound("There is no such batch")
        if len(found) > MOST:
            raise Invalid(f"A batch of more than {MOST} calls is read by /api/v1/calls?batch=", code="batch_too_large")
        actor = self.actor()
        facts = [(call, opening.open_call_facts(actor=actor, call_id=call.id)) for call in found]
        calls = [_call_data(self, call, told) for call, told in facts]
        return Response({"success": True, "calls": calls}, headers={"Cache-Control": "private, no-store"})


def _refuse_other(request: Request, call: Call, facts: CallFacts) -> None:
    own = {
        "userId": call.connection.account_id,
        "agentId": call.agent.external_id if call.agent else "",
        "contactId": facts.contact_id or "",
    }
    for name, value in own.items():
        given = request.query_params.get(name, "").strip()
        # Where we know of no account, the caller's word about it cannot be checked and decides nothing.
        if given and given != value and not (name == "userId" and not value):
            raise NotFound("There is no such call")


def _call_data(view: _DialGenView, call: Call, facts: CallFacts) -> dict[str, Any]:
    actor = view.actor()
    has_words = access.transcript_of(call.organisation_id, call.id) is not None
    words = opening.open_transcript(actor=actor, call_id=call.id) if has_words else []
    summary = opening.open_summary(actor=actor, call_id=call.id)
    return {
        "id": call.external_id,
        "recordingUrl": _recording_url(view, call),
        "duration": _number(facts.duration_seconds),
        "contactId": facts.contact_id,
        "agentId": facts.agent_id,
        "batchId": call.batch_id,
        "callSid": facts.call_sid,
        "direction": facts.direction.value.upper() if facts.direction else None,
        "status": facts.platform_status,
        "startTime": _time(facts.started_at),
        "endTime": _time(facts.ended_at),
        "phoneNumber": facts.phone_number,
        "contactName": facts.contact_name,
        "transcription": [
            {"role": one.role, "content": one.content, "timestamp": _time(one.timestamp)} for one in words
        ],
        "summary": summary.words,
        "metricJson": summary.metrics,
        "createdAt": _time(facts.created_at),
    }


def _recording_url(view: _DialGenView, call: Call) -> str | None:
    recording = access.recording_of(call.organisation_id, call.id)
    return links.issue_playback_link(actor=view.actor(), artifact_id=recording.id).url if recording else None


def _number(seconds: float | None) -> int | float | None:
    return int(seconds) if seconds is not None and seconds == int(seconds) else seconds


def _time(value: datetime | float | None) -> str | float | None:
    return value.isoformat() if isinstance(value, datetime) else value


urlpatterns = [
    path("call/get-metric", GetMetricView.as_view()),
    path("call/get-batch", GetBatchView.as_view()),
]
