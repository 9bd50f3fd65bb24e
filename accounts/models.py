"""Organisations, people, keys, and the routing tables that are read before the organisation is known."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

from accounts.actors import Role
from accounts.tenancy import OrganisationScoped
from audit.ids import uuid7


class Organisation(models.Model):
    """The controller: who decides why calls are recorded (GDPR Art. 4(7); CCPA: business)."""

    class Approval(models.TextChoices):
        TWO_PEOPLE = "two_people", "Two people decide"
        DELAYED = "delayed", "One person, after a waiting time"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    country = models.CharField(max_length=6, default="DE", help_text="ISO 3166 place of establishment")
    time_zone = models.CharField(max_length=64, default="UTC")
    contact_email = models.EmailField(blank=True, help_text="data protection contact, named in letters")
    approval = models.CharField(max_length=16, choices=Approval, default=Approval.TWO_PEOPLE)
    approval_delay_hours = models.PositiveIntegerField(default=72)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """People sign in by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **values: Any) -> User:
        """Create a person. Without a password they can only come in by a one-time link."""
        user = self.model(email=self.normalize_email(email).lower(), **values)
        user.set_password(password) if password else user.set_unusable_password()
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A member of staff. Belongs to organisations by Membership only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        """What the console calls a person; empty where they gave no name."""
        return self.name

    @property
    def is_staff(self) -> bool:
        """The console's framework asks this; membership decides, in `accounts.console`."""
        return self.is_active

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        """No per-model permissions: `accounts.access` is the only place that knows rights."""
        return self.is_active

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active


class Membership(OrganisationScoped):
    """A person's role in one organisation."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(
        max_length=16, choices=[(role.value, role.value) for role in Role if role is not Role.ROBOT]
    )
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "user"], condition=models.Q(ended_at=None), name="one_membership_a_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.role}"


class ApiKey(OrganisationScoped):
    """A robot's credential: a public prefix and 256 secret bits of which only the SHA-256 is kept."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    secret_digest = models.BinaryField(max_length=32)
    scopes = models.JSONField(default=list)
    purpose = models.CharField(
        max_length=100, blank=True, help_text="the stated purpose of content opened with this key"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    replaces = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    def is_usable(self) -> bool:
        """Neither revoked nor past its end."""
        return self.revoked_at is None and timezone.now() < self.expires_at


class IdempotencyRecord(OrganisationScoped):
    """What a write with an Idempotency-Key did: digests, status and the resource's id, never the answer itself."""

    actor = models.CharField(max_length=64)
    key_digest = models.BinaryField(max_length=32)
    request_digest = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    resource_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "actor", "key_digest"], name="one_use_of_a_key")]


class Route(models.Model):
    """From a secret's digest to an organisation and an id: readable before the organisation is known, and holds nothing
    else.
    """

    kind = models.CharField(max_length=24)
    digest = models.BinaryField(max_length=32)
    organisation_id = models.UUIDField()
    object_id = models.UUIDField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "digest", "organisation_id"], name="one_route_a_digest")]
        indexes = [models.Index(fields=["kind", "object_id"], name="route_by_object")]


class DueWork(models.Model):
    """The queue of record: which job is due on which object, and who is on it. The broker only rings."""

    organisation_id = models.UUIDField()
    job = models.CharField(max_length=80)
    object_id = models.UUIDField()
    due_at = models.DateTimeField()
    generation = models.PositiveIntegerField(
        default=1, help_text="grows when the work is asked for again while it runs"
    )
    attempts = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    last_code = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "object_id"], name="one_row_a_job_and_object")]
        indexes = [models.Index(fields=["due_at"], name="due_work_by_time")]
