from __future__ import annotations

import base64
import hmac
import io
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection as database
from django.db import transaction
from django.test import Client

from accounts import due_work, tenancy
from audit import publish
from compliance.connectors import operations as connectors
from compliance.connectors.access import connection_of
from compliance.connectors.models import Connection
from compliance.connectors.providers.registry import provider_for
from compliance.errors import Unavailable
from compliance.intake import access
from compliance.intake.models import Delivery
from compliance.intake.operations import accepting
from compliance.recordings import access as register
from compliance.vault import blobs, store
from tests.cast import Cast
from tests.compliance.calls import MP3, Entries, Line, body_of, work
from tests.log import publish_log

DELIVERY = int(store.ObjectKind.DELIVERY)


def deliveries(line: Line) -> list[Delivery]:
    with tenancy.scope(line.organisation_id):
        return list(access.deliveries(line.organisation_id).select_related("object").order_by("id"))


def objects_of(line: Line) -> list[Any]:
    with tenancy.scope(line.organisation_id):
        return list(store.SealedObject.objects.for_organisation(line.organisation_id).filter(kind=DELIVERY))


def test_a_delivery_is_sealed_noted_and_queued_before_it_is_answered(line: Line, entries: Entries) -> None:
    answer = line.post(body_of())
    assert answer.status_code == 202
    (delivery,) = deliveries(line)
    assert answer.json() == {"delivery": str(delivery.id)}
    assert delivery.state == "accepted"
    assert delivery.object is not None
    with tenancy.scope(line.organisation_id):
        assert store.open_bytes(delivery.object) == body_of()
    assert [(name, id_) for name, _, id_ in due_work.overdue(10)] == [("intake.process_delivery", delivery.id)]
    (entry,) = entries
    assert (entry.event, entry.obj) == ("intake.delivery.accepted", ("delivery", delivery.id))
    assert entry.actor == f"connection:{line.connection.id}"


def test_the_token_may_stand_in_the_address_instead(line: Line) -> None:
    answer = Client().post(f"{line.path}/{line.token}", body_of(), content_type="application/json")
    assert answer.status_code == 202


def test_nothing_of_the_body_lies_about_in_clear(line: Line) -> None:
    line.post(body_of())
    with tenancy.scope(line.organisation_id), database.cursor() as cursor:
        found = ""
        for table in ("intake_delivery", "vault_sealedobject", "accounts_duework"):
            cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t")
            found += "".join(row[0] for row in cursor.fetchall())
        cursor.execute("SELECT inline FROM vault_sealedobject WHERE inline IS NOT NULL")
        raw = b"".join(bytes(row[0]) for row in cursor.fetchall())
    for secret in ("4155550132", "Delgado", "maria.delgado"):
        assert secret not in found
        assert secret.encode() not in raw


def test_the_same_delivery_again_is_the_same_delivery(committed_line: Line) -> None:
    line = committed_line
    first = line.post(body_of())
    again = line.post(body_of())
    assert (again.status_code, again.json()) == (202, first.json())
    (delivery,) = deliveries(line)
    assert delivery.repeats == 1
    publish_log()
    with tenancy.scope(line.organisation_id):
        entries = publish.list_entries(line.organisation_id, act="intake.delivery.accepted")
    assert [entry.leaf.object_id for entry in entries] == [delivery.id]
    assert len(objects_of(line)) == 1


def test_what_cannot_be_read_is_accepted_and_will_be_seen(line: Line) -> None:
    answer = line.post(b'{"callData": ')
    assert answer.status_code == 202


