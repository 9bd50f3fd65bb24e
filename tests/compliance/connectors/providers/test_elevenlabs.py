"""ElevenLabs' events and answers, checked by ElevenLabs' own package and as somebody hostile would send them."""

import base64
import contextlib
import dataclasses
import hashlib
import hmac
import json
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import time_machine
from elevenlabs import ElevenLabs as TheirClient
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import GetConversationResponseModel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.connectors import merging
from compliance.connectors.facts import Absence, CallFacts, CallStatus, Direction, Rank, RecordingFacts, UnknownEvent
from compliance.connectors.providers.base import Incoming, Unparseable
from compliance.connectors.providers.elevenlabs import ElevenLabs
from compliance.connectors.providers.questions import Answer, AskFailed, Credentials, Deletion, Part, Question, Target
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

ELEVENLABS = ElevenLabs()
API = ELEVENLABS.api
HOSTILE = sorted((PAYLOADS / "elevenlabs" / "hostile").iterdir())
EVENTS = sorted(path for path in (PAYLOADS / "elevenlabs").glob("*.json") if not path.name.startswith("api"))
SECRET = "wsec_test_eleven"  # an invented one
SIGNED = {
    "post_call_transcription.json": "757e21e0a248993e74f4f821b6b0182970764715855805101ff19a73e775f50d",
    "post_call_audio.json": "a82c5a5bd6e6e0c5f091a2b270856e91cc209986a72a4221ae5dec3d989dd29d",
}
CONVERSATION = "conv_01jzabc123"
AUDIO_URL = f"https://api.elevenlabs.io/v1/convai/conversations/{CONVERSATION}/audio"
CREDENTIALS = Credentials("workspace", {"api_key": "xi-key"})
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def call_of(name: str) -> CallFacts:
    (facts,) = ELEVENLABS.parse(read("elevenlabs", name))
    assert isinstance(facts, CallFacts)
    return facts


def answer(name: str, status: int = 200) -> Answer:
    return Answer(status, read("elevenlabs", name))


def header_of(body: bytes, at: datetime = NOW, secret: str = SECRET) -> str:
    seconds = int(at.timestamp())
    return f"t={seconds},v0={hmac.new(secret.encode(), f'{seconds}.'.encode() + body, hashlib.sha256).hexdigest()}"


def delivery(body: bytes, header: str) -> Incoming:
    return Incoming({"ElevenLabs-Signature": header}, body)


# --- what is read


def test_the_words_of_a_call_are_read_in_full() -> None:
    facts = call_of("post_call_transcription.json")
    assert (facts.external_id, facts.agent_id, facts.contact_id) == (
        CONVERSATION,
        "agent_01jzfrontdesk",
        "contact_2001",
    )
    assert (facts.rank, facts.status, facts.platform_status) == (Rank.ANALYSED, CallStatus.COMPLETED, "done")
    assert (facts.direction, facts.phone_number, facts.our_number) == (
        Direction.INBOUND,
        "+14155550132",
        "+14155550199",
    )
    assert facts.started_at == datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)
    assert facts.ended_at == datetime(2026, 3, 2, 17, 4, 37, tzinfo=UTC)
    assert (facts.duration_seconds, facts.language, facts.event_at) == (27, "en", NOW)
    assert (facts.consent, facts.ended_reason) == (None, "end_call tool was called")
    assert facts.summary == "Caller moved a cleaning appointment."
    assert json.loads(facts.metrics_json or "") == {"call_successful": "success"}
    assert [message.timestamp for message in facts.transcript] == [0, 7, 11, 15, 22]
    assert facts.transcript[3].content.endswith("maria.delgado@example.com.")
    assert facts.recordings == (RecordingFacts(AUDIO_URL, media_type="audio/mpeg", duration_seconds=27),)
    assert facts.recording_gone_at == facts.transcript_gone_at == datetime.fromtimestamp(1_835_543_050, UTC)
    assert ELEVENLABS.original_gone_on(facts, NOW) == ELEVENLABS.transcript_gone_on(facts, NOW) == date(2028, 3, 1)


