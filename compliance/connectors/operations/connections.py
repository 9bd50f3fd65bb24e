"""Connections: made, paused, walled in, and said what they are for."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings

from accounts import access, routing, tenancy
from accounts.actors import Actor
from compliance.connectors import events
from compliance.connectors.access import Governance, route_of
from compliance.connectors.destinations import AllowedHost, usable_lines
from compliance.connectors.models import Connection, ConnectionSecret
from compliance.connectors.operations.noting import MAX_LIST, govern, lock_connection, note, note_governance
from compliance.connectors.operations.sealing import add_sealed
from compliance.connectors.operations.tokens import NewAddress, add_secret, checked_secret, makes_secret
from compliance.connectors.providers import registry
from compliance.connectors.providers.base import Provider, SecretForm, UnknownPlatform
from compliance.errors import Invalid

MOST_QUIET_HOURS = 24 * 90
_OPTION = re.compile(r"[\x21-\x7e]{0,100}")


@dataclass(frozen=True, slots=True)
class NewConnection:
    """What a new connection is."""

    platform: str
    name: str
    account_id: str = ""
    allowed_hosts: Sequence[str] = ()
    governance: Governance = field(default_factory=Governance)
    options: Mapping[str, str] = field(default_factory=dict)
    api_host: str = ""
    webhook_secret: str = field(default="", repr=False)


def create_connection(*, actor: Actor, new: NewConnection) -> NewAddress:
    """Connect an account at a platform: a fresh address that nobody can guess, and its first secret.

    A key that the platform makes may be entered later by `set_webhook_secret`; until then every delivery is denied.
    Where no host of recordings is named, the platform's usual ones are taken.
    """
    access.require(actor, "connectors.manage")
    provider = known_provider(new.platform)
    if not new.name.strip():
        raise Invalid("A connection needs a name", errors={"name": ["Empty."]})
    with tenancy.operation(actor):
        connection = Connection(
            organisation_id=actor.organisation_id,
            platform=new.platform,
            name=new.name.strip(),
            address=secrets.token_urlsafe(24),
            account_id=new.account_id.strip(),
            allowed_hosts=_hosts(new.allowed_hosts or provider.media_hosts),
            options=_options(provider, new.options),
            api_host=_api_host(provider, new.api_host),
        )
        govern(connection, new.governance)
        connection.save(force_insert=True)
        routing.publish_route(
            routing.CONNECTION,
            route_of(connection.platform, connection.address),
            organisation_id=actor.organisation_id,
            object_id=connection.id,
        )
        token = _first_secret(connection, provider, new.webhook_secret)
        what: dict[str, str | int | bool | None] = {"platform": connection.platform}
        note(actor, events.CONNECTION_CREATED, "connection", connection.id, what=what, name=connection.name)
    return NewAddress(connection, token)


def known_provider(platform: str) -> Provider:
    """The platform of this name. Raises Invalid, which lists those that there are."""
    try:
        return registry.provider_for(platform)
    except UnknownPlatform as error:
        raise Invalid(
            "This platform is not known", errors={"platform": [f"One of: {', '.join(registry.names())}."]}
        ) from error


def set_connection_state(*, actor: Actor, connection_id: UUID, state: Connection.State) -> Connection:
    """Pause a connection (its deliveries are answered with "try again later") or take it up again."""
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = lock_connection(actor, connection_id)
        before, connection.state = connection.state, state.value
        connection.save(update_fields=["state"])
        note(actor, events.CONNECTION_CHANGED, "connection", connection.id, what={"from": before, "to": state.value})
    return connection


def set_allowed_hosts(*, actor: Actor, connection_id: UUID, hosts: Sequence[str]) -> Connection:
    """The hosts from which recordings may be fetched: the main wall around the fetcher."""
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = lock_connection(actor, connection_id)
        before, connection.allowed_hosts = connection.allowed_hosts, _hosts(hosts)
        connection.save(update_fields=["allowed_hosts"])
        change = {"from": before, "to": connection.allowed_hosts}
        note(
            actor, events.CONNECTION_CHANGED, "connection", connection.id, what={"field": "allowed_hosts"}, hosts=change
        )
    return connection


def set_connection_governance(*, actor: Actor, connection_id: UUID, governance: Governance) -> Connection:
    """Purposes, lawful basis and recipients of what comes through a connection."""
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = lock_connection(actor, connection_id)
        govern(connection, governance)
        connection.save(update_fields=["purposes", "lawful_basis", "recipients"])
        note_governance(actor, events.CONNECTION_CHANGED, "connection", connection)
    return connection


def set_options(*, actor: Actor, connection_id: UUID, options: Mapping[str, str]) -> Connection:
    """What the account at the platform is set to, as far as that decides how deliveries are read. Replaces all."""
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = lock_connection(actor, connection_id)
        checked = _options(registry.provider_for(connection.platform), options)
        before, connection.options = connection.options, checked
        connection.save(update_fields=["options"])
        change = {"from": before, "to": checked}
        note(actor, events.CONNECTION_CHANGED, "connection", connection.id, what={"field": "options"}, options=change)
    return connection


def set_api_host(*, actor: Actor, connection_id: UUID, host: str) -> Connection:
    """Which of the platform's regions is asked; "" is its usual one."""
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = lock_connection(actor, connection_id)
        checked = _api_host(registry.provider_for(connection.platform), host)
        before, connection.api_host = connection.api_host, checked
        connection.save(update_fields=["api_host"])
        change = {"from": before, "to": checked}
        note(actor, events.CONNECTION_CHANGED, "connection", connection.id, what={"field": "api_host"}, host=change)
    return connection


