"""Runs of the reconciliation, and what they found."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.tenancy import OrganisationScoped
from compliance.reconciliation.rules.kinds import Dismissal, Kind, Repair


def _choices(kinds: type[Kind] | type[Repair] | type[Dismissal]) -> list[tuple[str, str]]:
    return [(kind.value, kind.value.replace("_", " ")) for kind in kinds]


class Run(OrganisationScoped):
    """One comparison of everything. The row is the job: stage and cursor say how far it came."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        STOPPED = "stopped", "Stopped: too many findings of one kind"
        FINISHED = "finished", "Finished"

    class Stage(models.TextChoices):
        STORE = "store", "Objects against rows"
        TOMBSTONES = "tombstones", "Copies of tombstones"
        UNFINISHED = "unfinished", "What was never finished"
        PLACES = "places", "Places of artifacts"
        DUE = "due", "What is overdue"
        HOLDS = "holds", "What is held"
        READING = "reading", "Reading again"
        CLOSING = "closing", "Closing"

    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    stage = models.CharField(max_length=12, choices=Stage, default=Stage.STORE)
    cursor = models.CharField(max_length=1100, blank=True, help_text="the last key or id of the stage that was done")
    started_by = models.CharField(max_length=64)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    guard_hours = models.PositiveIntegerField(help_text="what is younger is not judged")
    expected = models.PositiveBigIntegerField(default=0, help_text="objects that the register expected at the start")
    most = models.PositiveIntegerField(default=0, help_text="findings of one guarded kind that stop the run")
    stopped_for = models.CharField(max_length=20, blank=True, choices=_choices(Kind))
    is_unguarded = models.BooleanField(default=False, help_text="an officer let it go on after it had stopped")
    objects_seen = models.PositiveBigIntegerField(default=0)
    rows_seen = models.PositiveBigIntegerField(default=0)
    bytes_seen = models.PositiveBigIntegerField(default=0)
    young = models.PositiveBigIntegerField(default=0, help_text="left out because of their age")
    budget = models.PositiveBigIntegerField(default=0, help_text="bytes that are read again in this run")
    objects_read = models.PositiveBigIntegerField(default=0)
    bytes_read = models.PositiveBigIntegerField(default=0)
    counts = models.JSONField(default=dict, help_text="findings by kind, seen by this run")
    entries = models.JSONField(default=list, help_text="the log entries of start, stop and end")
    report = models.BinaryField(null=True, help_text="the signed statement: counts, ids and log positions")
    last_code = models.CharField(max_length=64, blank=True, help_text="why it waits, where it does")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation"], condition=models.Q(state="running"), name="one_reconciliation_at_a_time"
            )
        ]


class Finding(OrganisationScoped):
    """One discrepancy, from the first run that saw it to its end."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        PROPOSED = "proposed", "Repair proposed"
        APPROVED = "approved", "Repair approved"
        DISMISSED = "dismissed", "Dismissed"
        REPAIRED = "repaired", "Repaired"
        RESOLVED = "resolved_by_itself", "Gone by itself"

    kind = models.CharField(max_length=20, choices=_choices(Kind))
    thing = models.CharField(max_length=1100, help_text="key, or table and id: the same in every run")
    artifact = models.ForeignKey(
        "recordings.Artifact", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    object_id = models.UUIDField(null=True, blank=True, help_text="the sealed object's row")
    facts = models.JSONField(default=dict, help_text="codes and numbers")
    state = models.CharField(max_length=20, choices=State, default=State.OPEN)
    first_run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, related_name="+")
    last_run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, related_name="+")
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    repair = models.CharField(max_length=24, blank=True, choices=_choices(Repair))
    proposed_by = models.CharField(max_length=64, blank=True)
    proposed_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    code = models.CharField(max_length=64, blank=True, help_text="why it was dismissed, or the repair refused")
    proof = models.JSONField(default=dict, help_text="what was asked after the repair, and the answer")
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "kind", "thing"],
                condition=models.Q(state__in=["open", "proposed", "approved", "dismissed"]),
                name="one_finding_a_discrepancy",
            )
        ]
        indexes = [models.Index(fields=["organisation", "state", "kind"], name="discrepancies_by_state")]
