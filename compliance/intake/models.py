"""Deliveries: what platforms sent us, sealed before we answer."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.tenancy import OrganisationScoped
from compliance.intake.states import DeliveryState


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
    size = models.PositiveIntegerField()
    received_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)
    repeats = models.PositiveIntegerField(default=0, help_text="how often the platform sent it again")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "connection", "key_digest"], name="one_delivery_a_key")
        ]
        indexes = [models.Index(fields=["organisation", "state"], name="deliveries_by_state")]
