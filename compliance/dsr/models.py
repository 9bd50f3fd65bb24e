"""Requests of data subjects. What the person told us lies under the request's own key, kept 24 months (11 CCR 7101),
then minimised.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.tenancy import OrganisationScoped
from compliance.dsr.states import Decision, Reason, State
from compliance.recordings.identifiers import IdentifierKind


class SubjectRequest(OrganisationScoped):
    """One request, with one or more rights. States and reasons use the words of the Data Rights Protocol 1.0."""

    class Channel(models.TextChoices):
        API = "api", "API"
        CONSOLE = "console", "Console"

    reference = models.CharField(max_length=16, help_text="what the person quotes; carries no meaning")
    channel = models.CharField(max_length=12, choices=Channel, default=Channel.API)
    state = models.CharField(max_length=12, choices=[(s.value, s.value) for s in State], default=State.OPEN.value)
    reason = models.CharField(max_length=32, blank=True, choices=[(r.value, r.value) for r in Reason])
    regime = models.CharField(max_length=16)
    place = models.CharField(max_length=6, help_text="ISO 3166 with subdivision; holidays and zone follow it")
    received_at = models.DateTimeField(default=timezone.now)
    received_on = models.DateField(help_text="the civil date in the organisation's zone from which periods run")
    sealed_person = models.BinaryField(null=True, help_text="name and address for letters, under the request")
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.CharField(max_length=32, blank=True, help_text="one_time_code or officer")
    located_at = models.DateTimeField(null=True, blank=True)
    proposed_by = models.CharField(max_length=64, blank=True)
    proposed_at = models.DateTimeField(null=True, blank=True)
    plan_digest = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the plan that was proposed; the same is approved"
    )
    approved_by = models.CharField(max_length=64, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    fulfilled_at = models.DateTimeField(null=True, blank=True)
    minimise_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["-received_at"]
        constraints = [models.UniqueConstraint(fields=["organisation", "reference"], name="one_request_a_reference")]
        indexes = [models.Index(fields=["organisation", "state"], name="requests_by_state")]


class RequestRight(OrganisationScoped):
    """One right of a request with its own clock; every date carries its rule."""

    request = models.ForeignKey(SubjectRequest, on_delete=models.PROTECT, related_name="+")
    right = models.CharField(max_length=16)
    acknowledge_by = models.DateField(null=True, blank=True)
    respond_by = models.DateField()
    extended_respond_by = models.DateField(null=True, blank=True)
    explanation = models.JSONField(default=list)
    outcome = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "right"], name="one_clock_a_right")]
        indexes = [models.Index(fields=["organisation", "respond_by"], name="rights_by_date")]


class ClaimedIdentity(OrganisationScoped):
    """An identifier that the person named: sealed under the request, with the fingerprint that finds their calls."""

    request = models.ForeignKey(SubjectRequest, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=[(k.value, k.value) for k in IdentifierKind])
    sealed_value = models.BinaryField(null=True)
    fingerprint = models.BinaryField(max_length=32, null=True)
    verified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "kind", "fingerprint"], name="one_claim_a_value")]


class VerificationCode(OrganisationScoped):
    """A one-time code sent to a recorded address: only its keyed digest is kept, and a few tries."""

    claim = models.ForeignKey(ClaimedIdentity, on_delete=models.PROTECT, related_name="+")
    digest = models.BinaryField(max_length=32)
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True, blank=True)


class PlanItem(OrganisationScoped):
    """What is to happen with one artifact, on what ground, and what did happen."""

    request = models.ForeignKey(SubjectRequest, on_delete=models.PROTECT, related_name="+")
    right = models.CharField(max_length=16)
    artifact = models.ForeignKey("recordings.Artifact", on_delete=models.PROTECT, related_name="+")
    call = models.ForeignKey("recordings.Call", on_delete=models.PROTECT, related_name="+")
    subject = models.ForeignKey("recordings.DataSubject", on_delete=models.PROTECT, related_name="+")
    matched_by = models.JSONField(default=list, help_text="kinds of identifier that led here")
    decision = models.CharField(max_length=8, choices=[(d.value, d.value) for d in Decision])
    ground = models.CharField(max_length=40, blank=True, help_text="coded ground where it is not fulfilled")
    result = models.CharField(max_length=24, blank=True, help_text="delivered, erased, kept, awaiting_platform")
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "right", "artifact"], name="one_decision_an_artifact")
        ]


class Package(OrganisationScoped):
    """An access package: sealed object, hash of what was reviewed, and an expiring link that asks for a code again."""

    request = models.ForeignKey(SubjectRequest, on_delete=models.PROTECT, related_name="+")
    artifact = models.ForeignKey("recordings.Artifact", on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    downloads = models.PositiveIntegerField(default=0)


class Certificate(OrganisationScoped):
    """A signed statement of what was erased, checkable without us; JSON for programs and PDF for people, sealed under
    the request.
    """

    request = models.ForeignKey(SubjectRequest, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(help_text="1, 2, … for one request: a later one supersedes the earlier")
    is_final = models.BooleanField(help_text="every location is proven absent or kept on a ground; no deletion debt")
    statement = models.ForeignKey("vault.SealedObject", on_delete=models.PROTECT, related_name="+")
    pdf = models.ForeignKey("vault.SealedObject", on_delete=models.PROTECT, null=True, related_name="+")
    sha256 = models.CharField(max_length=64)
    issued_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "number"], name="one_certificate_a_number")]


class Suppression(OrganisationScoped):
    """A person who asked to be erased stays erased: a keyed digest of each identifier, under a kind of its own."""

    kind = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32)
    request = models.ForeignKey(SubjectRequest, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "kind", "digest"], name="one_suppression_a_value")
        ]


class OutboundMail(OrganisationScoped):
    """A letter, sealed under its request: sent where mail is set up, else waiting in the outbox for a person to pass it
    on.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "To be sent"
        SENT = "sent", "Accepted by the mail server"
        OUTBOX = "outbox", "In the outbox: no mail server is set up"
        FAILED = "failed", "Refused by the mail server"

    request = models.ForeignKey(SubjectRequest, on_delete=models.PROTECT, related_name="+")
    template = models.CharField(max_length=40)
    sealed_letter = models.BinaryField(null=True, help_text="JSON of to, subject, body")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    last_code = models.CharField(max_length=64, blank=True)
