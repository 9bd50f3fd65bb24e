"""Schedules, legal holds, and the record of each disposal."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.tenancy import OrganisationScoped


class RetentionSchedule(OrganisationScoped):
    """A version of the organisation's rules (`retention.rules` reads the document). The newest active one holds."""

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
