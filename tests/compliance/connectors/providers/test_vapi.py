"""Vapi's deliveries, as captured, as they vary, and as somebody hostile would send them."""

import base64
import contextlib
import dataclasses
import hashlib
import hmac
import importlib.util
import json
import typing
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vapi import Vapi as Package
from vapi.types.artifact import Artifact
from vapi.types.bot_message import BotMessage
from vapi.types.call import Call
from vapi.types.call_ended_reason import CallEndedReason
from vapi.types.user_message import UserMessage

from compliance.connectors import merging
from compliance.connectors.facts import (
    Absence,
    CallFacts,
    CallStatus,
    Consent,
    DeletionFacts,
    DeletionOutcome,
    Direction,
    Rank,
    RecordingKind,
    UnknownEvent,
)
from compliance.connectors.providers.base import BadSignature, Incoming, Secret, Unparseable
from compliance.connectors.providers.questions import Answer, AskFailed, Credentials, Deletion, Part, Target
from compliance.connectors.providers.vapi import Vapi
from tests.compliance.connectors.providers.agreement import asked_by, each_field_odd, in_words, mutated

PAYLOADS = Path(__file__).parents[1] / "payloads" / "vapi"
HOSTILE = sorted((PAYLOADS / "hostile").iterdir())
VAPI = Vapi()
API = VAPI.api
ON_A_BUSY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 3, 2, 17, 6, 40, tzinfo=UTC)  # when the samples were signed
CALL_ID = "5b0a2f5e-2d0e-4a51-9a3e-1c0f6f1d9a01"
SHARED, KEY = "test-vapi-secret", "test-vapi-hmac-key"  # invented ones
STAMP = "1772471200"
SAMPLE_SIGNATURE = "680276731be3f0a166ac870e175cac839d5b641d02f3276781645f321f5c668a"
CREDENTIALS = Credentials(secrets={"api_key": "test-api-key"})
BODY = (PAYLOADS / "end_of_call_report.json").read_bytes()


def read(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


def parsed(name: str) -> CallFacts:
    (facts,) = VAPI.parse(read(name))
    assert isinstance(facts, CallFacts)
    return facts


def answer(name: str, status: int = 200) -> Answer:
    return Answer(status, read(name))


# Proof


def refusal_of(
    headers: dict[str, str],
    *secrets: Secret,
    body: bytes = BODY,
    now: datetime = NOW,
    options: dict[str, str] | None = None,
) -> str | None:
    try:
        VAPI.verify_signature(Incoming(headers, body, options=options or {}), secrets, now)
    except BadSignature as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Vapi-Secret": SHARED}, None),
        ({"x-vapi-secret": f" {SHARED} "}, None),
        ({"X-Vapi-Secret": "wrong"}, "bad_signature"),
        ({"X-Vapi-Secret": SHARED[:-1]}, "bad_signature"),
        ({"X-Vapi-Secret": SHARED.upper()}, "bad_signature"),
        ({"X-Vapi-Secret": f"{SHARED},{SHARED}"}, "bad_signature"),
        ({"X-Vapi-Secret": SHARED, "x-vapi-secret": SHARED}, "two_signatures"),
        ({"X-Vapi-Secret": "\udcff\u00e9"}, "bad_signature"),
        ({"X-Vapi-Secret": ""}, "no_signature"),
        ({"Authorization": f"Bearer {SHARED}"}, "no_signature"),
        ({}, "no_signature"),
    ],
)
def test_the_shared_secret_stands_in_its_header(headers: dict[str, str], expected: str | None) -> None:
    assert refusal_of(headers, Secret(SHARED.encode())) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Authorization": f"Bearer {SHARED}"}, None),
        ({"authorization": f"bearer  {SHARED}"}, None),
        ({"Authorization": f"Basic {SHARED}"}, "no_signature"),
        ({"Authorization": "Bearer "}, "no_signature"),
        ({"Authorization": "Bearer wrong"}, "bad_signature"),
        ({"X-Vapi-Secret": SHARED}, "no_signature"),
    ],
)
def test_the_secret_as_bearer_token(headers: dict[str, str], expected: str | None) -> None:
    assert refusal_of(headers, Secret(SHARED.encode()), options={"scheme": "bearer"}) == expected


