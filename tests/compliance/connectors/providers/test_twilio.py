"""Twilio's callbacks and answers, signed by Twilio's own package and as somebody hostile would send them."""

import base64
import contextlib
import dataclasses
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import HttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator, get_signature_algorithm
from twilio.rest import Client

from compliance.connectors import merging
from compliance.connectors.facts import (
    Absence,
    CallFacts,
    CallStatus,
    Direction,
    Rank,
    RecordingCipher,
    RecordingFacts,
    RecordingKind,
    UnknownEvent,
)
from compliance.connectors.providers.base import Incoming, Unparseable
from compliance.connectors.providers.questions import Answer, AskFailed, Credentials, Deletion, Part, Question, Target
from compliance.connectors.providers.twilio import Twilio
from tests.compliance.connectors.providers.matrix import (
    EXPECTED,
    NOW,
    PAYLOADS,
    common_refusals,
    moved,
    read,
    refusal_of,
)

TWILIO = Twilio()
API = TWILIO.api
HOSTILE = sorted((PAYLOADS / "twilio" / "hostile").iterdir())
CALLBACKS = sorted((PAYLOADS / "twilio").glob("*.form"))
URL = "https://intake.governance.example/hooks/twilio"
SECRET = "test_twilio_auth_token"  # an invented one
SIGNED = {
    "recording_completed.form": "fPy0CHi4HiNyRv1yisBZmwM/pmA=",
    "recording_absent.form": "lbVztBM27NVytuLx0NUbh8GHOq0=",
}
AC = "AC" + "0" * 31 + "1"
CA, RE, GT = "CA" + "0f" * 16, "RE" + "1a" * 16, "GT" + "5e" * 16
CREDENTIALS = Credentials(AC, {"auth_token": "a-token"})
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def call_of(name: str) -> CallFacts:
    (facts,) = TWILIO.parse(read("twilio", name))
    assert isinstance(facts, CallFacts)
    return facts


def recording_of(name: str) -> RecordingFacts:
    (recording,) = call_of(name).recordings
    return recording


def answer(name: str, status: int = 200) -> Answer:
    return Answer(status, read("twilio", name))


def delivery(body: bytes, signature: str, url: str = URL, **headers: str) -> Incoming:
    kinds = {"Content-Type": "application/x-www-form-urlencoded"}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming({**kinds, "X-Twilio-Signature": signature, **names}, body, url=url)


def signed(body: bytes, url: str = URL, algorithm: str | None = None) -> str:
    """By Twilio's own package."""
    return str(RequestValidator(SECRET).compute_signature(url, dict(parse_qsl(body.decode(), True)), algorithm))


# --- what is read


def test_a_completed_recording_is_read_in_full() -> None:
    facts, recording = call_of("recording_conference.form"), recording_of("recording_encrypted.form")
    assert (facts.external_id, facts.call_sid, facts.rank) == (CA, CA, Rank.COMPLETED)
    assert facts.started_at == datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)
    assert facts.ended_at == datetime(2026, 3, 2, 17, 4, 37, tzinfo=UTC)
    assert (facts.notes, facts.event_at, facts.duration_seconds) == (("times_of_the_recording",), None, None)
    assert (recording.external_id, recording.kind, recording.duration_seconds) == (RE, RecordingKind.STEREO, 27)
    assert recording.cipher == RecordingCipher("CR" + "2b" * 16, "b" * 343 + "=", "WLY3ND199gE4kR2q")


