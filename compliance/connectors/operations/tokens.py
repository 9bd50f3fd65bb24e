"""What a platform proves its deliveries with: a token or a shared key, of our making or of the platform's.

A token is kept as a digest. A key is needed as it is for every signature, so it is sealed under the organisation, told
once where we made it, and never shown again.
"""

from __future__ import annotations

import dataclasses
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from compliance.connectors import events
from compliance.connectors.access import usable_secrets, webhook_url
from compliance.connectors.models import Connection, ConnectionSecret
from compliance.connectors.operations.noting import lock_connection, note
from compliance.connectors.operations.sealing import add_sealed, forget
from compliance.connectors.providers import base, registry
from compliance.connectors.providers.base import Provider, SecretForm, SecretOrigin
from compliance.errors import Conflict, Invalid

TOKEN_OVERLAP = timedelta(hours=24)
MOST_ENDING = 2
"""Secrets that may still be good beside the newest; a further rotation ends the oldest of them at once."""
_SECRET = re.compile(r"[\x21-\x7e]{8,500}")


@dataclass(frozen=True, slots=True)
class NewAddress:
    """What must be entered at the platform. A secret of our making is told once; "" where there is none to tell."""

    connection: Connection
    token: str = dataclasses.field(repr=False)

    @property
    def url(self) -> str:
        """The address for platforms that sign, or that can send `Authorization: Bearer`."""
        return webhook_url(self.connection)

    @property
    def url_with_token(self) -> str:
        """The address for platforms that can do neither; "" where the secret is a key, which never stands in one."""
        is_token = registry.provider_for(self.connection.platform).secret_form is SecretForm.DIGEST
        return f"{self.url}/{self.token}" if is_token and self.token else ""


def rotate_token(*, actor: Actor, connection_id: UUID, overlap: timedelta = TOKEN_OVERLAP) -> NewAddress:
    """A new secret of our making; the old ones work on for the overlap (0: a leaked one ends now), then no more.

    Raises Conflict("secret_is_theirs") where the platform makes the secret.
    """
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = lock_connection(actor, connection_id)
        provider = registry.provider_for(connection.platform)
        if not makes_secret(provider):
            raise Conflict("The platform makes this secret: enter its new one here", code="secret_is_theirs")
        _end_others(connection, overlap)
        token = add_secret(connection, provider)
        what = {"overlap_seconds": int(overlap.total_seconds())}
        note(actor, events.TOKEN_ROTATED, "connection", connection.id, what=what)
    return NewAddress(connection, token)


def set_webhook_secret(
    *, actor: Actor, connection_id: UUID, value: str, overlap: timedelta = TOKEN_OVERLAP
) -> Connection:
    """Take in the key that the platform signs with; the one before works on for the overlap.

    Raises Conflict("secret_is_ours") where a token of our making is what proves deliveries.
    """
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = lock_connection(actor, connection_id)
        provider = registry.provider_for(connection.platform)
        if provider.secret_form is not SecretForm.KEY:
            raise Conflict("The secret of this platform is a token of our making: rotate it", code="secret_is_ours")
        checked = checked_secret(value)
        _end_others(connection, overlap)
        add_sealed(connection, ConnectionSecret.Use.WEBHOOK, "", checked.encode())
        what = {"overlap_seconds": int(overlap.total_seconds())}
        note(actor, events.WEBHOOK_SECRET_SET, "connection", connection.id, what=what)
    return connection


def makes_secret(provider: Provider) -> bool:
    """Whether we make the platform's webhook secret."""
    return provider.secret_form is SecretForm.DIGEST or provider.secret_origin is SecretOrigin.OURS


def add_secret(connection: Connection, provider: Provider) -> str:
    """A fresh secret of our making, kept in the provider's form; its text, told this once."""
    if provider.secret_form is SecretForm.DIGEST:
        token = secrets.token_urlsafe(32)
        ConnectionSecret.objects.create(
            organisation_id=connection.organisation_id, connection=connection, digest=base.token_digest(token)
        )
        return token
    key = base.new_secret(provider, secrets.token_bytes(32))
    add_sealed(connection, ConnectionSecret.Use.WEBHOOK, "", key.encode())
    return key


def checked_secret(value: str, field: str = "value") -> str:
    """A secret as the platform shows it. Raises Invalid for anything that cannot be one."""
    text = value.strip()
    if not _SECRET.fullmatch(text):
        raise Invalid("This cannot be a secret", errors={field: ["8 to 500 plain characters without spaces."]})
    return text


def _end_others(connection: Connection, overlap: timedelta) -> None:
    """The secrets so far end with the overlap, or earlier where their end was set before."""
    now = timezone.now()
    end = now + overlap
    rows = usable_secrets(connection.organisation_id).filter(connection=connection, use=ConnectionSecret.Use.WEBHOOK)
    rows.filter(valid_until=None).update(valid_until=end)
    rows.filter(valid_until__gt=end).update(valid_until=end)
    newest_first = rows.order_by("-valid_from", "-id").values_list("id", flat=True)
    forget(connection, list(newest_first[MOST_ENDING:]))