@pytest.mark.parametrize(
    ("signature", "stamp", "expected"),
    [
        (SAMPLE_SIGNATURE, STAMP, None),
        (SAMPLE_SIGNATURE.upper(), STAMP, "bad_signature"),
        (SAMPLE_SIGNATURE[:-1], STAMP, "bad_signature"),
        (f"{SAMPLE_SIGNATURE},{SAMPLE_SIGNATURE}", STAMP, "bad_signature"),
        ("0" * 64, STAMP, "bad_signature"),
        (SAMPLE_SIGNATURE, "1772471201", "bad_signature"),
        (SAMPLE_SIGNATURE, "1772470899", "too_old"),
        (SAMPLE_SIGNATURE, "1772471501", "from_the_future"),
        (SAMPLE_SIGNATURE, "now", "bad_timestamp"),
        (SAMPLE_SIGNATURE, "\u0661772471200", "bad_timestamp"),
        (SAMPLE_SIGNATURE, "9" * 30, "bad_timestamp"),
        (SAMPLE_SIGNATURE, None, "no_signature"),
        (None, STAMP, "no_signature"),
    ],
)
def test_an_hmac_by_default_settings(signature: str | None, stamp: str | None, expected: str | None) -> None:
    sent = {"x-signature": signature, "x-timestamp": stamp}
    headers = {name: value for name, value in sent.items() if value is not None}
    assert refusal_of(headers, Secret(KEY.encode()), options={"scheme": "hmac"}) == expected


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "sha1"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("payload_format", ["timestamp.body", "body"])
@pytest.mark.parametrize("prefix", ["none", "sha256=", "v1,"])
@pytest.mark.parametrize("stamp", [STAMP, f"{STAMP}000"])
def test_an_hmac_as_it_is_set_at_vapi(
    algorithm: str, encoding: str, payload_format: str, prefix: str, stamp: str
) -> None:
    text = BODY if payload_format == "body" else f"{stamp}.".encode() + BODY
    mac = hmac.new(KEY.encode(), text, algorithm).digest()
    written = mac.hex() if encoding == "hex" else base64.b64encode(mac).decode()
    before = "" if prefix == "none" else prefix
    options = {
        "scheme": "hmac",
        "signature_header": "X-Our-Signature",
        "timestamp_header": "X-Our-Time",
        "payload_format": payload_format,
        "algorithm": algorithm,
        "encoding": encoding,
        "prefix": prefix,
    }
    headers = {"x-our-signature": before + written, "x-our-time": stamp}
    secret = Secret(KEY.encode())
    assert refusal_of(headers, secret, options=options) is None
    assert refusal_of(headers, secret, body=BODY + b" ", options=options) == "bad_signature"
    assert refusal_of(headers, Secret(b"other"), options=options) == "bad_signature"
    if before:
        assert refusal_of(headers | {"x-our-signature": written}, secret, options=options) == "bad_signature"


@pytest.mark.parametrize("option", [{"scheme": "none"}, {"scheme": "hmac", "algorithm": "md5"}])
def test_an_unknown_choice_lets_nobody_in(option: dict[str, str]) -> None:
    headers = {"X-Vapi-Secret": SHARED, "x-signature": SAMPLE_SIGNATURE, "x-timestamp": STAMP}
    assert refusal_of(headers, Secret(SHARED.encode()), Secret(KEY.encode()), options=option) == "unknown_scheme"


@pytest.mark.parametrize(
    ("skew", "expected"),
    [(300, None), (301, "too_old"), (-300, None), (-301, "from_the_future")],
)
def test_five_minutes_count_on_both_sides(skew: int, expected: str | None) -> None:
    headers = {"x-signature": SAMPLE_SIGNATURE, "x-timestamp": STAMP}
    now = NOW + timedelta(seconds=skew)
    assert refusal_of(headers, Secret(KEY.encode()), now=now, options={"scheme": "hmac"}) == expected


