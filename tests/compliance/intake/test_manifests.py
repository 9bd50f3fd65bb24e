"""Manifests: what a line may say, and how a slip is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from compliance.connectors.facts import Consent, Direction, Message, Rank, RecordingKind
from compliance.connectors.providers.base import Unparseable
from compliance.intake import manifests
from compliance.intake.manifests import Line, LineError

FULL = {
    "external_id": "call_1",
    "audio": "2026/call_1.mp3",
    "audio_kind": "stereo",
    "sha256": "A" * 64,
    "transcript": "2026/call_1.json",
    "started_at": "2026-03-02T17:04:10Z",
    "ended_at": "2026-03-02T17:04:37Z",
    "duration_s": 27,
    "direction": "INBOUND",
    "agent_id": "agent_1",
    "batch_id": "march",
    "contact": {"phone": "+14155550132", "email": "m@example.com", "external_id": "c_1", "name": "Maria"},
    "labels": ["vip", "vip", "moved"],
    "language": "en-US",
    "consent": "granted",
}
CSV = (
    "external_id,audio,audio_kind,sha256,transcript,started_at,ended_at,duration_s,direction,agent_id,batch_id,"
    "contact.phone,contact.email,contact.external_id,contact.name,labels,language,consent\r\n"
    f"call_1,2026/call_1.mp3,stereo,{'A' * 64},2026/call_1.json,2026-03-02T17:04:10Z,1772471077,27,inbound,agent_1,"
    "march,+14155550132,m@example.com,c_1,Maria,vip; moved,en-US,granted\r\n"
)


def read(*values: Any) -> list[Line | LineError]:
    rows = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
    return list(manifests.read((row + b"\n" for row in rows), is_csv=False))


def only(value: Any) -> Line:
    (line,) = read(value)
    assert isinstance(line, Line), line
    return line


def wrong(value: Any) -> str:
    (line,) = read(value)
    assert isinstance(line, LineError), line
    return f"{line.code} {line.at}".strip()


@pytest.mark.parametrize("form", ["json", "csv"])
def test_all_that_a_line_may_say(form: str) -> None:
    line = only(FULL)
    if form == "csv":
        (found,) = manifests.read(CSV.encode().splitlines(keepends=True), is_csv=True)
        assert isinstance(found, Line), found
        line = found
    facts = line.facts
    assert (facts.external_id, facts.rank) == ("call_1", Rank.COMPLETED)
    assert (facts.agent_id, facts.batch_id, facts.contact_id) == ("agent_1", "march", "c_1")
    assert (facts.phone_number, facts.email, facts.contact_name) == ("+14155550132", "m@example.com", "Maria")
    assert (facts.direction, facts.consent, facts.language) == (Direction.INBOUND, Consent.GRANTED, "en-US")
    assert (facts.labels, facts.duration_seconds) == (("vip", "moved"), 27.0)
    assert facts.started_at == datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)
    assert facts.ended_at == datetime(2026, 3, 2, 17, 4, 37, tzinfo=UTC)
    assert (line.audio, line.transcript_path) == ("2026/call_1.mp3", "2026/call_1.json")
    assert line.recording is not None
    assert (line.recording.kind, line.recording.announced_hash) == (RecordingKind.STEREO, f"sha256:{'a' * 64}")
    assert facts.recordings == ()


def test_the_least_that_a_line_says() -> None:
    line = only({"external_id": "call_1"})
    assert (line.audio, line.recording, line.transcript_path, line.facts.transcript) == (None, None, None, ())


def test_words_may_stand_in_the_line() -> None:
    words = [{"role": "user", "content": "Hello.", "timestamp": 1.5}, {"role": "agent"}]
    line = only({"external_id": "call_1", "transcript": words})
    assert line.facts.transcript == (Message("user", "Hello.", 1.5), Message("agent", "", None))
    assert line.transcript_path is None


def test_lines_keep_their_numbers_over_blank_ones() -> None:
    found = read(b"\xef\xbb\xbf" + json.dumps({"external_id": "a"}).encode(), b"", b"  ", {"external_id": "b"}, b"{")
    assert [line.number for line in found] == [1, 4, 5]
    assert str(found[-1]) == "line 5: not_json"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "../secret.mp3", "a/../../b.mp3", "a/./b.mp3", "a//b.mp3", "a/", "..", ".", "C:/x.mp3",
        "c:x.mp3", "a\\..\\b.mp3", "\\\\host\\share", "a/..",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["audio", "transcript"])
def test_no_path_leads_out_of_the_folder(name: str, path: str) -> None:
    assert wrong({"external_id": "x", name: path}) == f"bad_path {name}"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"external_id": None}, "missing_field external_id"),
        ({"external_id": 7}, "wrong_type external_id"),
        ({"external_id": "x" * 201}, "too_long external_id"),
        ({"audio": "a\nb.mp3"}, "control_character audio"),
        ({"audio": ["x"]}, "wrong_type audio"),
        ({"audio": "x" * 1001}, "too_long audio"),
        ({"audio": None}, "missing_field audio"),
        ({"audio_kind": "quadro"}, "unknown_word audio_kind"),
        ({"sha256": "abc"}, "bad_value sha256"),
        ({"started_at": "yesterday"}, "bad_time started_at"),
        ({"ended_at": "1850-01-01T00:00:00Z"}, "bad_time ended_at"),
        ({"duration_s": -1}, "out_of_range duration_s"),
        ({"duration_s": "27"}, "wrong_type duration_s"),
        ({"direction": "sideways"}, "unknown_word direction"),
        ({"consent": "perhaps"}, "unknown_word consent"),
        ({"language": "english please"}, "bad_value language"),
        ({"labels": "vip"}, "wrong_type labels"),
        ({"labels": ["x" * 81]}, "too_long labels"),
        ({"contact": "Maria"}, "wrong_type contact"),
        ({"contact": {"phon": "+1"}}, "unknown_field contact"),
        ({"transcript": [{"role": 1}]}, "wrong_type transcript[0].role"),
        ({"transcript": ["hello"]}, "wrong_type transcript[0]"),
        ({"exernal_id": "call_1"}, "unknown_field"),
    ],
)
def test_a_slip_is_told_by_field_and_code(change: dict[str, Any], code: str) -> None:
    assert wrong(FULL | change) == code


def test_an_error_never_tells_the_value() -> None:
    (found,) = read(FULL | {"contact": {"phone": "+1415555\x01"}})
    assert "555" not in f"{found!r}{found}"
    assert "Maria" not in repr(only(FULL))


def test_a_call_stands_once_for_each_kind_of_sound() -> None:
    mono, stereo = FULL | {"audio_kind": "mono"}, FULL
    found = read(mono, stereo, mono)
    assert [isinstance(line, Line) for line in found] == [True, True, False]
    assert str(found[2]) == "line 3: duplicate_call at external_id"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"external_id,colour\ncall_1,red\n", "line 2: unknown_field"),
        (b"external_id,audio\ncall_1\n", "line 2: wrong_number_of_cells"),
        (b"external_id\ncall_1,x\n", "line 2: wrong_number_of_cells"),
        (b'external_id\n"call_1"x\n', "line 2: not_csv"),
        (b"external_id\n\xff\n", "line 2: not_utf8"),
        (b"call_1\ncall_2\n", "line 2: unknown_field"),
    ],
)
def test_a_slip_in_a_table(text: bytes, code: str) -> None:
    found = list(manifests.read(text.splitlines(keepends=True), is_csv=True))
    assert [str(line) for line in found if isinstance(line, LineError)] == [code]


@pytest.mark.parametrize("name", ["transcription", "transcript", "messages", None])
def test_a_transcripts_own_file(name: str | None) -> None:
    turns = [{"role": "user", "content": "Hello."}]
    document = json.dumps({name: turns} if name else turns).encode()
    assert manifests.read_transcript(document) == (Message("user", "Hello."),)


@pytest.mark.parametrize("document", [b"", b"{}", b"[1]", b'{"transcript": {}}', b"<html>", b"[" * 99])
def test_a_file_without_turns(document: bytes) -> None:
    with pytest.raises(Unparseable):
        manifests.read_transcript(document)
