"""A platform's far end on this machine: it has calls, takes orders to delete them, and misbehaves as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.actors import Actor
from compliance.config import samples
from compliance.connectors import operations as connectors
from compliance.connectors.facts import CallFacts, Message, Rank, RecordingFacts
from compliance.recordings import access as register
from compliance.recordings.operations import registering
from tests.calls import Media
from tests.cast import Cast

KEY = "sk-live-0123456789abcdef"
SOUND = "01_disclosed_at_opening.mp3"


@dataclass
class FarEnd:
    """Vapi's API as far as deletion needs it. `moods` are answered first, one a request: a status, or "hang up"."""

    host: str = ""
    calls: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    moods: list[int | str] = field(default_factory=list)
    deaf: bool = False  # takes orders, and keeps the call
    wrong_account: bool = False  # knows no call at all

    def answer(self, method: str, call_id: str) -> int:
        self.asked.append(f"{method} {call_id}")
        if self.moods:
            mood = self.moods.pop(0)
            return mood if isinstance(mood, int) else 0
        if call_id not in self.calls or self.wrong_account:
            return 404
        if method == "DELETE" and not self.deaf:
            self.calls.discard(call_id)
        return 200

    @property
    def orders(self) -> int:
        return sum(line.startswith("DELETE") for line in self.asked)


@pytest.fixture
def far_end(settings: Any, media: Media) -> Iterator[FarEnd]:
    """The API, allowed as a test host beside the media server."""
    yield from serve(settings, media)


def serve(settings: Any, media: Media) -> Iterator[FarEnd]:
    """The same for tests with settings of their own."""
    found = FarEnd()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            call_id = self.path.rsplit("/", 1)[-1]
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                return self._send(401, {})
            status = found.answer(self.command, call_id)
            if not status:
                self.close_connection = True
                return None
            return self._send(status, {"id": call_id} if status == 200 else {"message": "none"})

        def _send(self, status: int, body: dict[str, str]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_DELETE = _answer  # noqa: N815  # the names of the standard library

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.host = f"127.0.0.1:{server.server_address[1]}"
    settings.FETCH_TEST_HOSTS = [media.host, found.host]
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class Account:
    """A Vapi connection of the cast's organisation."""

    cast: Cast
    connection_id: UUID
    far_end: FarEnd
    media: Media
    jobs: Any

    @property
    def organisation_id(self) -> UUID:
        return self.cast.organisation_id

    @property
    def clock(self) -> Actor:
        return Actor.scheduler(self.organisation_id)

    def facts(self, external_id: str, **more: Any) -> CallFacts:
        """What Vapi tells about a call of Maria's at its end."""
        name = f"{external_id}.mp3"
        self.media.files.setdefault(name, (samples.FOLDER / SOUND).read_bytes())
        told: dict[str, Any] = {
            "phone_number": "+14155550132",
            "contact_name": "Maria Delgado",
            "started_at": timezone.now(),
            "recordings": (RecordingFacts(f"{self.media.url}/{name}"),),
            "transcript": (Message("assistant", "Hello."), Message("user", "Hello, this is Maria.")),
        }
        return CallFacts(external_id, Rank.COMPLETED, **told | more)

    def call(self, external_id: str = "call-1", **more: Any) -> UUID:
        """A call, registered and stored."""
        self.far_end.calls.add(external_id)
        facts = self.facts(external_id, **more)
        self.tell(facts)
        with tenancy.scope(self.organisation_id):
            return register.calls(self.organisation_id).get(external_id=external_id).id

    def tell(self, facts: CallFacts) -> None:
        """The platform speaks."""
        registering.register_call(
            actor=self.clock, connection_id=self.connection_id, facts=facts, received_at=timezone.now()
        )
        self.jobs.drain()

    def places(self, call_id: UUID) -> list[Any]:
        """The platform's places of a call, oldest first."""
        with tenancy.scope(self.organisation_id):
            rows = register.locations(self.organisation_id).filter(artifact__call_id=call_id, place="platform")
            return list(rows.select_related("artifact").order_by("id"))


def open_account(cast: Cast, far_end: FarEnd, media: Media, jobs: Any, *, key: str = KEY) -> Account:
    """Connect it, with a key of the API."""
    new = connectors.NewConnection(platform="vapi", name="Vapi", api_host=far_end.host)
    connection = connectors.create_connection(actor=cast.owner.actor, new=new).connection
    if key:
        connectors.set_credential(actor=cast.owner.actor, connection_id=connection.id, name="api_key", value=key)
    return Account(cast, connection.id, far_end, media, jobs)


@pytest.fixture
def account(cast: Cast, far_end: FarEnd, media: Media, jobs: Any) -> Account:
    return open_account(cast, far_end, media, jobs)


Calls = Callable[..., dict[str, UUID]]