def test_the_sound_comes_by_itself_inside_its_event() -> None:
    facts = call_of("post_call_audio.json")
    (recording,) = facts.recordings
    assert recording.content == b"\xff\xf3\x28\xc4" + bytes(140)
    assert (recording.url, recording.media_type, recording.size) == ("", "audio/mpeg", 144)
    assert (facts.external_id, facts.rank, facts.event_at) == (CONVERSATION, Rank.ANALYSED, NOW)


@pytest.mark.parametrize(
    "names", [("post_call_transcription", "post_call_audio"), ("post_call_audio", "post_call_transcription")]
)
def test_both_events_are_about_one_recording_in_any_order(names: tuple[str, str]) -> None:
    first, second = (call_of(f"{name}.json") for name in names)
    known = merging.merge(merging.merge(None, first), second)
    (recording,) = known.recordings
    assert (recording.media_type, recording.duration_seconds) == ("audio/mpeg", 27)
    assert len(known.transcript) == 5


@pytest.mark.parametrize(
    ("name", "rank", "status", "absence", "recordings"),
    [
        ("conversation_running", Rank.PARTIAL, CallStatus.IN_PROGRESS, None, 0),
        ("conversation_without_audio", Rank.ANALYSED, CallStatus.COMPLETED, Absence.ABSENT, 1),
        ("conversation_deleted_by_the_clock", Rank.ANALYSED, CallStatus.COMPLETED, Absence.DELETED, 1),
        ("conversation_keeps_audio", Rank.ANALYSED, CallStatus.COMPLETED, None, 1),
        ("conversation_voicemail", Rank.ANALYSED, CallStatus.VOICEMAIL, None, 1),
    ],
)
def test_each_state_is_told_apart(
    name: str, rank: Rank, status: CallStatus, absence: Absence | None, recordings: int
) -> None:
    facts = call_of(f"{name}.json")
    assert (facts.rank, facts.status, len(facts.recordings)) == (rank, status, recordings)
    assert [recording.absence for recording in facts.recordings] == [absence] * recordings


def test_the_platforms_own_deletions_are_told_with_their_times() -> None:
    gone, kept = call_of("conversation_deleted_by_the_clock.json"), call_of("conversation_keeps_audio.json")
    assert (gone.recording_gone_at, gone.transcript_gone_at) == (
        datetime.fromtimestamp(1_772_557_450, UTC),
        datetime.fromtimestamp(1_772_557_451, UTC),
    )
    assert (kept.recording_gone_at, kept.transcript_gone_at) == (None, datetime.fromtimestamp(1_835_543_050, UTC))
    assert ELEVENLABS.original_gone_on(kept, NOW) is None


def test_what_a_fuller_conversation_tells() -> None:
    facts = call_of("conversation_voicemail.json")
    assert (facts.agent_name, facts.agent_version, facts.batch_id) == ("Front desk", "agtvrsn_7", "btcal_1")
    assert facts.labels == ("tag_a", "tag_b")
    assert [message.content == "" for message in facts.transcript] == [False, True, False, False, False, False]


@pytest.mark.parametrize(
    ("name", "status", "reason", "sid"),
    [
        ("call_initiation_failure", CallStatus.BUSY, "busy", "CA" + "0f" * 16),
        ("post_call_initiation_failure_sip", CallStatus.FAILED, "unknown", "SCL_1"),
    ],
)
def test_a_call_that_never_began_is_complete_without_recording(
    name: str, status: CallStatus, reason: str, sid: str
) -> None:
    facts = call_of(f"{name}.json")
    assert (facts.rank, facts.status, facts.ended_reason) == (Rank.COMPLETED, status, reason)
    assert (facts.phone_number, facts.our_number, facts.call_sid) == ("+14155550132", "+14155550199", sid)
    assert facts.recordings == ()


def test_an_unknown_event_is_kept() -> None:
    assert ELEVENLABS.parse(read("elevenlabs", "unknown_event.json")) == (UnknownEvent("agent_updated"),)


def test_facts_do_not_print_the_person() -> None:
    printed = repr(call_of("post_call_transcription.json")) + repr(call_of("post_call_audio.json"))
    assert CONVERSATION in printed
    assert not [word for word in ("Maria", "4155550132", "cleaning", "/audio", "\\xff\\xf3") if word in printed]


