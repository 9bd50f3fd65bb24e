"""The log over HTTP, sealed by the real vault."""

import base64
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from accounts import tenancy
from audit import log, publish
from audit.ids import uuid7
from audit.tlog import canonical, checkpoint, leaf, tiles
from audit.tlog.proof import Proof
from audit.tlog.tiles import Tile
from audit.tree import ROOT_LOG_ID
from tests.audit.conftest import sequence_all
from tests.cast import Cast, Member, assemble
from tests.conftest import key_client
from tests.database import Databases

PROJECT = Path(__file__).resolve().parents[2]


def write(cast: Cast, **changes: Any) -> UUID:
    values: dict[str, Any] = {
        "actor": cast.officer.actor,
        "event": "recordings.call.opened",
        "organisation_id": cast.organisation_id,
        "obj": ("call", uuid7()),
        "cls": log.EntryClass.ACCESS,
    }
    with tenancy.scope(cast.organisation_id):
        return log.append(**(values | changes))


def sign_in(member: Member) -> APIClient:
    client = APIClient()
    client.force_login(member.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture(scope="module")
def published(log_db: Databases) -> Cast:
    """A log of more than one tile, signed. The tests share it, and may let it grow."""
    people = assemble()
    with tenancy.scope(people.organisation_id):
        for _ in range(300):
            write(people)
    sequence_all()
    publish.publish_checkpoints()
    return people


def test_a_log_is_served_to_its_auditors_and_does_not_exist_for_others(published: Cast) -> None:
    address = f"/log/{published.organisation_id}/checkpoint"
    answer = key_client(published.robot_key).get(address)
    assert answer.status_code == 200
    assert answer["Cache-Control"].startswith("private, max-age=2")
    head = checkpoint.open_checkpoint(answer.content, publish.verifier_keys(published.organisation_id)).checkpoint
    assert head.size >= 300
    for member, status in (
        (published.auditor, 200), (published.officer, 200), (published.owner, 200), (published.engineer, 404),
        (published.outsider, 404),
    ):  # fmt: skip
        for name in ("checkpoint", "tile/0/000", "tile/entries/000", "keys"):
            assert sign_in(member).get(f"/log/{published.organisation_id}/{name}").status_code == status, name
    assert key_client(published.outsider_key).get(address).status_code == 404
    assert APIClient().get(address).status_code in (401, 404)


def test_tiles_are_what_the_format_says(published: Cast) -> None:
    client = key_client(published.robot_key)
    prefix = f"/log/{published.organisation_id}/"
    size = checkpoint.Checkpoint.parse(checkpoint.parse_note(client.get(prefix + "checkpoint").content).text).size
    for tile in tiles.tiles_of(size):
        answer = client.get(prefix + tile.path)
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
        assert len(answer.content) == tile.width * 32
    bundle = client.get(prefix + Tile(0, 0).entries.path).content
    assert all(leaf.scan(entry) for entry in tiles.decode_bundle(bundle))
    for path in (
        "tile/0/001",
        "tile/0/000.p/0",
        "tile/0/2",
        "tile/9/000",
        "tile/entries/x001/000",
        "tile/0/001.p/255",
        "tile/1/000.p/2",
        "tile/0/000.p/256",
        "tile/entries/../../0/000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ):
        assert client.get(prefix + path).status_code == 404, path  # fmt: skip


def test_the_root_log_is_public(published: Cast) -> None:
    client = APIClient()
    note = client.get("/log/root/checkpoint")
    assert note.status_code == 200
    assert note["Cache-Control"].startswith("public")
    keys = [checkpoint.VerifierKey.parse(line) for line in client.get("/log/root/keys").content.decode().splitlines()]
    assert keys == publish.verifier_keys(ROOT_LOG_ID)
    size = checkpoint.open_checkpoint(note.content, keys).checkpoint.size
    bundle = client.get("/log/root/" + tiles.tile_at(0, 0, size).entries.path)
    entries = tiles.decode_bundle(bundle.content, size)
    assert f"/log/{published.organisation_id}\n".encode() in b"".join(entries)


def test_entries_are_listed_with_what_identifies_and_looking_is_an_entry(published: Cast) -> None:
    subject = uuid7()
    entry_id = write(published, identifying={"reason": "Frau Müller bat darum"}, subject_id=subject)
    sequence_all()
    client = key_client(published.robot_key)
    answer = client.get("/api/v1/log/entries", {"act": "recordings.", "limit": "1"})
    assert answer.status_code == 200
    (entry,) = answer.json()["results"]
    assert entry["id"] == str(entry_id)
    values = {field["name"]: field["value"] for field in entry["fields"]}
    assert values == {"actor": published.officer.actor.reference, "reason": "Frau Müller bat darum"}
    following = client.get("/api/v1/log/entries", {"act": "recordings.", "cursor": str(answer.json()["next_cursor"])})
    assert len(following.json()["results"]) == 50
    sequence_all()
    looked = client.get("/api/v1/log/entries", {"act": "log.entries.read"}).json()["results"]
    assert [entry["what"]["entries"] for entry in looked[:2]] == [50, 1]


def test_one_entry_comes_with_its_proof(published: Cast) -> None:
    client = key_client(published.robot_key)
    entry_id = write(published)
    assert client.get(f"/api/v1/log/entries/{entry_id}").status_code == 404
    sequence_all()
    assert client.get(f"/api/v1/log/entries/{entry_id}").json()["proof"] is None
    sequence_all()
    publish.publish_checkpoints()
    body = client.get(f"/api/v1/log/entries/{entry_id}").json()
    data = base64.b64decode(body["leaf"])
    Proof.parse(body["proof"]).verify(data, publish.verifier_keys(published.organisation_id))
    assert sorted(map(canonical.digest, body["disclosures"])) == list(leaf.Leaf.parse(data).digests)


def test_who_may_not_read_the_log_is_told_nothing(published: Cast) -> None:
    found = sign_in(published.auditor).get("/api/v1/log/entries", {"limit": 1}).json()["results"][0]["id"]
    assert sign_in(published.engineer).get("/api/v1/log/entries").status_code == 403
    assert sign_in(published.engineer).get(f"/api/v1/log/entries/{found}").status_code == 403
    assert sign_in(published.outsider).get(f"/api/v1/log/entries/{found}").status_code == 404
    assert APIClient().get("/api/v1/log/entries").status_code == 401


@pytest.mark.parametrize(
    "query",
    [{"object": "7"}, {"cause": "x"}, {"cls": "nonsense"}, {"limit": "0"}, {"limit": "201"}, {"limit": "²"},
     {"cursor": "-1"}, {"cursor": "9" * 30}, {"act": "x" * 65}, {"order": "asc"}],
)  # fmt: skip
def test_a_bad_question_is_answered_with_the_name_of_the_field(
    cast: Cast, api: APIClient, query: dict[str, str]
) -> None:
    answer = api.get("/api/v1/log/entries", query)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert list(answer.json()["errors"]) == list(query)


class _Relay(http.server.BaseHTTPRequestHandler):
    """Hands requests of another process to the test's client, in the test's databases."""

    client: APIClient

    def do_GET(self) -> None:
        answer = self.client.get(self.path)
        self.send_response(answer.status_code)
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_the_verifier_checks_the_served_log(published: Cast) -> None:
    class Relay(_Relay):
        client = key_client(published.robot_key)

    server = http.server.HTTPServer(("127.0.0.1", 0), Relay)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        keys = [part for key in publish.verifier_keys(published.organisation_id) for part in ("--key", key.vkey)]
        address = f"http://127.0.0.1:{server.server_port}/log/{published.organisation_id}"
        done = subprocess.run(
            [sys.executable, "-m", "audit.verify", address, *keys],
            capture_output=True, text=True, check=False, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)},
        )  # fmt: skip
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert done.returncode == 0, done.stdout + done.stderr
