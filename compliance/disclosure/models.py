"""Prompts, audits of prompts and calls, and findings. Findings store offsets, never quotes."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.tenancy import OrganisationScoped

DEMANDS = ("one_party", "notice", "express")
"""Classes of the labelling policy, the gentlest first."""


class Verdict(models.TextChoices):
    PASS = "pass", "Pass"
    REVIEW = "review", "Review"
    FAIL = "fail", "Fail"


class AiVerdict(models.TextChoices):
    MET = "met", "Told"
    UNMET = "unmet", "Not told"
    OPEN = "open", "Open"
    NONE = "none", "Not demanded"


class Spoken(models.TextChoices):
    SPOKEN = "spoken", "Spoken"
    NOT_SPOKEN = "not_spoken", "Not spoken"
    UNCLEAR = "unclear", "Cannot be told"


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
    # What reports count by; the rows that hold are told from the overtaken ones without looking for the newest.
    is_newest = models.BooleanField(default=True)
    agent = models.ForeignKey("connectors.Agent", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    held_at = models.DateTimeField(default=timezone.now, help_text="when the call began, or the prompt was submitted")
    ai_check = models.CharField(
        max_length=6, choices=AiVerdict, blank=True, help_text="is the caller told of the AI? no part of the verdict"
    )
    clause_of = models.ForeignKey(
        PromptVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        help_text="of a call: the prompt version in force when it was held",
    )  # fmt: skip
    clause = models.CharField(
        max_length=64, blank=True, help_text="prompt and offsets of its disclosure; of a call: what it was held against"
    )
    spoken = models.CharField(max_length=10, choices=Spoken, blank=True, help_text="was the prompt's clause spoken?")

    class Meta:
        ordering = ["-judged_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(prompt__isnull=False, call__isnull=True)
                | models.Q(prompt__isnull=True, call__isnull=False),
                name="audit_of_prompt_or_call",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "verdict"], name="audits_by_verdict"),
            models.Index(
                fields=["organisation", "held_at"],
                include=["agent", "verdict", "language", "spoken", "clause_of", "ai_check", "call", "prompt"],
                condition=models.Q(is_newest=True),
                name="audits_that_hold",
            ),
        ]


class Finding(OrganisationScoped):
    """One reason that needs a person. Nothing that becomes of it changes the verdict."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        WAIVED = "waived", "Waived"
        RESOLVED = "resolved", "Resolved"

    audit = models.ForeignKey(DisclosureAudit, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=48)
    verdict = models.CharField(max_length=8, choices=Verdict)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    due_on = models.DateField(null=True, blank=True, help_text="by when it should be resolved")
    assigned_to = models.CharField(max_length=64, blank=True)
    resolution = models.CharField(max_length=32, blank=True, help_text="fixed, accepted, false_alarm, superseded")
    sealed_note = models.BinaryField(null=True)
    resolved_by = models.CharField(max_length=64, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    reopened_for = models.CharField(max_length=32, blank=True, help_text="why it was reopened last")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organisation", "state"], name="findings_by_state"),
            models.Index(
                fields=["organisation", "due_on"], name="findings_by_day", condition=~models.Q(state="resolved")
            ),
        ]

    def __str__(self) -> str:
        return self.reason.replace("_", " ")


class Waiver(OrganisationScoped):
    """That a finding is lived with until a day: said by one person, approved by another."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Waits for a second person"
        IN_FORCE = "in_force", "In force"
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"
        ENDED = "ended", "Ended early"

    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    ground = models.CharField(max_length=32)
    until_on = models.DateField(help_text="the last day on which it holds")
    sealed_note = models.BinaryField()
    proposed_by = models.CharField(max_length=64)
    proposed_at = models.DateTimeField(default=timezone.now)
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    code = models.CharField(max_length=32, blank=True, help_text="why it ended early")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "finding"],
                condition=models.Q(state__in=["proposed", "in_force"]),
                name="one_waiver_a_finding",
            ),
            # The second wall behind the operation: no row is in force that two people have not made.
            models.CheckConstraint(
                condition=~models.Q(state="in_force")
                | (~models.Q(decided_by="") & ~models.Q(decided_by=models.F("proposed_by"))),
                name="waiver_by_two_people",
            ),
        ]
        indexes = [models.Index(fields=["organisation", "state", "until_on"], name="waivers_by_day")]

    def __str__(self) -> str:
        return f"{self.ground.replace('_', ' ')} until {self.until_on}"


class PromptTerm(OrganisationScoped):
    """From here on, until the agent's next term, this version was the agent's prompt."""

    prompt = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey("connectors.Agent", on_delete=models.PROTECT, related_name="+")
    begins_at = models.DateTimeField(default=timezone.now)
    agent_version = models.CharField(max_length=80, blank=True, help_text="the platform's word, where it said one")

    class Meta:
        indexes = [models.Index(fields=["organisation", "agent", "-begins_at"], name="terms_of_agent")]


class JurisdictionOverride(OrganisationScoped):
    """What an organisation's counsel decided for a place instead of our table; named in every audit that it moved."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Waits for a second person"
        IN_FORCE = "in_force", "In force"
        LEAVING = "leaving", "In force; its removal waits for a second person"
        ENDED = "ended", "Ended"

    code = models.CharField(max_length=6, help_text="ISO 3166 country or subdivision; a country's holds for its parts")
    demand = models.CharField(max_length=10, choices=[(one, one.replace("_", " ")) for one in DEMANDS])
    purpose = models.BooleanField(help_text="whether the notice must also say why")
    reason = models.CharField(max_length=300, help_text="on whose advice, and why; printed in every report")
    until_on = models.DateField(null=True, blank=True, help_text="the last day on which it holds; empty: no end")
    state = models.CharField(max_length=10, choices=State, default=State.IN_FORCE)
    set_by = models.CharField(max_length=64)
    set_at = models.DateTimeField(default=timezone.now)
    removal_by = models.CharField(max_length=64, blank=True, help_text="who asked that it ends")
    decided_by = models.CharField(max_length=64, blank=True, help_text="the second person")
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=12, blank=True, help_text="removed, replaced, rejected, withdrawn")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "code"],
                condition=models.Q(state__in=("in_force", "leaving")),
                name="one_override_a_place",
            )
        ]


class Report(DisclosureAudit):
    """Coverage, trend, worst agents and spoken rates: the console's page of figures over the audits that hold."""

    class Meta:
        proxy = True