def set_quiet_hours(*, actor: Actor, connection_id: UUID, hours: int | None) -> Connection:
    """After how many hours without a delivery somebody is told; None: never."""
    access.require(actor, "connectors.manage")
    if hours is not None and not 1 <= hours <= MOST_QUIET_HOURS:
        raise Invalid("Not a number of hours", errors={"quiet_hours": [f"1 to {MOST_QUIET_HOURS}, or nothing."]})
    with tenancy.operation(actor):
        connection = lock_connection(actor, connection_id)
        connection.quiet_hours = hours
        connection.save(update_fields=["quiet_hours"])
        what: dict[str, str | int | bool | None] = {"field": "quiet_hours", "to": hours}
        note(actor, events.CONNECTION_CHANGED, "connection", connection.id, what=what)
    return connection


def _first_secret(connection: Connection, provider: Provider, given: str) -> str:
    """What the new connection is proven by; the text to be told, "" where it is not of our making."""
    if not given:
        return add_secret(connection, provider) if makes_secret(provider) else ""
    if provider.secret_form is not SecretForm.KEY:
        raise Invalid(
            "The secret of this platform is a token of our making", errors={"webhook_secret": ["Leave this empty."]}
        )
    add_sealed(connection, ConnectionSecret.Use.WEBHOOK, "", checked_secret(given, "webhook_secret").encode())
    return ""


def _options(provider: Provider, chosen: Mapping[str, str]) -> dict[str, str]:
    """The choices, each one that the platform offers."""
    offered = {option.name: option for option in provider.options}
    for name, value in chosen.items():
        option = offered.get(name)
        if option is None:
            told = f"{name[:40]}: one of {', '.join(offered)}." if offered else "This platform offers none."
            raise Invalid("This option is not known", errors={"options": [told]})
        if option.choices and value not in option.choices:
            told = f"{name}: one of {', '.join(option.choices)}."
            raise Invalid("An option cannot be used", errors={"options": [told]})
        if not option.choices and not _OPTION.fullmatch(value):
            raise Invalid("An option cannot be used", errors={"options": [f"{name}: a word without spaces."]})
    return dict(chosen)


def _api_host(provider: Provider, host: str) -> str:
    """A host of the platform's list, or one of this machine's test hosts."""
    name = host.strip().lower()
    if not name or name in settings.FETCH_TEST_HOSTS:
        return name
    hosts = provider.api.hosts if provider.api else ()
    bare, _, port = name.partition(":")
    if not port and any(line.covers(bare, line.port) for line in usable_lines(hosts)):
        return name
    told = f"One of: {', '.join(hosts)}." if hosts else "This platform has no API that is asked."
    raise Invalid("This host is none of the platform's", errors={"api_host": [told]})


def _hosts(hosts: Sequence[str]) -> list[str]:
    """Normal forms of the list, each once."""
    if len(hosts) > MAX_LIST:
        raise Invalid("Too many hosts", errors={"allowed_hosts": [f"At most {MAX_LIST}."]})
    parsed: dict[str, None] = {}
    for host in hosts:
        try:
            parsed[str(AllowedHost.parse(host))] = None
        except ValueError as error:
            raise Invalid("A host cannot be used", errors={"allowed_hosts": [f"{host[:100]}: {error}."]}) from error
    return list(parsed)