@pytest.mark.parametrize(
    ("name", "kind", "absence", "url", "notes"),
    [
        # The shared sample's host is invented, so its address stays as it is; without an ending it answers WAV too.
        (
            "recording_completed",
            "stereo",
            None,
            f"https://api.twilio.example/2010-04-01/Accounts/{AC}/Recordings/{RE}",
            (),
        ),
        ("recording_absent", "stereo", Absence.ABSENT, "", ("recording_too_short",)),
        ("recording_failed", "stereo", Absence.FAILED, "", ()),
        (
            "recording_of_one_side",
            "caller",
            None,
            f"https://api.twilio.com/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav",
            (),
        ),
        (
            "recording_conference",
            "stereo",
            None,
            f"https://api.twilio.com/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav?RequestedChannels=2",
            (),
        ),
        (
            "recording_in_own_storage",
            "stereo",
            None,
            f"https://recordings-of-harbor.s3.eu-west-1.amazonaws.com/{AC}/{RE}",
            (),
        ),
    ],
)
def test_each_recording_is_told_apart(
    name: str, kind: str, absence: Absence | None, url: str, notes: tuple[str, ...]
) -> None:
    recording = recording_of(f"{name}.form")
    assert (recording.kind, recording.absence, recording.url) == (kind, absence, url)
    assert set(notes) <= set(call_of(f"{name}.form").notes)


def test_a_running_recording_announces_nothing_to_fetch() -> None:
    facts = call_of("recording_in_progress.form")
    assert (facts.rank, facts.recordings, facts.ended_at) == (Rank.PARTIAL, (), None)


@pytest.mark.parametrize(
    ("name", "rank", "status", "direction", "theirs", "ours"),
    [
        ("call_completed", Rank.COMPLETED, CallStatus.COMPLETED, Direction.INBOUND, "+14155550132", "+14155550199"),
        ("call_ringing", Rank.PARTIAL, CallStatus.IN_PROGRESS, Direction.INBOUND, "+14155550132", "+14155550199"),
        ("call_outbound_busy", Rank.COMPLETED, CallStatus.BUSY, Direction.OUTBOUND, "+14155550132", "+14155550199"),
    ],
)
def test_a_calls_own_callback_brings_the_numbers(
    name: str, rank: Rank, status: CallStatus, direction: Direction, theirs: str, ours: str
) -> None:
    facts = call_of(f"{name}.form")
    assert (facts.rank, facts.status, facts.direction) == (rank, status, direction)
    assert (facts.phone_number, facts.our_number, facts.event_at is not None) == (theirs, ours, True)


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("transcription.form", UnknownEvent("transcription", CA)),
        ("intelligence.json", UnknownEvent("voice_intelligence_transcript_available", GT)),
    ],
)
def test_other_callbacks_are_kept(name: str, event: UnknownEvent) -> None:
    assert TWILIO.parse(read("twilio", name)) == (event,)


def test_the_calls_own_times_hold_over_those_of_its_recordings_in_any_order() -> None:
    told = [call_of(f"{name}.form") for name in ("call_ringing", "recording_in_progress", "recording_conference")]
    told += [call_of("call_completed.form"), *API.read_calls(answer("api_recordings.json")).calls[:1]]
    asked = API.read_call(answer("api_call.json"))
    assert asked is not None
    states = set()
    for start in range(6):
        known = None
        for facts in [*told, asked][start:] + [*told, asked][:start]:
            known = merging.merge(known, facts)
        assert known is not None
        (recording,) = known.recordings
        states.add((known.started_at, known.ended_at, known.duration_seconds, known.status, recording.external_id))
    assert states == {(asked.started_at, asked.ended_at, 29, CallStatus.COMPLETED, RE)}


def test_facts_do_not_print_the_person() -> None:
    printed = repr(call_of("call_completed.form")) + repr(call_of("recording_encrypted.form"))
    assert CA in printed
    assert not [word for word in ("4155550132", "api.twilio.com", "WLY3ND199gE4kR2q") if word in printed]


# --- signatures


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_the_shared_samples_verify(name: str) -> None:
    assert refusal_of(TWILIO, delivery(read("twilio", name), SIGNED[name]), SECRET) is None


def test_the_signature_withstands_the_matrix() -> None:
    incoming = delivery(read("twilio", "recording_completed.form"), SIGNED["recording_completed.form"])
    assert common_refusals(TWILIO, incoming, SECRET) == EXPECTED


