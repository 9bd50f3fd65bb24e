"""An organisation, a store of its own, and a process that has opened no key yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pytest_django.fixtures import Settings

from accounts import tenancy
from accounts.models import Organisation
from audit.ids import uuid7
from compliance.vault.keystore import custody


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """Keys of another test's databases must not open anything in this one's."""
    custody.forget()
    yield
    custody.forget()


@pytest.fixture
def store_folder(tmp_path: Path, settings: Settings) -> Path:
    """A store in files that the test can look into."""
    folder = tmp_path / "store"
    folder.mkdir()
    vault = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = settings.STORAGES | {"vault": vault}
    return folder


class _RolledBack(Exception):
    """Ends the block of `rolled_back`."""


@contextmanager
def rolled_back(organisation_id: UUID) -> Iterator[None]:
    """A transaction of this organisation that does not commit."""
    with suppress(_RolledBack), tenancy.scope(organisation_id):
        yield
        raise _RolledBack


def make_organisation() -> UUID:
    """One more controller."""
    organisation_id = uuid7()
    with tenancy.scope(organisation_id):
        Organisation.objects.create(id=organisation_id, name="Harbor Dental", slug=f"harbor-{uuid4().hex}")
    return organisation_id


@pytest.fixture
def organisation_id(db: None) -> UUID:
    """The controller of the test."""
    return make_organisation()


@pytest.fixture
def other_organisation_id(db: None) -> UUID:
    """Another controller."""
    return make_organisation()
