"""Console: connections to platforms, and the agents that call through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, Show, button
from accounts.console import ScopedAdmin, actor_of
from accounts.pages import Facts, Part, Secret, Table
from compliance.connectors import access, operations
from compliance.connectors.access import Governance
from compliance.connectors.models import Agent, Connection, Governed, LawfulBasis
from compliance.connectors.providers import registry

_STATES = {"active": pages.GOOD, "paused": pages.WAITING}
_ONCE = "Enter these at the platform now. The token is shown this once; only its digest is kept."


def _list_field(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, help_text=f"{help_text} One a line.", widget=forms.Textarea(attrs={"rows": 3})
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


class GovernanceQuestion(Question):
    purposes = _list_field("Purposes", "Why calls are recorded and processed (GDPR Art. 13(1)(c)).")
    lawful_basis = forms.ChoiceField(
        label="Lawful basis", choices=[("", "Not stated"), *LawfulBasis.choices], required=False
    )
    recipients = _list_field("Recipients", "Who else gets the data, or which kinds (GDPR Art. 15(1)(c)).")

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        if row is None:
            return {}
        return {
            "purposes": "\n".join(row.purposes),
            "lawful_basis": row.lawful_basis,
            "recipients": "\n".join(row.recipients),
        }


def _governance(data: dict[str, Any]) -> Governance:
    return Governance(
        purposes=tuple(_lines(data["purposes"])),
        lawful_basis=data["lawful_basis"],
        recipients=tuple(_lines(data["recipients"])),
    )


class NewConnectionQuestion(GovernanceQuestion):
    platform = forms.ChoiceField(label="Platform", choices=[(name, name) for name in registry.names()])
    name = forms.CharField(label="Name", max_length=100)
    account_id = forms.CharField(label="Account at the platform", max_length=200, required=False)
    allowed_hosts = _list_field("Hosts of recordings", "Recordings are fetched from nowhere else.")

    field_order = ("platform", "name", "account_id", "allowed_hosts")


class HostsQuestion(Question):
    hosts = _list_field("Hosts of recordings", "Recordings are fetched from nowhere else.")

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"hosts": "\n".join(row.allowed_hosts)}


class AgentQuestion(GovernanceQuestion):
    name = forms.CharField(label="Name", max_length=200, required=False)
    languages = _list_field("Languages", "What the agent speaks, such as en-US (BCP 47).")
    jurisdictions = _list_field("Jurisdictions", "Places of operator and callers, such as DE or US-CA (ISO 3166).")

    field_order = ("name", "languages", "jurisdictions")

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return super().initial_from(request, row) | {
            "name": row.name,
            "languages": "\n".join(row.languages),
            "jurisdictions": "\n".join(row.jurisdictions),
        }


def _governed(row: Governed) -> list[tuple[str, object]]:
    return [
        ("Purposes", pages.lines(row.purposes)),
        ("Lawful basis", row.get_lawful_basis_display()),
        ("Recipients", pages.lines(row.recipients)),
    ]


@admin.register(Connection)
class ConnectionAdmin(ScopedAdmin):
    read_action = "connectors.read"
    title = "Connections"
    intro = "Each is one account at one platform: the processor that makes and records calls for you."
    empty = "No platform is connected yet."
    list_display = ("name", "platform", "standing", "last_delivery", "basis", "purpose_list")
    ordering = ("name", "id")
    actions_list = ("connect",)
    actions_detail = ("set_governance", "set_hosts", "rotate_token", "pause", "resume")

    @admin.display(description="State")
    def standing(self, row: Connection) -> str:
        return pages.state(row.state, _STATES)

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
        agents = access.agents_of(row.organisation_id).filter(connection=row).order_by("external_id")[:50]
        return [
            Facts(
                "Connection",
                [
                    ("Platform", f"{row.platform} (unverified against the real system)"),
                    ("State", self.standing(row)),
                    ("Last delivery", pages.moment(row.last_delivery_at)),
                    ("Webhook address", pages.code(access.webhook_url(row))),
                    ("Account at the platform", row.account_id),
                    ("Hosts of recordings", pages.lines(row.allowed_hosts)),
                    ("Since", pages.moment(row.created_at)),
                ],
            ),
            Facts(
                "Why, on what basis, for whom",
                _governed(row),
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
            allowed_hosts=_lines(data["allowed_hosts"]),
            governance=_governance(data),
        )
        return _shown(operations.create_connection(actor=actor, new=new))

    @button(
        "connectors.manage",
        "Purposes and basis",
        text="Holds for every call of this connection whose agent says nothing else.",
        done="Purposes, basis and recipients are set.",
        form=GovernanceQuestion,
        submit="Save",
    )
    def set_governance(self, actor: Actor, row: Connection, data: dict[str, Any]) -> None:
        operations.set_connection_governance(actor=actor, connection_id=row.id, governance=_governance(data))

    @button(
        "connectors.manage",
        "Hosts",
        text="The main wall around the fetcher: a recording's address at another host is not followed.",
        done="The hosts are set.",
        form=HostsQuestion,
        submit="Save",
    )
    def set_hosts(self, actor: Actor, row: Connection, data: dict[str, Any]) -> None:
        operations.set_allowed_hosts(actor=actor, connection_id=row.id, hosts=_lines(data["hosts"]))

    @button(
        "connectors.manage",
        "New token",
        text="The next page shows a new token, once. Earlier ones work on for 24 hours.",
    )
    def rotate_token(self, actor: Actor, row: Connection, data: dict[str, Any]) -> Show:
        return _shown(operations.rotate_token(actor=actor, connection_id=row.id))

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


@admin.register(Agent)
class AgentAdmin(ScopedAdmin):
    read_action = "connectors.read"
    title = "Agents"
    intro = "As the platforms name them. Languages and jurisdictions decide what an agent must tell its callers."
    list_display = ("agent", "at_platform", "connection", "language_list", "place_list", "basis")
    ordering = ("external_id", "id")
    actions_detail = ("set_details",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        return access.agents_of(actor_of(request).organisation_id)

    @admin.display(description="Agent")
    def agent(self, row: Agent) -> str:
        return str(row)

    @admin.display(description="Id at the platform")
    def at_platform(self, row: Agent) -> str:
        return pages.code(row.external_id)

    @admin.display(description="Languages")
    def language_list(self, row: Agent) -> str:
        return pages.listed(row.languages) if row.languages else pages.badge("not stated", pages.WAITING)

    @admin.display(description="Jurisdictions")
    def place_list(self, row: Agent) -> str:
        return pages.listed(row.jurisdictions) if row.jurisdictions else pages.badge("not stated", pages.WAITING)

    @admin.display(description="Lawful basis")
    def basis(self, row: Agent) -> str:
        return row.get_lawful_basis_display() or "as its connection"

    def parts(self, request: HttpRequest, row: Agent) -> Sequence[Part]:
        return [
            Facts(
                "Agent",
                [
                    ("Name", row.name),
                    ("Id at the platform", pages.code(row.external_id)),
                    ("Connection", pages.to("connectors_connection", row.connection_id, row.connection)),
                    ("Languages", pages.listed(row.languages)),
                    ("Jurisdictions", pages.listed(row.jurisdictions)),
                    ("Known since", pages.moment(row.created_at)),
                    ("Id", pages.code(row.id)),
                ],
            ),
            Facts("Why, on what basis, for whom", _governed(row), "Where nothing stands, the connection's word holds."),
        ]

    @button(
        "connectors.manage_agents",
        "Edit",
        text="Replaces all of it. Prompts and calls are judged by these languages and places.",
        done="The agent is changed.",
        form=AgentQuestion,
        submit="Save",
    )
    def set_details(self, actor: Actor, row: Agent, data: dict[str, Any]) -> None:
        details = operations.AgentDetails(
            name=data["name"],
            languages=_lines(data["languages"]),
            jurisdictions=_lines(data["jurisdictions"]),
            governance=_governance(data),
        )
        operations.set_agent(actor=actor, agent_id=row.id, details=details)


def _shown(made: operations.NewAddress) -> Show:
    rows = [
        ("Address", made.url),
        ("Token, as Authorization: Bearer …", made.token),
        ("For platforms that send no header: address with token", made.url_with_token),
    ]
    return Show("Webhook address", [Secret(made.connection.name, rows, _ONCE)])
