"""Retell's deliveries, as captured, as they vary, and as somebody hostile would send them."""

import contextlib
import dataclasses
import hmac
import json
import typing
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retell import Retell as Package
from retell.lib import verify as package_verify
from retell.lib.webhook_auth import symmetric
from retell.types import AgentResponse, CallListResponse, ConversationFlowResponse, LlmResponse, PhoneCallResponse

from compliance.connectors import merging
from compliance.connectors.facts import (
    Absence,
    CallFacts,
    CallStatus,
    Direction,
    Rank,
    RecordingFacts,
    RecordingKind,
    UnknownEvent,
)
from compliance.connectors.providers.base import BadSignature, Incoming, Secret, Unparseable
from compliance.connectors.providers.questions import AgentFacts, Answer, AskFailed, Credentials, Deletion, Part, Target
from compliance.connectors.providers.retell import Retell
from tests.compliance.connectors.providers.agreement import asked_by, each_field_odd, in_words, mutated

PAYLOADS = Path(__file__).parents[1] / "payloads" / "retell"
HOSTILE = sorted((PAYLOADS / "hostile").iterdir())
RETELL = Retell()
API = RETELL.api
ON_A_BUSY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 3, 2, 17, 6, 40, tzinfo=UTC)  # when the samples were signed
NOW_MS = 1772471200000
KEY = "key_test_retell"  # an invented one
CREDENTIALS = Credentials(secrets={"api_key": KEY})
CALL_ID = "call_ab12cd34ef56ab12cd34ef56ab12"
SAMPLE_SIGNATURE = "v=1772471200000,d=73280e0043059c28796d3332cc390290a169711def40991e41e649c4cf0626d2"


def read(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


def parsed(name: str) -> CallFacts:
    (facts,) = RETELL.parse(read(name))
    assert isinstance(facts, CallFacts)
    return facts


def answer(name: str, status: int = 200) -> Answer:
    return Answer(status, read(name))


# Signatures


def refusal_of(signature: str | None, *secrets: Secret, body: bytes | None = None, now: datetime = NOW) -> str | None:
    headers = {} if signature is None else {"X-Retell-Signature": signature}
    incoming = Incoming(headers, read("call_ended.json") if body is None else body)
    try:
        RETELL.verify_signature(incoming, secrets, now)
    except BadSignature as refusal:
        return refusal.code
    return None


def signed(body: bytes, at: datetime = NOW, key: str = KEY) -> str:
    made: str = symmetric["sign"](body.decode(), key, round(at.timestamp() * 1000))
    return made


def accepted_by_package(signature: str, body: bytes, now: datetime, key: str = KEY) -> bool:
    with time_machine.travel(now, tick=False):
        return bool(package_verify(body.decode(), key, signature))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        (SAMPLE_SIGNATURE, None),
        (None, "no_signature"),
        ("", "no_signature"),
        (SAMPLE_SIGNATURE.replace("d=7", "d=8"), "bad_signature"),
        (SAMPLE_SIGNATURE.replace("v=1772471200000", "v=1772471200001"), "bad_signature"),
        (SAMPLE_SIGNATURE[:-1], "bad_signature"),
        (SAMPLE_SIGNATURE.upper().replace("V=", "v=").replace("D=", "d="), "bad_signature"),
        (f"{SAMPLE_SIGNATURE},{SAMPLE_SIGNATURE}", "bad_signature"),
        (f"{SAMPLE_SIGNATURE}, {SAMPLE_SIGNATURE}", "bad_signature"),
        (SAMPLE_SIGNATURE.partition(",")[2], "bad_signature"),
        ("v=99999999999999,d=" + "0" * 64, "from_the_future"),
    ],
)
def test_a_signature_is_whole_or_nothing(signature: str | None, expected: str | None) -> None:
    assert refusal_of(signature, Secret(KEY.encode())) == expected
    if signature:
        assert accepted_by_package(signature, read("call_ended.json"), NOW) is (expected is None)


@pytest.mark.parametrize(
    "signature", [SAMPLE_SIGNATURE.replace("v=1", "v=\u0661"), SAMPLE_SIGNATURE.replace("v=", "v=0")]
)
def test_one_time_has_one_spelling_though_the_package_takes_more(signature: str) -> None:
    assert refusal_of(signature, Secret(KEY.encode())) == "bad_signature"
    assert accepted_by_package(signature, read("call_ended.json"), NOW)


