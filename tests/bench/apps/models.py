"""One shape of row in several tables: written plainly, with our log, and watched by the packages beside us."""

from __future__ import annotations

from typing import ClassVar

import pghistory
from django.db import models

from audit.ids import uuid7


class Record(models.Model):
    """Nine columns, three indexes: as wide as an ordinary row of a register."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    organisation_id = models.UUIDField(db_index=True)
    call_id = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=32)
    state = models.CharField(max_length=32)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    registered_at = models.DateTimeField()
    note = models.TextField(blank=True)

    class Meta:
        abstract = True


class Plain(Record):
    """Nobody watches."""


class Logged(Record):
    """The operation writes an entry of ours."""


class Captured(Record):
    """Our row trigger writes it."""


class WatchedByAuditlog(Record):
    """django-auditlog."""


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class WatchedByPghistory(Record):
    """django-pghistory."""


class Received(models.Model):
    """What a bare endpoint makes of a webhook: one row."""

    external_id = models.CharField(max_length=64, unique=True)
    body = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Received]] = models.Manager()