# --- signatures


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_the_shared_samples_verify_and_withstand_the_matrix(name: str) -> None:
    incoming = delivery(read("elevenlabs", name), f"t=1772471200,v0={SIGNED[name]}")
    assert common_refusals(ELEVENLABS, incoming, SECRET) == EXPECTED


@pytest.mark.parametrize(
    ("apart", "code"),
    [
        (timedelta(minutes=30), None),
        (timedelta(minutes=30, seconds=1), "too_old"),
        (timedelta(minutes=-30), None),
        (timedelta(minutes=-30, seconds=-1), "from_the_future"),
    ],
)
def test_half_an_hour_either_way(apart: timedelta, code: str | None) -> None:
    body = read("elevenlabs", "post_call_transcription.json")
    assert refusal_of(ELEVENLABS, delivery(body, header_of(body)), SECRET, now=NOW + apart) == code


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("t=1772471200", "malformed_signature"),
        ("v0=00", "malformed_signature"),
        ("nonsense", "malformed_signature"),
        ("t=1772471200,t=1772471200,v0=00", "malformed_signature"),
        ("t=1772471200" + ",v0=00" * 11, "malformed_signature"),
        ("t=1.772e9,v0=00", "bad_timestamp"),
        ("t=-1,v0=00", "bad_timestamp"),
        ("t=١٧٧٢٤٧١٢٠٠,v0=00", "bad_timestamp"),
        ("t=,v0=00", "bad_timestamp"),
        ("t=1772471200,v0=\udcff", "bad_signature"),
        ("t=1772471200,v1=00,v0=00", "bad_signature"),
        ("", "no_signature"),
    ],
)
def test_broken_headers_are_refused(header: str, code: str) -> None:
    assert refusal_of(ELEVENLABS, delivery(b"{}", header), SECRET) == code


def test_one_good_signature_among_several_is_enough_and_moved_bytes_are_refused() -> None:
    body = read("elevenlabs", "post_call_transcription.json")
    assert refusal_of(ELEVENLABS, delivery(body, f"{header_of(body)},v0=00"), SECRET) is None
    for other in moved(body):
        assert refusal_of(ELEVENLABS, delivery(other, header_of(body)), SECRET) == "bad_signature"


def test_the_time_is_signed_too() -> None:
    body = read("elevenlabs", "post_call_transcription.json")
    header = header_of(body).replace("t=1772471200", "t=1772471201")
    assert refusal_of(ELEVENLABS, delivery(body, header), SECRET) == "bad_signature"


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_elevenlabs_own_package_accepts_what_we_accept_and_refuses_what_was_moved(path: Path) -> None:
    body = path.read_bytes()
    webhooks = TheirClient(api_key="x").webhooks
    with time_machine.travel(NOW, tick=False):
        event = webhooks.construct_event(body.decode(), header_of(body), SECRET)
        assert event["type"] == json.loads(body)["type"]
        assert refusal_of(ELEVENLABS, delivery(body, header_of(body)), SECRET) is None
        for changed, header, secret in (
            (body + b" ", header_of(body), SECRET),
            (body, header_of(body), "wsec_other"),
            (body, header_of(body, NOW - timedelta(minutes=31)), SECRET),
        ):
            with pytest.raises(ApiError):
                webhooks.construct_event(changed.decode(), header, secret)
            assert refusal_of(ELEVENLABS, delivery(changed, header), secret) is not None


# --- hostile bodies


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_bodies_are_unparseable_with_the_code_in_their_name(path: Path) -> None:
    with pytest.raises(Unparseable) as refusal:
        ELEVENLABS.parse(path.read_bytes())
    assert refusal.value.code == path.name.partition(".")[0]
    key = ELEVENLABS.delivery_key(Incoming({}, path.read_bytes()))
    assert key.startswith("elevenlabs:")
    assert key.isprintable()
    assert len(key) < 512


def test_the_same_delivery_has_the_same_key_and_another_has_not() -> None:
    body = read("elevenlabs", "post_call_audio.json")
    key = ELEVENLABS.delivery_key(Incoming({}, body))
    assert (
        key == ELEVENLABS.delivery_key(Incoming({"x": "y"}, body)) != ELEVENLABS.delivery_key(Incoming({}, body + b" "))
    )
    assert key.startswith(f"elevenlabs:post_call_audio:{CONVERSATION}:")


