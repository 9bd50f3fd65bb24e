"""Console: the agents that call through connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import button
from accounts.console import ScopedAdmin, actor_of
from accounts.pages import Facts, Part
from compliance.connectors import access, operations
from compliance.connectors.admin.questions import AgentQuestion, governance_of, governed, lines
from compliance.connectors.models import Agent


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
            Facts("Why, on what basis, for whom", governed(row), "Where nothing stands, the connection's word holds."),
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
            languages=lines(data["languages"]),
            jurisdictions=lines(data["jurisdictions"]),
            governance=governance_of(data),
        )
        operations.set_agent(actor=actor, agent_id=row.id, details=details)
