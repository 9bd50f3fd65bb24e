"""Schedules, legal holds, and the record of each disposal."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.tenancy import OrganisationScoped


class RetentionSchedule(OrganisationScoped):
    """A version of the organisation's rules (`retention.rules` reads the document). The newest active one holds."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Waits for a second person"
        ACTIVE = "active", "In force, or was"
        WITHDRAWN = "withdrawn", "Withdrawn"
        REJECTED = "rejected", "Rejected"

    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    preview = models.JSONField(default=dict, help_text="what it would delete, as counted when it was saved")
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField()
    document = models.JSONField()
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["organisation", "version"], name="one_schedule_a_version")]


class LegalHold(OrganisationScoped):
    """A duty to keep. Covers whole calls with all their artifacts; any number may cover the same call."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        RELEASE_PROPOSED = "release_proposed", "Release proposed"
        RELEASED = "released", "Released"

    matter = models.CharField(max_length=200, help_text="reference of the matter; no names of callers")
    sealed_reason = models.BinaryField(help_text="free text, sealed under the organisation")
    state = models.CharField(max_length=20, choices=State, default=State.ACTIVE)
    query = models.JSONField(default=dict, help_text="ids and codes that chose the calls, frozen when it was placed")
    placed_by = models.CharField(max_length=64)
    placed_at = models.DateTimeField(default=timezone.now)
    release_proposed_by = models.CharField(max_length=64, blank=True)
    release_proposed_at = models.DateTimeField(null=True, blank=True)
    released_by = models.CharField(max_length=64, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-placed_at"]


class HoldItem(OrganisationScoped):
    """A call under a hold, and what the hold found there."""

    hold = models.ForeignKey(LegalHold, on_delete=models.PROTECT, related_name="+")
    call = models.ForeignKey("recordings.Call", on_delete=models.PROTECT, related_name="+")
    result = models.CharField(max_length=20, default="held", help_text="held, too_late (erasure had begun) or gone")
    artifacts = models.JSONField(default=dict, help_text="what the hold found: artifact id to result, as codes")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hold", "call"], name="one_item_a_call")]
        indexes = [models.Index(fields=["organisation", "call"], name="holds_by_call")]


class Disposal(OrganisationScoped):
    """One artifact's way out: begun, keys destroyed, bytes proven absent, done. What survives a crash and what a
    certificate quotes.
    """

    class Step(models.TextChoices):
        BEGUN = "begun", "Begun"
        KEYS_DESTROYED = "keys_destroyed", "Keys destroyed"
        BYTES_DELETED = "bytes_deleted", "Bytes proven absent"
        DONE = "done", "Done"

    artifact = models.ForeignKey("recordings.Artifact", on_delete=models.PROTECT, related_name="+")
    call = models.ForeignKey("recordings.Call", on_delete=models.PROTECT, null=True, related_name="+")
    request_id = models.UUIDField(null=True, blank=True)
    ground = models.CharField(max_length=40)
    step = models.CharField(max_length=20, choices=Step, default=Step.BEGUN)
    whole_call = models.BooleanField(default=False, help_text="the call's key goes too")
    begun_by = models.CharField(max_length=64)
    begun_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, help_text="of the clear bytes, as registered")
    ciphertext_sha256 = models.CharField(max_length=64, blank=True)
    proofs = models.JSONField(default=list, help_text="per location: place, answer, time")
    entries = models.JSONField(default=list, help_text="ids of the log entries, in order")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["artifact"], name="one_disposal_an_artifact")]
        indexes = [models.Index(fields=["organisation", "step"], name="disposals_by_step")]


class RetentionRun(OrganisationScoped):
    """One application of the schedule. A run that would delete more than its guard stops and asks."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        STOPPED = "stopped", "Stopped by its guard"
        APPROVED = "approved", "Approved, going on"
        FINISHED = "finished", "Finished"
        REFUSED = "refused", "Refused"

    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    on = models.DateField(help_text="what is due on this day")
    schedule = models.PositiveIntegerField(help_text="version of the rules")
    due = models.PositiveIntegerField(default=0)
    guard = models.PositiveIntegerField(default=0, help_text="artifacts that may go without a word")
    begun = models.PositiveIntegerField(default=0)
    held = models.PositiveIntegerField(default=0)
    for_review = models.PositiveIntegerField(default=0)
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    started_by = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["organisation", "on"], name="one_run_a_day")]


class RetentionReview(OrganisationScoped):
    """An artifact whose rule wants a person's look on the day, and what the person said. Until then it stays."""

    class State(models.TextChoices):
        OPEN = "open", "Waits for an officer"
        EXTENDED = "extended", "Kept longer"
        APPROVED = "approved", "May go"

    artifact = models.ForeignKey("recordings.Artifact", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    code = models.CharField(max_length=40, help_text="why it waits: review, or no_redaction")
    rule = models.CharField(max_length=100)
    due_on = models.DateField(help_text="the day of the rule")
    until_on = models.DateField(null=True, blank=True, help_text="kept longer up to this day")
    opened_at = models.DateTimeField(default=timezone.now)
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["organisation", "artifact"], name="one_review_an_artifact")]
        indexes = [models.Index(fields=["organisation", "state"], name="reviews_by_state")]


class UpstreamTask(OrganisationScoped):
    """What a person has to do at a platform that deletes on no call of ours, by when, and with what it was proven."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Done"
        NEEDLESS = "needless", "Proven without it"

    location = models.ForeignKey("recordings.Location", on_delete=models.PROTECT, related_name="+")
    platform = models.CharField(max_length=32)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    due_on = models.DateField()
    assigned_to = models.CharField(max_length=64, blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=64, blank=True)
    evidence = models.ForeignKey("vault.SealedObject", on_delete=models.PROTECT, null=True, related_name="+")
    evidence_name = models.CharField(max_length=100, blank=True, help_text="kind of document; no names of callers")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "location"], name="one_task_a_location")]
        indexes = [models.Index(fields=["organisation", "state", "due_on"], name="tasks_by_day")]


class DisposalProposal(OrganisationScoped):
    """That a call should go, said by a finding; an officer decides, a second person approves."""

    class State(models.TextChoices):
        OPEN = "open", "Waits for an officer"
        PROPOSED = "proposed", "Waits for a second person"
        APPROVED = "approved", "Approved"
        DISMISSED = "dismissed", "Dismissed"

    call = models.ForeignKey("recordings.Call", on_delete=models.PROTECT, related_name="+")
    ground = models.CharField(max_length=40)
    cause = models.UUIDField(help_text="the finding that says so")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    proposed_by = models.CharField(max_length=64, blank=True)
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    code = models.CharField(max_length=40, blank=True, help_text="why it was dismissed")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "call", "ground"], name="one_proposal_a_call")]
        indexes = [models.Index(fields=["organisation", "state"], name="proposals_by_state")]
