"""/api/v1/connections and /api/v1/agents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from compliance import rest
from compliance.connectors import access, operations, representations, settings_api
from compliance.connectors.access import Governance
from compliance.connectors.models import Agent, LawfulBasis
from compliance.connectors.representations import ConnectionSerializer
from compliance.errors import NotFound

_CURSOR = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]


class _GovernedSerializer(rest.StrictSerializer):
    purposes = serializers.ListField(child=serializers.CharField(max_length=300), required=False, max_length=50)
    lawful_basis = serializers.ChoiceField(choices=LawfulBasis.choices, required=False, allow_blank=True)
    recipients = serializers.ListField(child=serializers.CharField(max_length=300), required=False, max_length=50)


class NewConnectionSerializer(_GovernedSerializer):
    platform = serializers.CharField(max_length=32)
    name = serializers.CharField(max_length=100)
    account_id = serializers.CharField(max_length=200, required=False, allow_blank=True)
    allowed_hosts = serializers.ListField(
        child=serializers.CharField(max_length=260), required=False, max_length=50,
        help_text="left out or empty: the platform's usual ones",
    )  # fmt: skip
    options = serializers.DictField(child=serializers.CharField(max_length=100, allow_blank=True), required=False)
    api_host = serializers.CharField(max_length=260, required=False, allow_blank=True)
    webhook_secret = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="where the platform makes it; never shown again"
    )


class NewAddressSerializer(ConnectionSerializer):
    token = serializers.CharField(
        allow_null=True, help_text="the secret of our making, told once; null where there is none or it was told"
    )
    webhook_url_with_token = serializers.URLField(allow_null=True)


class ConnectionPageSerializer(serializers.Serializer[Any]):
    results = ConnectionSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class RotateSerializer(rest.StrictSerializer):
    overlap_seconds = serializers.IntegerField(min_value=0, max_value=30 * 86_400, required=False)


class AgentDetailsSerializer(_GovernedSerializer):
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    languages = serializers.ListField(child=serializers.CharField(max_length=35), required=False, max_length=50)
    jurisdictions = serializers.ListField(
        child=serializers.RegexField(r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"), required=False, max_length=50
    )


class AgentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    external_id = serializers.CharField()
    connection_id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    languages = serializers.ListField(child=serializers.CharField())
    jurisdictions = serializers.ListField(child=serializers.CharField())
    purposes = serializers.ListField(child=serializers.CharField())
    lawful_basis = serializers.CharField()
    recipients = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()


class AgentPageSerializer(serializers.Serializer[Any]):
    results = AgentSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def _agent(row: Agent) -> dict[str, Any]:
    return {
        "id": row.id,
        "external_id": row.external_id,
        "connection_id": row.connection_id,
        "name": row.name,
        "languages": row.languages,
        "jurisdictions": row.jurisdictions,
        "purposes": row.purposes,
        "lawful_basis": row.lawful_basis,
        "recipients": row.recipients,
        "created_at": row.created_at,
    }


def _governance(values: Mapping[str, Any], known: Governance | None = None) -> Governance:
    """What was sent, over what is known."""
    known = known or Governance()
    return Governance(
        purposes=tuple(values.get("purposes", known.purposes)),
        lawful_basis=values.get("lawful_basis", known.lawful_basis),
        recipients=tuple(values.get("recipients", known.recipients)),
    )


class _AddressView(rest.OrganisationView):
    """Answers with a connection, and with its token where it was made just now."""

    _fresh: operations.NewAddress | None = None

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        if resource_id is None:
            return None
        fresh = self._fresh
        row = access.connection_of(self.actor().organisation_id, resource_id)
        return representations.connection(row) | {
            "token": fresh.token or None if fresh else None,
            "webhook_url_with_token": fresh.url_with_token or None if fresh else None,
        }


class ConnectionsView(_AddressView):
    @extend_schema(operation_id="connections_list", parameters=_CURSOR, responses=ConnectionPageSerializer)
    def get(self, request: Request) -> Response:
        """The organisation's connections, newest first."""
        actor = self.actor()
        rights.require(actor, "connectors.read")
        show = representations.shower(actor.organisation_id)
        return rest.page_of(request, access.connections_of(actor.organisation_id), show)

    @extend_schema(
        operation_id="connections_create", request=NewConnectionSerializer, responses={201: NewAddressSerializer}
    )
    def post(self, request: Request) -> rest.Written:
        """Connect an account at a platform. The answer tells the webhook address and, once, its token."""
        values = rest.read_input(NewConnectionSerializer, request)
        self._fresh = operations.create_connection(
            actor=self.actor(),
            new=operations.NewConnection(
                platform=values["platform"],
                name=values["name"],
                account_id=values.get("account_id", ""),
                allowed_hosts=values.get("allowed_hosts", ()),
                governance=_governance(values),
                options=values.get("options", {}),
                api_host=values.get("api_host", ""),
                webhook_secret=values.get("webhook_secret", ""),
            ),
        )
        return rest.Written(self._fresh.connection.id, 201)