@pytest.mark.parametrize("scheme", ["secret", "bearer", "hmac"])
def test_during_a_rotation_two_secrets_count_and_an_ended_one_does_not(scheme: str) -> None:
    def headers(key: str) -> dict[str, str]:
        mac = hmac.new(key.encode(), f"{STAMP}.".encode() + BODY, "sha256").hexdigest()
        return {"X-Vapi-Secret": key, "Authorization": f"Bearer {key}", "x-signature": mac, "x-timestamp": STAMP}

    new, old = Secret(b"new-secret"), Secret(b"old-secret", valid_until=NOW + timedelta(seconds=1))
    for key in ("new-secret", "old-secret"):
        assert refusal_of(headers(key), new, old, options={"scheme": scheme}) is None
    ended = dataclasses.replace(old, valid_until=NOW)
    assert refusal_of(headers("old-secret"), new, ended, options={"scheme": scheme}) == "bad_signature"
    assert refusal_of(headers("new-secret"), options={"scheme": scheme}) == "bad_signature"


def test_every_key_is_compared_even_after_a_match(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert refusal_of({"X-Vapi-Secret": SHARED}, Secret(SHARED.encode()), Secret(b"b"), Secret(b"c")) is None
    assert compared == [hashlib.sha256(key).digest() for key in (SHARED.encode(), b"b", b"c")]


@given(st.text(max_size=60), st.text(max_size=20), st.sampled_from(["secret", "bearer", "hmac"]))
def test_any_headers_are_accepted_or_refused(signature: str, stamp: str, scheme: str) -> None:
    headers = {"X-Vapi-Secret": signature, "Authorization": signature, "x-signature": signature, "x-timestamp": stamp}
    assert refusal_of(headers, Secret(KEY.encode()), options={"scheme": scheme}) is not None


# Facts


def test_a_report_is_read_in_full() -> None:
    facts = parsed("end_of_call_report.json")
    assert (facts.external_id, facts.rank) == (CALL_ID, Rank.ANALYSED)
    assert (facts.agent_id, facts.agent_version) == ("0d9b3c52-0000-4000-8000-00000000a001", "v3")
    assert (facts.direction, facts.status, facts.platform_status) == (Direction.INBOUND, CallStatus.COMPLETED, "ended")
    assert facts.ended_reason == "customer-ended-call"
    assert (facts.phone_number, facts.our_number, facts.contact_name) == (
        "+14155550132",
        "+14155550199",
        "Maria Delgado",
    )
    assert facts.started_at == datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)
    assert facts.ended_at == datetime(2026, 3, 2, 17, 4, 37, tzinfo=UTC)
    assert facts.created_at == datetime(2026, 3, 2, 17, 4, 7, tzinfo=UTC)
    assert (facts.duration_seconds, facts.event_at) == (27, NOW)
    assert (facts.consent, facts.consent_kind) == (Consent.GRANTED, "stay-on-line")
    assert facts.consent_at == datetime(2026, 3, 2, 17, 4, 17, tzinfo=UTC)
    assert facts.summary == "Caller moved a cleaning appointment."
    assert json.loads(facts.metrics_json or "") == {"successEvaluation": "true"}
    assert [(turn.role, turn.timestamp) for turn in facts.transcript] == [
        ("bot", 0.6),
        ("user", 7.4),
        ("bot", 11.8),
        ("user", 15.1),
        ("bot", 22.9),
    ]
    assert facts.notes == ()


def test_each_recording_has_an_id_of_its_own_and_signed_addresses_come_first() -> None:
    recordings = {recording.external_id: recording for recording in parsed("end_of_call_report.json").recordings}
    assert {name: recording.kind for name, recording in recordings.items()} == {
        "mono": RecordingKind.MONO,
        "stereo": RecordingKind.STEREO,
        "assistant": RecordingKind.AGENT,
        "customer": RecordingKind.CALLER,
    }
    assert "X-Signature=abc" in recordings["mono"].url
    assert recordings["mono"].expires_at == datetime(2026, 3, 2, 17, 21, 40, tzinfo=UTC)
    assert recordings["stereo"].url == "https://storage.vapi.example/5b0a2f5e-stereo.wav"
    assert recordings["stereo"].expires_at is None
    assert VAPI.link_expires_at(recordings["mono"], NOW) == recordings["mono"].expires_at


