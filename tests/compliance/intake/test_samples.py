"""Every sample of the platforms through HTTP to the state that the table names for it.

The bodies are the payloads of `connectors/payloads`, byte for byte; headers, secrets and the second of the signature
stand in its `vectors.json`, and the clock is frozen there. Twilio signs the address that it calls, and its sample is
signed for one without the connection's own part; so that one delivery is signed anew, by Twilio's package, for the
address at which it is posted. Sound comes from a fake transport: nothing is looked up, nothing leaves the machine.
"""

from __future__ import annotations

import io
import json
import math
import re
import struct
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest
import time_machine
from django.test import Client
from twilio.request_validator import RequestValidator

from accounts import due_work, tenancy
from accounts.models import DueWork
from compliance.connectors import operations as connectors
from compliance.connectors.access import connections_of
from compliance.connectors.providers.registry import provider_for
from compliance.connectors.transport import PinnedTransport
from compliance.errors import Invalid
from compliance.intake import access
from compliance.recordings import access as register
from tests.cast import Cast
from tests.compliance.calls import MP3, work

PAYLOADS = Path(__file__).parents[1] / "connectors" / "payloads"
VECTORS = json.loads((PAYLOADS / "vectors.json").read_text())
NOW = datetime.fromtimestamp(VECTORS["now"], UTC)


@dataclass(frozen=True)
class Row:
    """One sample, and what it comes to once every job has run. `call` and `artifacts` are of the sample's call."""

    file: str
    platform: str
    payload: str
    delivery: tuple[str, str, str]  # state, event, code
    call: dict[str, Any] | None = None
    artifacts: dict[str, tuple[str, str]] = field(default_factory=dict)  # "kind/channel" → state, failure
    batch: tuple[str, int | None, int] | None = None  # state, expected, received


BEGUN = datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)
TIMES = {"started_at": BEGUN, "ended_at": BEGUN + timedelta(seconds=27), "duration_ms": 27_000}
NUMBERED = {"place": "US-CA"}  # +1 415 is San Francisco's
STORED = ("stored", "")
CALL = ("processed", "call", "")

TABLE = [
    Row(
        "dialgen_on_call_complete.json", "dialgen", "on_call_complete.json", CALL,
        {"external_id": "call_9f31", "batch_id": "batch_march_a", "direction": "outbound", "status": "completed",
         "agent": "agent_frontdesk", "consent": "", **TIMES, **NUMBERED},
        {"transcript/": STORED, "summary/": STORED, "recording/mono": STORED},
    ),
    Row(
        "dialgen_on_batch_complete.json", "dialgen", "on_batch_complete.json",
        ("processed", "batch", "batch_completed"), batch=("waiting", 3, 0),
    ),
    Row(
        "vapi_end_of_call_report.json", "vapi", "end_of_call_report.json", CALL,
        {"external_id": "5b0a2f5e-2d0e-4a51-9a3e-1c0f6f1d9a01", "direction": "inbound", "status": "completed",
         "agent": "0d9b3c52-0000-4000-8000-00000000a001", "agent_version": "v3", "consent": "granted",
         "ended_reason": "customer-ended-call", **TIMES, **NUMBERED},
        {"transcript/": STORED, "summary/": STORED, "recording/mono": STORED, "recording/stereo": STORED,
         "recording/agent": STORED, "recording/caller": STORED},
    ),
    # Nobody asked for it and nobody knows its call: it waits three days for the call, then it is ignored.
    Row("vapi_call_deleted.json", "vapi", "call_deleted.json", ("accepted", "deletion", "call_unknown")),
    Row(
        "retell_call_ended.json", "retell", "call_ended.json", CALL,
        {"external_id": "call_ab12cd34ef56ab12cd34ef56ab12", "direction": "inbound", "status": "completed",
         "agent": "agent_oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD", "agent_version": "4", "ended_reason": "user_hangup",
         "consent": "", **TIMES, **NUMBERED},
        {"transcript/": STORED, "recording/mono": STORED, "recording/stereo": STORED},
    ),
    Row(
        "retell_call_analyzed.json", "retell", "call_analyzed.json", CALL,
        {"external_id": "call_ab12cd34ef56ab12cd34ef56ab12", "direction": "inbound", "status": "completed",
         "agent": "agent_oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD", **TIMES, **NUMBERED},
        {"transcript/": STORED, "summary/": STORED, "recording/mono": STORED, "recording/stereo": STORED,
         "redacted_copy/redacted": STORED},
    ),
    # A recording's callback names no numbers: those come with the call's own status.
    Row(
        "twilio_recording_completed.form", "twilio", "recording_completed.form", CALL,
        {"external_id": "CA" + "0f" * 16, "started_at": BEGUN, "place": "", "status": "", "direction": ""},
        {"recording/stereo": STORED},
    ),
    Row(
        "twilio_recording_absent.form", "twilio", "recording_absent.form", CALL,
        {"external_id": "CA" + "0f" * 16, "started_at": BEGUN, "ended_at": None},
        {"recording/stereo": ("unavailable", "absent")},
    ),
    Row(
        "elevenlabs_post_call_transcription.json", "elevenlabs", "post_call_transcription.json", CALL,
        {"external_id": "conv_01jzabc123", "direction": "inbound", "status": "completed", "language": "en",
         "agent": "agent_01jzfrontdesk", **TIMES, **NUMBERED},
        {"transcript/": STORED, "summary/": STORED, "recording/mono": STORED},
    ),
    # The sample's sound is one frame and zeros, which no reader takes for a recording.
    Row(
        "elevenlabs_post_call_audio.json", "elevenlabs", "post_call_audio.json", CALL,
        {"external_id": "conv_01jzabc123", "agent": "agent_01jzfrontdesk", "started_at": None},
        {"recording/mono": ("quarantined", "not_audio")},
    ),
    Row(
        "standard_call_recorded.json", "standard", "call_recorded.json", CALL,
        {"external_id": "call_9f31", "direction": "inbound", "status": "completed", "agent": "agent_frontdesk",
         "agent_version": "7", **TIMES, **NUMBERED},
        {"transcript/": STORED, "recording/mono": STORED},
    ),
]  # fmt: skip
LATER = ("bland", "livekit", "amazon_connect", "genesys", "jambonz")
CREDENTIALS = {"twilio": "auth_token", "elevenlabs": "api_key"}


