"""A connection to TestPhone, whose API answers on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from accounts import tenancy
from compliance.connectors import access as connections
from compliance.connectors import operations as connectors
from compliance.connectors.models import Connection
from compliance.connectors.providers import registry
from compliance.intake import access
from compliance.intake.models import ImportRun
from compliance.recordings import access as register
from compliance.recordings.models import Call
from tests.cast import Cast
from tests.compliance.connectors.platforms import KEY, FarEnd, TestPhone, far_end


@dataclass
class Phone:
    """One account at TestPhone."""

    cast: Cast
    far: FarEnd
    connection_id: UUID

    @property
    def organisation_id(self) -> UUID:
        return self.cast.organisation_id

    @property
    def connection(self) -> Connection:
        with tenancy.scope(self.organisation_id):
            return connections.connection_of(self.organisation_id, self.connection_id)

    def calls(self) -> dict[str, Call]:
        """The connection's calls by the platform's id; erased ones have none."""
        with tenancy.scope(self.organisation_id):
            rows = register.calls(self.organisation_id).filter(connection_id=self.connection_id)
            return {call.external_id: call for call in rows}

    def run(self, run_id: UUID) -> ImportRun:
        with tenancy.scope(self.organisation_id):
            return access.import_of(self.organisation_id, run_id)

    def runs(self, kind: str) -> list[ImportRun]:
        with tenancy.scope(self.organisation_id):
            return list(access.imports(self.organisation_id).filter(kind=kind, connection_id=self.connection_id))

    def counts(self, run_id: UUID) -> dict[str, int]:
        """The run's counts that are not 0."""
        run = self.run(run_id)
        names = ("seen", "registered", "known", "refused", "failed", "missed")
        return {name: getattr(run, name) for name in names if getattr(run, name)}


def open_phone(cast: Cast, far: FarEnd, *, with_key: bool = True) -> Phone:
    """A connection with its credentials; the platform must be registered and its host a test host."""
    new = connectors.NewConnection(platform="testphone", name="TestPhone", api_host=far.host)
    made = connectors.create_connection(actor=cast.owner.actor, new=new).connection
    if with_key:
        connectors.set_credential(actor=cast.owner.actor, connection_id=made.id, name="api_key", value=KEY)
    return Phone(cast, far, made.id)


@pytest.fixture
def far(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarEnd]:
    """TestPhone is a platform that we know, and answers here."""
    monkeypatch.setitem(registry._PROVIDERS, "testphone", TestPhone())
    with far_end() as found:
        settings.FETCH_TEST_HOSTS = [*settings.FETCH_TEST_HOSTS, found.host]
        yield found


@pytest.fixture
def phone(cast: Cast, far: FarEnd) -> Phone:
    """Harbor's account."""
    return open_phone(cast, far)