@pytest.mark.parametrize(
    ("name", "rank", "status", "recordings", "turns"),
    [
        ("report_partial.json", Rank.COMPLETED, CallStatus.COMPLETED, 0, 0),
        ("report_no_answer.json", Rank.COMPLETED, CallStatus.NO_ANSWER, 0, 0),
        ("report_failed.json", Rank.COMPLETED, CallStatus.FAILED, 0, 0),
        ("report_voicemail.json", Rank.COMPLETED, CallStatus.VOICEMAIL, 1, 2),
        ("report_no_recording.json", Rank.ANALYSED, CallStatus.COMPLETED, 0, 5),
        ("report_zero_retention.json", Rank.COMPLETED, CallStatus.COMPLETED, 1, 0),
        ("report_flat.json", Rank.ANALYSED, CallStatus.COMPLETED, 2, 5),
    ],
)
def test_each_kind_of_report(name: str, rank: Rank, status: CallStatus, recordings: int, turns: int) -> None:
    facts = parsed(name)
    assert (facts.rank, facts.status) == (rank, status)
    assert (len(facts.recordings), len(facts.transcript)) == (recordings, turns)


def test_an_outbound_call_carries_all_its_ids() -> None:
    facts = parsed("report_no_answer.json")
    assert (facts.direction, facts.phone_number, facts.our_number) == (
        Direction.OUTBOUND,
        "+14155550132",
        "+14155550199",
    )
    assert (facts.contact_id, facts.email) == ("contact_2001", "maria.delgado@example.com")
    assert (facts.call_sid, facts.batch_id) == ("CA0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", "campaign_march_a")
    assert facts.duration_seconds is None


def test_a_call_that_keeps_nothing_says_so() -> None:
    facts = parsed("report_zero_retention.json")
    (recording,) = facts.recordings
    assert (recording.url, recording.absence, recording.external_id) == ("", Absence.NOT_KEPT, "mono")
    assert (facts.agent_name, facts.language) == ("Front desk", "en-US")


def test_consent_without_a_time_was_not_granted() -> None:
    facts = parsed("report_consent_not_granted.json")
    assert (facts.consent, facts.consent_kind, facts.consent_at) == (Consent.NOT_GRANTED, "verbal", None)
    assert parsed("report_no_answer.json").consent is None


def test_tools_and_the_prompt_are_not_words_of_the_call() -> None:
    turns = parsed("report_voicemail.json").transcript
    assert [(turn.role, turn.timestamp) for turn in turns] == [("user", 0.4), ("bot", 5.1)]


def test_a_plain_transcript_is_read_line_by_line() -> None:
    turns = parsed("report_no_recording.json").transcript
    assert [turn.role for turn in turns] == ["ai", "user", "ai", "user", "ai"]
    assert turns[4].content == "Thank you, Maria. You are all set. Goodbye."


def test_a_call_is_not_lost_for_what_it_may_lack() -> None:
    facts = parsed("report_odd_optional_fields.json")
    assert (facts.external_id, len(facts.recordings), len(facts.transcript)) == (CALL_ID, 4, 5)
    assert (facts.agent_version, facts.agent_name, facts.ended_reason, facts.summary) == (None, None, None, None)
    assert (facts.language, facts.status, facts.notes) == (
        None,
        CallStatus.COMPLETED,
        ("optional_field_unreadable",),
    )


def test_every_reason_that_the_package_knows_has_a_status() -> None:
    known = typing.get_args(typing.get_args(CallEndedReason)[0])
    assert len(known) > 500
    for reason in known:
        body = {"message": {"type": "end-of-call-report", "endedReason": reason, "call": {"id": "x"}}}
        (facts,) = VAPI.parse(json.dumps(body).encode())
        assert isinstance(facts, CallFacts)
        assert facts.status is not CallStatus.UNKNOWN, reason
        if reason.startswith("pipeline-error"):
            assert facts.status is CallStatus.FAILED


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("customer-busy", CallStatus.BUSY),
        ("customer-did-not-answer", CallStatus.NO_ANSWER),
        ("manually-canceled", CallStatus.CANCELLED),
        ("assistant-forwarded-call", CallStatus.COMPLETED),
        ("call.forwarding.operator-busy", CallStatus.COMPLETED),
        ("call.in-progress.twilio-completed-call", CallStatus.COMPLETED),
        ("twilio-failed-to-connect-call", CallStatus.FAILED),
        ("call.in-progress.error-transfer-failed", CallStatus.FAILED),
        ("something-new", CallStatus.UNKNOWN),
    ],
)
def test_reasons_are_told_by_their_parts(reason: str, expected: CallStatus) -> None:
    body = {"message": {"type": "end-of-call-report", "endedReason": reason, "call": {"id": "x"}}}
    (facts,) = VAPI.parse(json.dumps(body).encode())
    assert isinstance(facts, CallFacts)
    assert (facts.status, facts.ended_reason) == (expected, reason)