@pytest.mark.parametrize(
    ("skew", "expected"),
    [
        (timedelta(minutes=5), None),
        (timedelta(minutes=5, milliseconds=1), "too_old"),
        (-timedelta(minutes=5), None),
        (-timedelta(minutes=5, milliseconds=1), "from_the_future"),
        (timedelta(days=400), "too_old"),
    ],
)
def test_five_minutes_count_on_both_sides(skew: timedelta, expected: str | None) -> None:
    assert refusal_of(SAMPLE_SIGNATURE, Secret(KEY.encode()), now=NOW + skew) == expected
    assert accepted_by_package(SAMPLE_SIGNATURE, read("call_ended.json"), NOW + skew) is (expected is None)


def test_the_body_is_signed_byte_by_byte() -> None:
    body = read("call_ended.json")
    assert refusal_of(SAMPLE_SIGNATURE, Secret(KEY.encode()), body=body + b" ") == "bad_signature"
    compact = json.dumps(json.loads(body)).encode()
    assert refusal_of(SAMPLE_SIGNATURE, Secret(KEY.encode()), body=compact) == "bad_signature"


def test_two_headers_are_refused() -> None:
    headers = {"X-Retell-Signature": SAMPLE_SIGNATURE, "x-retell-signature": SAMPLE_SIGNATURE}
    with pytest.raises(BadSignature) as refusal:
        RETELL.verify_signature(Incoming(headers, read("call_ended.json")), [Secret(KEY.encode())], NOW)
    assert refusal.value.code == "two_signatures"


def test_during_a_rotation_two_keys_count_and_an_ended_one_does_not() -> None:
    new, old = Secret(b"key_new"), Secret(KEY.encode(), valid_until=NOW + timedelta(seconds=1))
    assert refusal_of(SAMPLE_SIGNATURE, new, old) is None
    assert refusal_of(signed(read("call_ended.json"), key="key_new"), new, old) is None
    ended = dataclasses.replace(old, valid_until=NOW)
    assert refusal_of(SAMPLE_SIGNATURE, new, ended) == "bad_signature"
    coming = Secret(KEY.encode(), valid_from=NOW + timedelta(seconds=1))
    assert refusal_of(SAMPLE_SIGNATURE, coming) == "bad_signature"
    assert refusal_of(SAMPLE_SIGNATURE) == "bad_signature"


def test_an_empty_key_signs_nothing() -> None:
    body = b"{}"
    mac = hmac.new(b"", body + str(NOW_MS).encode(), "sha256").hexdigest()
    assert refusal_of(f"v={NOW_MS},d={mac}", Secret(b""), body=body) == "bad_signature"


@ON_A_BUSY_MACHINE
@given(st.text(st.characters(codec="utf-8")), st.integers(-400_000, 400_000), st.booleans())
def test_we_and_the_package_accept_and_refuse_the_same(text: str, skew_ms: int, tampered: bool) -> None:
    body = text.encode()
    signature = signed(body, NOW + timedelta(milliseconds=skew_ms))
    sent = body + b"x" if tampered else body
    ours = refusal_of(signature, Secret(KEY.encode()), body=sent) is None
    assert ours is accepted_by_package(signature, sent, NOW)
    assert ours is (not tampered and abs(skew_ms) <= 300_000)


@given(st.text(max_size=100))
def test_any_header_is_accepted_or_refused(signature: str) -> None:
    assert refusal_of(signature, Secret(KEY.encode())) in (
        "no_signature",
        "bad_signature",
        "too_old",
        "from_the_future",
    )


# Facts


