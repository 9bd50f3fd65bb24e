"""What the API takes and gives of holds, schedules and deletion debt: the shapes, and how a row becomes one."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compliance.rest import StrictSerializer
from compliance.retention import rules
from compliance.retention.models import RetentionReview, RetentionRun, RetentionSchedule
from compliance.retention.operations.previewing import Doomed, Preview

# --- in ---------------------------------------------------------------------------------------------------------------


class ScheduleInput(StrictSerializer):
    document = serializers.JSONField(help_text="rules and guards, as the schedule in force is answered")


class PreviewInput(StrictSerializer):
    document = serializers.JSONField(help_text="rules and guards, as the schedule in force is answered")
    after = serializers.UUIDField(required=False, help_text="`next_after` of the answer before: the list goes on there")


class ExtensionInput(StrictSerializer):
    days = serializers.IntegerField(min_value=1, max_value=3660, help_text="from today")
    reason = serializers.CharField(max_length=4000)


# --- out --------------------------------------------------------------------------------------------------------------


class MatchSerializer(serializers.Serializer[Any]):
    """Values that an artifact must have, each a list of alternatives; what is left out matches all."""

    kinds = serializers.ListField(child=serializers.CharField(), required=False)
    agents = serializers.ListField(child=serializers.CharField(), required=False)
    batches = serializers.ListField(child=serializers.CharField(), required=False)
    directions = serializers.ListField(child=serializers.CharField(), required=False)
    places = serializers.ListField(child=serializers.CharField(), required=False)
    outcomes = serializers.ListField(child=serializers.CharField(), required=False)
    consents = serializers.ListField(child=serializers.CharField(), required=False)
    labels = serializers.ListField(child=serializers.CharField(), required=False)


class RuleSerializer(serializers.Serializer[Any]):
    rule_id = serializers.CharField()
    keep_days = serializers.IntegerField(allow_null=True, help_text="null: kept")
    clock = serializers.ChoiceField([clock.value for clock in rules.ClockStart])
    why = serializers.CharField()
    match = MatchSerializer()
    warning = serializers.CharField(allow_null=True)
    action = serializers.ChoiceField([action.value for action in rules.Action], help_text="on the day")


class GuardSerializer(serializers.Serializer[Any]):
    guard_id = serializers.CharField()
    why = serializers.CharField()
    match = MatchSerializer()
    minimum_days = serializers.IntegerField(allow_null=True)
    maximum_days = serializers.IntegerField(allow_null=True)


class ScheduleDocumentSerializer(serializers.Serializer[Any]):
    format = serializers.IntegerField(help_text="2; a document without it is read as format 1")
    rules = RuleSerializer(many=True)
    guards = GuardSerializer(many=True)


class ScheduleSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(help_text="0: the default that nobody changed")
    document = ScheduleDocumentSerializer()
    proposed = serializers.IntegerField(allow_null=True, help_text="version that waits for a second person")


class PreviewCountsSerializer(serializers.Serializer[Any]):
    """Soon is within 30 days, today included; newly is what would go soon and would not under the rules in force."""

    artifacts = serializers.IntegerField()
    today = serializers.IntegerField()
    today_bytes = serializers.IntegerField()
    soon = serializers.IntegerField()
    soon_bytes = serializers.IntegerField()
    newly = serializers.IntegerField()
    newly_bytes = serializers.IntegerField()
    held = serializers.IntegerField(help_text="due soon, but a hold keeps it")
    for_review = serializers.IntegerField(help_text="due soon, and a person is asked")
    earlier = serializers.IntegerField(help_text="due on an earlier day than today's rules say")
    later = serializers.IntegerField()
    never = serializers.IntegerField(help_text="due by today's rules, and not by these")
    by_kind = serializers.DictField(child=serializers.IntegerField())
    by_rule = serializers.DictField(child=serializers.IntegerField())


class DoomedSerializer(serializers.Serializer[Any]):
    artifact = serializers.UUIDField()
    call = serializers.UUIDField(allow_null=True)
    kind = serializers.CharField()
    due_on = serializers.DateField()
    due_before = serializers.DateField(allow_null=True, help_text="by the rules in force")
    rule = serializers.CharField()
    action = serializers.CharField()
    reason = serializers.CharField()
    is_held = serializers.BooleanField()


class PreviewSerializer(serializers.Serializer[Any]):
    counts = PreviewCountsSerializer(allow_null=True, help_text="null where the list goes on")
    needs_second_person = serializers.BooleanField(allow_null=True)
    results = DoomedSerializer(many=True)
    next_after = serializers.UUIDField(allow_null=True)


class ScheduleVersionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    state = serializers.ChoiceField(RetentionSchedule.State.choices)
    preview = serializers.DictField(help_text="what it would delete, as counted when it was saved")
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True)


class ScheduleVersionPageSerializer(serializers.Serializer[Any]):
    results = ScheduleVersionSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class RunSerializer(serializers.Serializer[Any]):
    """One day's run."""

    id = serializers.UUIDField()
    on = serializers.DateField()
    state = serializers.ChoiceField(RetentionRun.State.choices)
    schedule = serializers.IntegerField(help_text="version of the rules")
    due = serializers.IntegerField()
    guard = serializers.IntegerField(help_text="artifacts that may go without a word")
    begun = serializers.IntegerField()
    held = serializers.IntegerField()
    started_by = serializers.CharField()
    decided_by = serializers.CharField(allow_null=True)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RunPageSerializer(serializers.Serializer[Any]):
    results = RunSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ReviewSerializer(serializers.Serializer[Any]):
    """An artifact whose rule asks for a person on the day."""

    id = serializers.UUIDField()
    artifact = serializers.UUIDField()
    state = serializers.ChoiceField(RetentionReview.State.choices)
    code = serializers.CharField(help_text="review, or no_redaction: redaction is not available yet")
    rule = serializers.CharField()
    due_on = serializers.DateField()
    until_on = serializers.DateField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True)