def test_words_on_deletions_are_facts() -> None:
    assert VAPI.parse(read("call_deleted.json")) == (DeletionFacts(CALL_ID, DeletionOutcome.CONFIRMED, NOW),)
    assert VAPI.parse(read("call_delete_failed.json")) == (DeletionFacts(CALL_ID, DeletionOutcome.FAILED, NOW),)


@pytest.mark.parametrize(
    ("name", "event", "external_id"),
    [
        ("status_update.json", "status-update", CALL_ID),
        ("transcript.json", "transcript", CALL_ID),
        ("tool_calls.json", "tool-calls", CALL_ID),
        ("artifact_upload.json", "call.artifact.upload", CALL_ID),
        ("unknown_event.json", "assistant.reborn", None),
    ],
)
def test_other_events_are_kept(name: str, event: str, external_id: str | None) -> None:
    assert VAPI.parse(read(name)) == (UnknownEvent(event, external_id),)


def test_new_addresses_are_no_new_recordings_in_whatever_order_they_come() -> None:
    first, late = parsed("end_of_call_report.json"), parsed("report_late.json")
    merged = [merging.merge(merging.merge(None, one), two) for one, two in ((first, late), (late, first))]
    for facts in merged:
        by_id = {recording.external_id: recording for recording in facts.recordings}
        assert len(facts.recordings) == len(by_id) == 4
        assert "X-Signature=def" in by_id["mono"].url
        assert by_id["stereo"].expires_at == datetime(2026, 3, 2, 18, 21, 40, tzinfo=UTC)


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_bodies_are_unparseable_with_the_code_in_their_name(path: Path) -> None:
    with pytest.raises(Unparseable) as refusal:
        VAPI.parse(path.read_bytes())
    assert refusal.value.code == path.name.partition(".")[0]
    assert VAPI.delivery_key(Incoming({}, path.read_bytes())).isprintable()


def test_errors_and_facts_quote_no_person() -> None:
    with pytest.raises(Unparseable) as refusal:
        VAPI.parse(read("hostile/wrong_type.number_list.json"))
    assert str(refusal.value) == "wrong_type at message.customer.number"
    printed = repr(parsed("end_of_call_report.json"))
    assert not [word for word in ("Maria", "4155550132", "cleaning", "storage.vapi") if word in printed]


def test_the_delivery_key_tells_event_call_and_body() -> None:
    first = VAPI.delivery_key(Incoming({}, BODY))
    assert first == VAPI.delivery_key(Incoming({"X-Vapi-Secret": "other"}, BODY))
    assert first.startswith(f"vapi:end-of-call-report:{CALL_ID}:")
    assert first != VAPI.delivery_key(Incoming({}, BODY + b" "))
    assert VAPI.delivery_key(Incoming({}, read("unknown_event.json"))).startswith("vapi:assistant.reborn::")


def test_no_odd_value_of_any_field_does_more_than_make_a_delivery_unparseable() -> None:
    read_ones = 0
    for _, body in each_field_odd(json.loads(read("end_of_call_report.json"))):
        with contextlib.suppress(Unparseable):
            read_ones += len(VAPI.parse(json.dumps(body).encode()))
    assert read_ones > 300


