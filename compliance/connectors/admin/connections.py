"""Console: connections to platforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from accounts import access as rights
from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Show, button
from accounts.console import ScopedAdmin, actor_of
from accounts.pages import Facts, Figure, Part, Secret, Table
from compliance.connectors import access, operations, signs
from compliance.connectors.admin.questions import (
    CredentialQuestion,
    GovernanceQuestion,
    HostsQuestion,
    NewConnectionQuestion,
    RecordingKeyQuestion,
    SecretQuestion,
    SettingsQuestion,
    governance_of,
    governed,
    lines,
)
from compliance.connectors.health import WORDS, Health
from compliance.connectors.models import Connection
from compliance.connectors.operations.tokens import makes_secret
from compliance.connectors.providers import registry
from compliance.connectors.providers.base import SecretForm, encrypts_recordings

_STATES = {"active": pages.GOOD, "paused": pages.WAITING}
_TONES = {"good": pages.GOOD, "attention": pages.WAITING, "failing": pages.BAD}
_ONCE = "Enter these at the platform now. A secret of our making is shown this once."


@admin.register(Connection)
class ConnectionAdmin(ScopedAdmin):
    read_action = "connectors.read"
    title = "Connections"
    intro = "Each is one account at one platform: the processor that makes and records calls for you."
    empty = "No platform is connected yet."
    list_display = ("name", "platform", "standing", "health", "last_delivery", "basis", "purpose_list")
    ordering = ("name", "id")
    actions_list = ("connect",)
    actions_detail = (
        "set_governance", "set_hosts", "set_settings", "rotate_token", "set_secret", "set_credential",
        "set_recording_key", "pause", "resume",
    )  # fmt: skip

    @admin.display(description="State")
    def standing(self, row: Connection) -> str:
        return pages.state(row.state, _STATES)

    @admin.display(description="Health")
    def health(self, row: Connection) -> str:
        found = signs.health_of(row)
        return pages.badge(pages.words(found.reasons[0]) if found.reasons else "good", _TONES[found.standing])

    @admin.display(description="Last delivery")
    def last_delivery(self, row: Connection) -> str:
        return pages.moment(row.last_delivery_at)

    @admin.display(description="Lawful basis")
    def basis(self, row: Connection) -> str:
        return row.get_lawful_basis_display() or pages.badge("not stated", pages.WAITING)

    @admin.display(description="Purposes")
    def purpose_list(self, row: Connection) -> str:
        return pages.listed(row.purposes) if row.purposes else pages.badge("not stated", pages.WAITING)

    def parts(self, request: HttpRequest, row: Connection) -> Sequence[Part]:
        provider = registry.provider_for(row.platform)
        entered = access.names_of_secrets(row.organisation_id).get(row.id, {})
        agents = access.agents_of(row.organisation_id).filter(connection=row).order_by("external_id")[:50]
        return [
            Facts(
                "Connection",
                [
                    ("Platform", f"{provider.label} (unverified against the real system)"),
                    ("State", self.standing(row)),
                    ("Last delivery", pages.moment(row.last_delivery_at)),
                    ("Webhook address", pages.code(access.webhook_url(row))),
                    ("Account at the platform", row.account_id),
                    ("How to connect", provider.connecting_help),
                    ("Hosts of recordings", pages.lines(row.allowed_hosts)),
                    ("Options", pages.lines(f"{name}: {value}" for name, value in access.options_of(row).items())),
                    ("Credentials entered", pages.listed(entered.get("api", []))),
                    ("Recording keys entered", pages.listed(entered.get("recording_key", []))),
                    ("Since", pages.moment(row.created_at)),
                ],
            ),
            _health_part(signs.health_of(row)),
            Facts(
                "Why, on what basis, for whom",
                governed(row),
                "Letters and the record of processing are made from these.",
            ),
            Table(
                "Agents",
                ["Agent", "Id at the platform", "Languages", "Jurisdictions"],
                [
                    [
                        pages.to("connectors_agent", agent.id, agent),
                        pages.code(agent.external_id),
                        pages.listed(agent.languages),
                        pages.listed(agent.jurisdictions),
                    ]
                    for agent in agents
                ],
                empty="No agent of this connection is known yet.",
            ),
        ]

    @button(
        "connectors.manage",
        "Connect a platform",
        text="You get an address for the platform's webhooks and a token, which is shown once.",
        form=NewConnectionQuestion,
        icon="add",
    )
    def connect(self, actor: Actor, row: None, data: dict[str, Any]) -> Show:
        new = operations.NewConnection(
            platform=data["platform"],
            name=data["name"],
            account_id=data["account_id"],
            allowed_hosts=lines(data["allowed_hosts"]),
            governance=governance_of(data),
            options=data["options"],
            api_host=data["api_host"],
            webhook_secret=data["webhook_secret"],
        )
        return _shown(operations.create_connection(actor=actor, new=new))

    @button(
        "connectors.manage",
        "Purposes",
        text="Holds for every call of this connection whose agent says nothing else.",
        done="Purposes, basis and recipients are set.",
        form=GovernanceQuestion,
        submit="Save",
    )
    def set_governance(self, actor: Actor, row: Connection, data: dict[str, Any]) -> None:
        operations.set_connection_governance(actor=actor, connection_id=row.id, governance=governance_of(data))

    @button(
        "connectors.manage",
        "Hosts",
        text="The main wall around the fetcher: a recording's address at another host is not followed.",
        done="The hosts are set.",
        form=HostsQuestion,
        submit="Save",
    )
    def set_hosts(self, actor: Actor, row: Connection, data: dict[str, Any]) -> None:
        operations.set_allowed_hosts(actor=actor, connection_id=row.id, hosts=lines(data["hosts"]))

    @button(
        "connectors.manage",
        "New token",
        text="The next page shows a new secret of our making, once. Earlier ones work on for 24 hours.",
        fits=lambda row: makes_secret(registry.provider_for(row.platform)),
    )
    def rotate_token(self, actor: Actor, row: Connection, data: dict[str, Any]) -> Show:
        return _shown(operations.rotate_token(actor=actor, connection_id=row.id))

    @button(
        "connectors.manage",
        "Secret",
        text="The key that the platform signs with. The one before works on for 24 hours.",
        done="The secret is sealed.",
        form=SecretQuestion,
        fits=lambda row: registry.provider_for(row.platform).secret_form is SecretForm.KEY,
    )
    def set_secret(self, actor: Actor, row: Connection, data: dict[str, Any]) -> None:
        operations.set_webhook_secret(actor=actor, connection_id=row.id, value=data["value"])

    @button(
        "connectors.manage",
        "Credential",
        text="By these we ask the platform: for missed calls, agents, and deletions.",
        done="The credential is sealed.",
        form=CredentialQuestion,
        fits=lambda row: bool(registry.provider_for(row.platform).credentials),
    )
    def set_credential(self, actor: Actor, row: Connection, data: dict[str, Any]) -> None:
        operations.set_credential(actor=actor, connection_id=row.id, name=data["name"], value=data["value"])

    @button(
        "connectors.manage",
        "Recording key",
        text="For recordings that the platform encrypts under a public key of yours.",
        done="The key is sealed.",
        form=RecordingKeyQuestion,
        fits=lambda row: encrypts_recordings(registry.provider_for(row.platform)),
    )
    def set_recording_key(self, actor: Actor, row: Connection, data: dict[str, Any]) -> None:
        operations.set_recording_key(
            actor=actor, connection_id=row.id, key_id=data["key_id"], private_key_pem=data["private_key_pem"]
        )

    @button(
        "connectors.manage",
        "Settings",
        text="How the account at the platform is set, and when silence is an alarm.",
        done="The settings are saved.",
        form=SettingsQuestion,
        submit="Save",
    )
    def set_settings(self, actor: Actor, row: Connection, data: dict[str, Any]) -> None:
        if data["options"] != access.options_of(row):
            operations.set_options(actor=actor, connection_id=row.id, options=data["options"])
        if data["api_host"] != row.api_host:
            operations.set_api_host(actor=actor, connection_id=row.id, host=data["api_host"])
        if data["quiet_hours"] != row.quiet_hours:
            operations.set_quiet_hours(actor=actor, connection_id=row.id, hours=data["quiet_hours"])

    @button(
        "connectors.manage",
        "Pause",
        text="Deliveries are answered with “try again later” until you take the connection up again.",
        done="The connection is paused.",
        fits=lambda row: row.state == Connection.State.ACTIVE,
    )
    def pause(self, actor: Actor, row: Connection, data: dict[str, Any]) -> None:
        operations.set_connection_state(actor=actor, connection_id=row.id, state=Connection.State.PAUSED)

    @button(
        "connectors.manage",
        "Resume",
        text="Deliveries are taken in again.",
        done="The connection is active.",
        fits=lambda row: row.state == Connection.State.PAUSED,
    )
    def resume(self, actor: Actor, row: Connection, data: dict[str, Any]) -> None:
        operations.set_connection_state(actor=actor, connection_id=row.id, state=Connection.State.ACTIVE)


def figures(request: HttpRequest) -> list[Figure]:
    """What the overview says about connections."""
    actor = actor_of(request)
    if not rights.may(actor, "connectors.read"):
        return []
    found = signs.healths(actor.organisation_id, access.connections_of(actor.organisation_id)).values()
    count = sum(1 for health in found if health.reasons)
    is_failing = any(health.standing == "failing" for health in found)
    tone = pages.BAD if is_failing else pages.WAITING if count else pages.GOOD
    url = reverse("admin:connectors_connection_changelist")
    return [Figure("Connections that need attention", count, f"of {len(found)}", url, tone)]


def _health_part(health: Health) -> Facts:
    told = health.signs
    return Facts(
        "Health",
        [
            ("Standing", pages.badge(health.standing, _TONES[health.standing])),
            ("What needs attention", pages.lines(WORDS[reason] for reason in health.reasons)),
            ("Last delivery", pages.moment(told.last_delivery_at)),
            ("Denied", pages.beside(str(told.denied), pages.moment(told.last_denied_at))),
            ("Could not be read", told.counts.quarantined),
            ("Waiting to be read", told.counts.stuck),
            ("Batches with a gap", told.counts.gaps),
            ("Age of the secret", pages.days(health.secret_age_days)),
            ("Last asked", pages.beside(pages.moment(told.last_poll_at), told.last_poll_code)),
            ("Quiet hours", told.quiet_hours or "no alarm"),
        ],
    )


def _shown(made: operations.NewAddress) -> Show:
    provider = registry.provider_for(made.connection.platform)
    rows = [("Address", made.url)]
    if made.url_with_token:
        rows += [
            ("Token, as Authorization: Bearer …", made.token),
            ("For platforms that send no header: address with token", made.url_with_token),
        ]
    elif made.token:
        rows.append(("Secret by which the platform signs", made.token))
    rows.append(("How to connect", provider.connecting_help))
    return Show("Webhook address", [Secret(made.connection.name, rows, _ONCE)])