class TestRefusals:
    def test_wrong_token(self, line: Line, entries: Entries) -> None:
        answer = line.post(body_of(), token="wrong")
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "unauthenticated"
        assert deliveries(line) == []
        (entry,) = entries
        assert (entry.event, entry.outcome, entry.why) == ("intake.delivery.denied", "denied", {"code": "bad_token"})
        assert entry.obj == ("connection", line.connection.id)

    def test_no_token(self, line: Line) -> None:
        assert Client().post(line.path, body_of(), content_type="application/json").status_code == 401

    def test_another_connections_token(self, line: Line, outside_line: Line) -> None:
        assert line.post(body_of(), token=outside_line.token).status_code == 401

    def test_every_wrong_address_looks_the_same(self, line: Line) -> None:
        answers = [
            line.post(body_of(), path=path)
            for path in (
                "/hooks/dialgen/nowhere",
                f"/hooks/vapi/{line.connection.address}",
                f"/hooks/nothing/{line.connection.address}",
                f"/hooks/dialgen/{line.connection.id}",
            )
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
        assert deliveries(line) == []

    def test_only_post(self, line: Line) -> None:
        assert Client().get(line.path).status_code == 405

    def test_too_large(self, line: Line, settings: Any) -> None:
        settings.WEBHOOK_MAX_BYTES = 1000
        answer = line.post(b"x" * 1001)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert deliveries(line) == []
        assert line.post(b"x" * 1000).status_code == 202

    def test_no_byte_over_the_platforms_limit_is_read(self, line: Line) -> None:
        """10 MB are refused by what they say of themselves; a body that lies is read as far as it said."""

        class Counting(io.BytesIO):
            count = 0

            def read(self, size: int | None = -1) -> bytes:
                found = super().read(size)
                self.count += len(found)
                return found

        large = Counting(b"x" * 10_000_000)
        answer = self.stream(line, large, "10000000")
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert large.count == 0
        lying = Counting(b"x" * 10_000_000)
        self.stream(line, lying, str(provider_for("dialgen").max_body_bytes))
        assert lying.count <= provider_for("dialgen").max_body_bytes

    def test_nothing_is_read_at_an_address_that_leads_nowhere(self, line: Line) -> None:
        class Unread(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise AssertionError("somebody read")

        extra: dict[str, Any] = {"wsgi.input": Unread(b"{}"), "CONTENT_LENGTH": "2"}
        for path in ("/hooks/dialgen/nowhere", f"/hooks/nothing/{line.connection.address}"):
            assert Client().post(path, b"x", content_type="application/json", **extra).status_code == 404

    def test_denials_are_counted_on_the_connection(self, line: Line) -> None:
        for _ in range(3):
            line.post(body_of(), token="wrong")
        with tenancy.scope(line.organisation_id):
            known = connection_of(line.organisation_id, line.connection.id)
        assert known.denied == 3
        assert known.last_denied_at is not None

    @pytest.mark.parametrize("length", ["", "-1", "٣"])
    def test_a_length_is_needed(self, line: Line, length: str) -> None:
        answer = self.stream(line, body_of(), length)
        assert (answer.status_code, answer.json()["code"]) == (411, "length_required")

    def test_a_body_shorter_than_it_says_is_not_kept(self, line: Line) -> None:
        answer = self.stream(line, b"{}", "500")
        assert (answer.status_code, answer.json()["code"]) == (400, "incomplete")
        assert deliveries(line) == []

    def test_a_platform_that_hangs_up_in_the_middle(self, line: Line) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise ConnectionResetError

        answer = self.stream(line, Broken(), "500")
        assert (answer.status_code, answer.json()["code"]) == (400, "incomplete")
        assert deliveries(line) == []

    def stream(self, line: Line, body: bytes | io.BytesIO, length: str) -> Any:
        """A request as a server hands it over, with a length that need not be true."""
        stream = io.BytesIO(body) if isinstance(body, bytes) else body
        extra: dict[str, Any] = {"wsgi.input": stream, "CONTENT_LENGTH": length}
        headers = {"Authorization": f"Bearer {line.token}"}
        return Client().post(line.path, b"x", content_type="application/json", headers=headers, **extra)

    def test_a_paused_connection_asks_the_platform_to_come_back(self, line: Line, cast: Cast) -> None:
        connectors.set_connection_state(
            actor=cast.officer.actor, connection_id=line.connection.id, state=Connection.State.PAUSED
        )
        answer = line.post(body_of())
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")
        assert line.post(body_of(), token="wrong").status_code == 401
        assert deliveries(line) == []


class TestLargeBodies:
    """What is too large for a row lies sealed in the store."""

    @pytest.fixture
    def audio(self, cast: Cast) -> Callable[..., Any]:
        """`audio(size)` or `audio(body=…)`: ElevenLabs posts this many bytes, signed."""
        new = connectors.NewConnection("elevenlabs", "Agents", webhook_secret="wsec_for_large_bodies")
        connection = connectors.create_connection(actor=cast.officer.actor, new=new).connection

        def post(size: int = 0, body: bytes = b"") -> Any:
            body = body or b'{"type": "agent_rated", "data": "' + b"x" * (size - 35) + b'"}'
            at = str(int(time.time()))
            mac = hmac.new(b"wsec_for_large_bodies", at.encode() + b"." + body, "sha256").hexdigest()
            headers = {"ElevenLabs-Signature": f"t={at},v0={mac}"}
            path = f"/hooks/elevenlabs/{connection.address}"
            return Client().post(path, body, content_type="application/json", headers=headers)

        return post

    def test_it_is_sealed_into_the_store_before_it_is_answered(self, cast: Cast, audio: Callable[..., Any]) -> None:
        assert audio(6_000_000).status_code == 202
        with tenancy.scope(cast.organisation_id):
            (delivery,) = access.deliveries(cast.organisation_id).select_related("object")
            assert delivery.object is not None
            assert (delivery.object.store_key != "", delivery.object.inline, delivery.size) == (True, None, 6_000_000)
            assert len(store.open_bytes(delivery.object)) == 6_000_000

    def test_sent_again_nothing_more_lies_in_the_store(self, cast: Cast, audio: Callable[..., Any]) -> None:
        with time_machine.travel(datetime.now(UTC), tick=False):
            first, again = audio(5_000_000), audio(5_000_000)
        assert first.json() == again.json()
        with tenancy.scope(cast.organisation_id):
            assert access.deliveries(cast.organisation_id).get().repeats == 1

    def test_a_fault_after_staging_leaves_no_bytes(
        self, cast: Cast, audio: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        staged: list[Any] = []
        stage = store.stage

        def note(**wanted: Any) -> Any:
            staged.append(stage(**wanted))
            return staged[-1]

        monkeypatch.setattr(store, "stage", note)

        def fail(*_: Any, **__: Any) -> None:
            raise Unavailable("the log is away")

        monkeypatch.setattr(accepting, "note", fail)
        assert audio(5_000_000).status_code == 503
        assert blobs.store().length(staged[0].store_key) is None
        with tenancy.scope(cast.organisation_id):
            assert not access.deliveries(cast.organisation_id).exists()

    def test_an_unproven_one_never_reaches_the_store(
        self, cast: Cast, audio: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, "stage", lambda **_: pytest.fail("staged"))
        with time_machine.travel(datetime.now(UTC) - timedelta(hours=2), tick=False):
            old = str(int(time.time()))
        monkeypatch.setattr(time, "time", lambda: float(old))
        assert audio(5_000_000).status_code == 401

    def test_beyond_the_platforms_limit(self, audio: Callable[..., Any], settings: Any) -> None:
        settings.WEBHOOK_MAX_BYTES = 5_500_000  # the hard cap over all platforms
        assert audio(5_600_000).status_code == 413

    def test_what_was_read_is_dropped_from_the_store_by_a_job_of_its_own(
        self, cast: Cast, audio: Callable[..., Any]
    ) -> None:
        sound = base64.b64encode(MP3.read_bytes() * 25).decode()
        data = {"agent_id": "agent", "conversation_id": "conv_1", "full_audio": sound}
        assert audio(body=json.dumps({"type": "post_call_audio", "data": data}).encode()).status_code == 202
        work("intake.process_delivery")
        with tenancy.scope(cast.organisation_id):
            delivery = access.deliveries(cast.organisation_id).select_related("object").get()
            assert (delivery.state, delivery.event) == ("processed", "call")
            assert delivery.object is not None  # still there: the transaction might have been rolled back
            assert blobs.store().length(delivery.object.store_key) is not None
        assert work("intake.drop_body") == ["intake.drop_body"]
        assert blobs.store().length(delivery.object.store_key) is None
        with tenancy.scope(cast.organisation_id):
            assert access.deliveries(cast.organisation_id).get().object_id is None
            kept = register.artifacts(cast.organisation_id).select_related("object").get(kind="delivery")
            assert kept.object is not None
            assert (kept.call_id, kept.object.size) == (delivery.call_id, delivery.size)


def test_during_a_rotation_both_tokens_are_good(line: Line, cast: Cast) -> None:
    new = connectors.rotate_token(actor=cast.officer.actor, connection_id=line.connection.id)
    assert line.post(body_of()).status_code == 202
    assert line.post(body_of(id="call_2"), token=new.token).status_code == 202


def test_the_same_delivery_by_two_doors_at_one_moment_is_one_delivery(committed_line: Line) -> None:
    answers: list[Any] = []

    def second() -> None:
        try:
            answers.append(committed_line.post(body_of()))
        finally:
            database.close()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        answers.append(committed_line.post(body_of()))
        thread.start()
        _wait_until_somebody_waits()
    thread.join()
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    (delivery,) = deliveries(committed_line)
    assert delivery.repeats == 1


def _wait_until_somebody_waits() -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError("the second delivery waits for nobody")
