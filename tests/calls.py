"""Sample calls on their real way in: a platform's media server on loopback, the webhook, the jobs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts import tenancy
from compliance.config import samples
from compliance.connectors import operations as connectors
from compliance.connectors.access import Governance
from compliance.recordings import access as register
from tests.cast import Cast


@dataclass
class Media:
    """The platform's originals. What is taken out of `files` answers 404, as after a deletion."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")


@pytest.fixture
def media(settings: Any) -> Iterator[Media]:
    """A media server that holds every sample's audio."""
    found = Media(files={audio.name: audio.read_bytes() for audio in samples.FOLDER.glob("*.mp3")})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            found.asked.append(name)
            data = found.files.get(name)
            self.send_response(200 if data is not None else 404)
            self.send_header("Content-Type", "audio/mpeg" if data is not None else "text/plain")
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    settings.FETCH_TEST_HOSTS = [found.host]
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class Platform:
    """A DialGen connection and what it needs to deliver."""

    path: str
    token: str
    connection_id: UUID
    organisation_id: UUID

    def deliver(self, body: Any, *, token: str | None = None) -> Any:
        """Post a webhook; the answer as it came."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Client().post(
            self.path, data, content_type="application/json", headers={"Authorization": f"Bearer {token or self.token}"}
        )


def connect(cast: Cast) -> Platform:
    """A DialGen connection of the cast's organisation."""
    new = connectors.NewConnection(
        platform="dialgen",
        name="DialGen",
        allowed_hosts=["recordings.dialgen.example"],
        governance=Governance(("appointments",), "consent", ("DialGen",)),
    )
    made = connectors.create_connection(actor=cast.owner.actor, new=new)
    path = "/" + made.url.split("/", 3)[3]
    return Platform(path, made.token, made.connection.id, cast.organisation_id)


def arrive(platform: Platform, jobs: Any, media: Media, *names: str) -> dict[str, UUID]:
    """Deliver these samples (all, if none is named) and work until quiet: name → call id."""
    wanted = [sample for sample in samples.samples(media.url) if not names or sample.name[:2] in names]
    for sample in wanted:
        answer = platform.deliver(sample.body)
        assert answer.status_code == 202, answer.content
    jobs.drain()
    with tenancy.scope(platform.organisation_id):
        known = {call.external_id: call.id for call in register.calls(platform.organisation_id)}
    return {sample.name[:2]: known[sample.call_id] for sample in wanted}


@pytest.fixture
def arrived(cast: Cast, jobs: Any, media: Media) -> Callable[..., dict[str, UUID]]:
    """`arrived("01", "05")`: those sample calls are registered, stored and dated."""
    platform = connect(cast)
    return lambda *names: arrive(platform, jobs, media, *names)
