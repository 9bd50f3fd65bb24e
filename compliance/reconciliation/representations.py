"""What the API takes and gives of runs and findings: the shapes, and how a row becomes one."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compliance.reconciliation.models import Finding, Run
from compliance.reconciliation.rules.kinds import Dismissal, Kind, Repair
from compliance.rest import StrictSerializer


class DiscrepancyDismissalInput(StrictSerializer):
    code = serializers.ChoiceField([one.value for one in Dismissal], help_text="why it is left as it is")


class ReconciliationRunSerializer(serializers.Serializer[Any]):
    """One comparison of everything; `counts` are the findings that it saw, by kind."""

    id = serializers.UUIDField()
    state = serializers.CharField(help_text=" | ".join(Run.State.values))
    stage = serializers.CharField(help_text=" | ".join(Run.Stage.values))
    started_by = serializers.CharField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    guard_hours = serializers.IntegerField(help_text="what is younger was not judged")
    most_believed = serializers.IntegerField(help_text="findings of one guarded kind that stop a run")
    stopped_for = serializers.CharField(allow_null=True)
    waits_for = serializers.CharField(allow_null=True, help_text="why it stands still, as a code")
    objects_seen = serializers.IntegerField()
    rows_seen = serializers.IntegerField()
    bytes_seen = serializers.IntegerField()
    young = serializers.IntegerField(help_text="left out because of their age")
    objects_read = serializers.IntegerField()
    bytes_read = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())


class ReconciliationRunPageSerializer(serializers.Serializer[Any]):
    results = ReconciliationRunSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class DiscrepancySerializer(serializers.Serializer[Any]):
    """A finding of the reconciliation; `thing` is a key of the store, or a table and an id."""

    id = serializers.UUIDField()
    kind = serializers.CharField(help_text=" | ".join(one.value for one in Kind))
    state = serializers.CharField(help_text=" | ".join(Finding.State.values))
    thing = serializers.CharField()
    artifact = serializers.UUIDField(allow_null=True)
    facts = serializers.DictField()
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    run = serializers.UUIDField(allow_null=True, help_text="the last run that saw it")
    repair = serializers.CharField(allow_null=True, help_text=" | ".join(one.value for one in Repair))
    proposed_by = serializers.CharField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True)
    code = serializers.CharField(allow_null=True, help_text="why it was dismissed, or was not repaired")
    proof = serializers.DictField(help_text="what was asked after the repair, and the answer")


class DiscrepancyPageSerializer(serializers.Serializer[Any]):
    results = DiscrepancySerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def run(row: Run) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "stage": row.stage,
        "started_by": row.started_by,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "guard_hours": row.guard_hours,
        "most_believed": row.most,
        "stopped_for": row.stopped_for or None,
        "waits_for": row.last_code or None,
        "objects_seen": row.objects_seen,
        "rows_seen": row.rows_seen,
        "bytes_seen": row.bytes_seen,
        "young": row.young,
        "objects_read": row.objects_read,
        "bytes_read": row.bytes_read,
        "counts": row.counts,
    }


def finding(row: Finding) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state,
        "thing": row.thing,
        "artifact": row.artifact_id,
        "facts": row.facts,
        "first_seen_at": row.first_seen_at,
        "last_seen_at": row.last_seen_at,
        "run": row.last_run_id,
        "repair": row.repair or None,
        "proposed_by": row.proposed_by or None,
        "decided_by": row.decided_by or None,
        "code": row.code or None,
        "proof": row.proof,
    }