def vector(file: str) -> dict[str, Any]:
    return next(one for one in VECTORS["vectors"] if one["file"] == file)


def tone() -> bytes:
    """Half a second of a tone, stereo."""
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        for number in range(4000):
            sound.writeframes(struct.pack("<hh", *(2 * [int(8000 * math.sin(number / 4))])))
    return out.getvalue()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were asked for sound, by a transport that connects to nothing."""
    asked: list[str] = []

    def answer(_: PinnedTransport, request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        is_wave = request.url.path.endswith(".wav")
        data = tone() if is_wave else MP3.read_bytes()
        headers = {"Content-Type": "audio/wav" if is_wave else "audio/mpeg", "Content-Length": str(len(data))}
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(data), request=request)

    monkeypatch.setattr(PinnedTransport, "handle_request", answer)
    return asked


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@dataclass
class Far:
    """A connected platform that posts its samples."""

    cast: Cast
    platform: str
    connection: Any
    token: str
    public_url: str

    def post(self, row: Row, *, spoil: bool = False, **changes: str) -> Any:
        """Post a sample as it is; `spoil` changes its body after it was signed, and for a token the token."""
        sample = vector(row.file)
        body = (PAYLOADS / row.platform / row.payload).read_bytes()
        path = f"/hooks/{row.platform}/{self.connection.address}"
        headers = sample["headers"] | changes
        if row.platform == "twilio":
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
            headers["X-Twilio-Signature"] = RequestValidator(sample["secret"]).compute_signature(
                self.public_url + path, fields
            )
        if row.platform == "dialgen":
            headers["Authorization"] = f"Bearer {self.token}{'x' if spoil else ''}"
        body = body.replace(b"2", b"3") if spoil else body
        return Client().post(path, body, content_type=headers.pop("Content-Type"), headers=headers)


def connected(cast: Cast, settings: Any, platform: str) -> Far:
    """The platform's account, with the secret and the credential that its samples were made with."""
    settings.PUBLIC_URL = "https://intake.governance.example"
    secret = "" if platform == "dialgen" else next(
        one["secret"] for one in VECTORS["vectors"] if one["platform"] == platform
    )  # fmt: skip
    new = connectors.NewConnection(platform, "Samples", allowed_hosts=hosts(platform), webhook_secret=secret)
    made = connectors.create_connection(actor=cast.officer.actor, new=new)
    if name := CREDENTIALS.get(platform):
        connectors.set_credential(
            actor=cast.officer.actor, connection_id=made.connection.id, name=name, value="ours-to-show"
        )
    return Far(cast, platform, made.connection, made.token, settings.PUBLIC_URL)


def hosts(platform: str) -> list[str]:
    """The platform's usual hosts, and every host that its samples name."""
    text = " ".join(
        unquote((PAYLOADS / row.platform / row.payload).read_text()) for row in TABLE if row.platform == platform
    )
    named = {urlsplit(word).hostname or "" for word in re.findall(r"https://[^\s\"&]+", text)}
    return sorted({*named, *provider_for(platform).media_hosts} - {""})


def shown(call: Any, names: Iterable[str]) -> dict[str, Any]:
    """What the table tells of a call's row."""
    agent = call.agent.external_id if call.agent else None
    return {name: agent if name == "agent" else getattr(call, name) for name in names}


def artifacts(far: Far) -> dict[str, tuple[str, str]]:
    """Every artifact but the body of the delivery itself, by kind and channel."""
    rows = register.artifacts(far.cast.organisation_id).exclude(kind="delivery")
    return {f"{row.kind}/{row.variant.partition(':')[0]}": (row.state, row.failure_code) for row in rows}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.file)