def test_moved_bytes_are_refused() -> None:
    signature = SIGNED["recording_completed.form"]
    for body in moved(read("twilio", "recording_completed.form")):
        assert refusal_of(TWILIO, delivery(body, signature), SECRET) == "bad_signature"


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/hooks/twilio",
        f"{URL}/",
        f"{URL}?x=1",
        "http://intake.governance.example/hooks/twilio",
        "",
        ":",
    ],
)
def test_another_address_is_refused(url: str) -> None:
    name = "recording_completed.form"
    assert refusal_of(TWILIO, delivery(read("twilio", name), SIGNED[name], url), SECRET) == "bad_signature"


@pytest.mark.parametrize("path", CALLBACKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("algorithm", [None, "HMAC_SHA256"])
def test_twilios_own_package_signs_what_we_accept(path: Path, algorithm: str | None) -> None:
    body = path.read_bytes()
    for url in (
        URL,
        f"{URL}?a=b%20c&a=d",
        "https://intake.governance.example:8443/x",
        "https://intake.governance.example:443/x",
    ):
        signature = signed(body, url, algorithm)
        setting = {"X_Twilio_Webhooks_Signature_Settings": f"key=webhooks_sharedkey_1,algorithm={algorithm}"}
        incoming = delivery(body, signature, url, **(setting if algorithm else {}))
        assert refusal_of(TWILIO, incoming, SECRET) is None
        assert get_signature_algorithm(incoming.header("X-Twilio-Webhooks-Signature-Settings")) == (
            algorithm or "HMAC_SHA1"
        )
        assert refusal_of(TWILIO, delivery(body, signature, url + "x"), SECRET) == "bad_signature"


@BUSY
@given(
    form=st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=12), max_size=6),
    port=st.sampled_from(["", ":443", ":8443"]),
    tamper=st.sampled_from([b"", b"&x=y", b"y"]),
)
def test_whatever_twilio_signs_is_accepted_and_both_refuse_what_was_added(
    form: dict[str, str], port: str, tamper: bytes
) -> None:
    url = f"https://intake.governance.example{port}/hooks?q=1"
    signature = str(RequestValidator(SECRET).compute_signature(url, form))
    body = urlencode(form).encode() + tamper
    seen = dict(parse_qsl(body.decode(), keep_blank_values=True))
    theirs = RequestValidator(SECRET).validate(url, seen, signature)
    ours = refusal_of(TWILIO, delivery(body, signature, url), SECRET) is None
    assert ours == theirs == (not tamper)


@pytest.mark.parametrize("signed_with_port", [True, False])
def test_the_port_of_the_scheme_may_be_signed_or_not(signed_with_port: bool) -> None:
    body = read("twilio", "recording_completed.form")
    with_port = URL.replace(".example/", ".example:443/")
    signature, seen = (signed(body, with_port), URL) if signed_with_port else (signed(body), with_port)
    assert refusal_of(TWILIO, delivery(body, signature, seen), SECRET) is None


def test_json_is_bound_by_its_hash_in_the_signed_address() -> None:
    body = read("twilio", "intelligence.json")
    url = f"{URL}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = str(RequestValidator(SECRET).compute_signature(url, {}))
    kind = {"Content_Type": "application/json"}
    assert RequestValidator(SECRET).validate(url, body.decode(), signature)
    assert refusal_of(TWILIO, delivery(body, signature, url, **kind), SECRET) is None
    assert refusal_of(TWILIO, delivery(body + b" ", signature, url, **kind), SECRET) == "bad_signature"
    assert refusal_of(TWILIO, delivery(body, signed(b""), URL, **kind), SECRET) == "bad_signature"
    twice = f"{url}&bodySHA256={hashlib.sha256(b'').hexdigest()}"
    again = str(RequestValidator(SECRET).compute_signature(twice, {}))
    assert refusal_of(TWILIO, delivery(body, again, twice, **kind), SECRET) == "bad_signature"


@pytest.mark.parametrize("setting", ["algorithm=HMAC_MD5", "algorithm=", "algorithm=HMAC_SHA1,algorithm=HMAC_SHA256"])
def test_an_unknown_algorithm_is_refused(setting: str) -> None:
    body = read("twilio", "recording_completed.form")
    incoming = delivery(body, signed(body), X_Twilio_Webhooks_Signature_Settings=setting)
    assert refusal_of(TWILIO, incoming, SECRET) == "unknown_algorithm"