def test_an_analysed_call_is_read_in_full() -> None:
    facts = parsed("call_analyzed.json")
    assert (facts.external_id, facts.rank) == (CALL_ID, Rank.ANALYSED)
    assert (facts.agent_id, facts.agent_name, facts.agent_version) == (
        "agent_oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD",
        "Front desk",
        "4",
    )
    assert (facts.direction, facts.phone_number, facts.our_number) == (
        Direction.INBOUND,
        "+14155550132",
        "+14155550199",
    )
    assert (facts.status, facts.platform_status, facts.ended_reason) == (CallStatus.COMPLETED, "ended", "user_hangup")
    assert facts.started_at == datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)
    assert facts.ended_at == datetime(2026, 3, 2, 17, 4, 37, tzinfo=UTC)
    assert (facts.duration_seconds, facts.contact_id) == (27, "contact_2001")
    assert facts.summary == "Caller moved a cleaning appointment."
    assert json.loads(facts.metrics_json or "")["user_sentiment"] == "Positive"
    assert [(recording.external_id, recording.kind) for recording in facts.recordings] == [
        ("recording", RecordingKind.MONO),
        ("recording_multi_channel", RecordingKind.STEREO),
        ("scrubbed_recording", RecordingKind.REDACTED),
    ]
    assert {recording.expires_at for recording in facts.recordings} == {datetime(2026, 3, 3, 17, 6, 40, tzinfo=UTC)}
    assert [(turn.role, turn.timestamp) for turn in facts.transcript] == [
        ("agent", 0.6),
        ("user", 7.4),
        ("agent", 11.8),
        ("user", 15.1),
        ("agent", 22.9),
    ]
    assert facts.transcript[3].content.endswith("maria.delgado@example.com.")
    assert facts.notes == ()


@pytest.mark.parametrize(
    ("name", "rank", "status", "recordings", "turns"),
    [
        ("call_started.json", Rank.PARTIAL, CallStatus.IN_PROGRESS, 0, 0),
        ("call_ended.json", Rank.COMPLETED, CallStatus.COMPLETED, 2, 5),
        ("ended_no_answer.json", Rank.COMPLETED, CallStatus.NO_ANSWER, 0, 0),
        ("ended_failed.json", Rank.COMPLETED, CallStatus.FAILED, 0, 0),
        ("ended_partial.json", Rank.COMPLETED, None, 0, 0),
        ("analyzed_voicemail.json", Rank.ANALYSED, CallStatus.VOICEMAIL, 1, 2),
        ("analyzed_scrubbed.json", Rank.ANALYSED, CallStatus.COMPLETED, 2, 2),
        ("web_call.json", Rank.COMPLETED, CallStatus.COMPLETED, 0, 0),
    ],
)
def test_each_kind_of_delivery(name: str, rank: Rank, status: CallStatus | None, recordings: int, turns: int) -> None:
    facts = parsed(name)
    assert (facts.rank, facts.status) == (rank, status)
    assert (len(facts.recordings), len(facts.transcript)) == (recordings, turns)


def test_numbers_follow_the_direction() -> None:
    outbound, web = parsed("ended_no_answer.json"), parsed("web_call.json")
    assert (outbound.phone_number, outbound.our_number) == ("+14155550132", "+14155550199")
    assert (outbound.call_sid, outbound.batch_id) == ("CA0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", "batch_march_a")
    assert (web.direction, web.phone_number, web.our_number, web.agent_version) == (None, None, None, "7")


def test_a_call_that_keeps_nothing_says_so() -> None:
    (recording,) = parsed("ended_basic_attributes_only.json").recordings
    assert (recording.url, recording.absence, recording.external_id) == ("", Absence.NOT_KEPT, "recording")


def test_redacted_words_are_taken_where_there_are_no_others_and_noted() -> None:
    facts = parsed("analyzed_scrubbed.json")
    assert [(turn.role, turn.content, turn.timestamp) for turn in facts.transcript] == [
        ("agent", "Hello.", 0.6),
        ("user", "Hi, this is [REDACTED].", None),
    ]
    assert facts.notes == ("transcript_is_redacted",)
    assert {recording.kind for recording in facts.recordings} == {RecordingKind.REDACTED}


def test_a_plain_transcript_is_read_line_by_line() -> None:
    turns = parsed("analyzed_voicemail.json").transcript
    assert [(turn.role, turn.content) for turn in turns] == [
        ("user", "You have reached Maria.\nLeave a message."),
        ("agent", "This is Harbor Dental."),
    ]


def test_a_call_is_not_lost_for_what_it_may_lack() -> None:
    facts = parsed("analyzed_odd_optional_fields.json")
    assert (facts.external_id, len(facts.recordings), len(facts.transcript)) == (CALL_ID, 3, 5)
    assert (facts.summary, facts.agent_name, facts.agent_version, facts.duration_seconds) == (None, None, None, None)
    assert (facts.ended_reason, facts.contact_id, facts.status) == (None, None, CallStatus.COMPLETED)
    assert [turn.timestamp for turn in facts.transcript][:2] == [None, None]
    assert facts.notes == ("optional_field_unreadable",)


