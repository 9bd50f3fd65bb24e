"""What the API shows of a connection: everything but its secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from rest_framework import serializers

from compliance.connectors import access, signs
from compliance.connectors.health import Health, Reason
from compliance.connectors.models import Connection
from compliance.connectors.providers import registry
from compliance.connectors.providers.base import Provider


class HealthSerializer(serializers.Serializer[Any]):
    standing = serializers.CharField(help_text="good | attention | failing")
    reasons = serializers.ListField(
        child=serializers.CharField(), help_text="what needs attention: " + " | ".join(Reason)
    )
    last_delivery_at = serializers.DateTimeField(allow_null=True)
    denied = serializers.IntegerField(help_text="deliveries that proved nothing, about; the log has every one")
    last_denied_at = serializers.DateTimeField(allow_null=True)
    quarantined = serializers.IntegerField(help_text="deliveries that could not be read")
    stuck = serializers.IntegerField(help_text="deliveries that were not read within an hour")
    gaps = serializers.IntegerField(help_text="batches of which calls are missing")
    secret_age_days = serializers.IntegerField(allow_null=True)
    last_poll_at = serializers.DateTimeField(allow_null=True)
    last_poll_code = serializers.CharField(help_text="empty: the last question was answered")


class ConnectionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    platform = serializers.CharField()
    name = serializers.CharField()
    state = serializers.CharField(help_text=" | ".join(Connection.State.values))
    webhook_url = serializers.URLField()
    account_id = serializers.CharField()
    allowed_hosts = serializers.ListField(child=serializers.CharField())
    options = serializers.DictField(child=serializers.CharField())
    api_host = serializers.CharField()
    quiet_hours = serializers.IntegerField(allow_null=True)
    purposes = serializers.ListField(child=serializers.CharField())
    lawful_basis = serializers.CharField()
    recipients = serializers.ListField(child=serializers.CharField())
    is_verified = serializers.BooleanField(
        help_text="whether an independent implementation accepted ours and ours theirs"
    )
    verification = serializers.CharField(help_text="on what that rests")
    credentials = serializers.ListField(child=serializers.CharField(), help_text="names of those that are entered")
    recording_keys = serializers.ListField(child=serializers.CharField(), help_text="ids of the keys entered")
    health = HealthSerializer()
    last_delivery_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class OptionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # shadows a field of the framework by intent
    help = serializers.CharField()
    default = serializers.CharField()
    choices = serializers.ListField(child=serializers.CharField(), help_text="empty: any word")


class CredentialSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # shadows a field of the framework by intent
    help = serializers.CharField()


class PlatformSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # shadows a field of the framework by intent
    secret_form = serializers.CharField(help_text="digest: a token of ours | key: a shared key")
    secret_origin = serializers.CharField(help_text="ours | theirs: who makes the webhook secret")
    connecting_help = serializers.CharField()
    options = OptionSerializer(many=True)
    credentials = CredentialSerializer(many=True)
    media_hosts = serializers.ListField(child=serializers.CharField())
    is_verified = serializers.BooleanField()
    verification = serializers.CharField()


def connection(row: Connection) -> dict[str, Any]:
    """One connection."""
    return shower(row.organisation_id)(row)


def shower(organisation_id: UUID) -> Callable[[Connection], dict[str, Any]]:
    """Shows one connection after the other; health and names of secrets are asked for once for all of them."""
    rows = list(access.connections_of(organisation_id))
    healths, entered = signs.healths(organisation_id, rows), access.names_of_secrets(organisation_id)
    return lambda row: _shown(row, healths[row.id], entered.get(row.id, {}))


def platform(provider: Provider) -> dict[str, Any]:
    """What can be connected, and what has to be known for it."""
    return {
        "name": provider.name,
        "label": provider.label,
        "secret_form": provider.secret_form.value,
        "secret_origin": provider.secret_origin.value,
        "connecting_help": provider.connecting_help,
        "options": [
            {"name": one.name, "label": one.label, "help": one.help, "default": one.default, "choices": one.choices}
            for one in provider.options
        ],
        "credentials": [{"name": one.name, "label": one.label, "help": one.help} for one in provider.credentials],
        "media_hosts": provider.media_hosts,
        "is_verified": provider.is_verified,
        "verification": provider.verification,
    }


def _shown(row: Connection, health: Health, entered: dict[str, list[str]]) -> dict[str, Any]:
    provider = registry.provider_for(row.platform)
    plain = (
        "id", "platform", "name", "state", "account_id", "allowed_hosts", "api_host", "quiet_hours", "purposes",
        "lawful_basis", "recipients", "last_delivery_at", "created_at",
    )  # fmt: skip
    return {name: getattr(row, name) for name in plain} | {
        "webhook_url": access.webhook_url(row),
        "options": access.options_of(row),
        "is_verified": provider.is_verified,
        "verification": provider.verification,
        "credentials": entered.get("api", []),
        "recording_keys": entered.get("recording_key", []),
        "health": _health(health),
    }


def _health(health: Health) -> dict[str, Any]:
    told = health.signs
    return {
        "standing": health.standing,
        "reasons": [reason.value for reason in health.reasons],
        "last_delivery_at": told.last_delivery_at,
        "denied": told.denied,
        "last_denied_at": told.last_denied_at,
        "quarantined": told.counts.quarantined,
        "stuck": told.counts.stuck,
        "gaps": told.counts.gaps,
        "secret_age_days": health.secret_age_days,
        "last_poll_at": told.last_poll_at,
        "last_poll_code": told.last_poll_code,
    }