def test_an_empty_sound_says_that_there_is_none() -> None:
    body = b'{"type": "post_call_audio", "data": {"conversation_id": "c", "full_audio": ""}}'
    (facts,) = ELEVENLABS.parse(body)
    assert isinstance(facts, CallFacts)
    assert facts.recordings == (RecordingFacts("", absence=Absence.ABSENT),)


def test_a_long_body_without_sound_is_refused_unread() -> None:
    body = json.dumps({"type": "x", "data": {}, "filler": "a" * 5_000_000}).encode()
    for long in (body, body[:-1] + b', "full_audio": "AAAA"}'):
        with pytest.raises(Unparseable) as refusal:
            ELEVENLABS.parse(long)
        assert refusal.value.code == "too_long"


def test_tens_of_megabytes_of_sound_are_held_once_beside_the_body() -> None:
    sound = bytes(range(256)) * 60_000  # 15 MB
    body = json.dumps(
        {"type": "post_call_audio", "data": {"conversation_id": "c", "full_audio": base64.b64encode(sound).decode()}}
    ).encode()
    tracemalloc.start()
    key = ELEVENLABS.delivery_key(Incoming({}, body))
    _, peak_of_key = tracemalloc.get_traced_memory()
    assert refusal_of(ELEVENLABS, delivery(body, "t=1772471200,v0=00"), SECRET) == "bad_signature"
    (facts,) = ELEVENLABS.parse(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(facts, CallFacts)
    assert facts.recordings[0].content == sound
    assert key.startswith("elevenlabs:post_call_audio:c:")
    assert peak_of_key < 1_000_000
    assert peak < len(sound) + 5_000_000


@BUSY
@given(sound=st.binary(max_size=300), words=st.text(max_size=20), position=st.sampled_from(["before", "after"]))
def test_cutting_the_sound_out_changes_nothing_else(sound: bytes, words: str, position: str) -> None:
    audio = {"full_audio": base64.b64encode(sound).decode()}
    told = {"conversation_id": "c", "agent_id": "a" + words.encode().hex(), "x": f'"full_audio": "{words}"'}
    data = {**audio, **told} if position == "before" else {**told, **audio}
    (facts,) = ELEVENLABS.parse(json.dumps({"type": "post_call_audio", "data": data}).encode())
    assert isinstance(facts, CallFacts)
    assert facts.agent_id == told["agent_id"]
    assert (facts.recordings[0].content or b"") == sound


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, part in inner for place in ((*path, key), *_places(part, (*path, key)))]


PLACES = {path.name: _places(json.loads(path.read_bytes())) for path in EVENTS}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON: st.SearchStrategy[Any] = SCALARS | st.builds(list) | st.builds(dict) | st.builds(lambda: ["x"])


@BUSY
@given(st.data())
def test_mutated_samples_are_parsed_or_unparseable(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(PLACES)))
    body = read_json("elevenlabs", name)
    for _ in range(data.draw(st.integers(1, 3))):
        place, value, inner = data.draw(st.sampled_from(PLACES[name])), data.draw(JSON), body
        with contextlib.suppress(KeyError, TypeError, IndexError):
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
    with contextlib.suppress(Unparseable):
        for facts in ELEVENLABS.parse(json.dumps(body).encode()):
            assert "\x00" not in json.dumps(dataclasses.asdict(facts), default=str, ensure_ascii=False)
    with contextlib.suppress(AskFailed):
        API.read_call(Answer(200, json.dumps(body.get("data")).encode()))


@BUSY
@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_unparseable(body: bytes) -> None:
    for raw in (body, b'{"type":"post_call_audio","data":{"full_audio":"' + body + b'"}}'):
        with contextlib.suppress(Unparseable):
            assert ELEVENLABS.parse(raw)
        assert ELEVENLABS.delivery_key(Incoming({}, raw))


# --- asking


def theirs(*answers: tuple[int, bytes]) -> tuple[TheirClient, list[httpx.Request]]:
    asked: list[httpx.Request] = []
    waiting = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        status, body = waiting.pop(0)
        return httpx.Response(status, content=body, headers={"Content-Type": "application/json"})

    return TheirClient(api_key="xi-key", httpx_client=httpx.Client(transport=httpx.MockTransport(handle))), asked


