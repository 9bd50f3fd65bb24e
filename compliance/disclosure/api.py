"""Checks, prompts and audits over HTTP; findings are in `findings_api`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from compliance.connectors import access as agents
from compliance.disclosure import access as doors
from compliance.disclosure import evidence_api, findings_api, overrides_api, reports_api
from compliance.disclosure import representations as shapes
from compliance.disclosure.models import AiVerdict, PromptVersion, Spoken, Verdict
from compliance.disclosure.operations import auditing, checking, explaining, prompts
from compliance.disclosure.submissions import UNKNOWN, Context, Submission
from compliance.errors import Invalid
from compliance.rest import OrganisationView, Written, page_of, read_id, read_input

JUDGED_AT_ONCE = 20_000
"""Characters of a prompt up to which the answer waits for the judge, which then takes milliseconds."""

_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", int)]
_VERDICT = OpenApiParameter("verdict", str, enum=Verdict.values)
_AI = OpenApiParameter("ai_check", str, enum=AiVerdict.values)
_SPOKEN = OpenApiParameter("spoken", str, enum=Spoken.values)


class Checks(OrganisationView):
    @extend_schema(operation_id="disclosure_check", request=shapes.CheckInput, responses=shapes.CheckSerializer)
    def post(self, request: Request) -> Response:
        """Judge a prompt or a transcript. Nothing of it is kept; the log notes the check and its verdict."""
        data = read_input(shapes.CheckInput, request)
        context = Context.read(data.get("language", UNKNOWN), data.get("jurisdictions", ()))
        case_id = data.get("id")
        if "prompt" in data:
            submission = Submission(data["prompt"], context)
            return Response(shapes.checked(case_id, checking.check_prompt(actor=self.actor(), submission=submission)))
        turns = data["transcription"]
        result = checking.check_transcript(actor=self.actor(), turns=turns, context=context)
        return Response(shapes.checked(case_id, result))


class AgentPrompt(OrganisationView):
    @extend_schema(
        operation_id="agents_prompt_submit",
        request=shapes.PromptInput,
        responses={200: shapes.PromptWithAuditSerializer, 201: shapes.PromptWithAuditSerializer},
    )
    def put(self, request: Request, reference: str) -> Written:
        """The prompt that an agent has from now on; 200 where it is known. A long one is judged a moment later."""
        data = read_input(shapes.PromptInput, request)
        submitted = prompts.submit_prompt(
            actor=self.actor(),
            agent=reference,
            text=data["prompt"],
            language=data.get("language"),
            jurisdictions=data.get("jurisdictions"),
        )
        if len(data["prompt"]) < JUDGED_AT_ONCE:
            auditing.audit_prompt(actor=self.actor(), prompt_id=submitted.prompt.id)
        return Written(submitted.prompt.id, 201 if submitted.is_new else 200)

    def represent(self, resource_id: UUID | None) -> Mapping[str, Any] | None:
        rows = doors.prompts(self.actor().organisation_id)
        return shapes.prompt_with_audit(rows.get(id=resource_id)) if resource_id else None


class AgentPrompts(OrganisationView):
    @extend_schema(operation_id="agents_prompts_list", parameters=_PAGE, responses=shapes.PromptPageSerializer)
    def get(self, request: Request, reference: str) -> Response:
        """An agent's prompt versions, newest first, each with its verdict."""
        actor = self.actor()
        access.require(actor, "disclosure.read")
        agent = agents.agent_named(actor.organisation_id, reference)
        verdict = doors.newest_audit(actor.organisation_id, "prompt", "verdict")
        rows = doors.prompts(actor.organisation_id).filter(agent_id=agent.id).annotate(newest_verdict=verdict)
        return page_of(request, rows, _prompt)


def _prompt(row: PromptVersion) -> dict[str, Any]:
    return shapes.prompt(row, row.newest_verdict)  # type: ignore[attr-defined]  # annotated above


class Audits(OrganisationView):
    @extend_schema(
        operation_id="disclosure_audits_list",
        parameters=[*_PAGE, _VERDICT, _AI, _SPOKEN, OpenApiParameter("call", UUID), OpenApiParameter("agent", str)],
        responses=shapes.AuditPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Audits of prompts and calls, newest first."""
        actor, asked = self.actor(), request.query_params
        access.require(actor, "disclosure.read")
        rows = doors.audits(actor.organisation_id)
        if "agent" in asked:
            agent = agents.agent_named(actor.organisation_id, asked["agent"])
            rows = doors.audits_of_agent(actor.organisation_id, agent.id)
        if "call" in asked:
            rows = rows.filter(call_id=read_id(asked["call"]))
        if "verdict" in asked:
            rows = rows.filter(verdict=_one_of(Verdict, "verdict", asked["verdict"]))
        for name, choices in (("ai_check", AiVerdict), ("spoken", Spoken)):
            if name in asked:
                rows = rows.filter(**{name: _one_of(choices, name, asked[name])})
        return page_of(request, rows, shapes.audit)


class OneAudit(OrganisationView):
    @extend_schema(operation_id="disclosure_audits_read", responses=shapes.AuditWithFindingsSerializer)
    def get(self, request: Request, audit_id: UUID) -> Response:
        """One audit with its findings."""
        return Response(shapes.audit_with_findings(doors.audit_for(self.actor(), audit_id)))


class AuditExplanation(OrganisationView):
    @extend_schema(operation_id="disclosure_audits_explain", responses=shapes.ExplanationSerializer)
    def get(self, request: Request, audit_id: UUID) -> Response:
        """Why a prompt was judged so, in its own words, and the fix that makes it pass."""
        return Response(shapes.explanation(explaining.explain_prompt(actor=self.actor(), audit_id=audit_id)))


def _one_of(choices: type[Enum], name: str, value: str) -> str:
    known = [choice.value for choice in choices]
    if value not in known:
        raise Invalid(f"{name} cannot be {value[:40]}", errors={name: [f"One of: {', '.join(known)}."]})
    return value


urlpatterns = [
    path("disclosure/checks", Checks.as_view()),
    path("disclosure/audits", Audits.as_view()),
    path("disclosure/audits/<uuid:audit_id>", OneAudit.as_view()),
    path("disclosure/audits/<uuid:audit_id>/explanation", AuditExplanation.as_view()),
    *findings_api.urlpatterns,
    *overrides_api.urlpatterns,
    *reports_api.urlpatterns,
    *evidence_api.urlpatterns,
    path("agents/<str:reference>/prompt", AgentPrompt.as_view()),
    path("agents/<str:reference>/prompts", AgentPrompts.as_view()),
]
