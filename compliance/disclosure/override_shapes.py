"""What the API takes and gives of overrides."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compliance.disclosure.models import DEMANDS, JurisdictionOverride
from compliance.rest import StrictSerializer


class OverrideInput(StrictSerializer):
    code = serializers.CharField(max_length=6, help_text="ISO 3166; a country's holds for its parts too")
    purpose = serializers.BooleanField(help_text="whether the notice must also say why")
    reason = serializers.CharField(max_length=300, help_text="on whose advice, and why; printed in every report")
    until = serializers.DateField(required=False, allow_null=True, help_text="the last day on which it holds, in UTC")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`class` is a word of Python's."""
        return {"class": serializers.ChoiceField(choices=DEMANDS), **super().get_fields()}


class OverrideSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    code = serializers.CharField()
    purpose = serializers.BooleanField()
    reason = serializers.CharField()
    until = serializers.DateField(allow_null=True)
    state = serializers.CharField(
        help_text="proposed, in_force, leaving (in force; its removal waits for a second person), ended"
    )
    ending = serializers.CharField(allow_null=True, help_text="removed, replaced, rejected, withdrawn")
    set_by = serializers.CharField()
    set_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True, help_text="the second person, where one was needed")
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`class` is a word of Python's."""
        return {"class": serializers.ChoiceField(choices=DEMANDS), **super().get_fields()}


class OverridePageSerializer(serializers.Serializer[Any]):
    next_cursor = serializers.CharField(allow_null=True)
    results = OverrideSerializer(many=True)


def override(row: JurisdictionOverride) -> dict[str, Any]:
    """An override with who decided what."""
    return {
        "id": row.id,
        "code": row.code,
        "class": row.demand,
        "purpose": row.purpose,
        "reason": row.reason,
        "until": row.until_on,
        "state": row.state,
        "ending": row.ending or None,
        "set_by": row.set_by,
        "set_at": row.set_at,
        "decided_by": row.decided_by or None,
        "ended_at": row.ended_at,
    }
