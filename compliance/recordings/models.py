"""The register: calls, the people in them, every artifact that holds their data, and every place where an artifact's
bytes lie.

Personal data stands in sealed columns and objects only. Their keys are the subject's and the call's, so that one
destroyed key makes every copy of them unreadable, backups included.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.tenancy import OrganisationScoped
from compliance.recordings.identifiers import IdentifierKind
from compliance.recordings.states import EXPIRING, UNSECURED, ArtifactKind, ArtifactState, LocationState


def _choices(
    kinds: type[IdentifierKind] | type[ArtifactKind] | type[ArtifactState] | type[LocationState],
) -> list[tuple[str, str]]:
    return [(kind.value, kind.value.replace("_", " ")) for kind in kinds]


class DataSubject(OrganisationScoped):
    """A person in a call (GDPR Art. 4(1); CCPA: consumer). The name is sealed under the subject's own key."""

    sealed_name = models.BinaryField(null=True)
    region = models.CharField(max_length=6, blank=True, help_text="ISO 3166 hint, from the number")
    created_at = models.DateTimeField(default=timezone.now)
    erased_at = models.DateTimeField(null=True, blank=True)


class SubjectIdentifier(OrganisationScoped):
    """One way to recognise a person: sealed value, and a keyed fingerprint of the normalised value for look-up."""

    class Source(models.TextChoices):
        PLATFORM = "platform", "Said by the platform"
        TRANSCRIPT = "transcript", "Heard in the call"
        OFFICER = "officer", "Entered by an officer"

    subject = models.ForeignKey(DataSubject, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=_choices(IdentifierKind))
    connection = models.ForeignKey(
        "connectors.Connection",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="the account whose word it is, for ids that mean something there only",
    )
    sealed_value = models.BinaryField()
    fingerprint = models.BinaryField(max_length=32)
    source = models.CharField(max_length=16, choices=Source, default=Source.PLATFORM)
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "kind", "fingerprint", "subject"], name="one_identifier_a_subject"
            )
        ]
        indexes = [models.Index(fields=["organisation", "kind", "fingerprint"], name="identifier_by_fingerprint")]