# --- hostile bodies


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_bodies_are_unparseable_with_the_code_in_their_name(path: Path) -> None:
    with pytest.raises(Unparseable) as refusal:
        TWILIO.parse(path.read_bytes())
    assert refusal.value.code == path.name.partition(".")[0]
    key = TWILIO.delivery_key(Incoming({}, path.read_bytes()))
    assert key.startswith("twilio:")
    assert key.isprintable()
    assert len(key) < 512


def test_the_same_delivery_has_the_same_key_and_another_has_not() -> None:
    body = read("twilio", "recording_completed.form")
    first, again = TWILIO.delivery_key(Incoming({}, body)), TWILIO.delivery_key(Incoming({"a": "b"}, body))
    assert first == again != TWILIO.delivery_key(Incoming({}, body + b"&x=1"))
    assert first.startswith(f"twilio:recording.completed:{RE}:")


def test_an_error_never_quotes_the_delivery() -> None:
    with pytest.raises(Unparseable) as refusal:
        TWILIO.parse(b"AccountSid=AC1&CallSid=CA1&CallStatus=completed&From=%2B1415%0A5550132")
    assert str(refusal.value) == "control_character at From"


@BUSY
@given(
    name=st.sampled_from(CALLBACKS),
    changes=st.dictionaries(
        st.sampled_from(sorted({key for path in CALLBACKS for key, _ in parse_qsl(path.read_text())})),
        st.none() | st.text(max_size=30) | st.integers().map(str),
        max_size=4,
    ),
    cut=st.integers(0, 2_000),
    junk=st.binary(max_size=10),
)
def test_mutated_samples_are_parsed_or_unparseable(
    name: Path, changes: dict[str, str | None], cut: int, junk: bytes
) -> None:
    form = {**dict(parse_qsl(name.read_text())), **changes}
    whole = urlencode({key: value for key, value in form.items() if value is not None}).encode()
    for body in (whole, whole[:cut] + junk + whole[cut:], junk):
        with contextlib.suppress(Unparseable):
            for facts in TWILIO.parse(body):
                kept = json.dumps(dataclasses.asdict(facts), default=str, ensure_ascii=False)
                assert "\x00" not in kept.encode().decode()
        assert TWILIO.delivery_key(Incoming({}, body))
        assert refusal_of(TWILIO, delivery(body, "x"), SECRET) == "bad_signature"


# --- asking


class Recorded(HttpClient):  # type: ignore[misc]
    """Twilio's client with a wire that only writes down."""

    def __init__(self, answers: list[tuple[int, str]]) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self._answers = answers

    def request(  # type: ignore[no-untyped-def]
        self, method, uri, params=None, data=None, headers=None, auth=None, timeout=None, allow_redirects=False
    ):
        parts = urlsplit(uri)
        query = {**dict(parse_qsl(parts.query)), **{key: str(value) for key, value in (params or {}).items()}}
        self.asked.append((method, f"{parts.scheme}://{parts.netloc}{parts.path}", query, auth))
        status, text = self._answers.pop(0)
        return Response(status, text)


def theirs(*answers: tuple[int, str]) -> tuple[Client, Recorded]:
    wire = Recorded(list(answers))
    return Client(AC, "a-token", http_client=wire), wire


def ours(question: Question) -> tuple[str, str, dict[str, str], tuple[str, str]]:
    """The question as it goes out: method, address, query, and whom the Authorization header names."""
    base_url = f"https://{question.host}" if question.host else API.base_url
    scheme, _, pair = API.authorise(CREDENTIALS)["Authorization"].partition(" ")
    assert scheme == "Basic"
    user, _, password = base64.b64decode(pair).decode().partition(":")
    return question.method, base_url + question.path, dict(question.query), (user, password)


