"""What the API takes and gives: the shapes, and how a row becomes one. A row's shape has offsets, never words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from compliance.disclosure import access as doors
from compliance.disclosure import judgements, rules
from compliance.disclosure.models import DisclosureAudit, Finding, PromptVersion, Verdict
from compliance.disclosure.rules import JurisdictionView, PromptResult, TranscriptResult
from compliance.rest import StrictSerializer

# --- in ---------------------------------------------------------------------------------------------------------------


class _ContextInput(StrictSerializer):
    language = serializers.CharField(
        max_length=35, required=False, help_text="BCP 47 tag of what the agent speaks; unknown never passes"
    )
    jurisdictions = serializers.ListField(
        child=serializers.CharField(max_length=6), required=False,
        help_text="ISO 3166 codes of where operator and callers may be; empty: unknown",
    )  # fmt: skip


def _prompt_field(*, required: bool) -> serializers.CharField:
    # Offsets count from the first character as it was sent, so nothing is trimmed.
    return serializers.CharField(max_length=rules.MAX_CHARS, trim_whitespace=False, required=required)


class PromptInput(_ContextInput):
    prompt = _prompt_field(required=True)


class TurnInput(StrictSerializer):
    role = serializers.CharField(max_length=40)
    content = serializers.CharField(max_length=rules.MAX_CHARS, allow_blank=True, trim_whitespace=False)
    timestamp = serializers.JSONField(
        required=False, allow_null=True, help_text="seconds from the start of the call, or ISO 8601, or null"
    )

    def validate_timestamp(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            raise serializers.ValidationError("A number of seconds, an ISO 8601 text, or null.")
        return value


class CheckInput(_ContextInput):
    id = serializers.CharField(max_length=200, required=False, help_text="given back as it is")
    prompt = _prompt_field(required=False)
    transcription = serializers.ListField(child=TurnInput(), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("prompt" in attrs) == ("transcription" in attrs):
            raise serializers.ValidationError({"prompt": ["Either prompt or transcription is needed, and not both."]})
        return attrs


class ResolutionInput(StrictSerializer):
    resolution = serializers.ChoiceField(choices=[one.value for one in judgements.BY_PEOPLE])
    note = serializers.CharField(max_length=4000, required=False, allow_blank=True)


# --- out --------------------------------------------------------------------------------------------------------------


class JurisdictionSerializer(serializers.Serializer[Any]):
    codes = serializers.ListField(child=serializers.CharField())
    purpose = serializers.BooleanField(help_text="whether the notice must also say why")
    why = serializers.ListField(child=serializers.CharField())

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`class` is a word of Python's."""
        classes = serializers.ChoiceField(choices=["one_party", "notice", "express"])
        return {"class": classes, **super().get_fields()}


class SpansSerializer(serializers.Serializer[Any]):
    evidence = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    offending = serializers.ListField(child=serializers.IntegerField(), allow_null=True)


class EditSerializer(serializers.Serializer[Any]):
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    text = serializers.CharField()


class CheckSerializer(serializers.Serializer[Any]):
    """Of a prompt: evidence to edits; of a transcript: the three about turns."""

    id = serializers.CharField(allow_null=True)
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    reasons = serializers.ListField(child=serializers.CharField())
    jurisdiction = JurisdictionSerializer()
    rulebook = serializers.CharField()
    evidence = serializers.CharField(allow_null=True, required=False)
    offending = serializers.CharField(allow_null=True, required=False)
    ai = serializers.CharField(required=False)
    fix = serializers.CharField(allow_null=True, required=False)
    spans = SpansSerializer(required=False)
    edits = EditSerializer(many=True, required=False)
    disclosure_turn = serializers.IntegerField(allow_null=True, required=False)
    seconds_to_disclosure = serializers.FloatField(allow_null=True, required=False)
    first_personal_data_turn = serializers.IntegerField(allow_null=True, required=False)


class FindingSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    audit_id = serializers.UUIDField()
    prompt_id = serializers.UUIDField(allow_null=True)
    call_id = serializers.UUIDField(allow_null=True)
    reason = serializers.CharField()
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    state = serializers.CharField(help_text="open or resolved")
    resolution = serializers.CharField(
        allow_null=True, help_text="fixed, accepted, false_alarm; superseded by a later audit"
    )
    resolved_by = serializers.CharField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)


class AuditSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    agent_id = serializers.UUIDField(allow_null=True)
    prompt_id = serializers.UUIDField(allow_null=True)
    call_id = serializers.UUIDField(allow_null=True)
    artifact_id = serializers.UUIDField(allow_null=True, help_text="the transcript that was read")
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    reasons = serializers.ListField(child=serializers.CharField())
    language = serializers.CharField()
    jurisdictions = serializers.ListField(child=serializers.CharField())
    rulebook = serializers.CharField()
    details = serializers.DictField(help_text="jurisdiction class and why; offsets or turns; never words")
    judged_at = serializers.DateTimeField()


class AuditWithFindingsSerializer(AuditSerializer):
    findings = FindingSerializer(many=True)


class PromptSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    agent_id = serializers.UUIDField()
    number = serializers.IntegerField()
    language = serializers.CharField()
    jurisdictions = serializers.ListField(child=serializers.CharField())
    state = serializers.CharField(help_text="pending or judged")
    verdict = serializers.ChoiceField(choices=Verdict.choices, allow_null=True)
    submitted_by = serializers.CharField()
    submitted_at = serializers.DateTimeField()


class PromptWithAuditSerializer(PromptSerializer):
    audit = AuditWithFindingsSerializer(allow_null=True)


class _PageSerializer(serializers.Serializer[Any]):
    next_cursor = serializers.CharField(allow_null=True)


class PromptPageSerializer(_PageSerializer):
    results = PromptSerializer(many=True)


class AuditPageSerializer(_PageSerializer):
    results = AuditSerializer(many=True)


class FindingPageSerializer(_PageSerializer):
    results = FindingSerializer(many=True)


# --- rows -------------------------------------------------------------------------------------------------------------


def checked(case_id: str | None, result: PromptResult | TranscriptResult) -> dict[str, Any]:
    """A check's answer: the line that the command writes, and why."""
    answer = result.as_json(case_id) | {"jurisdiction": _jurisdiction(result.jurisdiction), "rulebook": result.rulebook}
    if isinstance(result, PromptResult):
        answer["edits"] = [{"start": e.span.start, "end": e.span.end, "text": e.text} for e in result.edits]
    return answer


def _jurisdiction(view: JurisdictionView) -> dict[str, Any]:
    return {"class": view.demand, "codes": list(view.codes), "purpose": view.purpose, "why": list(view.why)}


def prompt(row: PromptVersion, verdict: str | None) -> dict[str, Any]:
    """A prompt version with the verdict that holds for it."""
    return {
        "id": row.id,
        "agent_id": row.agent_id,
        "number": row.number,
        "language": row.language,
        "jurisdictions": row.jurisdictions,
        "state": "judged" if verdict else "pending",
        "verdict": verdict,
        "submitted_by": row.submitted_by,
        "submitted_at": row.submitted_at,
    }


def prompt_with_audit(row: PromptVersion) -> Mapping[str, Any]:
    """A prompt version with its newest audit, null until there is one."""
    found = doors.audit_of_prompt(row.organisation_id, row.id)
    return prompt(row, found.verdict if found else None) | {"audit": audit_with_findings(found) if found else None}


def audit(row: DisclosureAudit) -> dict[str, Any]:
    """An audit; evidence as offsets."""
    subject = row.prompt or row.call
    return {
        "id": row.id,
        "agent_id": subject.agent_id if subject else None,
        "prompt_id": row.prompt_id,
        "call_id": row.call_id,
        "artifact_id": row.artifact_id,
        "verdict": row.verdict,
        "reasons": row.reasons,
        "language": row.language,
        "jurisdictions": row.jurisdictions,
        "rulebook": row.rulebook,
        "details": row.details,
        "judged_at": row.judged_at,
    }


def audit_with_findings(row: DisclosureAudit) -> dict[str, Any]:
    """An audit with what became of each of its reasons."""
    return audit(row) | {"findings": [finding(one) for one in doors.findings_of_audit(row)]}


def finding(row: Finding) -> dict[str, Any]:
    """A finding; its note stays sealed."""
    return {
        "id": row.id,
        "audit_id": row.audit_id,
        "prompt_id": row.audit.prompt_id,
        "call_id": row.audit.call_id,
        "reason": row.reason,
        "verdict": row.verdict,
        "state": row.state,
        "resolution": row.resolution or None,
        "resolved_by": row.resolved_by or None,
        "resolved_at": row.resolved_at,
    }