class Call(OrganisationScoped):
    """One call at one platform. After erasure the row stays as its own tombstone: ids, digests, times, reason."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        ERASING = "erasing", "Being erased"
        ERASED = "erased", "Erased"

    connection = models.ForeignKey("connectors.Connection", on_delete=models.PROTECT, related_name="+")
    external_id = models.CharField(max_length=200, blank=True, help_text="the platform's id; blank once erased")
    external_digest = models.BinaryField(
        max_length=32, help_text="keyed digest of the platform's id; stays, so that late events are known"
    )
    agent = models.ForeignKey("connectors.Agent", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    batch_id = models.CharField(max_length=200, blank=True)
    direction = models.CharField(max_length=10, blank=True)
    status = models.CharField(max_length=20, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True)
    place = models.CharField(
        max_length=6, blank=True, help_text="ISO 3166 place of the caller, as `places` comes to it"
    )
    places = models.JSONField(
        default=list, help_text="per end: place, source, confidence, reason, as codes; `recordings.places` reads it"
    )
    consent = models.CharField(max_length=12, blank=True, help_text="as the platform says")
    consent_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=80, blank=True, help_text="the platform's word")
    agent_version = models.CharField(max_length=80, blank=True)
    language = models.CharField(max_length=35, blank=True, help_text="BCP 47")
    trust = models.CharField(max_length=10, blank=True, help_text="of a vCon: unsigned, signed, trusted")
    labels = models.JSONField(default=list, help_text="the organisation's and the platform's tags; schedules see them")
    sealed_facts = models.BinaryField(null=True, help_text="what else the platform said, sealed under the call")
    standings = models.JSONField(default=dict, help_text="rank and time of the event behind each fact, for merging")
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    registered_at = models.DateTimeField(default=timezone.now)
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "connection", "external_digest"], name="one_call_an_external_id"
            )
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="calls_newest_first"),
            models.Index(
                models.F("organisation"),
                Coalesce("started_at", "ended_at", "registered_at").desc(),
                models.F("id").desc(),
                name="calls_by_beginning",
            ),
            models.Index(
                fields=["organisation", "external_id"], name="calls_by_platform_id", condition=~models.Q(external_id="")
            ),
            models.Index(fields=["organisation", "batch_id"], name="calls_by_batch", condition=~models.Q(batch_id="")),
            models.Index(fields=["organisation", "-id"], name="calls_refused", condition=models.Q(consent="refused")),
        ]


class Party(OrganisationScoped):
    """Who took part in a call.

    Every principal's key is part of the call's: erasing one of them erases the call's content.
    """

    class Part(models.TextChoices):
        PRINCIPAL = "principal", "Principal"
        SECONDARY = "secondary", "Mentioned or joined"
        STAFF = "staff", "Staff"

    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="+")
    subject = models.ForeignKey(DataSubject, on_delete=models.PROTECT, related_name="+")
    part = models.CharField(max_length=12, choices=Part, default=Part.PRINCIPAL)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "call", "subject"], name="one_party_a_call")]
        indexes = [models.Index(fields=["organisation", "subject"], name="parties_by_subject")]


class Artifact(OrganisationScoped):
    """Anything that holds personal data of a call.

    Retention, holds, erasure and reconciliation know only this table.
    """

    call = models.ForeignKey(Call, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    request_id = models.UUIDField(null=True, blank=True, help_text="the request that an export package was made for")
    kind = models.CharField(max_length=20, choices=_choices(ArtifactKind))
    variant = models.CharField(
        max_length=40, default="", blank=True, help_text="mono, stereo, caller, agent; or a number"
    )
    version = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=16, choices=_choices(ArtifactState), default=ArtifactState.ANNOUNCED.value)
    object = models.ForeignKey("vault.SealedObject", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    media_type = models.CharField(max_length=100, blank=True)
    codec = models.CharField(max_length=40, blank=True)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True)
    size = models.PositiveBigIntegerField(null=True, blank=True, help_text="bytes in clear")
    sha256 = models.CharField(max_length=64, blank=True, help_text="of the clear bytes")
    expected_hash = models.CharField(max_length=140, blank=True, help_text="as announced: sha256: or sha512: and hex")
    sealed_source = models.BinaryField(null=True, help_text="address at the platform, sealed under the call")
    sealed_cipher = models.BinaryField(null=True, help_text="how the platform encrypted it, sealed under the call")
    source_expires_at = models.DateTimeField(null=True, blank=True)
    failure_code = models.CharField(max_length=64, blank=True)
    due_on = models.DateField(null=True, blank=True, help_text="to be disposed of on this day; empty: kept")
    retention_rule = models.CharField(max_length=100, blank=True)
    retention_reason = models.CharField(max_length=500, blank=True)
    alarm = models.CharField(
        max_length=24, blank=True, help_text="how near the platform's deletion was at the last alarm: not stored yet"
    )
    retention_action = models.CharField(
        max_length=12, default="delete", help_text="on the day: delete, redact (then keep), review"
    )
    read_at = models.DateTimeField(null=True, blank=True, help_text="when its bytes were last read and hashed again")
    registered_at = models.DateTimeField(default=timezone.now)
    stored_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deletion_ground = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "call", "kind", "variant", "version"],
                condition=models.Q(call__isnull=False),
                name="one_artifact_a_version",
            )
        ]
        indexes = [
            models.Index(
                fields=["organisation", "due_on"], name="artifacts_due", condition=models.Q(due_on__isnull=False)
            ),
            models.Index(fields=["organisation", "call"], name="artifacts_by_call"),
            models.Index(
                fields=["organisation", "-id"], name="artifacts_not_secured", condition=models.Q(state__in=UNSECURED)
            ),
            models.Index(
                fields=["organisation", "due_on", "id"],
                name="artifacts_to_go",
                condition=models.Q(due_on__isnull=False, retention_action="delete", state__in=EXPIRING),
            ),
        ]


class Location(OrganisationScoped):
    """One place where an artifact's bytes lie, with its own state and its own proof of absence."""

    class Place(models.TextChoices):
        STORE = "store", "Our store"
        PLATFORM = "platform", "The platform's original"
        BACKUP = "backup", "A backup"

    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+")
    place = models.CharField(max_length=10, choices=Place)
    name = models.CharField(max_length=200, blank=True, help_text="bucket or platform")
    key = models.CharField(max_length=300, blank=True, help_text="object key in our store; never a platform's address")
    version_id = models.CharField(max_length=200, blank=True, help_text="the store's own version of the object")
    state = models.CharField(max_length=20, choices=_choices(LocationState), default=LocationState.PRESENT.value)
    expected_gone_on = models.DateField(null=True, blank=True, help_text="when the platform says it deletes by itself")
    sealed_probe = models.BinaryField(
        null=True, help_text="the address to probe for absence, under this location's own key"
    )
    proof = models.JSONField(default=dict, help_text="how absence was proven: answer, time")
    asked_at = models.DateTimeField(null=True, blank=True, help_text="when deletion was first asked for here")
    attempts = models.PositiveIntegerField(default=0)
    last_code = models.CharField(max_length=64, blank=True, help_text="what the last attempt ended with")
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["organisation", "artifact"], name="locations_by_artifact"),
            models.Index(
                fields=["organisation", "expected_gone_on"],
                name="locations_by_vendor_day",
                condition=models.Q(expected_gone_on__isnull=False) & ~models.Q(state="confirmed_gone"),
            ),
            models.Index(
                fields=["organisation", "asked_at"],
                name="locations_owed",
                condition=models.Q(asked_at__isnull=False) & ~models.Q(state="confirmed_gone"),
            ),
        ]


