"""Connections to platforms and the agents that call through them."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.tenancy import OrganisationScoped


class LawfulBasis(models.TextChoices):
    """GDPR Art. 6(1)(a) to (f)."""

    CONSENT = "consent", "Consent (Art. 6(1)(a))"
    CONTRACT = "contract", "Contract (Art. 6(1)(b))"
    LEGAL_OBLIGATION = "legal_obligation", "Legal obligation (Art. 6(1)(c))"
    VITAL_INTERESTS = "vital_interests", "Vital interests (Art. 6(1)(d))"
    PUBLIC_TASK = "public_task", "Public task (Art. 6(1)(e))"
    LEGITIMATE_INTERESTS = "legitimate_interests", "Legitimate interests (Art. 6(1)(f))"


class Governed(OrganisationScoped):
    """What Art. 15(1) and Art. 30 ask of every source of calls: why, on what basis, who else gets them."""

    purposes = models.JSONField(default=list, help_text="purposes of processing, in words (Art. 13(1)(c))")
    lawful_basis = models.CharField(max_length=24, choices=LawfulBasis, blank=True)
    recipients = models.JSONField(default=list, help_text="recipients or categories of recipients (Art. 15(1)(c))")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True


class Connection(Governed):
    """Our link to one account at one platform. Its address leads here by a routing row; its tokens are kept as
    digests.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"

    platform = models.CharField(max_length=32)
    name = models.CharField(max_length=100)
    address = models.CharField(
        max_length=43, unique=True, help_text="last part of the webhook address; no secret, and not to be guessed"
    )
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    account_id = models.CharField(
        max_length=200, blank=True, help_text="the platform's own account id (DialGen: userId)"
    )
    allowed_hosts = models.JSONField(default=list, help_text="hosts from which recordings may be fetched")
    last_delivery_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ConnectionSecret(OrganisationScoped):
    """One of the (during rotation: two) tokens that a platform may show."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    digest = models.BinaryField(max_length=32)
    place = models.CharField(max_length=8, default="any")
    valid_from = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["valid_from"]


class Agent(Governed):
    """A voice agent, as the platform names it."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    external_id = models.CharField(max_length=200)
    name = models.CharField(max_length=200, blank=True)
    languages = models.JSONField(default=list, help_text="BCP-47 tags of what the agent speaks")
    jurisdictions = models.JSONField(default=list, help_text="ISO 3166 places of operator and callers, for disclosure")

    class Meta:
        ordering = ["external_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "connection", "external_id"], name="one_agent_an_id", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return self.name or self.external_id
