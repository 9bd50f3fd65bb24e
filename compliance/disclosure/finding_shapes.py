"""Findings and waivers as the API takes and gives them. What people wrote about them stays sealed."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compliance.disclosure import following, judgements, queue
from compliance.disclosure.models import Verdict, Waiver
from compliance.rest import StrictSerializer


class _NotedInput(StrictSerializer):
    note = serializers.CharField(max_length=4000, required=False, allow_blank=True)


class ResolutionInput(_NotedInput):
    resolution = serializers.ChoiceField(choices=[one.value for one in judgements.BY_PEOPLE])


class ReopeningInput(_NotedInput):
    reason = serializers.ChoiceField(choices=list(following.REOPENINGS))


class AssignmentInput(StrictSerializer):
    assignee = serializers.UUIDField(allow_null=True, help_text="a member who may resolve findings; null: nobody")


class WaiverInput(StrictSerializer):
    until = serializers.DateField(help_text=f"the last day; at most {following.MAX_WAIVER_DAYS} days ahead")
    ground = serializers.ChoiceField(choices=list(following.GROUNDS))
    note = serializers.CharField(max_length=4000)


class FindingSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    audit_id = serializers.UUIDField()
    agent_id = serializers.UUIDField(allow_null=True)
    prompt_id = serializers.UUIDField(allow_null=True)
    call_id = serializers.UUIDField(allow_null=True)
    reason = serializers.CharField()
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    state = serializers.CharField(help_text="open, waived or resolved")
    assigned_to = serializers.CharField(allow_null=True, help_text="person:<user id>")
    due_on = serializers.DateField(allow_null=True)
    is_overdue = serializers.BooleanField(help_text="open, and past its day")
    resolution = serializers.CharField(
        allow_null=True, help_text="fixed, accepted, false_alarm; superseded by a later audit"
    )
    resolved_by = serializers.CharField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    reopened_for = serializers.CharField(allow_null=True, help_text="why it was reopened last")
    waiver_id = serializers.UUIDField(allow_null=True, help_text="the one that is proposed or in force")
    waiver_state = serializers.CharField(allow_null=True, help_text="proposed or in_force")
    waived_until = serializers.DateField(allow_null=True)


class FindingPageSerializer(serializers.Serializer[Any]):
    next_cursor = serializers.CharField(allow_null=True)
    results = FindingSerializer(many=True)


class WaiverSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    finding_id = serializers.UUIDField(help_text="of the newest judgement that shows the fault")
    state = serializers.CharField(help_text=", ".join(Waiver.State.values))
    ground = serializers.CharField(help_text=", ".join(following.GROUNDS))
    until_on = serializers.DateField()
    proposed_by = serializers.CharField()
    proposed_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    code = serializers.CharField(allow_null=True, help_text="why it ended before its day")


class WaiverPageSerializer(serializers.Serializer[Any]):
    next_cursor = serializers.CharField(allow_null=True)
    results = WaiverSerializer(many=True)


def finding(row: Any) -> dict[str, Any]:
    """A finding with its waiver, as `queue.with_waivers` gives it."""
    subject = row.audit.prompt or row.audit.call
    return {
        "id": row.id,
        "audit_id": row.audit_id,
        "agent_id": subject.agent_id if subject else None,
        "prompt_id": row.audit.prompt_id,
        "call_id": row.audit.call_id,
        "reason": row.reason,
        "verdict": row.verdict,
        "state": row.state,
        "assigned_to": row.assigned_to or None,
        "due_on": row.due_on,
        "is_overdue": queue.is_overdue(row),
        "resolution": row.resolution or None,
        "resolved_by": row.resolved_by or None,
        "resolved_at": row.resolved_at,
        "reopened_for": row.reopened_for or None,
        "waiver_id": row.waiver_id,
        "waiver_state": row.waiver_state,
        "waived_until": row.waived_until if row.state == queue.WAIVED else None,
    }


def waiver(row: Waiver) -> dict[str, Any]:
    """A waiver; its note stays sealed."""
    return {
        "id": row.id,
        "finding_id": row.finding_id,
        "state": row.state,
        "ground": row.ground,
        "until_on": row.until_on,
        "proposed_by": row.proposed_by,
        "proposed_at": row.proposed_at,
        "decided_by": row.decided_by or None,
        "decided_at": row.decided_at,
        "ended_at": row.ended_at,
        "code": row.code or None,
    }