def test_twilios_own_client_asks_for_the_list_as_we_do_and_reads_the_answer_as_we_do() -> None:
    body = json.loads(read("twilio", "api_recordings.json"))
    body["recordings"] = body["recordings"][:3]
    client, wire = theirs((200, json.dumps(body)), (200, json.dumps({**body, "next_page_uri": None})))
    found = client.recordings.list(date_created_after="2026-03-01", date_created_before="2026-03-04", page_size=200)
    first = API.list_calls(CREDENTIALS, datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 3, 9, tzinfo=UTC))
    page = API.read_calls(Answer(200, json.dumps(body).encode()))
    second = API.list_calls(CREDENTIALS, NOW, NOW, page.next_cursor)
    assert wire.asked == [ours(first), ours(second)]
    assert [(call.call_sid, call.recordings[0].external_id) for call in page.calls] == [
        (instance.call_sid, instance.sid) for instance in found[:3]
    ]


def test_the_whole_days_around_the_window_are_asked_for() -> None:
    question = API.list_calls(CREDENTIALS, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    assert dict(question.query) == {"DateCreated>": "2026-03-01", "DateCreated<": "2026-03-04", "PageSize": "200"}


def test_twilios_own_client_asks_for_one_deletes_and_proves_as_we_do() -> None:
    text = read("twilio", "api_recording_deleted.json").decode()
    client, wire = theirs((200, text), (200, text), (200, text), (204, ""), (200, "{}"), (204, ""))
    client.calls(CA).fetch()
    client.recordings(RE).fetch()
    client.recordings(RE).fetch(include_soft_deleted=True)
    client.recordings(RE).delete()
    client.intelligence.v2.transcripts(GT).fetch()
    client.intelligence.v2.transcripts(GT).delete()
    recording, transcript = Target(Part.RECORDING, RE), Target(Part.TRANSCRIPT, GT)
    assert wire.asked == [
        ours(question)
        for question in (
            API.ask_call(CREDENTIALS, CA),
            API.ask_call(CREDENTIALS, RE),
            API.ask_deleted(CREDENTIALS, recording),
            API.delete(CREDENTIALS, recording),
            API.ask_deleted(CREDENTIALS, transcript),
            API.delete(CREDENTIALS, transcript),
        )
    ]


def test_every_host_that_is_asked_is_on_the_list() -> None:
    assert API.ask_deleted(CREDENTIALS, Target(Part.TRANSCRIPT, GT)).host in API.hosts
    assert urlsplit(API.base_url).netloc in API.hosts


def test_a_page_is_read_with_its_links_its_absences_and_its_losses() -> None:
    page = API.read_calls(answer("api_recordings.json"))
    stereo, encrypted, deleted = (call.recordings[0] for call in page.calls)
    assert page.unreadable == 1
    assert {call.rank for call in page.calls} == {Rank.POLLED}
    assert stereo.url == f"https://api.twilio.com/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav"
    assert (encrypted.kind, encrypted.url[-4:]) == (RecordingKind.MONO, ".wav")
    assert encrypted.cipher == RecordingCipher("CR" + "2b" * 16, "b" * 343 + "=", "WLY3ND199gE4kR2q")
    assert (deleted.absence, deleted.url) == (Absence.DELETED, "")


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/2010-04-01/Accounts/AC1/Recordings.json?Page=1",
        "//evil.example/x?Page=1",
        f"/2010-04-01/Accounts/{AC}/Calls.json?Page=1",
        f"/2010-04-01/Accounts/{AC}/Recordings.json",
        7,
        "x" * 5_000,
    ],
)
def test_a_next_page_elsewhere_is_not_followed(uri: object) -> None:
    body = json.dumps({"recordings": [], "next_page_uri": uri}).encode()
    with pytest.raises(AskFailed) as failed:
        API.read_calls(Answer(200, body))
    assert failed.value.code == "bad_answer"


def test_a_call_is_read_with_its_numbers() -> None:
    facts = API.read_call(answer("api_call.json"))
    assert facts is not None
    assert (facts.phone_number, facts.our_number, facts.direction) == (
        "+14155550132",
        "+14155550199",
        Direction.OUTBOUND,
    )
    assert (facts.duration_seconds, facts.rank, facts.status) == (29, Rank.POLLED, CallStatus.COMPLETED)
    assert API.read_call(answer("api_not_found.json", 404)) is None