def test_every_reason_that_the_package_knows_has_a_status() -> None:
    known = typing.get_args(typing.get_args(PhoneCallResponse.model_fields["disconnection_reason"].annotation)[0])
    assert len(known) > 30
    for reason in known:
        body = {"event": "call_ended", "call": {"call_id": "x", "disconnection_reason": reason}}
        (facts,) = RETELL.parse(json.dumps(body).encode())
        assert isinstance(facts, CallFacts)
        assert facts.status not in (None, CallStatus.UNKNOWN), reason
        if reason.startswith("error_") and reason != "error_user_not_joined":
            assert facts.status is CallStatus.FAILED


@pytest.mark.parametrize(
    ("name", "event", "external_id"),
    [
        ("transcript_updated.json", "transcript_updated", CALL_ID),
        ("transfer_started.json", "transfer_started", CALL_ID),
        ("chat_ended.json", "chat_ended", None),
    ],
)
def test_other_events_are_kept(name: str, event: str, external_id: str | None) -> None:
    assert RETELL.parse(read(name)) == (UnknownEvent(event, external_id),)


def test_a_late_delivery_blanks_nothing_and_new_addresses_are_no_new_recordings() -> None:
    analysed = merging.merge(None, parsed("call_analyzed.json"))
    late = merging.merge(analysed, parsed("call_started.json"))
    assert (late.rank, late.status, len(late.recordings), len(late.transcript)) == (
        Rank.ANALYSED,
        CallStatus.COMPLETED,
        3,
        5,
    )
    (polled,) = RETELL.parse_answer(read("get_call.json"))
    assert isinstance(polled, CallFacts)
    fresh = merging.merge(late, polled)
    assert len(fresh.recordings) == 3
    (mono,) = (recording for recording in fresh.recordings if recording.external_id == "recording")
    assert mono.expires_at == datetime(2026, 3, 4, 17, 6, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?Expires=1772557600&Signature=x", datetime(2026, 3, 3, 17, 6, 40, tzinfo=UTC)),
        ("?Signature=x", NOW + timedelta(hours=24)),
        ("", None),
        ("?Expires=soon", None),
        ("?Expires=1772557600&Expires=1872557600&Signature=x", NOW + timedelta(hours=24)),
        ("?" + "a=1&" * 60, None),
    ],
)
def test_a_link_expires_as_it_says_or_in_a_day_if_signed(query: str, expected: datetime | None) -> None:
    recording = RecordingFacts(f"https://cdn.retell.example/a.wav{query}")
    assert RETELL.link_expires_at(recording, NOW) == expected


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_bodies_are_unparseable_with_the_code_in_their_name(path: Path) -> None:
    with pytest.raises(Unparseable) as refusal:
        RETELL.parse(path.read_bytes())
    assert refusal.value.code == path.name.partition(".")[0]
    assert RETELL.delivery_key(Incoming({}, path.read_bytes())).isprintable()


def test_errors_and_facts_quote_no_person() -> None:
    with pytest.raises(Unparseable) as refusal:
        RETELL.parse(read("hostile/wrong_type.number_object.json"))
    assert str(refusal.value) == "wrong_type at call.from_number"
    printed = repr(parsed("call_analyzed.json"))
    assert not [word for word in ("Maria", "4155550132", "cleaning", "cdn.retell") if word in printed]


def test_the_delivery_key_tells_event_call_and_body() -> None:
    body = read("call_ended.json")
    first = RETELL.delivery_key(Incoming({}, body))
    assert first == RETELL.delivery_key(Incoming({"X-Retell-Signature": "other"}, body))
    assert first.startswith(f"retell:call_ended:{CALL_ID}:")
    assert first != RETELL.delivery_key(Incoming({}, body + b" "))
    assert RETELL.delivery_key(Incoming({}, read("chat_ended.json"))).startswith("retell:chat_ended::")


def test_no_odd_value_of_any_field_does_more_than_make_a_delivery_unparseable() -> None:
    read_ones = 0
    for _, body in each_field_odd(json.loads(read("call_analyzed.json"))):
        with contextlib.suppress(Unparseable):
            read_ones += len(RETELL.parse(json.dumps(body).encode()))
    assert read_ones > 300


