"""Prompts, audits of prompts and calls, and findings. Findings store offsets, never quotes."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.tenancy import OrganisationScoped


class Verdict(models.TextChoices):
    PASS = "pass", "Pass"
    REVIEW = "review", "Review"
    FAIL = "fail", "Fail"


class PromptVersion(OrganisationScoped):
    """One text of an agent's prompt, by content digest; the text is sealed under the prompt's own key."""

    agent = models.ForeignKey("connectors.Agent", on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=32, help_text="keyed digest of the text, language and jurisdictions")
    object = models.ForeignKey("vault.SealedObject", on_delete=models.PROTECT, null=True, related_name="+")
    language = models.CharField(max_length=35)
    jurisdictions = models.JSONField(default=list)
    submitted_by = models.CharField(max_length=64)
    submitted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-submitted_at"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "agent", "digest"], name="one_version_a_text"),
            models.UniqueConstraint(fields=["organisation", "agent", "number"], name="one_version_a_number"),
        ]


class DisclosureAudit(OrganisationScoped):
    """A judgement of one prompt version or one call's transcript by one version of the rules."""

    prompt = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    call = models.ForeignKey("recordings.Call", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    artifact = models.ForeignKey(
        "recordings.Artifact", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    rulebook = models.CharField(max_length=80)
    language = models.CharField(max_length=35, blank=True)
    jurisdictions = models.JSONField(default=list)
    verdict = models.CharField(max_length=8, choices=Verdict)
    reasons = models.JSONField(default=list)
    details = models.JSONField(default=dict, help_text="spans as offsets, turns, seconds, jurisdiction class; no text")
    judged_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-judged_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(prompt__isnull=False, call__isnull=True)
                | models.Q(prompt__isnull=True, call__isnull=False),
                name="audit_of_prompt_or_call",
            ),
        ]
        indexes = [models.Index(fields=["organisation", "verdict"], name="audits_by_verdict")]


class Finding(OrganisationScoped):
    """One reason that needs a person. Resolving it never changes the verdict."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        RESOLVED = "resolved", "Resolved"

    audit = models.ForeignKey(DisclosureAudit, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=32)
    verdict = models.CharField(max_length=8, choices=Verdict)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    resolution = models.CharField(max_length=32, blank=True, help_text="fixed, accepted, false_alarm")
    sealed_note = models.BinaryField(null=True)
    resolved_by = models.CharField(max_length=64, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["organisation", "state"], name="findings_by_state")]
