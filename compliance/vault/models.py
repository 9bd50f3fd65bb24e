"""The vault's tables in the main database: sealed objects, which keys are in use, and which are destroyed."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Collate
from django.utils import timezone

from accounts.tenancy import OrganisationScoped
from compliance.vault import envelope
from compliance.vault.hierarchy import KeyName
from compliance.vault.scopes import ObjectKind, Scope, ScopeKind


class SealedObject(OrganisationScoped):
    """One sealed object: where its ciphertext lies and what is needed to open it. Deleted, it keeps sizes, hashes and
    times.
    """

    scope_kind = models.PositiveSmallIntegerField(help_text="vault.scopes.ScopeKind")
    scope_id = models.UUIDField()
    principals = ArrayField(
        models.UUIDField(), default=list, help_text="data subjects whose keys are needed too, sorted"
    )
    kind = models.PositiveSmallIntegerField(help_text="vault.scopes.ObjectKind")
    version = models.PositiveIntegerField(default=1)
    format = models.PositiveSmallIntegerField(default=envelope.FORMAT)
    store_key = models.CharField(max_length=120, blank=True, help_text="empty where the ciphertext lies in the row")
    replaced_key = models.CharField(
        max_length=120, blank=True, db_default="", default="", help_text="the ciphertext before, until it is removed"
    )
    inline = models.BinaryField(null=True)
    header = models.BinaryField(max_length=envelope.HEADER)
    size = models.PositiveBigIntegerField(help_text="bytes of plaintext")
    ciphertext_length = models.PositiveBigIntegerField(help_text="bytes")
    wrapped_dek = models.BinaryField(max_length=60)
    media_type = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64, help_text="of the plaintext, hex")
    sha512 = models.CharField(max_length=128, blank=True, help_text="of the plaintext, hex; empty where not asked for")
    ciphertext_sha256 = models.CharField(max_length=64, help_text="hex")
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["organisation", "scope_id"], name="sealed_object_by_scope"),
            # The order of bytes, as stores list their keys, whatever the database's own order is.
            models.Index(Collate("store_key", "C"), condition=~models.Q(store_key=""), name="sealed_object_by_key"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["store_key"], condition=~models.Q(store_key=""), name="one_object_a_store_key"
            ),
            models.CheckConstraint(
                condition=models.Q(deleted_at__isnull=False)
                | models.Q(store_key="", inline__isnull=False)
                | (~models.Q(store_key="") & models.Q(inline__isnull=True)),
                name="sealed_object_lies_in_one_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{ObjectKind(self.kind).name.lower()} {self.id}"

    @property
    def scope(self) -> Scope:
        """The scope whose destruction makes this unreadable."""
        return Scope(ScopeKind(self.scope_kind), self.scope_id, tuple(self.principals))

    @property
    def etag(self) -> str:
        """Changes with the content, says nothing about it: another version has another salt."""
        return bytes(self.header)[: envelope.SALT].hex()


class KeyUse(OrganisationScoped):
    """A committed row that needs a key.

    Keys are made first, in the other database; one without such a row was made in vain.
    """

    scope_kind = models.PositiveSmallIntegerField(help_text="vault.scopes.ScopeKind")
    scope_id = models.UUIDField()
    key_id = models.UUIDField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "scope_kind", "scope_id"], name="one_key_use_a_scope")
        ]

    def __str__(self) -> str:
        return f"use of key {self.key_id}"


class Tombstone(OrganisationScoped):
    """What stays of a destroyed key.

    From its commit on nothing under the scope is opened, wherever a key may still lie.
    """

    scope_kind = models.PositiveSmallIntegerField(help_text="vault.scopes.ScopeKind")
    scope_id = models.UUIDField()
    key_id = models.UUIDField(help_text="the key's id; the tombstone's own where there never was a key")
    ground = models.CharField(max_length=64, help_text="coded")
    cause = models.UUIDField(help_text="the log entry of the decision")
    requested_at = models.DateTimeField(default=timezone.now)
    stored_at = models.DateTimeField(null=True, help_text="when its copy lay in the object store")
    destroyed_at = models.DateTimeField(null=True, help_text="when the key was proven gone")
    proof_entry = models.UUIDField(null=True, help_text="the log entry that says so")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "scope_kind", "scope_id"], name="one_tombstone_a_scope")
        ]
        indexes = [
            models.Index(
                fields=["organisation", "requested_at"],
                condition=models.Q(destroyed_at=None),
                name="tombstone_unfinished",
            ),
            models.Index(fields=["organisation", "cause"], name="tombstone_by_cause"),
        ]

    def __str__(self) -> str:
        return f"tombstone of key {self.key_id}"

    @property
    def name(self) -> KeyName:
        """The key that it ends."""
        return scope_key(self.scope_kind, self.scope_id)


class DestructionMark(models.Model):
    """How many times keys were destroyed, as the main database knows it (`vault.marks`). One row, no organisation's."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    number = models.PositiveBigIntegerField(default=0, help_text="the last that was drawn")
    confirmed = models.PositiveBigIntegerField(default=0, help_text="the last that the key database has kept")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_destruction_mark")]

    def __str__(self) -> str:
        return f"mark {self.number}"


def scope_key(kind: int, scope_id: UUID) -> KeyName:
    """The name of a scope's own key, from a row's columns."""
    return KeyName.of_scope(ScopeKind(kind), scope_id)
