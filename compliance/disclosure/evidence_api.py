"""Evidence about one call, over HTTP: JSON, or a page for printing with `as=html`."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.disclosure.operations import exporting
from compliance.recordings import access as register
from compliance.rest import OrganisationView, read_choice


class EvidenceSerializer(serializers.Serializer[Any]):
    call = serializers.DictField(help_text="id, external_id, agent, started_at, duration_ms, place")
    verdict = serializers.CharField()
    reasons = serializers.ListField(child=serializers.DictField(), help_text="code and text")
    disclosure = serializers.DictField(allow_null=True, help_text="turn, role, words, seconds, at")
    first_personal_data_turn = serializers.IntegerField(allow_null=True)
    objection = serializers.DictField(allow_null=True, help_text="as disclosure")
    language = serializers.CharField()
    jurisdictions = serializers.ListField(child=serializers.CharField())
    law = serializers.DictField(help_text="class, purpose, why with citations, digest, reviewed_on, outdated")
    overrides = serializers.ListField(child=serializers.DictField(), help_text="code, class, reason, set_by, set_at")
    ai_check = serializers.DictField(allow_null=True, help_text="demand, met, citations; no part of the verdict")
    spoken = serializers.CharField(allow_null=True, help_text="spoken, not_spoken, unclear: the prompt's disclosure")
    audit = serializers.DictField(help_text="id, rulebook, judged_at")
    transcript = serializers.DictField(allow_null=True, help_text="artifact_id, sha256")
    recording = serializers.DictField(
        allow_null=True,
        help_text="artifact_id, sha256, duration_ms, url (an hour long, begins at the notice), expires_at",
    )
    exported = serializers.DictField(help_text="at, by, purpose, entry of the log")


class Evidence(OrganisationView):
    @extend_schema(
        operation_id="calls_disclosure_evidence_read",
        parameters=[
            OpenApiParameter("purpose", str, description="needed unless the key has a default purpose"),
            OpenApiParameter("as", str, enum=["json", "html"]),
        ],
        responses={(200, "application/json"): EvidenceSerializer, (200, "text/html"): OpenApiTypes.STR},
    )
    def get(self, request: Request, reference: str) -> Response | HttpResponse:
        """What proves whether the caller was told. Opens the disclosing turn; each export is logged."""
        actor = self.actor()
        is_page = read_choice(request, "as", ("json", "html")) == "html"
        call = register.call_for(actor, reference)
        purpose = request.query_params.get("purpose", "")
        document = exporting.export_evidence(actor=actor, call_id=call.id, purpose=purpose)
        return page_of(document) if is_page else Response(document)


def page_of(document: dict[str, Any]) -> HttpResponse:
    """The same for a printer: one page without scripts, kept by no cache."""
    answer = HttpResponse(render_to_string("disclosure/evidence.html", {"evidence": document}))
    answer["Cache-Control"] = "private, no-store"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


urlpatterns = [path("calls/<str:reference>/disclosure-evidence", Evidence.as_view())]