def test_a_sample_comes_to_the_state_of_the_table(
    row: Row, cast: Cast, settings: Any, asked: list[str], jobs: Any
) -> None:
    far = connected(cast, settings, row.platform)
    answer = far.post(row)
    assert answer.status_code == 202, answer.content
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        (delivery,) = access.deliveries(cast.organisation_id)
        assert (delivery.state, delivery.event, delivery.code) == row.delivery
        calls = list(register.calls(cast.organisation_id).select_related("agent"))
        assert [shown(call, row.call or {}) for call in calls] == ([row.call] if row.call else [])
        assert artifacts(far) == row.artifacts
        batches = [(one.state, one.expected, one.received) for one in access.batches(cast.organisation_id)]
        assert batches == ([row.batch] if row.batch else [])
        assert (delivery.object is None) == (row.call is not None)  # it lies under its call, or by itself
    sounds = [name for name, state in row.artifacts.items() if name.startswith(("rec", "red")) and state == STORED]
    assert len(asked) == len(sounds)


def test_the_table_has_every_sample_that_is_posted_for_these_platforms() -> None:
    posted = {one["file"] for one in VECTORS["vectors"] if one.get("url") and one["platform"] not in LATER}
    assert {row.file for row in TABLE} == posted


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.file)
def test_a_sample_that_was_changed_on_its_way_changes_nothing(row: Row, cast: Cast, settings: Any, jobs: Any) -> None:
    far = connected(cast, settings, row.platform)
    for changed in ({"X-Vapi-Secret": "another"}, {}):
        if (row.platform == "vapi") == bool(changed):
            answer = far.post(row, spoil=True, **changed)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    with tenancy.scope(cast.organisation_id):
        assert not access.deliveries(cast.organisation_id).exists()
        assert connections_of(cast.organisation_id).get().denied == 1


@pytest.mark.parametrize("platform", ["retell", "elevenlabs", "standard"])
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_signed_sample_of_another_hour_changes_nothing(
    platform: str, hours: int, cast: Cast, settings: Any, jobs: Any
) -> None:
    far = connected(cast, settings, platform)
    row = next(one for one in TABLE if one.platform == platform)
    with time_machine.travel(NOW + timedelta(hours=hours), tick=False):
        assert far.post(row).status_code == 401
    with tenancy.scope(cast.organisation_id):
        assert not access.deliveries(cast.organisation_id).exists()


@pytest.mark.parametrize("row", [row for row in TABLE if row.call], ids=lambda row: row.file)
def test_a_sample_twice_is_one_delivery(row: Row, cast: Cast, settings: Any, asked: list[str], jobs: Any) -> None:
    far = connected(cast, settings, row.platform)
    first, again = far.post(row), far.post(row)
    assert first.json() == again.json()
    with tenancy.scope(cast.organisation_id):
        (delivery,) = access.deliveries(cast.organisation_id)
    assert delivery.repeats == 1


def test_retell_ended_and_analyzed_in_both_orders_come_to_one_call(
    cast: Cast, settings: Any, asked: list[str], jobs: Any
) -> None:
    told = []
    for order in (
        ("retell_call_ended.json", "retell_call_analyzed.json"),
        ("retell_call_analyzed.json", "retell_call_ended.json"),
    ):
        far = connected(cast, settings, "retell")
        for row in [one for name in order for one in TABLE if one.file == name]:
            assert far.post(row).status_code == 202
            jobs.drain()
        with tenancy.scope(cast.organisation_id):
            call = register.calls(cast.organisation_id).select_related("agent").get(connection=far.connection)
            kinds = register.artifacts(cast.organisation_id).filter(call=call).exclude(kind="delivery")
            told.append((shown(call, TABLE[4].call or {}), sorted(kinds.values_list("kind", "state"))))
    assert told[0] == told[1]


def test_a_deletion_told_of_a_call_that_is_here_reaches_whoever_asked(
    cast: Cast, settings: Any, asked: list[str], jobs: Any
) -> None:
    far = connected(cast, settings, "vapi")
    report, deleted = (next(one for one in TABLE if one.file == f"vapi_{name}.json") for name in (
        "end_of_call_report", "call_deleted",
    ))  # fmt: skip
    assert far.post(deleted).status_code == 202
    work("intake.process_delivery")
    assert far.post(report).status_code == 202
    work("intake.process_delivery")
    DueWork.objects.filter(job="intake.process_delivery").update(due_at=NOW)
    work("intake.process_delivery")
    with tenancy.scope(cast.organisation_id):
        call = register.calls(cast.organisation_id).get()
        told = access.deliveries(cast.organisation_id).get(event="deletion")
    assert (told.state, told.code, told.call_id) == ("processed", "deletion_confirmed", call.id)
    assert ("retention.upstream_reported", call.id) in {(name, id_) for name, _, id_ in due_work.overdue(100)}


@pytest.mark.parametrize("platform", LATER)
def test_a_platform_that_comes_later_is_refused_with_those_that_are_here(platform: str, cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        connectors.create_connection(actor=cast.officer.actor, new=connectors.NewConnection(platform, "Later"))
    (told,) = refused.value.errors["platform"]
    assert all(name in told for name in ("dialgen", "elevenlabs", "retell", "standard", "twilio", "vapi"))
    assert Client().post(f"/hooks/{platform}/anywhere", b"{}", content_type="application/json").status_code == 404