class PlaybackLink(OrganisationScoped):
    """A link to one artifact for one purpose: short-lived, revocable, counted. Its token is found by a routing row."""

    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=64)
    purpose = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    opened = models.PositiveIntegerField(default=0)
    bytes_served = models.PositiveBigIntegerField(default=0)


class Download(OrganisationScoped):
    """A batch download: one person, one purpose, a list of artifacts that was fixed when it was asked for."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        FINISHED = "finished", "Finished"
        WITHDRAWN = "withdrawn", "Withdrawn"

    actor = models.CharField(max_length=64)
    purpose = models.CharField(max_length=100)
    filters = models.JSONField(default=dict, help_text="ids, codes and days that chose the calls")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    items = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0, help_text="bytes in clear")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]


class DownloadItem(OrganisationScoped):
    """One artifact of a batch download, and whether it was given out."""

    download = models.ForeignKey(Download, on_delete=models.PROTECT, related_name="+")
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(help_text="its place in the archive, from 1")
    sent_at = models.DateTimeField(null=True, blank=True)
    code = models.CharField(max_length=32, blank=True, help_text="why it was left out")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "download", "number"], name="one_item_a_number"),
            models.UniqueConstraint(fields=["organisation", "download", "artifact"], name="one_item_an_artifact"),
        ]


class SearchEntry(OrganisationScoped):
    """What the search index holds of a call's transcript: blind tokens, never a word. Derived data: the table is
    unlogged, empty after a crash, in no backup, and made again from what is sealed.

    It has no index but the tokens' and its key. A second one would tempt the planner to read every row and its tokens.
    """

    id = None  # type: ignore[assignment]  # the call is the key
    call = models.OneToOneField(Call, on_delete=models.PROTECT, primary_key=True, related_name="+")
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    version = models.PositiveIntegerField(help_text="of the transcript")
    began_at = models.DateTimeField(help_text="the call's start; or end, or registration")
    tokens = ArrayField(models.IntegerField(), help_text="vault.blinding")

    class Meta:
        indexes = [GinIndex(fields=["tokens"], name="search_tokens")]


class SearchCoverage(OrganisationScoped):
    """How far back the search index reaches. Unlogged like the index, so that both are lost together: an organisation
    without this row has an index that nobody can rely on.
    """

    organisation = models.OneToOneField("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    reached_at = models.DateTimeField(null=True, help_text="calls that began then or later are indexed")
    reached_id = models.UUIDField(null=True, help_text="of the last call that was looked at")
    indexed = models.PositiveIntegerField(default=0, help_text="calls that were indexed by this rebuild")
    begun_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)


class CallInsights(OrganisationScoped):
    """What was worked out of a call's newest transcript, sealed under the call. Derived data: it goes in the
    transaction in which the transcript begins to leave, and is made again where an older one is left.
    """

    call = models.OneToOneField(Call, on_delete=models.PROTECT, related_name="+")
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+", help_text="the transcript")
    method = models.PositiveIntegerField(help_text="insights.conclusions.METHOD")
    sealed = models.BinaryField(null=True, help_text="none: the transcript could not be read")
    made_at = models.DateTimeField(default=timezone.now)


class OutsideCheck(OrganisationScoped):
    """A wish to hand sealed objects and their data keys to somebody outside. One owner proposes, another one approves;
    keys leave once, and after that nobody can call them back.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"
        DELIVERED = "delivered", "Delivered"

    purpose = models.CharField(max_length=100)
    artifact_ids = ArrayField(models.UUIDField(), help_text="what was proposed and approved, in the archive's order")
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    proposed_by = models.CharField(max_length=64)
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    deliveries = models.PositiveIntegerField(default=0, help_text="how often the archive was begun")
    keys_given = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
