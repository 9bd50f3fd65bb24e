"""What the API takes and gives of holds, schedules and deletion debt: the shapes, and how a row becomes one."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compliance.recordings.states import LocationState
from compliance.rest import StrictSerializer
from compliance.retention import holds, rules
from compliance.retention.models import LegalHold

# --- in ---------------------------------------------------------------------------------------------------------------


class HoldInput(StrictSerializer):
    matter = serializers.CharField(max_length=200, help_text="reference of the matter; no names of callers")
    reason = serializers.CharField(max_length=4000)
    calls = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=holds.MOST_CALLS)


class ScheduleInput(StrictSerializer):
    document = serializers.JSONField(help_text="rules and guards, as the schedule in force is answered")


class EvidenceInput(StrictSerializer):
    evidence = serializers.CharField(max_length=4000)


# --- out --------------------------------------------------------------------------------------------------------------


class HeldCallSerializer(serializers.Serializer[Any]):
    call = serializers.UUIDField()
    result = serializers.ChoiceField(
        [holds.HELD, holds.TOO_LATE, holds.GONE], help_text="too_late: its erasure had begun"
    )


class HoldSerializer(serializers.Serializer[Any]):
    """A hold; its reason stays sealed."""

    id = serializers.UUIDField()
    matter = serializers.CharField()
    state = serializers.ChoiceField(LegalHold.State.choices)
    placed_by = serializers.CharField()
    placed_at = serializers.DateTimeField()
    release_proposed_by = serializers.CharField(allow_null=True)
    released_by = serializers.CharField(allow_null=True)
    calls = HeldCallSerializer(many=True)


class HoldPageSerializer(serializers.Serializer[Any]):
    results = HoldSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class MatchSerializer(serializers.Serializer[Any]):
    """Values that an artifact must have, each a list of alternatives; what is left out matches all."""

    kinds = serializers.ListField(child=serializers.CharField(), required=False)
    agents = serializers.ListField(child=serializers.CharField(), required=False)
    batches = serializers.ListField(child=serializers.CharField(), required=False)
    directions = serializers.ListField(child=serializers.CharField(), required=False)
    places = serializers.ListField(child=serializers.CharField(), required=False)
    outcomes = serializers.ListField(child=serializers.CharField(), required=False)
    consents = serializers.ListField(child=serializers.CharField(), required=False)


class RuleSerializer(serializers.Serializer[Any]):
    rule_id = serializers.CharField()
    keep_days = serializers.IntegerField(allow_null=True, help_text="null: kept")
    clock = serializers.ChoiceField([clock.value for clock in rules.ClockStart])
    why = serializers.CharField()
    match = MatchSerializer()
    warning = serializers.CharField(allow_null=True)


class GuardSerializer(serializers.Serializer[Any]):
    guard_id = serializers.CharField()
    why = serializers.CharField()
    match = MatchSerializer()
    minimum_days = serializers.IntegerField(allow_null=True)
    maximum_days = serializers.IntegerField(allow_null=True)


class ScheduleDocumentSerializer(serializers.Serializer[Any]):
    rules = RuleSerializer(many=True)
    guards = GuardSerializer(many=True)


class ScheduleSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(help_text="0: the default that nobody changed")
    document = ScheduleDocumentSerializer()


class DebtSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    artifact = serializers.UUIDField()
    place = serializers.CharField(help_text="store, platform or backup")
    name = serializers.CharField()
    state = serializers.ChoiceField([state.value for state in LocationState])
    proof = serializers.DictField(help_text="how absence was asked for, proven or attested; its members depend on that")
    expected_gone_on = serializers.DateField(allow_null=True)


class DebtPageSerializer(serializers.Serializer[Any]):
    results = DebtSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class CheckedLocationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    is_gone = serializers.BooleanField(help_text="whether absence is proven now")


# --- from rows --------------------------------------------------------------------------------------------------------


def hold(row: LegalHold) -> dict[str, Any]:
    """A hold for programs."""
    return {
        "id": str(row.id),
        "matter": row.matter,
        "state": row.state,
        "placed_by": row.placed_by,
        "placed_at": row.placed_at.isoformat(),
        "release_proposed_by": row.release_proposed_by or None,
        "released_by": row.released_by or None,
        "calls": [{"call": str(item.call_id), "result": item.result} for item in holds.items_of(row)],
    }


def schedule(version: int, found: rules.Schedule) -> dict[str, Any]:
    """The rules in force."""
    return {"version": version, "document": rules.to_document(found)}


def debt(location: Any) -> dict[str, Any]:
    """A place with its state and proof."""
    return {
        "id": str(location.id),
        "artifact": str(location.artifact_id),
        "place": location.place,
        "name": location.name,
        "state": location.state,
        "proof": location.proof,
        "expected_gone_on": location.expected_gone_on.isoformat() if location.expected_gone_on else None,
    }
