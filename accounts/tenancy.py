"""One organisation at a time.

What can go wrong: a query that forgets its organisation answers with everybody's data. Two walls stand against it. In
Python, `Model.objects` refuses every queryset but `for_organisation(id)`. In Postgres, row security is forced on every
table that has an organisation, and reads the id that `scope` sets for the transaction; a connection that never entered
a scope sees no row at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction

from accounts.actors import Actor
from audit import inbox, log
from audit.ids import uuid7

DEPLOYMENT_ID = UUID(int=0)
"""The owner of what belongs to no organisation: failed sign-ins, inbox keys."""

_Model = TypeVar("_Model", bound=models.Model)


class UnscopedQuery(Exception):
    """A query without an organisation. Always a bug, never a wish for everything."""


class ScopedManager(models.Manager[_Model], Generic[_Model]):
    """A manager whose only way to rows is `for_organisation`."""

    def for_organisation(self, organisation_id: UUID) -> models.QuerySet[_Model]:
        """The rows of one organisation."""
        return super().get_queryset().filter(organisation_id=organisation_id)

    def get_queryset(self) -> models.QuerySet[_Model]:
        raise UnscopedQuery(f"{self.model.__name__}.objects needs for_organisation()")

    def create(self, **values: Any) -> _Model:
        """Insert one row; row security refuses it outside its organisation's scope."""
        return super().get_queryset().create(**values)

    def bulk_create(self, objs: Iterable[_Model], *args: Any, **options: Any) -> list[_Model]:
        """Insert many rows at once, under the same wall."""
        return super().get_queryset().bulk_create(objs, *args, **options)


class OrganisationScoped(models.Model):
    """Base of every table that belongs to an organisation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")

    organisation_id: UUID
    objects = ScopedManager()

    class Meta:
        abstract = True


@contextmanager
def scope(organisation_id: UUID, *, using: str = "default") -> Iterator[None]:
    """A transaction in which row security shows this organisation's rows.

    Nests; the outer organisation comes back at the end.
    """
    connection = connections[using]
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(using=using), _entered(connection, organisation_id, is_outermost, {}):
        yield


@contextmanager
def operation(actor: Actor) -> Iterator[UUID]:
    """What every operation runs in: its organisation's scope, and one log context that fixes its entry id."""
    connection, organisation_id = connections[DEFAULT_DB_ALIAS], actor.organisation_id
    if connection.in_atomic_block:
        with scope(organisation_id), log.context(organisation_id) as entry_id:
            yield entry_id
        return
    with transaction.atomic(), log.context(organisation_id, announced=True) as entry_id:
        with _entered(connection, organisation_id, True, {"app.entry": entry_id}):
            yield entry_id


@contextmanager
def _entered(connection: Any, organisation_id: UUID, is_outermost: bool, others: dict[str, UUID]) -> Iterator[None]:
    """The organisation's rows are to be seen. An outermost transaction takes its settings with it when it ends."""
    outer = getattr(connection, "callwarden_organisation", "")
    if is_outermost:
        _begin(connection, {"app.organisation": organisation_id} | others)
        connection.callwarden_organisation = str(organisation_id)
    else:
        _enter(connection, str(organisation_id))
    try:
        yield
    except BaseException:
        # The savepoint or transaction takes the database's own setting back; only our note of it is left to mend.
        connection.callwarden_organisation = outer
        raise
    if is_outermost:
        connection.callwarden_organisation = outer
    else:
        _enter(connection, outer)


def _begin(connection: Any, settings: dict[str, UUID]) -> None:
    if not inbox.begin(connection, settings):
        with connection.cursor() as cursor:
            for name, value in settings.items():
                cursor.execute("SELECT set_config(%s, %s, true)", [name, str(value)])


def _enter(connection: Any, organisation_id: str) -> None:
    if getattr(connection, "callwarden_organisation", "") != organisation_id:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.organisation', %s, true)", [organisation_id])
    connection.callwarden_organisation = organisation_id
