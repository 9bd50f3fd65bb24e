"""A platform of the tests: DialGen's file, with a clock, an API and credentials that each test chooses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors.facts import CallFacts, Facts, Rank, RecordingFacts
from compliance.connectors.operations import asking
from compliance.connectors.providers import registry
from compliance.connectors.providers.dialgen import DialGen
from compliance.connectors.providers.questions import Answer, Credentials, Question
from compliance.recordings import access
from compliance.recordings.models import Artifact, Location
from compliance.recordings.operations import registering
from tests.compliance.calls import Line

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
CALL = "call_x"


@dataclass
class FakeApi:
    """Answers `ask_call` with what the test put there, and wants a key for media."""

    answer: CallFacts | None = None
    asked: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    failure: Exception | None = None

    def ask_call(self, credentials: Credentials, external_id: str) -> Question:
        return Question("GET", f"/calls/{external_id}")

    def read_call(self, answer: Answer) -> CallFacts | None:
        return self.answer

    def media_headers(self, url: str, credentials: Credentials) -> Mapping[str, str]:
        return self.headers


class FakePlatform(DialGen):
    """As DialGen, but for what a test sets. Its deliveries may hold facts that the test prepared."""

    api: Any = None
    credentials: Any = ()
    gone_on: date | None = None
    words_gone_on: date | None = None

    def __init__(self) -> None:
        self.prepared: dict[str, CallFacts] = {}

    def original_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        return facts.recording_gone_at.date() if facts.recording_gone_at else self.gone_on

    def transcript_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        return facts.transcript_gone_at.date() if facts.transcript_gone_at else self.words_gone_on

    def parse(self, raw_body: bytes) -> tuple[Facts, ...]:
        fields = json.loads(raw_body)
        prepared = self.prepared.get(fields.get("prepared", ""))
        return (prepared,) if prepared else super().parse(raw_body)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> FakePlatform:
    """The platform behind every connection, from here on."""
    fake = FakePlatform()
    monkeypatch.setitem(registry._PROVIDERS, "dialgen", fake)
    return fake


@pytest.fixture
def api(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """Its API; the way to it is cut short."""
    fake = FakeApi()
    platform.api = fake

    def ask(organisation_id: UUID, connection_id: UUID, make: Any, read: Any) -> Any:
        fake.asked.append(make(fake, Credentials()).path)
        if fake.failure:
            raise fake.failure
        return read(fake, Answer(200))

    monkeypatch.setattr(asking, "ask_platform", ask)
    return fake


def told(*recordings: RecordingFacts, rank: Rank = Rank.COMPLETED, **fields: Any) -> CallFacts:
    """What a platform says of the tests' call."""
    return CallFacts(external_id=CALL, rank=rank, recordings=recordings, **fields)


def register(line: Line, facts: CallFacts, *, at: datetime = NOW) -> None:
    actor = Actor.scheduler(line.organisation_id)
    registering.register_call(actor=actor, connection_id=line.connection.id, facts=facts, received_at=at)


def artifacts(line: Line) -> list[Artifact]:
    """The call's, oldest first."""
    with tenancy.scope(line.organisation_id):
        return access.artifacts_of(line.organisation_id, line.call(CALL).id)


def recording(line: Line) -> Artifact:
    """The newest one."""
    return [one for one in artifacts(line) if one.kind == "recording"][-1]


def originals(line: Line, artifact: Artifact) -> list[tuple[str, date | None]]:
    """State and day of each place at the platform."""
    with tenancy.scope(line.organisation_id):
        places = access.locations_of(line.organisation_id, artifact.id)
    return [(one.state, one.expected_gone_on) for one in places if one.place == Location.Place.PLATFORM]


@contextmanager
def hosts(line: Line, *names: str) -> Iterator[None]:
    """Other hosts on the connection's list, meanwhile."""
    before = line.connection.allowed_hosts
    line.connection.allowed_hosts = list(names)
    try:
        yield
    finally:
        line.connection.allowed_hosts = before


def sound(url: str, **fields: Any) -> RecordingFacts:
    return replace(RecordingFacts(url=url), **fields)
