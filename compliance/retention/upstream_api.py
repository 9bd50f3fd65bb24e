"""Deletion debt and the tasks of people at the platforms, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase, StreamingHttpResponse
from django.urls import path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import parsers, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access, due_work
from compliance.errors import Invalid
from compliance.recordings import access as register
from compliance.recordings.states import LocationState
from compliance.rest import OrganisationView, StrictSerializer, Written, page_of, read_choice, read_id, read_input
from compliance.retention import debt, evidence
from compliance.retention.models import UpstreamTask
from compliance.retention.operations import tasks, upstream

_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]


class EvidenceInput(StrictSerializer):
    evidence = serializers.CharField(max_length=4000)


class DebtSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    artifact = serializers.UUIDField()
    call = serializers.UUIDField(allow_null=True)
    place = serializers.CharField(help_text="store, platform or backup")
    name = serializers.CharField()
    state = serializers.ChoiceField([state.value for state in LocationState])
    since = serializers.DateTimeField(allow_null=True, help_text="when it was first to be gone")
    attempts = serializers.IntegerField()
    last_code = serializers.CharField(help_text="what the last attempt ended with")
    next_try = serializers.DateTimeField(allow_null=True)
    missing = serializers.ChoiceField(["credentials", "hold_release", "others_secured", "document", "proof", ""])
    proof = serializers.DictField(help_text="how absence was asked for, proven or attested; its members depend on that")
    expected_gone_on = serializers.DateField(allow_null=True)


class DebtPageSerializer(serializers.Serializer[Any]):
    results = DebtSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class CheckedLocationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    is_gone = serializers.BooleanField(help_text="whether absence is proven now")
    code = serializers.CharField(help_text="why not")


class UpstreamTaskSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    location = serializers.UUIDField()
    call = serializers.UUIDField(allow_null=True)
    platform = serializers.CharField()
    state = serializers.ChoiceField(UpstreamTask.State.choices)
    due_on = serializers.DateField()
    is_overdue = serializers.BooleanField()
    reason = serializers.CharField(help_text="why a person has to do it, where the platform takes orders of ours")
    instructions = serializers.CharField(help_text="what to do at the platform, and what proves it")
    assigned_to = serializers.CharField(allow_null=True)
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    evidence = serializers.ChoiceField([kind.value for kind in evidence.EvidenceKind], allow_null=True)


class UpstreamTaskPageSerializer(serializers.Serializer[Any]):
    results = UpstreamTaskSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class DeletionDebt(OrganisationView):
    @extend_schema(
        operation_id="deletion_debt_list",
        parameters=[
            OpenApiParameter("platform", str),
            OpenApiParameter("state", str),
            OpenApiParameter("code", str, description="what the last attempt ended with"),
            OpenApiParameter("older_than_days", int),
            OpenApiParameter("call", UUID),
            *_PAGE,
        ],
        responses=DebtPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Places that are to be empty and are not proven so."""
        access.require(self.actor(), "retention.read")
        rows = debt.owing(self.actor().organisation_id).annotate(next_try=due_work.next_run("retention.check_location"))
        asked = request.query_params
        state = read_choice(request, "state", [one.value for one in LocationState])
        exact = {"name": asked.get("platform"), "last_code": asked.get("code"), "state": state}
        rows = rows.filter(**{name: value for name, value in exact.items() if value})
        if asked.get("call"):
            rows = rows.filter(artifact__call_id=read_id(asked["call"]))
        if asked.get("older_than_days"):
            rows = rows.filter(asked_at__lte=timezone.now() - timedelta(days=_days(asked["older_than_days"])))
        return page_of(request, rows, represent_debt)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 5):
        raise Invalid("A number of days", errors={"older_than_days": ["0 to 9999."]})
    return int(text)


class LocationCheck(OrganisationView):
    asks_others = True

    @extend_schema(operation_id="locations_check", request=None, responses=CheckedLocationSerializer)
    def post(self, request: Request, location_id: UUID) -> Response:
        """Go on with one place now: its platform is asked, or its address."""
        found = upstream.settle_location(actor=self.actor(), location_id=location_id)
        return Response({"id": str(location_id), "is_gone": found.is_gone, "code": found.code})


class LocationAttestation(OrganisationView):
    @extend_schema(operation_id="locations_attest", request=EvidenceInput, responses=DebtSerializer)
    def post(self, request: Request, location_id: UUID) -> Written:
        """State, with evidence, that a place without an address of its own is empty."""
        debt.attest_gone(
            actor=self.actor(), location_id=location_id, evidence=read_input(EvidenceInput, request)["evidence"]
        )
        return Written(location_id)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        rows = register.locations(self.actor().organisation_id).select_related("artifact")
        return represent_debt(rows.get(id=resource_id)) if resource_id else None


class _TaskView(OrganisationView):
    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        return represent_task(tasks.task_for(self.actor(), resource_id)) if resource_id else None