def seen(request: httpx.Request) -> tuple[str, str, dict[str, str], str | None]:
    parts = urlsplit(str(request.url))
    base = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return request.method, base, dict(parse_qsl(parts.query)), request.headers.get("xi-api-key")


def ours(question: Question) -> tuple[str, str, dict[str, str], str | None]:
    key = API.authorise(CREDENTIALS)["xi-api-key"]
    return question.method, API.base_url + question.path, dict(question.query), key


def test_their_own_client_asks_for_calls_as_we_do_and_reads_the_same() -> None:
    body = read_json("elevenlabs", "api_conversations.json")
    body["conversations"] = body["conversations"][:2]
    text = json.dumps(body).encode()
    client, asked = theirs((200, text), (200, text))
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
    window = {
        "call_start_after_unix": int(since.timestamp()) - 1,
        "call_start_before_unix": int(until.timestamp()) + 1,
        "page_size": 100,
    }
    found = client.conversational_ai.conversations.list(**window)
    client.conversational_ai.conversations.list(cursor=found.next_cursor, **window)
    page = API.read_calls(Answer(200, text))
    assert [seen(request) for request in asked] == [
        ours(API.list_calls(CREDENTIALS, since, until)),
        ours(API.list_calls(CREDENTIALS, since, until, page.next_cursor)),
    ]
    assert [call.external_id for call in page.calls] == [item.conversation_id for item in found.conversations]
    assert page.next_cursor == found.next_cursor == "cur_2"


def test_a_page_is_a_summary_and_says_so() -> None:
    page = API.read_calls(answer("api_conversations.json"))
    done, running = page.calls
    assert (done.rank, done.status, done.notes, done.recordings) == (
        Rank.POLLED,
        CallStatus.COMPLETED,
        ("listed_only",),
        (),
    )
    assert (running.rank, running.status, page.unreadable) == (Rank.PARTIAL, CallStatus.IN_PROGRESS, 1)


def test_their_own_client_asks_for_one_deletes_and_fetches_sound_as_we_do() -> None:
    text = read("elevenlabs", "api_conversation.json")
    client, asked = theirs((200, text), (200, b"{}"), (404, read("elevenlabs", "api_not_found.json")), (200, b"ID3"))
    conversations = client.conversational_ai.conversations
    told = conversations.get(CONVERSATION)
    conversations.delete(CONVERSATION)
    with pytest.raises(ApiError):
        conversations.get(CONVERSATION)
    assert b"".join(conversations.audio.get(CONVERSATION)) == b"ID3"
    target = Target(Part.CALL, CONVERSATION)
    questions = (
        API.ask_call(CREDENTIALS, CONVERSATION),
        API.delete(CREDENTIALS, target),
        API.ask_deleted(CREDENTIALS, target),
    )
    assert [seen(request) for request in asked[:3]] == [ours(question) for question in questions]
    facts = API.read_call(Answer(200, text))
    assert facts is not None
    assert str(asked[3].url) == facts.recordings[0].url
    assert asked[3].headers["xi-api-key"] == API.media_headers(facts.recordings[0].url, CREDENTIALS)["xi-api-key"]
    assert (facts.rank, facts.external_id) == (Rank.POLLED, told.conversation_id)
    assert [message.content for message in facts.transcript] == [turn.message for turn in told.transcript]


def test_their_model_reads_our_sample() -> None:
    told = GetConversationResponseModel.model_validate(read_json("elevenlabs", "api_conversation.json"))
    assert told.metadata.deletion_settings is not None
    facts = call_of("post_call_transcription.json")
    assert facts.recording_gone_at == datetime.fromtimestamp(
        told.metadata.deletion_settings.deletion_time_unix_secs or 0, UTC
    )


