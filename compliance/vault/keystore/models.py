"""The tables of the key database: the keys that can be destroyed, and how many have been."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from accounts.tenancy import ScopedManager
from audit.ids import uuid7
from compliance.vault.hierarchy import KeyKind


class Key(models.Model):
    """One wrapped key. Its row is its life: a deleted row is a destroyed key.

    The organisation is an id, not a foreign key: it lives in the other database.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organisation_id = models.UUIDField()
    kind = models.PositiveSmallIntegerField(help_text="vault.hierarchy.KeyKind")
    scope_id = models.UUIDField()
    wrapped = models.BinaryField()
    version = models.PositiveIntegerField(default=1)
    provider = models.CharField(max_length=24, blank=True, help_text="the key service that wrapped an organisation key")
    root_id = models.UUIDField(null=True, help_text="the organisation key that it lies under; none for those")
    is_spare = models.BooleanField(default=False, help_text="beside the one in use while that is being replaced")
    is_told = models.BooleanField(default=True, help_text="that its wrap was renewed stands in the log")
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[ScopedManager[Any]] = ScopedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation_id", "kind", "scope_id", "is_spare"], name="one_key_a_scope_and_a_spare"
            )
        ]
        indexes = [models.Index(fields=["root_id", "id"], name="keys_by_root")]

    def __str__(self) -> str:
        return f"{KeyKind(self.kind).name.lower()} key {self.id}"


class Epoch(models.Model):
    """Counts destructions, so that a restored, older key database can be told from the one that was lost. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    number = models.PositiveBigIntegerField(default=0)
    moved_at = models.DateTimeField(default=timezone.now)
    mark = models.PositiveBigIntegerField(default=0, help_text="the last destruction's number in the main database")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_epoch")]

    def __str__(self) -> str:
        return f"epoch {self.number}"
