"""Our own body for generic senders, signed by the package standardwebhooks and as somebody hostile would send it."""

import base64
import contextlib
import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from compliance.connectors.facts import (
    Absence,
    CallFacts,
    CallStatus,
    Consent,
    DeletionFacts,
    DeletionOutcome,
    Direction,
    Rank,
    RecordingFacts,
    RecordingKind,
    UnknownEvent,
)
from compliance.connectors.providers import base
from compliance.connectors.providers.base import Incoming, Unparseable
from compliance.connectors.providers.standard import Standard
from tests.compliance.connectors.providers.matrix import (
    EXPECTED,
    NOW,
    PAYLOADS,
    common_refusals,
    moved,
    read,
    read_json,
    refusal_of,
)

STANDARD = Standard()
HOSTILE = sorted((PAYLOADS / "standard" / "hostile").iterdir())
EVENTS = sorted((PAYLOADS / "standard").glob("*.json"))
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"  # an invented one
OTHER = "whsec_" + base64.b64encode(b"another secret of a sender").decode()
SIGNATURE = "v1,GLda+1U2JvmVScpANai7MfdFvqO21Ki6GGD6NFjHmgU="
PRIVATE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = "whpk_" + base64.b64encode(PRIVATE_KEY.public_key().public_bytes_raw()).decode()
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def call_of(name: str) -> CallFacts:
    (facts,) = STANDARD.parse(read("standard", name))
    assert isinstance(facts, CallFacts)
    return facts


def delivery(body: bytes, signature: str, at: datetime = NOW, message_id: str = "msg_2test0001") -> Incoming:
    seconds = str(int(at.timestamp()))
    headers = {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": signature}
    return Incoming(headers, body)


def signed(body: bytes, at: datetime = NOW, secret: str = SECRET, message_id: str = "msg_2test0001") -> str:
    """By the package."""
    return Webhook(secret).sign(message_id, at, body.decode())


def signed_by_key(body: bytes, at: datetime = NOW) -> str:
    message = f"msg_2test0001.{int(at.timestamp())}.".encode() + body
    return "v1a," + base64.b64encode(PRIVATE_KEY.sign(message)).decode()


# --- what is read


def test_a_recorded_call_is_read_in_full() -> None:
    facts = call_of("call_recorded.json")
    assert (facts.external_id, facts.agent_id, facts.agent_version) == ("call_9f31", "agent_frontdesk", "7")
    assert (facts.rank, facts.status, facts.direction) == (Rank.COMPLETED, CallStatus.COMPLETED, Direction.INBOUND)
    assert (facts.contact_id, facts.phone_number, facts.contact_name, facts.email) == (
        "contact_2001",
        "+14155550132",
        "Maria Delgado",
        "maria.delgado@example.com",
    )
    assert facts.started_at == datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)
    assert facts.ended_at == datetime(2026, 3, 2, 17, 4, 37, tzinfo=UTC)
    assert (facts.duration_seconds, facts.event_at, facts.notes) == (27, NOW, ())
    assert facts.recordings == (
        RecordingFacts("https://recordings.customer.example/call_9f31.mp3", media_type="audio/mpeg"),
    )
    assert facts.transcript[0].timestamp == datetime(2026, 3, 2, 17, 4, 10, 600_000, tzinfo=UTC)
    assert len(facts.transcript) == 5


def test_everything_that_a_sender_may_say() -> None:
    facts = call_of("call_updated.json")
    assert (facts.rank, facts.status, facts.ended_reason) == (Rank.ANALYSED, CallStatus.VOICEMAIL, "caller hung up")
    assert (facts.consent, facts.consent_kind) == (Consent.GRANTED, "verbal")
    assert facts.consent_at == datetime(2026, 3, 2, 17, 4, 17, tzinfo=UTC)
    assert (facts.labels, facts.language, facts.our_number) == (("vip", "complaint"), "en-US", "+14155550199")
    assert (facts.batch_id, facts.call_sid) == ("batch_march_a", "CA" + "0f" * 16)
    assert (facts.summary, facts.metrics_json) == ("Moved an appointment.", '{"intent":"RESCHEDULE"}')
    caller, agent, whole = facts.recordings
    assert (caller.kind, caller.external_id, caller.announced_hash) == (
        RecordingKind.CALLER,
        "rec_1",
        "sha256:" + "ab" * 32,
    )
    assert (caller.size, caller.duration_seconds) == (864_044, 27.4)
    assert STANDARD.link_expires_at(caller, NOW) == datetime(2026, 3, 3, 17, 10, tzinfo=UTC)
    assert (agent.kind, agent.absence, agent.url) == (RecordingKind.AGENT, Absence.NOT_KEPT, "")
    assert (whole.kind, whole.announced_hash) == (RecordingKind.MONO, "sha512:" + "cd" * 64)
    assert STANDARD.original_gone_on(facts, NOW) == date(2026, 5, 31)
    assert STANDARD.transcript_gone_on(facts, NOW) == date(2027, 3, 2)