@ON_A_BUSY_MACHINE
@given(mutated(json.loads((PAYLOADS / "call_analyzed.json").read_text())))
def test_any_change_of_a_delivery_is_read_or_unparseable(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    with contextlib.suppress(Unparseable):
        for facts in RETELL.parse(raw):
            kept = json.dumps(dataclasses.asdict(facts), default=str, ensure_ascii=False)
            assert "\x00" not in kept.encode().decode()
    assert len(RETELL.delivery_key(Incoming({}, raw))) < 512


# The API, beside Retell's own package


def package(use: Callable[[Package], object]) -> Callable[[httpx.Client], object]:
    return lambda client: use(Package(api_key=KEY, http_client=client, max_retries=0))


def test_every_question_is_the_one_that_the_package_asks() -> None:
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    bounds = {"op": "bt", "type": "range", "value": [1772323200000, 1772409599999]}
    target = Target(Part.CALL, CALL_ID)
    pairs = [
        (
            API.list_calls(CREDENTIALS, since, until, "key_2"),
            lambda it: it.call.list(
                filter_criteria={"start_timestamp": bounds},
                limit=100,
                sort_order="ascending",
                pagination_key="key_2",
            ),
        ),
        (API.ask_call(CREDENTIALS, CALL_ID), lambda it: it.call.retrieve(CALL_ID)),
        (API.delete(CREDENTIALS, target), lambda it: it.call.delete(CALL_ID)),
        (API.ask_deleted(CREDENTIALS, target), lambda it: it.call.retrieve(CALL_ID)),
        (
            API.list_agents(CREDENTIALS),
            lambda it: it.agent.list(
                limit=50, filter_criteria={"channel": {"op": "eq", "type": "string", "value": "voice"}}
            ),
        ),
    ]
    for question, use in pairs:
        request = asked_by(package(use), {})
        assert in_words(question) == in_words(request)
        assert request.headers["Authorization"] == API.authorise(CREDENTIALS)["Authorization"]
        assert str(request.url).startswith(API.base_url + "/")


def test_the_walk_over_the_agents_asks_what_the_package_asks_and_ends() -> None:
    steps: list[tuple[str, Callable[[Package], object]]] = [
        ("list_agents.json", lambda it: it.agent.list(limit=50)),
        ("get_agent_llm.json", lambda it: it.agent.retrieve("agent_1")),
        ("get_llm.json", lambda it: it.llm.retrieve("llm_1", version=3)),
        ("get_agent_flow.json", lambda it: it.agent.retrieve("agent_2")),
        ("get_flow.json", lambda it: it.conversation_flow.retrieve("flow_1")),
        ("get_agent_custom.json", lambda it: it.agent.retrieve("agent_3")),
        ("not_found.json", lambda it: it.agent.retrieve("agent_4")),
    ]
    agents: list[AgentFacts] = []
    cursor, unreadable = None, 0
    for name, use in steps:
        asked = in_words(API.list_agents(CREDENTIALS, cursor))
        assert asked[:3] == in_words(asked_by(package(use), {}))[:3]
        page = API.read_agents(answer(name, 404 if name == "not_found.json" else 200), cursor)
        agents += page.agents
        unreadable += page.unreadable
        cursor = page.next_cursor
    assert (cursor, unreadable) == (None, 1)
    assert [(agent.external_id, agent.name, agent.version, agent.languages) for agent in agents] == [
        ("agent_1", "Front desk", "4", ("en-US",)),
        ("agent_2", "Flow", "4", ("en-US", "es-ES")),
        ("agent_3", "Own model", "4", ("en-US",)),
    ]
    assert [agent.prompt for agent in agents] == [
        "Hello, this call is recorded.\n\nYou are the front desk of Harbor Dental.\n\nFind a free slot.",
        "Be kind.\n\nHello, this call is recorded.",
        "",
    ]
    assert agents[0].changed_at == datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)


def test_the_package_reads_the_same_out_of_our_samples() -> None:
    call = PhoneCallResponse.model_validate_json(read("get_call.json"))
    facts = API.read_call(answer("get_call.json"))
    assert facts is not None
    assert (facts.external_id, facts.rank, facts.agent_id) == (call.call_id, Rank.POLLED, call.agent_id)
    assert (facts.phone_number, facts.our_number) == (call.from_number, call.to_number)
    assert [turn.content for turn in facts.transcript] == [turn.content for turn in call.transcript_object or ()]
    assert [turn.timestamp for turn in facts.transcript] == [
        turn.words[0].start for turn in call.transcript_object or ()
    ]
    assert facts.recordings[0].url == call.recording_url
    for name, model in (
        ("get_agent_llm.json", AgentResponse),
        ("get_llm.json", LlmResponse),
        ("get_flow.json", ConversationFlowResponse),
        ("list_calls_last.json", CallListResponse),
    ):
        assert model.model_validate_json(read(name)) is not None


