"""A row by the shortest road is the row that Django writes."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, models, transaction
from django.utils import timezone as clock

from accounts import rows, tenancy
from accounts.models import DueWork
from compliance.intake.models import Delivery
from compliance.vault.models import SealedObject
from tests.calls import connect
from tests.cast import Cast


def an_object(organisation_id: object, **fields: object) -> SealedObject:
    values: dict[str, object] = {
        "organisation_id": organisation_id,
        "scope_kind": 3,
        "scope_id": uuid4(),
        "principals": [uuid4(), uuid4()],
        "kind": 1,
        "store_key": "org/’key'",
        "header": os.urandom(56),
        "size": 2**40,
        "ciphertext_length": 2**40 + 1,
        "wrapped_dek": b"\\x00'",
        "media_type": 'audio/mpeg; x="ü"',
        "sha256": "a" * 64,
        "sha512": "",
        "ciphertext_sha256": "b" * 64,
        "created_at": datetime(2031, 1, 2, 3, 4, 5, 678901, timezone(timedelta(hours=-3))),
    }
    return SealedObject(**(values | fields))


def columns(row: models.Model) -> dict[str, object]:
    found = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in found.items()}


@pytest.mark.parametrize("fields", [{}, {"store_key": "", "inline": b"\0\xff\\x", "principals": []}], ids=str)
def test_every_column_is_as_it_was_given(cast: Cast, fields: dict[str, object]) -> None:
    row = an_object(cast.organisation_id, **fields)
    with tenancy.scope(cast.organisation_id):
        rows.insert(row)
        assert row._state.adding is False
        stored = SealedObject.objects.for_organisation(cast.organisation_id).get(id=row.id)
    assert columns(stored) == columns(row)


def test_a_row_with_what_django_would_have_filled_in(cast: Cast) -> None:
    """Defaults of the model are the model's; foreign keys are ids."""
    sealed = an_object(cast.organisation_id)
    with tenancy.scope(cast.organisation_id):
        rows.insert(sealed)
        connection_id = connect(cast).connection_id
        row = Delivery(
            organisation_id=cast.organisation_id,
            connection_id=connection_id,
            key_digest=b"k" * 32,
            size=1,
            object=sealed,
        )
        rows.insert(row)
        stored = Delivery.objects.for_organisation(cast.organisation_id).get(id=row.id)
    assert columns(stored) == columns(row)
    assert (stored.state, stored.object_id, stored.received_at <= clock.now()) == ("accepted", sealed.id, True)


def test_the_wall_stands(cast: Cast) -> None:
    """Row security judges it as any other statement, and a key that is taken is taken."""
    mine = an_object(cast.organisation_id)
    with pytest.raises(DatabaseError, match="row-level security"), tenancy.scope(cast.outsider.actor.organisation_id):
        rows.insert(mine)
    with tenancy.scope(cast.organisation_id):
        rows.insert(mine)
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.insert(mine)


def test_a_model_with_other_columns_is_refused() -> None:
    with pytest.raises(TypeError, match="no form for a"):
        rows.insert(DueWork())