@ON_A_BUSY_MACHINE
@given(mutated(json.loads(BODY)))
def test_any_change_of_a_delivery_is_read_or_unparseable(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    with contextlib.suppress(Unparseable):
        for facts in VAPI.parse(raw):
            kept = json.dumps(dataclasses.asdict(facts), default=str, ensure_ascii=False)
            assert "\x00" not in kept.encode().decode()
    assert len(VAPI.delivery_key(Incoming({}, raw))) < 512


# The API, beside Vapi's own package


def package(use: Callable[[Package], object]) -> Callable[[httpx.Client], object]:
    return lambda client: use(Package(token="test-api-key", httpx_client=client))


def test_every_question_is_the_one_that_the_package_asks() -> None:
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, 12, 30, 0, 250_000, tzinfo=UTC)
    oldest = datetime(2026, 3, 1, 8, tzinfo=UTC)
    target = Target(Part.CALL, CALL_ID)
    call = json.loads(read("get_call.json"))
    pairs: list[tuple[Any, Callable[[Package], object], object]] = [
        (
            API.list_calls(CREDENTIALS, since, until),
            lambda it: it.calls.list(limit=50, created_at_ge=since, created_at_lt=until),
            [],
        ),
        (
            API.list_calls(CREDENTIALS, since, until, "createdAtLe=2026-03-01T08:00:00Z"),
            lambda it: it.calls.list(limit=50, created_at_ge=since, created_at_le=oldest),
            [],
        ),
        (API.ask_call(CREDENTIALS, CALL_ID), lambda it: it.calls.get(CALL_ID), call),
        (API.delete(CREDENTIALS, target), lambda it: it.calls.delete(CALL_ID), call),
        (API.ask_deleted(CREDENTIALS, target), lambda it: it.calls.get(CALL_ID), call),
    ]
    for question, use, far_end in pairs:
        request = asked_by(package(use), far_end)
        assert in_words(question) == in_words(request)
        assert request.headers["Authorization"] == API.authorise(CREDENTIALS)["Authorization"]
        assert str(request.url).startswith(API.base_url + "/")


