"""/api/v1/imports: a platform's history, asked for; and what became of each import and poll."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access as rights
from compliance import rest
from compliance.intake import access
from compliance.intake.models import ImportRun
from compliance.intake.operations import agents, pulling, runs

_KINDS = ImportRun.Kind.values
_STATES = ImportRun.State.values
_PLAIN = (
    "id", "connection_id", "kind", "state", "since", "until", "total", "seen", "registered", "known", "refused",
    "failed", "missed", "started_at", "updated_at", "finished_at",
)  # fmt: skip


class NewImportSerializer(rest.StrictSerializer):
    connection_id = serializers.UUIDField()
    since = serializers.DateTimeField(help_text="calls that began at this time or later")
    until = serializers.DateTimeField(help_text="and before this one")


class ImportSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    connection_id = serializers.UUIDField()
    kind = serializers.CharField(help_text=" | ".join(_KINDS))
    state = serializers.CharField(help_text=" | ".join(_STATES))
    code = serializers.CharField(help_text="why it waits or failed")
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    total = serializers.IntegerField(allow_null=True, help_text="calls, where that is known")
    seen = serializers.IntegerField()
    registered = serializers.IntegerField(help_text="new in the register")
    known = serializers.IntegerField(help_text="were in the register already")
    refused = serializers.IntegerField(help_text="of calls that were erased")
    failed = serializers.IntegerField(help_text="could not be read")
    missed = serializers.IntegerField(help_text="new, though a delivery should have told of them")
    started_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ImportPageSerializer(serializers.Serializer[Any]):
    results = ImportSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class AskedSerializer(serializers.Serializer[Any]):
    connection_id = serializers.UUIDField()


def _render(run: ImportRun) -> dict[str, Any]:
    return {name: getattr(run, name) for name in _PLAIN} | {"code": run.last_code}


class _ImportView(rest.OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        found = access.imports(self.actor().organisation_id).filter(id=resource_id).first() if resource_id else None
        return _render(found) if found else None


class ImportsView(_ImportView):
    @extend_schema(
        operation_id="imports_list",
        parameters=[
            OpenApiParameter("kind", str, enum=_KINDS, description="left out: imports, no polls"),
            OpenApiParameter("state", str, enum=_STATES),
            OpenApiParameter("connection_id", UUID),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int),
        ],
        responses=ImportPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Imports, newest first."""
        actor = self.actor()
        rights.require(actor, "intake.read")
        return rest.page_of(request, _filtered(request, access.imports(actor.organisation_id)), _render)

    @extend_schema(operation_id="imports_create", request=NewImportSerializer, responses={202: ImportSerializer})
    def post(self, request: Request) -> rest.Written:
        """Bring in a connection's history. A worker does it; its counts are told by `imports_read`."""
        values = rest.read_input(NewImportSerializer, request)
        run = pulling.start_history_import(
            actor=self.actor(), connection_id=values["connection_id"], since=values["since"], until=values["until"]
        )
        return rest.Written(run.id, 202)


def _filtered(request: Request, rows: QuerySet[ImportRun]) -> QuerySet[ImportRun]:
    kind = rest.read_choice(request, "kind", _KINDS)
    rows = rows.filter(kind=kind) if kind else rows.exclude(kind__in=runs.POLLS)
    if state := rest.read_choice(request, "state", _STATES):
        rows = rows.filter(state=state)
    if connection_id := request.query_params.get("connection_id"):
        rows = rows.filter(connection_id=rest.read_id(connection_id))
    return rows


class ImportView(rest.OrganisationView):
    @extend_schema(operation_id="imports_read", responses=ImportSerializer)
    def get(self, request: Request, run_id: UUID) -> Response:
        """One import, and how far it came."""
        return Response(_render(access.import_for(self.actor(), run_id)))


class StopView(_ImportView):
    @extend_schema(operation_id="imports_stop", request=None, responses=ImportSerializer)
    def post(self, request: Request, run_id: UUID) -> rest.Written:
        """Stop after the page or file that it is at. What came in stays."""
        return rest.Written(runs.stop_import(actor=self.actor(), run_id=run_id).id)


class ResumeView(_ImportView):
    @extend_schema(operation_id="imports_resume", request=None, responses={202: ImportSerializer})
    def post(self, request: Request, run_id: UUID) -> rest.Written:
        """Go on from where it stopped or failed. An import of files goes on when the command is run again."""
        return rest.Written(runs.resume_import(actor=self.actor(), run_id=run_id).id, 202)


class PullAgentsView(rest.OrganisationView):
    @extend_schema(operation_id="connections_pull_agents", request=None, responses={202: AskedSerializer})
    def post(self, request: Request, connection_id: UUID) -> rest.Written:
        """Have the connection's agents and their prompts read now; each new text is audited."""
        agents.ask_for_agents(actor=self.actor(), connection_id=connection_id)
        return rest.Written(connection_id, 202)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return {"connection_id": resource_id}


urlpatterns = [
    path("imports", ImportsView.as_view()),
    path("imports/<uuid:run_id>", ImportView.as_view()),
    path("imports/<uuid:run_id>/stop", StopView.as_view()),
    path("imports/<uuid:run_id>/resume", ResumeView.as_view()),
    path("connections/<uuid:connection_id>/pull-agents", PullAgentsView.as_view()),
]
