"""Endpoints of integrators, what is told to them, and every try.

Messages hold ids, codes, dates and counts only, so they lie here in clear; secrets are sealed under the organisation.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.tenancy import OrganisationScoped


class WebhookEndpoint(OrganisationScoped):
    """Where an integrator wants to be told of which events. What stands still keeps what is due to it."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        DISABLED = "disabled", "Disabled by failures"
        REMOVED = "removed", "Removed"

    url = models.CharField(max_length=2000, blank=True, help_text="empty once removed")
    description = models.CharField(max_length=200, blank=True)
    event_types = models.JSONField(default=list, help_text="names of events, or the beginning of names and .*")
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    reason = models.CharField(max_length=32, blank=True, help_text="why it was disabled: gone or failing")
    failing_since = models.DateTimeField(null=True, blank=True, help_text="first failed try since the last success")
    failures = models.PositiveIntegerField(default=0, help_text="failed tries since the last success")
    rests_until = models.DateTimeField(null=True, blank=True, help_text="overloaded: nothing is sent before")
    missed = models.PositiveBigIntegerField(default=0, help_text="messages that were given up unsent")
    missed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.description or self.url.partition("://")[2].partition("/")[0] or "removed"


class WebhookSecret(OrganisationScoped):
    """What an endpoint's messages are signed with; during a rotation there are two."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="+")
    sealed_value = models.BinaryField(null=True, help_text="label outlet_webhooksecret.value/<id>")
    valid_from = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["valid_from"]


class WebhookMessage(OrganisationScoped):
    """One event as it is told: the exact bytes, because a redelivery must be the same."""

    type = models.CharField(max_length=64)
    occurred_at = models.DateTimeField()
    body = models.TextField(help_text="JSON in ASCII, as it is sent and signed")
    once = models.CharField(max_length=120, blank=True, help_text="an occasion that is told once")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "type", "once"], condition=~models.Q(once=""), name="one_message_an_occasion"
            )
        ]
        indexes = [models.Index(fields=["organisation", "created_at"], name="messages_by_age")]


class WebhookDispatch(OrganisationScoped):
    """One message on its way to one endpoint. The row is the job."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Given up"

    message = models.ForeignKey(WebhookMessage, on_delete=models.PROTECT, related_name="+")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0, help_text="failed tries since it was last asked for")
    last_code = models.CharField(max_length=32, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["message", "endpoint"], name="one_dispatch_an_endpoint")]
        indexes = [
            models.Index(fields=["endpoint", "state", "id"], name="dispatches_by_state"),
        ]


class WebhookAttempt(OrganisationScoped):
    """One try: the delivery log. Nothing of the answer is kept but its status."""

    dispatch = models.ForeignKey(WebhookDispatch, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True, help_text="null where no answer came")
    code = models.CharField(max_length=32, help_text="accepted, or how it failed")
    duration_ms = models.PositiveIntegerField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["dispatch", "number"], name="one_attempt_a_number")]