class RotateTokenView(_AddressView):
    @extend_schema(operation_id="connections_rotate_token", request=RotateSerializer, responses=NewAddressSerializer)
    def post(self, request: Request, connection_id: UUID) -> rest.Written:
        """A new token for the same address; the old one works on for the overlap (24 hours unless said otherwise)."""
        values = rest.read_input(RotateSerializer, request)
        seconds = values.get("overlap_seconds")
        overlap = operations.TOKEN_OVERLAP if seconds is None else timedelta(seconds=seconds)
        self._fresh = operations.rotate_token(actor=self.actor(), connection_id=connection_id, overlap=overlap)
        return rest.Written(connection_id)


class AgentsView(rest.OrganisationView):
    @extend_schema(operation_id="agents_list", parameters=_CURSOR, responses=AgentPageSerializer)
    def get(self, request: Request) -> Response:
        """The organisation's agents, newest first."""
        actor = self.actor()
        rights.require(actor, "connectors.read")
        return rest.page_of(request, access.agents_of(actor.organisation_id), _agent)


class AgentView(rest.OrganisationView):
    has_version = True

    @extend_schema(operation_id="agents_read", responses=AgentSerializer)
    def get(self, request: Request, reference: str) -> Response:
        """One agent, by our id or the platform's."""
        return Response(_agent(access.agent_for(self.actor(), reference)))

    @extend_schema(operation_id="agents_update", request=AgentDetailsSerializer, responses={200: AgentSerializer})
    def put(self, request: Request, reference: str) -> rest.Written:
        """Set what is known about an agent.

        Fields that are left out stay; an unknown platform id registers the agent.
        """
        values = rest.read_input(AgentDetailsSerializer, request)
        actor = self.actor()
        rights.require(actor, "connectors.manage_agents")
        agent = _known_or_new(self, reference)
        known = Governance(tuple(agent.purposes), agent.lawful_basis, tuple(agent.recipients))
        operations.set_agent(
            actor=actor,
            agent_id=agent.id,
            details=operations.AgentDetails(
                name=values.get("name", agent.name),
                languages=values.get("languages", agent.languages),
                jurisdictions=values.get("jurisdictions", agent.jurisdictions),
                governance=_governance(values, known),
            ),
        )
        return rest.Written(agent.id)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        found = access.agents_of(self.actor().organisation_id).filter(id=resource_id).first() if resource_id else None
        return _agent(found) if found else None


def _known_or_new(view: rest.OrganisationView, reference: str) -> Agent:
    try:
        return access.agent_named(view.actor().organisation_id, reference)
    except NotFound:
        if _is_uuid(reference):
            raise
        return operations.register_agent(actor=view.actor(), external_id=reference)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


urlpatterns = [
    path("connections", ConnectionsView.as_view()),
    *settings_api.urlpatterns,
    path("connections/<uuid:connection_id>/rotate-token", RotateTokenView.as_view()),
    path("agents", AgentsView.as_view()),
    path("agents/<str:reference>", AgentView.as_view()),
]