def test_a_page_counts_what_it_cannot_read_and_tells_the_next() -> None:
    page = API.read_calls(answer("list_calls.json"))
    assert ([call.external_id for call in page.calls], page.next_cursor, page.unreadable) == (
        [CALL_ID, "call_running"],
        "key_2",
        1,
    )
    assert [call.rank for call in page.calls] == [Rank.POLLED, Rank.PARTIAL]
    assert API.read_calls(answer("list_calls_last.json")).next_cursor is None


def test_only_retells_own_word_proves_absence() -> None:
    assert API.read_deleted(answer("not_found.json", 404)) is Deletion.GONE
    assert API.read_deleted(answer("get_call.json")) is Deletion.PRESENT
    assert API.read_delete(Answer(204)) is Deletion.ASKED
    assert API.read_delete(answer("not_found.json", 404)) is Deletion.NOT_FOUND
    assert API.read_call(answer("not_found.json", 404)) is None
    for strange in (Answer(404, b"<html>not here</html>"), Answer(404), Answer(200, b"ok"), Answer(302), Answer(410)):
        with pytest.raises(AskFailed):
            API.read_deleted(strange)


@pytest.mark.parametrize(("status", "is_retryable"), [(400, False), (401, False), (429, True), (503, True)])
def test_a_refusal_is_no_answer(status: int, is_retryable: bool) -> None:
    for reader in (API.read_calls, API.read_call, API.read_agents, API.read_delete, API.read_deleted):
        with pytest.raises(AskFailed) as failed:
            reader(Answer(status, b"{}"))
        assert failed.value.is_retryable is is_retryable


@pytest.mark.parametrize("external_id", ["", ".", "..", "....", "x" * 201])
def test_an_id_cannot_walk_out_of_its_path(external_id: str) -> None:
    with pytest.raises(AskFailed):
        API.ask_call(CREDENTIALS, external_id)
    with pytest.raises(AskFailed):
        API.delete(CREDENTIALS, Target(Part.CALL, external_id))
    assert API.ask_call(CREDENTIALS, "../a?b#c d").path == "/v2/get-call/..%2Fa%3Fb%23c%20d"


def test_only_whole_calls_are_deleted_and_only_with_a_usable_key() -> None:
    with pytest.raises(AskFailed):
        API.delete(CREDENTIALS, Target(Part.RECORDING, CALL_ID))
    for secrets in ({}, {"api_key": "a\r\nX-Evil: 1"}, {"api_key": "key with space"}):
        with pytest.raises(AskFailed):
            API.authorise(Credentials(secrets=secrets))
    assert API.media_headers("https://api.retellai.com/a.wav", CREDENTIALS) == {}


def test_no_odd_value_of_any_answer_does_more_than_make_it_unreadable() -> None:
    at_agent = API.read_agents(answer("list_agents.json")).next_cursor
    at_engine = API.read_agents(answer("get_agent_llm.json"), at_agent).next_cursor
    readers: list[tuple[str, Callable[[Answer], object]]] = [
        ("get_call.json", API.read_call),
        ("list_calls.json", API.read_calls),
        ("list_agents.json", API.read_agents),
        ("get_agent_llm.json", lambda it: API.read_agents(it, at_agent)),
        ("get_llm.json", lambda it: API.read_agents(it, at_engine)),
        ("get_flow.json", lambda it: API.read_agents(it, at_engine)),
    ]
    for name, reader in readers:
        for _, body in each_field_odd(json.loads(read(name))):
            with contextlib.suppress(AskFailed):
                assert reader(Answer(200, json.dumps(body).encode()))


@ON_A_BUSY_MACHINE
@given(st.sampled_from(["list_calls.json", "get_call.json", "list_agents.json", "get_agent_llm.json"]), st.data())
def test_any_answer_is_read_or_refused(name: str, data: st.DataObject) -> None:
    body = json.dumps(data.draw(mutated(json.loads(read(name))))).encode()
    first = API.read_agents(answer("list_agents.json")).next_cursor
    for cursor in (None, first):
        with contextlib.suppress(AskFailed):
            API.read_agents(Answer(200, body), cursor)
    for reader in (API.read_calls, API.read_call, API.read_deleted):
        with contextlib.suppress(AskFailed):
            reader(Answer(200, body))