class UpstreamTasks(_TaskView):
    @extend_schema(
        operation_id="upstream_tasks_list",
        parameters=[
            OpenApiParameter("state", str),
            OpenApiParameter("platform", str),
            OpenApiParameter("overdue", str, description="true: past their day only"),
            OpenApiParameter("assigned_to", str),
            *_PAGE,
        ],
        responses=UpstreamTaskPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """What people have to do at the platforms, newest first."""
        access.require(self.actor(), "retention.read")
        rows = tasks.tasks_of(self.actor().organisation_id)
        asked = request.query_params
        exact = {
            "state": read_choice(request, "state", UpstreamTask.State.values),
            "platform": asked.get("platform"),
            "assigned_to": asked.get("assigned_to"),
        }
        rows = rows.filter(**{name: value for name, value in exact.items() if value})
        if read_choice(request, "overdue", ["true", "false"]) == "true":
            rows = rows.filter(state=UpstreamTask.State.OPEN, due_on__lt=timezone.now().date())
        return page_of(request, rows, represent_task)


class OneUpstreamTask(_TaskView):
    has_version = True

    @extend_schema(operation_id="upstream_tasks_read", responses=UpstreamTaskSerializer)
    def get(self, request: Request, task_id: UUID) -> Response:
        """One task."""
        return Response(represent_task(tasks.task_for(self.actor(), task_id)))


class TaskAssignment(_TaskView):
    @extend_schema(operation_id="upstream_tasks_take", request=None, responses=UpstreamTaskSerializer)
    def post(self, request: Request, task_id: UUID) -> Written:
        """Put one's own name to a task."""
        return Written(tasks.take_task(actor=self.actor(), task_id=task_id).id)


class _DocumentParser(parsers.BaseParser):
    """A document as it is, of at most so many bytes; its kind is found from them, whatever the header says."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream.read(evidence.MOST_BYTES + 1)


class TaskEvidence(_TaskView):
    parser_classes = (_DocumentParser,)  # type: ignore[assignment]  # a document, not JSON

    @extend_schema(
        operation_id="upstream_tasks_put_evidence",
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses=UpstreamTaskSerializer,
    )
    def put(self, request: Request, task_id: UUID) -> Written:
        """Keep a document with a task: PDF, PNG, JPEG, a mail or plain text, at most 10 MB; sealed."""
        sent: Any = request.data  # without a body the framework gives an empty dict
        content = sent if isinstance(sent, bytes) else b""
        return Written(tasks.keep_evidence(actor=self.actor(), task_id=task_id, content=content).id)

    @extend_schema(operation_id="upstream_tasks_open_evidence", responses={(200, "*/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, task_id: UUID) -> HttpResponseBase:
        """The document; its opening is an entry."""
        return document_response(tasks.open_evidence(actor=self.actor(), task_id=task_id))


class TaskAttestation(_TaskView):
    @extend_schema(operation_id="upstream_tasks_attest", request=EvidenceInput, responses=UpstreamTaskSerializer)
    def post(self, request: Request, task_id: UUID) -> Written:
        """Close a task: the platform says that it no longer has it. Needs the document; reports say "attested"."""
        statement = read_input(EvidenceInput, request)["evidence"]
        return Written(tasks.attest_task(actor=self.actor(), task_id=task_id, statement=statement).id)


def document_response(document: tasks.Document) -> HttpResponseBase:
    """Evidence as a file to save, never as a page."""
    answer = StreamingHttpResponse(document.pieces, content_type=document.media_type)
    answer["Content-Disposition"] = f'attachment; filename="{document.name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer["Cache-Control"] = "private, no-store"
    return answer


def represent_debt(location: Any) -> dict[str, Any]:
    """A place with its state and proof."""
    next_try = getattr(location, "next_try", None)
    is_open = location.asked_at is not None and location.state != LocationState.CONFIRMED_GONE
    return {
        "id": str(location.id),
        "artifact": str(location.artifact_id),
        "call": str(location.artifact.call_id) if location.artifact.call_id else None,
        "place": location.place,
        "name": location.name,
        "state": location.state,
        "since": location.asked_at.isoformat() if location.asked_at else None,
        "attempts": location.attempts,
        "last_code": location.last_code,
        "next_try": next_try.isoformat() if next_try else None,
        "missing": debt.missing(location) if is_open else "",
        "proof": location.proof,
        "expected_gone_on": location.expected_gone_on.isoformat() if location.expected_gone_on else None,
    }


def represent_task(task: UpstreamTask) -> dict[str, Any]:
    """A task for programs."""
    provider = debt.provider_of(task.location)
    is_open = task.state == UpstreamTask.State.OPEN
    return {
        "id": str(task.id),
        "location": str(task.location_id),
        "call": str(task.location.artifact.call_id) if task.location.artifact.call_id else None,
        "platform": task.platform,
        "state": task.state,
        "due_on": task.due_on.isoformat(),
        "is_overdue": is_open and task.due_on < timezone.now().date(),
        "reason": task.location.proof.get("reason", ""),
        "instructions": provider.deletion_instructions if provider else "",
        "assigned_to": task.assigned_to or None,
        "opened_at": task.opened_at.isoformat(),
        "closed_at": task.closed_at.isoformat() if task.closed_at else None,
        "evidence": task.evidence_name or None,
    }


urlpatterns = [
    path("deletion-debt", DeletionDebt.as_view()),
    path("locations/<uuid:location_id>/check", LocationCheck.as_view()),
    path("locations/<uuid:location_id>/attestation", LocationAttestation.as_view()),
    path("upstream-tasks", UpstreamTasks.as_view()),
    path("upstream-tasks/<uuid:task_id>", OneUpstreamTask.as_view()),
    path("upstream-tasks/<uuid:task_id>/assignment", TaskAssignment.as_view()),
    path("upstream-tasks/<uuid:task_id>/evidence", TaskEvidence.as_view()),
    path("upstream-tasks/<uuid:task_id>/attestation", TaskAttestation.as_view()),
]