@pytest.mark.parametrize(
    ("name", "status", "ordered", "proven"),
    [
        ("api_recording.json", 200, Deletion.ASKED, Deletion.PRESENT),
        ("api_recording_deleted.json", 200, Deletion.ASKED, Deletion.GONE),
        ("api_not_found.json", 404, Deletion.NOT_FOUND, "unknown_recording"),
        ("api_transcript_not_found.json", 404, Deletion.NOT_FOUND, Deletion.GONE),
        ("hostile/not_a_form.html.form", 404, "bad_answer", "bad_answer"),
        ("api_recording.json", 401, "denied", "denied"),
        ("api_recording.json", 500, "platform_unavailable", "platform_unavailable"),
    ],
)
def test_only_what_twilio_shows_as_deleted_is_proven(name: str, status: int, ordered: str, proven: str) -> None:
    def outcome(read_it: Any) -> str:
        try:
            return str(read_it(answer(name, status)))
        except AskFailed as failed:
            return failed.code

    assert (outcome(API.read_delete), outcome(API.read_deleted)) == (ordered, proven)
    assert API.read_delete(Answer(204)) is Deletion.ASKED


@pytest.mark.parametrize(
    ("url", "is_given"),
    [
        (f"https://api.twilio.com/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav", True),
        (f"https://api.ie1.twilio.com/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav?RequestedChannels=2", True),
        (f"http://api.twilio.com/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav", False),
        (f"https://api.twilio.com/2010-04-01/Accounts/AC{'9' * 32}/Recordings/{RE}.wav", False),
        (f"https://api.twilio.com.evil.example/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav", False),
        (f"https://evil.example/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav", False),
        (f"https://api.twilio.com:8443/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav", False),
        (f"https://x@api.twilio.com/2010-04-01/Accounts/{AC}/Recordings/{RE}.wav", False),
        (f"https://api.twilio.com/2010-04-01/Accounts/{AC}/Messages.json", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_the_account_is_shown_to_twilio_alone(url: str, is_given: bool) -> None:
    assert bool(API.media_headers(url, CREDENTIALS)) is is_given


def test_an_api_key_stands_in_place_of_the_account() -> None:
    key = "SK" + "8b" * 16 + ":key-secret"
    headers = API.authorise(Credentials(AC, {"auth_token": key}))
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == key


@pytest.mark.parametrize(
    ("credentials", "make", "code"),
    [
        (Credentials(AC), API.authorise, "no_credentials"),
        (Credentials("", {"auth_token": "x"}), API.authorise, "no_credentials"),
        (CREDENTIALS, lambda known: API.ask_call(known, "../Accounts"), "bad_id"),
        (CREDENTIALS, lambda known: API.delete(known, Target(Part.RECORDING, CA)), "bad_id"),
        (CREDENTIALS, lambda known: API.delete(known, Target(Part.TRANSCRIPT, CA)), "bad_id"),
        (CREDENTIALS, lambda known: API.delete(known, Target(Part.CALL, CA)), "unknown_part"),
        (CREDENTIALS, API.list_agents, "no_agents"),
    ],
)
def test_what_cannot_be_asked_is_said(credentials: Credentials, make: Any, code: str) -> None:
    with pytest.raises(AskFailed) as failed:
        make(credentials)
    assert failed.value.code == code


@BUSY
@given(
    status=st.sampled_from([200, 204, 302, 400, 404, 429, 503]),
    body=st.binary(max_size=60) | st.just(b'{"sid": "RE1"}'),
)
def test_readers_raise_nothing_but_their_own_error(status: int, body: bytes) -> None:
    for read_it in (API.read_calls, API.read_call, API.read_delete, API.read_deleted):
        with contextlib.suppress(AskFailed):
            read_it(Answer(status, body))


def test_their_package_refuses_a_page_that_we_refuse() -> None:
    client, _ = theirs((200, '{"a": 1, "b": 2}'))
    with pytest.raises(TwilioException):
        client.recordings.list()
    with pytest.raises(AskFailed):
        API.read_calls(Answer(200, b'{"a": 1, "b": 2}'))