def test_a_call_that_begins_is_partial() -> None:
    facts = call_of("call_started.json")
    assert (facts.rank, facts.status, facts.recordings) == (Rank.PARTIAL, CallStatus.IN_PROGRESS, ())
    assert STANDARD.original_gone_on(facts, NOW) is STANDARD.transcript_gone_on(facts, NOW) is None


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        (
            "call_deleted.json",
            DeletionFacts("call_9f31", DeletionOutcome.CONFIRMED, datetime(2026, 6, 1, tzinfo=UTC)),
        ),
        (
            "call_deletion_failed.json",
            DeletionFacts("call_9f31", DeletionOutcome.FAILED, datetime(2026, 6, 1, tzinfo=UTC)),
        ),
        ("unknown_event.json", UnknownEvent("agent.updated", "agent_frontdesk")),
    ],
)
def test_what_is_no_call(name: str, facts: object) -> None:
    assert STANDARD.parse(read("standard", name)) == (facts,)


def test_facts_do_not_print_the_person() -> None:
    printed = repr(call_of("call_recorded.json"))
    assert "call_9f31" in printed
    assert not [word for word in ("Maria", "4155550132", "example.com", "cleaning") if word in printed]


def test_there_is_nothing_to_ask() -> None:
    with pytest.raises(Unparseable):
        STANDARD.parse_answer(b"{}")
    assert (STANDARD.api, STANDARD.can_delete) == (None, False)
    assert "Proof:" in STANDARD.deletion_instructions


# --- signatures


def test_the_shared_sample_verifies_and_withstands_the_matrix() -> None:
    incoming = delivery(read("standard", "call_recorded.json"), SIGNATURE)
    assert common_refusals(STANDARD, incoming, SECRET) == EXPECTED


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_the_package_signs_what_we_accept_and_refuses_what_was_moved(path: Path) -> None:
    body = path.read_bytes()
    signature = signed(body)
    with time_machine.travel(NOW, tick=False):
        for changed, secret, at in (
            (body, SECRET, NOW),
            (body + b" ", SECRET, NOW),
            (body, OTHER, NOW),
            (body, SECRET, NOW + timedelta(seconds=1)),
        ):
            incoming = delivery(changed, signature, at)
            is_ours = refusal_of(STANDARD, incoming, secret) is None
            try:
                Webhook(secret).verify(changed, dict(incoming.headers))
                is_theirs = True
            except WebhookVerificationError:
                is_theirs = False
            assert is_ours == is_theirs == ((changed, secret, at) == (body, SECRET, NOW))


@pytest.mark.parametrize("signer", [signed, signed_by_key])
@pytest.mark.parametrize(
    ("apart", "code"),
    [
        (timedelta(minutes=5), None),
        (timedelta(minutes=5, seconds=1), "too_old"),
        (timedelta(minutes=-5), None),
        (timedelta(minutes=-5, seconds=-1), "from_the_future"),
    ],
)
def test_five_minutes_either_way(signer: Any, apart: timedelta, code: str | None) -> None:
    body = read("standard", "call_recorded.json")
    incoming = delivery(body, signer(body))
    assert refusal_of(STANDARD, incoming, SECRET, PUBLIC_KEY, now=NOW + apart) == code


def test_moved_bytes_and_a_moved_boundary_are_refused() -> None:
    body = read("standard", "call_recorded.json")
    for signature, secret in ((signed(body), SECRET), (signed_by_key(body), PUBLIC_KEY)):
        for changed in moved(body):
            assert refusal_of(STANDARD, delivery(changed, signature), secret) == "bad_signature"
        seconds = str(int(NOW.timestamp()))
        longer_id = Incoming(
            {
                "webhook-id": f"msg_2test0001.{seconds}",
                "webhook-timestamp": seconds,
                "webhook-signature": signature,
            },
            body,
        )
        assert refusal_of(STANDARD, longer_id, secret) == "bad_signature"
        assert refusal_of(STANDARD, delivery(body, signature, message_id="msg_other"), secret) == "bad_signature"


def test_several_signatures_while_the_sender_rotates() -> None:
    body = read("standard", "call_recorded.json")
    both = f"{signed(body, secret=OTHER)} {signed_by_key(body)} v2,AAAA {signed(body)}"
    for secret in (SECRET, OTHER, PUBLIC_KEY):
        assert refusal_of(STANDARD, delivery(body, both), secret) is None
    assert refusal_of(STANDARD, delivery(body, f"{both} {signed(body)}" * 10), SECRET) == "malformed_signature"


