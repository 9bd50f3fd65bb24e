"""What tests of webhooks and register start from: a connected platform, its deliveries, its sound, the entries."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts import due_work, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs as queue
from compliance.connectors import operations as connectors
from compliance.connectors.models import Connection
from compliance.intake import tasks as intake_tasks
from compliance.recordings import access
from compliance.recordings import tasks as recordings_tasks
from compliance.recordings.models import Artifact, Call
from tests.cast import Cast
from tests.compliance.connectors.conftest import MediaServer

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
MP3 = SAMPLES / "01_disclosed_at_opening.mp3"
JOBS = (intake_tasks.process_delivery, recordings_tasks.fetch_recording)
"""Named so that both rooms' jobs are registered."""

MARIA = {"phoneNumber": "+14155550132", "contactName": "Maria Delgado", "contactId": "contact_2001"}
WORDS = [
    {"role": "assistant", "content": "This call is recorded.", "timestamp": "2026-03-02T17:04:10.600Z"},
    {"role": "user", "content": "Write to maria.delgado@example.com please.", "timestamp": "2026-03-02T17:04:17.400Z"},
]


def call_data(**fields: Any) -> dict[str, Any]:
    """One of DialGen's calls; a field given as None is left out."""
    data: dict[str, Any] = {
        "id": "call_9f31",
        "agentId": "agent_frontdesk",
        "batchId": "batch_march_a",
        "direction": "OUTBOUND",
        "status": "COMPLETED",
        "startTime": "2026-03-02T17:04:10.000Z",
        "endTime": "2026-03-02T17:04:37.000Z",
        "duration": 27,
        **MARIA,
        "transcription": WORDS,
        "summary": "Caller moved a cleaning appointment.",
        "metricJson": {"intent": "RESCHEDULE"},
        "recordingUrl": "https://recordings.dialgen.example/call_9f31.mp3?signature=xyz",
    }
    return {name: value for name, value in (data | fields).items() if value is not None}


def body_of(**fields: Any) -> bytes:
    """The body of `onCallComplete`."""
    return json.dumps({"success": True, "callData": call_data(**fields)}).encode()


@dataclass(frozen=True)
class Entry:
    """One log entry as it was asked for."""

    event: str
    obj: tuple[str, UUID | None]
    outcome: str
    actor: str
    what: dict[str, Any]
    why: dict[str, Any]
    identifying: dict[str, Any]
    cls: str


class Entries(list[Entry]):
    """Entries in the order in which they were written."""

    def of(self, event: str) -> list[Entry]:
        return [entry for entry in self if entry.event == event]

    @property
    def events(self) -> list[str]:
        return [entry.event for entry in self]


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Entries:
    """The real log, listened to: the service's role may write its inbox, but not read it."""
    heard, append = Entries(), log.append

    def listen(**entry: Any) -> UUID:
        id_ = append(**entry)
        heard.append(
            Entry(
                event=entry["event"],
                obj=entry["obj"],
                outcome=entry.get("outcome", "ok"),
                actor=entry["actor"].reference,
                what=dict(entry.get("what") or {}),
                why=dict(entry.get("why") or {}),
                identifying=dict(entry.get("identifying") or {}),
                cls=entry["cls"].value,
            )
        )
        return id_

    monkeypatch.setattr(log, "append", listen)
    return heard


@dataclass
class Line:
    """A connected DialGen account of one organisation."""

    actor: Actor
    connection: Connection
    token: str

    @property
    def organisation_id(self) -> UUID:
        return self.actor.organisation_id

    @property
    def path(self) -> str:
        return f"/hooks/dialgen/{self.connection.address}"

    def post(self, body: bytes, *, token: str | None = None, path: str | None = None) -> Any:
        """The platform calls us."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return Client().post(path or self.path, body, content_type="application/json", headers=headers)

    def deliver(self, **fields: Any) -> UUID:
        """A delivery about a call, accepted and processed; its id."""
        answer = self.post(body_of(**fields))
        assert answer.status_code == 202, answer.content
        work("intake.process_delivery")
        return UUID(answer.json()["delivery"])

    def call(self, external_id: str = "call_9f31") -> Call:
        with tenancy.scope(self.organisation_id):
            return access.calls(self.organisation_id).get(external_id=external_id)

    def artifacts(self, call: Call | None = None) -> dict[str, Artifact]:
        """A call's artifacts by kind; of several versions the newest."""
        with tenancy.scope(self.organisation_id):
            return {one.kind: one for one in access.artifacts_of(self.organisation_id, (call or self.call()).id)}


def work(*names: str) -> list[str]:
    """Run the jobs of these names that are due, until none is; the names in order."""
    done = []
    while due := [(name, id_) for name, _, id_ in due_work.overdue(1000) if name in names]:
        ran = [name for name, id_ in due if queue.run(name, id_)]
        assert ran, "due, but held by somebody"
        done += ran
    return done


def connect(actor: Actor, **details: Any) -> Line:
    """A new connection."""
    new = connectors.NewConnection("dialgen", "Main line", allowed_hosts=["recordings.dialgen.example"], **details)
    address = connectors.create_connection(actor=actor, new=new)
    return Line(actor, address.connection, address.token)


@pytest.fixture
def line(cast: Cast) -> Line:
    """Harbor's connection."""
    return connect(cast.officer.actor, account_id="user_456")


@pytest.fixture
def outside_line(cast: Cast) -> Line:
    """The other organisation's connection."""
    return connect(cast.outsider.actor)


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """What the service writes to its log, as it is written: through its own formatter."""
    root, lines = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(root.handlers[0].formatter)
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)


Answer = Callable[[socket.socket], None]


def respond(
    body: bytes, *, status: str = "200 OK", media_type: str = "audio/mpeg", length: int | None = None, **headers: str
) -> Answer:
    """An HTTP answer."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {media_type}",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    def answer(connection: socket.socket) -> None:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    return answer


class Media:
    """The platform's media server on this machine; what it answers can be changed at any time."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self._server = MediaServer(lambda connection, _: self.answer(connection), None)

    @property
    def requests(self) -> list[str]:
        return self._server.requests

    @property
    def authority(self) -> str:
        return self._server.authority

    @property
    def url(self) -> str:
        return f"http://{self.authority}/call_9f31.mp3?signature=xyz"

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def media(settings: Any) -> Iterator[Media]:
    """A media server that has the recording, allowed as a test host."""
    with contextlib.closing(Media(respond(MP3.read_bytes()))) as server:
        settings.FETCH_TEST_HOSTS = [server.authority]
        yield server


@pytest.fixture
def played_line(line: Line, media: Media) -> Line:
    """Harbor's connection with one call whose recording is stored."""
    line.deliver(recordingUrl=media.url)
    work("recordings.fetch_recording")
    return line


@pytest.fixture
def committed_line(committed_cast: Cast) -> Line:
    """Harbor's connection in databases of the test's own, where everything really commits."""
    return connect(committed_cast.officer.actor)
