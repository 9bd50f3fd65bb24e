"""What the register's API takes and gives: the shapes, and how rows become them. Nothing here opens content."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers

from compliance import rest
from compliance.recordings import access
from compliance.recordings.models import Artifact, Call, Location
from compliance.recordings.states import ArtifactKind, ArtifactState, LocationState

# --- shapes ---------------------------------------------------------------------------------------


class CallSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    external_id = serializers.CharField(help_text="the platform's id; empty once erased")
    connection_id = serializers.UUIDField()
    platform = serializers.CharField()
    agent_id = serializers.UUIDField(allow_null=True)
    agent_external_id = serializers.CharField(allow_null=True)
    batch_id = serializers.CharField()
    direction = serializers.CharField()
    status = serializers.CharField()
    place = serializers.CharField(help_text="ISO 3166 place of the caller, by the strongest source")
    consent = serializers.CharField(help_text="the platform's word; empty where it says nothing")
    language = serializers.CharField(help_text="BCP 47, as the platform says")
    labels = serializers.ListField(child=serializers.CharField())
    trust = serializers.CharField(help_text="of a vCon: unsigned, signed, trusted")
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    duration_seconds = serializers.FloatField(allow_null=True)
    state = serializers.CharField(help_text=" | ".join(Call.State.values))
    registered_at = serializers.DateTimeField()
    erased_at = serializers.DateTimeField(allow_null=True)


class LocationSerializer(serializers.Serializer[Any]):
    place = serializers.CharField(help_text=" | ".join(Location.Place.values))
    name = serializers.CharField()
    state = serializers.CharField(help_text=" | ".join(LocationState))
    expected_gone_on = serializers.DateField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)


class ArtifactSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.CharField(help_text=" | ".join(ArtifactKind))
    variant = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.CharField(help_text=" | ".join(ArtifactState))
    failure_code = serializers.CharField()
    media_type = serializers.CharField()
    codec = serializers.CharField()
    duration_seconds = serializers.FloatField(allow_null=True)
    size = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField()
    stored_at = serializers.DateTimeField(allow_null=True)
    deleted_at = serializers.DateTimeField(allow_null=True)
    due_on = serializers.DateField(allow_null=True, help_text="the day of disposal; null: kept, or not assigned yet")
    retention_rule = serializers.CharField()
    retention_reason = serializers.CharField()
    locations = LocationSerializer(many=True)


class CallDetailSerializer(CallSerializer):
    artifacts = ArtifactSerializer(many=True)


class CallPageSerializer(serializers.Serializer[Any]):
    results = CallSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class TurnSerializer(serializers.Serializer[Any]):
    role = serializers.CharField()
    content = serializers.CharField()
    timestamp = serializers.JSONField(help_text="ISO 8601, or seconds from the start of the call, or null")


class TranscriptSerializer(serializers.Serializer[Any]):
    call_id = serializers.UUIDField()
    transcription = TurnSerializer(many=True)


class NewLinkSerializer(rest.StrictSerializer):
    purpose = serializers.CharField(max_length=100, required=False, help_text="needed where the key has no default")
    lifetime_seconds = serializers.IntegerField(min_value=1, max_value=3600, required=False, help_text="900 by default")


class LinkSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    artifact_id = serializers.UUIDField()
    url = serializers.URLField()
    purpose = serializers.CharField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    opened = serializers.IntegerField()
    bytes_served = serializers.IntegerField()


# --- rendering ------------------------------------------------------------------------------------


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def render_call(call: Call) -> dict[str, Any]:
    """A call as the lists show it: nothing that needs a purpose to be opened."""
    return {
        "id": call.id,
        "external_id": call.external_id,
        "connection_id": call.connection_id,
        "platform": call.connection.platform,
        "agent_id": call.agent_id,
        "agent_external_id": call.agent.external_id if call.agent else None,
        "batch_id": call.batch_id,
        "direction": call.direction,
        "status": call.status,
        "place": call.place,
        "consent": call.consent,
        "language": call.language,
        "labels": call.labels,
        "trust": call.trust,
        "started_at": call.started_at,
        "ended_at": call.ended_at,
        "duration_seconds": _seconds(call.duration_ms),
        "state": call.state,
        "registered_at": call.registered_at,
        "erased_at": call.erased_at,
    }


def _render_artifact(artifact: Artifact, places: list[Location]) -> dict[str, Any]:
    plain = (
        "id", "kind", "variant", "version", "state", "failure_code", "media_type", "codec", "size", "sha256",
        "stored_at", "deleted_at", "due_on", "retention_rule", "retention_reason",
    )  # fmt: skip
    return {name: getattr(artifact, name) for name in plain} | {
        "duration_seconds": _seconds(artifact.duration_ms),
        "locations": [
            {name: getattr(one, name) for name in ("place", "name", "state", "expected_gone_on", "checked_at")}
            for one in places
        ],
    }


def render_details(call: Call) -> dict[str, Any]:
    artifacts = access.artifacts_of(call.organisation_id, call.id)
    places = access.locations(call.organisation_id).filter(artifact__in=artifacts).order_by("id")
    by_artifact: dict[UUID, list[Location]] = {artifact.id: [] for artifact in artifacts}
    for place in places:
        by_artifact[place.artifact_id].append(place)
    return render_call(call) | {"artifacts": [_render_artifact(one, by_artifact[one.id]) for one in artifacts]}