def package_source(module: str) -> str:
    """The text of a module of the package; importing its assistants takes longer than all our tests of Vapi."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text()


def test_assistants_are_asked_for_and_named_as_in_the_package() -> None:
    asking, _, rest = package_source("vapi.assistants.raw_client").partition("def create(")
    assert rest
    question = API.list_agents(CREDENTIALS, "createdAtLe=2026-03-01T08:00:00Z")
    assert f'"{question.path.removeprefix("/")}",\n            method="{question.method}"' in asking
    assert [f'"{name}":' in asking for name, _ in question.query] == [True, True]
    fields = package_source("vapi.types.assistant")
    for name in ("firstMessage", "voicemailMessage", "endCallMessage", "compliancePlan", "updatedAt"):
        assert f'alias="{name}"' in fields


def test_the_package_reads_the_same_out_of_our_samples() -> None:
    call, facts = Call.model_validate_json(read("get_call.json")), API.read_call(answer("get_call.json"))
    artifact = Artifact.model_validate(json.loads(BODY)["message"]["artifact"])
    assert facts is not None
    assert (facts.external_id, facts.agent_id, facts.started_at) == (call.id, call.assistant_id, call.started_at)
    assert (facts.agent_version, facts.rank) == (call.assistant_version, Rank.POLLED)
    assert facts.recordings[0].url == artifact.presigned_mono_url
    spoken = [turn for turn in artifact.messages or () if isinstance(turn, BotMessage | UserMessage)]
    spoken = [turn for turn in spoken if turn.role != "system"]
    told = [(turn.message, turn.seconds_from_start) for turn in spoken]
    assert [(turn.content, turn.timestamp) for turn in facts.transcript] == told
    assert call.compliance is not None
    assert call.compliance.recording_consent is not None
    assert facts.consent_at == call.compliance.recording_consent.granted_at


def test_prompts_are_all_that_the_assistant_is_told_or_made_to_say() -> None:
    page = API.read_agents(answer("list_assistants.json"))
    first, silent = page.agents
    assert (first.external_id, first.name) == ("0d9b3c52-0000-4000-8000-00000000a001", "Front desk")
    assert (first.changed_at, first.languages) == (datetime(2026, 2, 20, 9, tzinfo=UTC), ("en-US",))
    assert first.prompt.split("\n\n") == [
        "This call is recorded. Hang up if you do not agree.",
        "Hello, thank you for calling Harbor Dental.",
        "You are the front desk of Harbor Dental. Say that the call is recorded.",
        "Please call Harbor Dental back.",
        "Goodbye.",
    ]
    assert (silent.name, silent.prompt, page.unreadable, page.next_cursor) == ("Silent", "", 1, None)


def test_a_page_counts_what_it_cannot_read() -> None:
    page = API.read_calls(answer("list_calls.json"))
    assert [(call.rank, call.status) for call in page.calls] == [
        (Rank.POLLED, CallStatus.COMPLETED),
        (Rank.PARTIAL, CallStatus.IN_PROGRESS),
    ]
    assert (page.unreadable, page.next_cursor) == (1, None)


def full_page(step: int) -> list[dict[str, str]]:
    start = datetime(2026, 3, 2, 12, tzinfo=UTC)
    return [
        {"id": f"call-{number}", "createdAt": (start + timedelta(minutes=step * number)).isoformat()}
        for number in range(50)
    ]


@pytest.mark.parametrize(
    ("step", "cursor"),
    [(-1, "createdAtLe=2026-03-02T11:11:00Z"), (1, "createdAtGe=2026-03-02T12:49:00Z")],
)
def test_a_full_page_goes_on_where_it_ended(step: int, cursor: str) -> None:
    page = API.read_calls(Answer(200, json.dumps(full_page(step)).encode()))
    assert (len(page.calls), page.next_cursor) == (50, cursor)
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
    asked = dict(API.list_calls(CREDENTIALS, since, until, cursor).query)
    name, _, moment = cursor.partition("=")
    assert asked[name] == moment
    assert len(asked) == 3


@pytest.mark.parametrize("broken", [full_page(0), [*full_page(1)[:-1], {"id": "x"}], [*full_page(1)[:-1], 5]])
def test_a_list_without_a_way_on_is_said_not_cut(broken: list[object]) -> None:
    with pytest.raises(AskFailed) as failed:
        API.read_calls(Answer(200, json.dumps(broken).encode()))
    assert failed.value.code == "no_next_page"


def test_only_vapis_own_word_proves_absence() -> None:
    assert API.read_deleted(answer("not_found.json", 404)) is Deletion.GONE
    assert API.read_deleted(answer("get_call.json")) is Deletion.PRESENT
    assert API.read_delete(answer("get_call.json")) is Deletion.ASKED
    assert API.read_delete(answer("not_found.json", 404)) is Deletion.NOT_FOUND
    assert API.read_call(answer("not_found.json", 404)) is None
    for strange in (Answer(404, b"<html>not here</html>"), Answer(404), Answer(200, b"[]"), Answer(302), Answer(410)):
        with pytest.raises(AskFailed):
            API.read_deleted(strange)


def test_the_key_goes_to_artifacts_of_the_api_and_nowhere_else() -> None:
    mono = f"https://api.vapi.ai/call/{CALL_ID}/mono-recording"
    assert API.media_headers(mono, CREDENTIALS) == {"Authorization": "Bearer test-api-key"}
    for url in (
        mono.replace("https", "http"),
        mono.replace("api.vapi.ai", "api.vapi.ai.example"),
        mono.replace("api.vapi.ai", "me@api.vapi.ai"),
        mono.replace("api.vapi.ai", "api.vapi.ai:8443"),
        "https://storage.vapi.ai/a.wav",
        "https://api.vapi.ai/assistant",
    ):
        assert API.media_headers(url, CREDENTIALS) == {}


def test_only_whole_calls_are_deleted_and_ids_stay_in_their_path() -> None:
    with pytest.raises(AskFailed):
        API.delete(CREDENTIALS, Target(Part.TRANSCRIPT, CALL_ID))
    with pytest.raises(AskFailed):
        API.ask_call(CREDENTIALS, "..")
    with pytest.raises(AskFailed):
        API.list_agents(CREDENTIALS, "limit=1")
    assert API.ask_call(CREDENTIALS, "../assistant").path == "/call/..%2Fassistant"


def test_no_odd_value_of_any_answer_does_more_than_make_it_unreadable() -> None:
    for name, reader in (
        ("get_call.json", API.read_call),
        ("list_calls.json", API.read_calls),
        ("list_assistants.json", API.read_agents),
    ):
        for _, body in each_field_odd(json.loads(read(name))):
            with contextlib.suppress(AskFailed):
                assert reader(Answer(200, json.dumps(body).encode()))


@ON_A_BUSY_MACHINE
@given(st.sampled_from(["list_calls.json", "get_call.json", "list_assistants.json"]), st.data())
def test_any_answer_is_read_or_refused(name: str, data: st.DataObject) -> None:
    body = json.dumps(data.draw(mutated(json.loads(read(name))))).encode()
    for reader in (API.read_calls, API.read_call, API.read_agents, API.read_deleted):
        with contextlib.suppress(AskFailed):
            reader(Answer(200, body))