def test_agents_are_listed_and_then_asked_for_one_by_one_as_their_client_does() -> None:
    pages, agent = read("elevenlabs", "api_agents.json"), read("elevenlabs", "api_agent.json")
    listed = json.dumps({**json.loads(pages), "agents": json.loads(pages)["agents"][:2]}).encode()
    client, asked = theirs((200, listed), (200, agent), (200, agent), (200, listed))
    agents = client.conversational_ai.agents
    agents.list(page_size=30)
    told = agents.get("agent_01jzfrontdesk")
    agents.get("agent_02")
    agents.list(page_size=30, cursor="cur_a")
    first = API.list_agents(CREDENTIALS)
    page = API.read_agents(answer("api_agents.json"))
    assert (page.agents, page.unreadable) == ((), 1)
    second = API.list_agents(CREDENTIALS, page.next_cursor)
    one = API.read_agents(answer("api_agent.json"), page.next_cursor)
    third = API.list_agents(CREDENTIALS, one.next_cursor)
    gone = API.read_agents(answer("api_not_found.json", 404), one.next_cursor)
    fourth = API.list_agents(CREDENTIALS, gone.next_cursor)
    assert [seen(request) for request in asked] == [ours(question) for question in (first, second, third, fourth)]
    (facts,) = one.agents
    assert (facts.external_id, facts.name, facts.version) == ("agent_01jzfrontdesk", told.name, "agtvrsn_7")
    assert facts.prompt.split("\n\n") == [
        "Hello, this call is recorded.",
        "You are the front desk of Harbor Dental.",
        "Guten Tag, dieses Gespräch wird aufgezeichnet.",
        "Guten Tag.",
    ]
    assert facts.languages == ("en", "de")
    assert facts.changed_at == datetime.fromtimestamp(1_772_400_000, UTC)
    last = json.dumps({**json.loads(pages), "agents": [], "has_more": False}).encode()
    assert API.read_agents(Answer(200, last), gone.next_cursor).next_cursor is None


@pytest.mark.parametrize("cursor", ["x", "{}", "[]", "[1]", '["", 2]', "7"])
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(AskFailed) as failed:
        API.list_agents(CREDENTIALS, cursor)
    assert failed.value.code == "bad_cursor"


@pytest.mark.parametrize(
    ("name", "status", "ordered", "proven"),
    [
        ("api_conversation.json", 200, Deletion.ASKED, Deletion.PRESENT),
        ("api_not_found.json", 404, Deletion.NOT_FOUND, Deletion.GONE),
        ("hostile/not_json.empty.json", 404, "bad_answer", "bad_answer"),
        ("api_conversation.json", 403, "denied", "denied"),
        ("api_conversation.json", 429, "rate_limited", "rate_limited"),
    ],
)
def test_only_their_own_404_is_proof(name: str, status: int, ordered: str, proven: str) -> None:
    def outcome(read_it: Any) -> str:
        try:
            return str(read_it(answer(name, status)))
        except AskFailed as failed:
            return failed.code

    assert (outcome(API.read_delete), outcome(API.read_deleted)) == (ordered, proven)


@pytest.mark.parametrize(
    ("url", "is_given"),
    [
        (AUDIO_URL, True),
        (AUDIO_URL.replace("api.", "api.eu.residency."), True),
        (AUDIO_URL.replace("https", "http"), False),
        (AUDIO_URL.replace("api.elevenlabs.io", "api.elevenlabs.io.evil.example"), False),
        (AUDIO_URL.replace("api.elevenlabs.io", "x@api.elevenlabs.io"), False),
        ("https://api.elevenlabs.io/v1/voices", False),
        ("https://[", False),
    ],
)
def test_the_key_is_shown_to_elevenlabs_alone(url: str, is_given: bool) -> None:
    assert bool(API.media_headers(url, CREDENTIALS)) is is_given


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: API.authorise(Credentials()), "no_credentials"),
        (lambda: API.authorise(Credentials("", {"api_key": "a\nb"})), "bad_credentials"),
        (lambda: API.ask_call(CREDENTIALS, ".."), "bad_id"),
        (lambda: API.delete(CREDENTIALS, Target(Part.RECORDING, "x")), "unknown_part"),
    ],
)
def test_what_cannot_be_asked_is_said(make: Any, code: str) -> None:
    with pytest.raises(AskFailed) as failed:
        make()
    assert failed.value.code == code


def test_an_id_never_walks_out_of_its_path() -> None:
    assert API.ask_call(CREDENTIALS, "../agents?x#y").path == "/v1/convai/conversations/..%2Fagents%3Fx%23y"
