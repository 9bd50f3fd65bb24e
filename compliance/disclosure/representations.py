"""What the API takes and gives: the shapes, and how a row becomes one. A row's shape has offsets, never words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from compliance.disclosure import access as doors
from compliance.disclosure import finding_shapes, override_shapes, rules, standing
from compliance.disclosure.models import DisclosureAudit, PromptVersion, Verdict
from compliance.disclosure.operations.explaining import Explanation
from compliance.disclosure.rules import (
    AiCheck,
    Edit,
    JurisdictionView,
    PromptResult,
    TranscriptResult,
    jurisdictions,
)  # fmt: skip
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


# --- out --------------------------------------------------------------------------------------------------------------


class JurisdictionSerializer(serializers.Serializer[Any]):
    codes = serializers.ListField(child=serializers.CharField())
    purpose = serializers.BooleanField(help_text="whether the notice must also say why")
    why = serializers.ListField(child=serializers.CharField())
    overridden = serializers.ListField(
        child=serializers.CharField(), help_text="codes whose class the organisation has decided itself"
    )

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


class QuestionSerializer(serializers.Serializer[Any]):
    """One question of the policy's order of decision, and its answer."""

    id = serializers.CharField()
    passed = serializers.BooleanField()
    span = serializers.ListField(child=serializers.IntegerField(), allow_null=True)


class AiCheckSerializer(serializers.Serializer[Any]):
    """Whether the caller is told that it is an AI, where that is demanded. No part of the verdict."""

    demand = serializers.CharField(help_text="always, some_calls, on_request, no_deception, none")
    met = serializers.BooleanField(allow_null=True, help_text="null: the text leaves it open")
    citations = serializers.ListField(child=serializers.CharField())


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
    checks = QuestionSerializer(many=True, required=False)
    ai_check = AiCheckSerializer(allow_null=True)
    warnings = serializers.ListField(child=serializers.CharField(), help_text="law that nobody has looked at lately")


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
    ai_check = serializers.CharField(
        allow_null=True, help_text="is the caller told of the AI: met, unmet, open, none; no part of the verdict"
    )
    spoken = serializers.CharField(
        allow_null=True, help_text="of a call whose prompt discloses: spoken, not_spoken, unclear"
    )
    prompt_in_force = serializers.UUIDField(allow_null=True, help_text="of a call: the version when it was held")
    warnings = serializers.ListField(child=serializers.CharField(), help_text="law that nobody has looked at lately")
    details = serializers.DictField(
        help_text="class and why, checks, overrides by place, spans as offsets, turns, seconds; never words"
    )
    judged_at = serializers.DateTimeField()


class AuditWithFindingsSerializer(AuditSerializer):
    findings = finding_shapes.FindingSerializer(many=True)
    overrides = override_shapes.OverrideSerializer(many=True, help_text="under which it was judged")


class ExplanationSerializer(serializers.Serializer[Any]):
    audit_id = serializers.UUIDField()
    evidence = serializers.CharField(allow_null=True, help_text="the words that the audit rests on")
    offending = serializers.CharField(allow_null=True, help_text="the words that cancel or deny them")
    fix = serializers.CharField(allow_null=True, help_text="what the caller should hear, by today's rules")
    edits = EditSerializer(many=True)
    patched = serializers.CharField(allow_null=True, help_text="the prompt with the fix made; it passes")
    verdict_now = serializers.ChoiceField(choices=Verdict.choices)
    has_other_rules = serializers.BooleanField(help_text="rules, law or overrides have changed since")


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


# --- rows -------------------------------------------------------------------------------------------------------------


def checked(case_id: str | None, result: PromptResult | TranscriptResult) -> dict[str, Any]:
    """A check's answer: the line that the command writes, and why."""
    answer = result.as_json(case_id) | {"jurisdiction": _jurisdiction(result.jurisdiction), "rulebook": result.rulebook}
    answer |= {"ai_check": ai_check(result.ai_check), "warnings": warnings(result.jurisdiction.codes)}
    if isinstance(result, PromptResult):
        answer["checks"] = [
            {"id": one.id, "passed": one.passed, "span": [one.span.start, one.span.end] if one.span else None}
            for one in result.checks
        ]
        answer["edits"] = _edits(result.edits)
    return answer


def _edits(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    return [{"start": one.span.start, "end": one.span.end, "text": one.text} for one in edits]


def explanation(found: Explanation) -> dict[str, Any]:
    """Why a prompt was judged so, in its own words."""
    plain = ("audit_id", "evidence", "offending", "patched", "has_other_rules")
    values = {name: getattr(found, name) for name in plain}
    return values | {
        "fix": found.sentence or None,
        "edits": _edits(found.edits),
        "verdict_now": found.verdict_now.value,
    }


def _jurisdiction(view: JurisdictionView) -> dict[str, Any]:
    return {
        "class": view.demand,
        "codes": list(view.codes),
        "purpose": view.purpose,
        "why": list(view.why),
        "overridden": list(view.overridden),
    }


def ai_check(check: AiCheck | None) -> dict[str, Any] | None:
    """The check on telling about the AI; null where nobody was there to be told."""
    return {"demand": check.demand, "met": check.met, "citations": list(check.citations)} if check else None


def warnings(codes: Sequence[str]) -> list[str]:
    """Rows of law that nobody has looked at for a year, as of today."""
    return jurisdictions.outdated(codes, standing.today())


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
        "ai_check": row.ai_check or None,
        "spoken": row.spoken or None,
        "prompt_in_force": row.clause_of_id,
        "warnings": warnings(row.jurisdictions),
        "details": row.details,
        "judged_at": row.judged_at,
    }


def audit_with_findings(row: DisclosureAudit) -> dict[str, Any]:
    """An audit with what became of each of its reasons."""
    return audit(row) | {
        "findings": [finding_shapes.finding(one) for one in doors.findings_of_audit(row)],
        "overrides": [override_shapes.override(one) for one in standing.overrides_of_audit(row)],
    }
