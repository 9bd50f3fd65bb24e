"""What the API shows of endpoints, messages and tries: everything but secrets."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compliance.outlet import signatures
from compliance.outlet.models import WebhookAttempt, WebhookDispatch, WebhookEndpoint, WebhookMessage
from compliance.outlet.schemas import EventType

_ENDPOINT = (
    "id", "url", "description", "event_types", "state", "reason", "failures", "failing_since", "missed", "missed_at",
    "created_at",
)  # fmt: skip


class WebhookEndpointSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.CharField()
    description = serializers.CharField()
    event_types = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(WebhookEndpoint.State.choices)
    reason = serializers.CharField(help_text="why it was disabled: gone | failing")
    failures = serializers.IntegerField(help_text="failed tries since the last success")
    failing_since = serializers.DateTimeField(allow_null=True)
    missed = serializers.IntegerField(help_text="messages that it never got, because too many waited for too long")
    missed_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookEndpointPageSerializer(serializers.Serializer[Any]):
    results = WebhookEndpointSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class WebhookNewSecretSerializer(WebhookEndpointSerializer):
    secret = serializers.CharField(allow_null=True, help_text="whsec_…, told once; null where it was told already")


class WebhookFieldSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField()
    is_optional = serializers.BooleanField(help_text="null where there is nothing to tell")


class WebhookEventTypeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    text = serializers.CharField()
    fields = WebhookFieldSerializer(many=True)  # type: ignore[assignment]  # shadows an attribute of the framework by intent


class WebhookMessageSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    webhook_id = serializers.CharField(help_text="as receivers see it")
    type = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    body = serializers.CharField(help_text="the exact text that is sent and signed")


class WebhookMessagePageSerializer(serializers.Serializer[Any]):
    results = WebhookMessageSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class WebhookDispatchSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    message_id = serializers.UUIDField()
    endpoint_id = serializers.UUIDField()
    type = serializers.CharField()
    state = serializers.ChoiceField(WebhookDispatch.State.choices)
    tries = serializers.IntegerField(help_text="failed tries since it was last asked for")
    last_code = serializers.CharField()
    next_try_at = serializers.DateTimeField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)


class WebhookDispatchPageSerializer(serializers.Serializer[Any]):
    results = WebhookDispatchSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class WebhookAttemptSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    endpoint_id = serializers.UUIDField()
    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    status_code = serializers.IntegerField(allow_null=True, help_text="null where no answer came")
    code = serializers.CharField(help_text="accepted, or how it failed")
    duration_ms = serializers.IntegerField()


class WebhookAttemptPageSerializer(serializers.Serializer[Any]):
    results = WebhookAttemptSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def endpoint(row: WebhookEndpoint) -> dict[str, Any]:
    """One endpoint."""
    return {name: getattr(row, name) for name in _ENDPOINT}


def event_type(one: EventType) -> dict[str, Any]:
    """One event of the catalogue."""
    fields = [
        {"name": field.name, "kind": field.kind.value, "text": field.text, "is_optional": field.is_optional}
        for field in one.fields
    ]
    return {"name": one.name, "text": one.text, "fields": fields}


def message(row: WebhookMessage) -> dict[str, Any]:
    """One message, as it is sent."""
    plain = ("id", "type", "occurred_at", "body")
    return {name: getattr(row, name) for name in plain} | {"webhook_id": signatures.message_name(row.id)}


def dispatch(row: Any) -> dict[str, Any]:
    """One message's way to one endpoint; the row comes from `access.dispatches`."""
    plain = ("id", "message_id", "endpoint_id", "state", "tries", "last_code", "settled_at")
    is_waiting = row.state == WebhookDispatch.State.WAITING
    return {name: getattr(row, name) for name in plain} | {
        "type": row.message.type,
        "next_try_at": row.next_try_at if is_waiting else None,
    }


def attempt(row: WebhookAttempt) -> dict[str, Any]:
    """One try."""
    plain = ("id", "number", "at", "status_code", "code", "duration_ms")
    return {name: getattr(row, name) for name in plain} | {"endpoint_id": row.dispatch.endpoint_id}
