"""/api/v1/connections/{id}: one connection, what it is set to, and its secrets, which go in and never come out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from compliance import rest
from compliance.connectors import access, operations, representations
from compliance.connectors.models import Connection
from compliance.connectors.providers import registry
from compliance.connectors.representations import ConnectionSerializer, PlatformSerializer


class SettingsSerializer(rest.StrictSerializer):
    state = serializers.ChoiceField(choices=Connection.State.choices, required=False)
    allowed_hosts = serializers.ListField(child=serializers.CharField(max_length=260), required=False, max_length=50)
    options = serializers.DictField(child=serializers.CharField(max_length=100, allow_blank=True), required=False)
    api_host = serializers.CharField(max_length=260, required=False, allow_blank=True)
    quiet_hours = serializers.IntegerField(required=False, allow_null=True)


class WebhookSecretSerializer(rest.StrictSerializer):
    value = serializers.CharField(max_length=500, trim_whitespace=True, help_text="never shown again")
    overlap_seconds = serializers.IntegerField(min_value=0, max_value=30 * 86_400, required=False)


class CredentialValueSerializer(rest.StrictSerializer):
    value = serializers.CharField(max_length=4000, allow_blank=True, help_text="never shown again; empty: forget it")


class RecordingKeySerializer(rest.StrictSerializer):
    private_key_pem = serializers.CharField(max_length=20_000, help_text="RSA, never shown again")


class _View(rest.OrganisationView):
    """Answers a write with the connection."""

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        if resource_id is None:
            return None
        return representations.connection(access.connection_of(self.actor().organisation_id, resource_id))


class PlatformsView(rest.OrganisationView):
    @extend_schema(operation_id="platforms_list", responses=PlatformSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The platforms that can be connected, and what each needs to be told."""
        rights.require(self.actor(), "connectors.read")
        return Response([representations.platform(registry.provider_for(name)) for name in registry.names()])


class ConnectionView(_View):
    @extend_schema(operation_id="connections_read", responses=ConnectionSerializer)
    def get(self, request: Request, connection_id: UUID) -> Response:
        """One connection with its health."""
        return Response(representations.connection(access.connection_for(self.actor(), connection_id)))

    @extend_schema(operation_id="connections_update", request=SettingsSerializer, responses=ConnectionSerializer)
    def patch(self, request: Request, connection_id: UUID) -> rest.Written:
        """Change what is named; the rest stays. All of it or nothing."""
        values, actor = rest.read_input(SettingsSerializer, request), self.actor()
        rights.require(actor, "connectors.manage")
        access.connection_of(actor.organisation_id, connection_id)
        if "state" in values:
            state = Connection.State(values["state"])
            operations.set_connection_state(actor=actor, connection_id=connection_id, state=state)
        if "allowed_hosts" in values:
            operations.set_allowed_hosts(actor=actor, connection_id=connection_id, hosts=values["allowed_hosts"])
        if "options" in values:
            operations.set_options(actor=actor, connection_id=connection_id, options=values["options"])
        if "api_host" in values:
            operations.set_api_host(actor=actor, connection_id=connection_id, host=values["api_host"])
        if "quiet_hours" in values:
            operations.set_quiet_hours(actor=actor, connection_id=connection_id, hours=values["quiet_hours"])
        return rest.Written(connection_id)


class WebhookSecretView(_View):
    @extend_schema(
        operation_id="connections_set_webhook_secret", request=WebhookSecretSerializer, responses=ConnectionSerializer
    )
    def post(self, request: Request, connection_id: UUID) -> rest.Written:
        """Enter the key that the platform signs with; the one before works on for the overlap (24 hours)."""
        values = rest.read_input(WebhookSecretSerializer, request)
        seconds = values.get("overlap_seconds")
        operations.set_webhook_secret(
            actor=self.actor(),
            connection_id=connection_id,
            value=values["value"],
            overlap=operations.TOKEN_OVERLAP if seconds is None else timedelta(seconds=seconds),
        )
        return rest.Written(connection_id)


class CredentialView(_View):
    @extend_schema(
        operation_id="connections_set_credential", request=CredentialValueSerializer, responses=ConnectionSerializer
    )
    def put(self, request: Request, connection_id: UUID, name: str) -> rest.Written:
        """Enter one of the secrets by which we ask the platform, or forget it."""
        values = rest.read_input(CredentialValueSerializer, request)
        operations.set_credential(actor=self.actor(), connection_id=connection_id, name=name, value=values["value"])
        return rest.Written(connection_id)


class RecordingKeyView(_View):
    @extend_schema(
        operation_id="connections_set_recording_key", request=RecordingKeySerializer, responses=ConnectionSerializer
    )
    def put(self, request: Request, connection_id: UUID, key_id: str) -> rest.Written:
        """Enter the private key for recordings that the platform encrypts under the public key of this id."""
        values = rest.read_input(RecordingKeySerializer, request)
        operations.set_recording_key(
            actor=self.actor(), connection_id=connection_id, key_id=key_id, private_key_pem=values["private_key_pem"]
        )
        return rest.Written(connection_id)


urlpatterns = [
    path("platforms", PlatformsView.as_view()),
    path("connections/<uuid:connection_id>", ConnectionView.as_view()),
    path("connections/<uuid:connection_id>/webhook-secret", WebhookSecretView.as_view()),
    path("connections/<uuid:connection_id>/credentials/<str:name>", CredentialView.as_view()),
    path("connections/<uuid:connection_id>/recording-keys/<str:key_id>", RecordingKeyView.as_view()),
]
