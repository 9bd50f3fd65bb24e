"""Deliveries: what platforms sent us, sealed before we answer."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.tenancy import OrganisationScoped
from compliance.intake.states import DeliveryState, expected_calls


class Delivery(OrganisationScoped):
    """One webhook call.

    The raw body is sealed under the connection's key of the day, then re-sealed to the call it speaks of.
    """

    connection = models.ForeignKey("connectors.Connection", on_delete=models.PROTECT, related_name="+")
    key_digest = models.BinaryField(
        max_length=32, help_text="of the platform's delivery key: the same delivery comes once"
    )
    state = models.CharField(
        max_length=16,
        choices=[(state.value, state.value) for state in DeliveryState],
        default=DeliveryState.ACCEPTED.value,
    )
    code = models.CharField(max_length=64, blank=True, help_text="why it was quarantined, refused or ignored")
    object = models.ForeignKey("vault.SealedObject", on_delete=models.PROTECT, null=True, related_name="+")
    call = models.ForeignKey("recordings.Call", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    event = models.CharField(max_length=60, blank=True, help_text="the platform's word for what happened")
    size = models.PositiveIntegerField()
    received_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)
    repeats = models.PositiveIntegerField(default=0, help_text="how often the platform sent it again")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "connection", "key_digest"], name="one_delivery_a_key")
        ]
        indexes = [models.Index(fields=["organisation", "state"], name="deliveries_by_state")]


class ImportRun(OrganisationScoped):
    """Calls that are taken in not one by one as they end but many at once: a platform's history, a folder, a bucket.

    The row is the job: it says how far we came, and whoever finds it goes on.
    """

    class Kind(models.TextChoices):
        HISTORY = "history", "A platform's history"
        FOLDER = "folder", "A folder of files"
        BUCKET = "bucket", "A bucket of files"
        RECENT = "recent", "Poll of the last two days"
        FAR = "far", "Poll of the last two weeks"

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        STOPPED = "stopped", "Stopped"
        FAILED = "failed", "Failed"
        FINISHED = "finished", "Finished"

    connection = models.ForeignKey("connectors.Connection", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    cursor = models.TextField(blank=True, help_text="how far a platform's list was read; opaque")
    source = models.CharField(max_length=400, blank=True, help_text="folder or bucket, as the operator wrote it")
    started_by = models.CharField(max_length=64)
    total = models.PositiveIntegerField(null=True, help_text="items, where that is known")
    seen = models.PositiveIntegerField(default=0)
    registered = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0, help_text="were in the register already")
    refused = models.PositiveIntegerField(default=0, help_text="of erased calls")
    failed = models.PositiveIntegerField(default=0, help_text="could not be read")
    missed = models.PositiveIntegerField(default=0, help_text="registered late: a delivery should have told of them")
    last_code = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]


class ImportItem(OrganisationScoped):
    """One line of a manifest, and what became of it. Names of files may hold personal data: a digest stays."""

    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(help_text="line of the manifest, from 1")
    digest = models.BinaryField(max_length=32, help_text="keyed digest of the line")
    state = models.CharField(max_length=10, default="waiting", help_text="waiting, done, known, refused, failed")
    code = models.CharField(max_length=64, blank=True)
    call = models.ForeignKey("recordings.Call", on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "run", "number"], name="one_item_a_line")]
        indexes = [models.Index(fields=["organisation", "run", "state"], name="import_items_by_state")]


class BatchReport(OrganisationScoped):
    """The end of a batch as the platform told it, against the calls that arrived: the only way to see a gap where a
    platform has no list of calls.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for calls"
        COMPLETE = "complete", "Complete"
        GAP = "gap", "Calls are missing"
        ACCEPTED = "accepted", "Gap accepted"

    connection = models.ForeignKey("connectors.Connection", on_delete=models.PROTECT, related_name="+")
    batch_id = models.CharField(max_length=200)
    outcome = models.CharField(max_length=10)
    total = models.PositiveIntegerField(null=True)
    processed = models.PositiveIntegerField(null=True)
    succeeded = models.PositiveIntegerField(null=True)
    failed = models.PositiveIntegerField(null=True)
    received = models.PositiveIntegerField(default=0, help_text="calls of the batch in the register, erased ones too")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    reported_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.CharField(max_length=64, blank=True)
    accepted_reason = models.CharField(max_length=40, blank=True, help_text="coded")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "connection", "batch_id"], name="one_report_a_batch")
        ]

    @property
    def expected(self) -> int | None:
        """How many calls there should be; None: the platform told no number."""
        return expected_calls(self.outcome, self.total, self.processed)
