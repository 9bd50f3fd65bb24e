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
    options = models.JSONField(default=dict, help_text="choices among those that the platform's file offers")
    api_host = models.CharField(max_length=260, blank=True, help_text="another region of the platform's API")
    quiet_hours = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="after so many hours without a delivery somebody is told"
    )
    denied = models.PositiveIntegerField(default=0, help_text="deliveries that did not prove where they come from")
    last_denied_at = models.DateTimeField(null=True, blank=True)
    polled_until = models.DateTimeField(null=True, blank=True, help_text="calls that began before are looked through")
    last_poll_at = models.DateTimeField(null=True, blank=True)
    last_poll_code = models.CharField(max_length=64, blank=True, help_text="empty: the last question was answered")
    attention = models.JSONField(default=list, help_text="codes of what needed attention when it was looked at last")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ConnectionSecret(OrganisationScoped):
    """A secret of a connection: what the platform shows us (during rotation: two), or what we show it.

    A token of our making is kept as a digest; a key with which we must calculate is sealed under the organisation.
    """

    class Use(models.TextChoices):
        WEBHOOK = "webhook", "Proves deliveries"
        API = "api", "Opens the platform's API"
        RECORDING_KEY = "recording_key", "Opens recordings that the platform encrypted for us"

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    use = models.CharField(max_length=16, choices=Use, default=Use.WEBHOOK)
    name = models.CharField(max_length=80, blank=True, help_text="which credential, or the id of the public key")
    digest = models.BinaryField(max_length=32, null=True)
    sealed_value = models.BinaryField(null=True, help_text="label connection_secret.value/<id>")
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
    version = models.CharField(max_length=80, blank=True, help_text="the platform's word, newest seen")
    prompt_pulled_at = models.DateTimeField(null=True, blank=True)
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