class ReviewPageSerializer(serializers.Serializer[Any]):
    results = ReviewSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


# --- from rows --------------------------------------------------------------------------------------------------------


def schedule(version: int, found: rules.Schedule, proposed: int | None) -> dict[str, Any]:
    """The rules in force."""
    return {"version": version, "document": rules.to_document(found), "proposed": proposed}


def preview(found: Preview, *, goes_on: bool) -> dict[str, Any]:
    """What rules would do. Where the list goes on, only the list."""
    return {
        "counts": None if goes_on else found.counts(),
        "needs_second_person": None if goes_on else found.needs_second_person,
        "results": [_doomed(one) for one in found.listed],
        "next_after": str(found.next_after) if found.next_after else None,
    }


def _doomed(one: Doomed) -> dict[str, Any]:
    return {
        "artifact": str(one.artifact_id),
        "call": str(one.call_id) if one.call_id else None,
        "kind": one.kind,
        "due_on": one.due_on.isoformat(),
        "due_before": one.due_before.isoformat() if one.due_before else None,
        "rule": one.rule,
        "action": one.action,
        "reason": one.reason,
        "is_held": one.is_held,
    }


def schedule_version(row: RetentionSchedule) -> dict[str, Any]:
    """A version, whoever decided on it."""
    return {
        "id": str(row.id),
        "version": row.version,
        "state": row.state,
        "preview": row.preview,
        "created_by": row.created_by,
        "created_at": row.created_at.isoformat(),
        "decided_by": row.decided_by or None,
    }


def run(row: RetentionRun) -> dict[str, Any]:
    """A run for programs."""
    return {
        "id": str(row.id),
        "on": row.on.isoformat(),
        "state": row.state,
        "schedule": row.schedule,
        "due": row.due,
        "guard": row.guard,
        "begun": row.begun,
        "held": row.held,
        "started_by": row.started_by,
        "decided_by": row.decided_by or None,
        "started_at": row.started_at.isoformat(),
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
    }


def review(row: RetentionReview) -> dict[str, Any]:
    """A question to a person, and what the person said."""
    return {
        "id": str(row.id),
        "artifact": str(row.artifact_id),
        "state": row.state,
        "code": row.code,
        "rule": row.rule,
        "due_on": row.due_on.isoformat(),
        "until_on": row.until_on.isoformat() if row.until_on else None,
        "decided_by": row.decided_by or None,
    }