def test_a_public_key_proves_only_its_own_kind_of_signature() -> None:
    body = read("standard", "call_recorded.json")
    incoming = delivery(body, signed_by_key(body))
    assert common_refusals(STANDARD, incoming, PUBLIC_KEY) == EXPECTED
    # Whoever knows the public key must not be able to sign with it as a shared one.
    as_shared = signed(body, secret=PUBLIC_KEY.removeprefix("whpk_"))
    assert refusal_of(STANDARD, delivery(body, as_shared), PUBLIC_KEY) == "bad_signature"
    relabelled = signed_by_key(body).replace("v1a,", "v1,")
    assert refusal_of(STANDARD, delivery(body, relabelled), PUBLIC_KEY) == "bad_signature"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"webhook-id": ""}, "no_signature"),
        ({"webhook-timestamp": ""}, "no_signature"),
        ({"webhook-signature": ""}, "no_signature"),
        ({"webhook-id": "a b"}, "malformed_signature"),
        ({"webhook-id": "é"}, "malformed_signature"),
        ({"webhook-id": "m" * 201}, "malformed_signature"),
        ({"webhook-timestamp": "1772471200.5"}, "bad_timestamp"),
        ({"webhook-timestamp": "-1"}, "bad_timestamp"),
        ({"webhook-timestamp": "١٧٧٢٤٧١٢٠٠"}, "bad_timestamp"),
        ({"webhook-signature": "v1"}, "bad_signature"),
        ({"webhook-signature": "v1,"}, "bad_signature"),
        ({"webhook-signature": "v1,é"}, "bad_signature"),
        ({"webhook-signature": "v1a,AAAA"}, "bad_signature"),
        ({"webhook-signature": "GLda+1U2JvmVScpANai7MfdFvqO21Ki6GGD6NFjHmgU="}, "bad_signature"),
    ],
)
def test_broken_headers_are_refused(headers: dict[str, str], code: str) -> None:
    good = delivery(read("standard", "call_recorded.json"), SIGNATURE)
    incoming = Incoming({**good.headers, **headers}, good.raw_body)
    assert refusal_of(STANDARD, incoming, SECRET, PUBLIC_KEY) == code


@pytest.mark.parametrize("secret", ["whsec_", "whpk_", "whsec_*", "whpk_AAAA", "*", "whsk_AAAA"])
def test_a_secret_that_is_none_proves_nothing(secret: str) -> None:
    body = read("standard", "call_recorded.json")
    assert refusal_of(STANDARD, delivery(body, SIGNATURE), secret) == "bad_signature"


def test_a_secret_of_ours_is_one_that_the_package_takes() -> None:
    secret = base.new_secret(STANDARD, bytes(range(32)))
    body = read("standard", "call_started.json")
    assert secret.startswith("whsec_")
    assert refusal_of(STANDARD, delivery(body, signed(body, secret=secret)), secret) is None


# --- hostile bodies


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_bodies_are_unparseable_with_the_code_in_their_name(path: Path) -> None:
    with pytest.raises(Unparseable) as refusal:
        STANDARD.parse(path.read_bytes())
    assert refusal.value.code == path.name.partition(".")[0]


@pytest.mark.parametrize("message_id", ["msg_1", " msg_1 ", "", "a b", "\x00", "m" * 500, "é"])
def test_a_delivery_is_known_by_its_id(message_id: str) -> None:
    key = STANDARD.delivery_key(Incoming({"Webhook-Id": message_id}, b"{}"))
    is_id = message_id.strip() == "msg_1"
    assert (key == "standard:msg_1") is is_id
    assert key.isprintable()
    assert len(key) < 512
    assert is_id or key != STANDARD.delivery_key(Incoming({"Webhook-Id": message_id}, b"{ }"))


def test_an_error_never_quotes_the_delivery() -> None:
    with pytest.raises(Unparseable) as refusal:
        STANDARD.parse(
            b'{"type": "call.recorded", "data": {"external_id": "x", "contact": {"phone": ["+14155550132"]}}}'
        )
    assert str(refusal.value) == "wrong_type at data.contact.phone"


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, part in inner for place in ((*path, key), *_places(part, (*path, key)))]


PLACES = {path.name: _places(json.loads(path.read_bytes())) for path in EVENTS}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON: st.SearchStrategy[Any] = (
    SCALARS | st.builds(list) | st.builds(dict) | st.builds(lambda: ["x"]) | st.builds(lambda: {"url": "x"})
)


@BUSY
@given(st.data())
def test_mutated_samples_are_parsed_or_unparseable(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(PLACES)))
    body = read_json("standard", name)
    for _ in range(data.draw(st.integers(1, 3))):
        place, value, inner = data.draw(st.sampled_from(PLACES[name])), data.draw(JSON), body
        with contextlib.suppress(KeyError, TypeError, IndexError):
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
    with contextlib.suppress(Unparseable):
        for facts in STANDARD.parse(json.dumps(body).encode()):
            assert "\x00" not in json.dumps(dataclasses.asdict(facts), default=str, ensure_ascii=False)


@BUSY
@given(body=st.binary(max_size=200), signature=st.text(max_size=40), message_id=st.text(max_size=10))
def test_any_bytes_are_parsed_or_unparseable_and_never_signed(body: bytes, signature: str, message_id: str) -> None:
    with contextlib.suppress(Unparseable):
        assert STANDARD.parse(body)
    incoming = delivery(body, signature, message_id=message_id)
    assert refusal_of(STANDARD, incoming, SECRET, PUBLIC_KEY) is not None
    assert STANDARD.delivery_key(incoming)
