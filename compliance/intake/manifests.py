"""Reads a manifest of calls that lie as files: JSON Lines or CSV, one call a line. Pure.

What can go wrong: a line names a file outside its folder; a slip in one line is found after half of the others were
taken in; a value is silently dropped because its column is misspelt. So every line is read before the first is taken
in, an unknown field is an error, and an error names line, field and code, never the value.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from compliance.connectors.facts import CallFacts, Consent, Direction, Message, Rank, RecordingFacts, RecordingKind
from compliance.connectors.providers import payloads
from compliance.connectors.providers.base import Unparseable

MAX_LINE: Final = 8_000_000
MAX_TRANSCRIPT: Final = 20_000_000
"""Bytes of a line, and of a transcript's file."""
_MAX_PATH = 1_000
_MAX_TURNS = 20_000
_MAX_LABELS = 50
_FIELDS: Final = frozenset(
    {
        "external_id", "audio", "audio_kind", "sha256", "transcript", "started_at", "ended_at", "duration_s",
        "direction", "agent_id", "batch_id", "contact", "labels", "language", "consent",
    }
)  # fmt: skip
_CONTACT: Final = frozenset({"phone", "email", "external_id", "name"})
_KINDS: Final = {"mono": RecordingKind.MONO, "stereo": RecordingKind.STEREO}
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,9})?", re.ASCII)
_DRIVE = re.compile(r"[A-Za-z]:.*")


@dataclass(frozen=True, slots=True)
class Line:
    """One call of a manifest. `number` counts the file's lines from 1; `transcript_path` and `audio` are relative."""

    number: int
    digest: bytes  # SHA-256 of what the line says
    facts: CallFacts = field(repr=False)
    audio: str | None = field(default=None, repr=False)
    recording: RecordingFacts | None = field(default=None, repr=False)
    transcript_path: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LineError:
    """Why a line cannot be used. `at` is the field's name."""

    number: int
    code: str
    at: str = ""

    def __str__(self) -> str:
        return f"line {self.number}: {self.code}" + (f" at {self.at}" if self.at else "")


def read(rows: Iterable[bytes], *, is_csv: bool) -> Iterator[Line | LineError]:
    """Every line, as it is or with what is wrong with it. Blank lines say nothing. A call named twice is an error."""
    seen: dict[bytes, int] = {}
    for number, value in _csv_rows(rows) if is_csv else _json_rows(rows):
        found = value if isinstance(value, LineError) else _line(number, value)
        if isinstance(found, Line):
            key = hashlib.sha256(
                f"{found.facts.external_id}\0{found.recording and found.recording.kind}".encode()
            ).digest()
            if key in seen:
                found = LineError(number, "duplicate_call", "external_id")
            seen.setdefault(key, number)
        yield found


def read_transcript(document: bytes) -> tuple[Message, ...]:
    """The turns in a transcript's own file: a list, or an object that holds one. Raises Unparseable."""
    if document.lstrip()[:1] == b"[":
        return _turns(payloads.read_list(document), "transcript")
    value = payloads.read_object(document)
    name = next((one for one in ("transcription", "transcript", "messages") if one in value), None)
    if name is None:
        raise Unparseable("missing_field", "transcription")
    return _turns(value[name], name)


def _json_rows(rows: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any] | LineError]]:
    for number, row in enumerate(rows, 1):
        if not row.strip():
            continue
        try:
            if len(row) > MAX_LINE:
                raise Unparseable("too_long")
            yield number, payloads.read_object(row.removeprefix(b"\xef\xbb\xbf") if number == 1 else row)
        except Unparseable as error:
            yield number, LineError(number, error.code, error.at or "")


def _csv_rows(rows: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any] | LineError]]:
    reader = csv.DictReader(_decoded(rows), restkey="", strict=True)
    try:
        for row in reader:
            number = reader.line_num
            if row.get("") or None in row.values():
                yield number, LineError(number, "wrong_number_of_cells")
            else:
                yield number, _from_cells({name: text for name, text in row.items() if text})
    except UnicodeDecodeError:
        number = reader.reader.line_num + 1
        yield number, LineError(number, "not_utf8")
    except csv.Error:
        number = reader.reader.line_num
        yield number, LineError(number, "not_csv")


def _decoded(rows: Iterable[bytes]) -> Iterator[str]:
    for number, row in enumerate(rows, 1):
        yield row.decode("utf-8-sig" if number == 1 else "utf-8")


def _from_cells(cells: Mapping[str, str]) -> dict[str, Any]:
    """Cells as the values that JSON has: numbers, labels between semicolons, `contact.phone` inside `contact`."""
    value: dict[str, Any] = {}
    for name, text in cells.items():
        head, dot, tail = name.strip().partition(".")
        if dot and head == "contact":
            value.setdefault("contact", {})[tail] = text
        elif name == "labels":
            value[name] = [label.strip() for label in text.split(";") if label.strip()]
        elif name in ("duration_s", "started_at", "ended_at") and _NUMBER.fullmatch(text):
            value[name] = float(text)
        else:
            value[name.strip()] = text
    return value


def _line(number: int, value: Mapping[str, Any]) -> Line | LineError:
    try:
        return _read_line(number, value)
    except Unparseable as error:
        return LineError(number, error.code, error.at or "")


def _read_line(number: int, value: Mapping[str, Any]) -> Line:
    _refuse_unknown(value, _FIELDS, "")
    fields, audio = payloads.Fields(value, "", set()), _path(value, "audio")
    transcript = value.get("transcript")
    words = _turns(transcript, "transcript") if isinstance(transcript, list) else ()
    return Line(
        number=number,
        digest=hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).digest(),
        facts=_facts(fields, words),
        audio=audio,
        recording=_recording(fields, audio),
        transcript_path=None if isinstance(transcript, list) else _path(value, "transcript"),
    )


def _facts(fields: payloads.Fields, words: tuple[Message, ...]) -> CallFacts:
    contact = _contact(fields)
    return CallFacts(
        external_id=fields.required_identifier("external_id"),
        rank=Rank.COMPLETED,
        agent_id=fields.identifier("agent_id"),
        batch_id=fields.identifier("batch_id"),
        contact_id=contact.identifier("external_id"),
        direction=_word(fields, "direction", Direction),
        language=_matching(fields, "language", _LANGUAGE),
        started_at=fields.moment("started_at"),
        ended_at=fields.moment("ended_at"),
        duration_seconds=fields.seconds("duration_s"),
        phone_number=contact.line("phone"),
        email=contact.line("email"),
        contact_name=contact.line("name"),
        consent=_word(fields, "consent", Consent),
        labels=_labels(fields),
        transcript=words,
        notes=tuple(sorted(fields.notes)),
    )


def _contact(fields: payloads.Fields) -> payloads.Fields:
    value = fields.raw("contact")
    if value is None:
        return payloads.Fields({}, "contact", fields.notes)
    if not isinstance(value, dict):
        raise Unparseable("wrong_type", "contact")
    _refuse_unknown(value, _CONTACT, "contact.")
    return payloads.Fields(value, "contact", fields.notes)


def _recording(fields: payloads.Fields, audio: str | None) -> RecordingFacts | None:
    digest, kind = _matching(fields, "sha256", _SHA256), fields.line("audio_kind") or "mono"
    if kind not in _KINDS:
        raise Unparseable("unknown_word", "audio_kind")
    if audio is None:
        if digest or fields.raw("audio_kind"):
            raise Unparseable("missing_field", "audio")
        return None
    return RecordingFacts(
        url="",
        kind=_KINDS[kind],
        duration_seconds=fields.seconds("duration_s"),
        announced_hash=f"sha256:{digest}" if digest else None,
    )


def _path(value: Mapping[str, Any], name: str) -> str | None:
    """A way down from the folder: no root, no drive, no step up, no odd characters."""
    path = payloads.Fields(value, "", set()).line(name, _MAX_PATH)
    if path is None:
        return None
    parts = path.split("/")
    if "\\" in path or _DRIVE.match(path) or any(part in ("", ".", "..") for part in parts):
        raise Unparseable("bad_path", name)
    return path


def _labels(fields: payloads.Fields) -> tuple[str, ...]:
    value = fields.raw("labels")
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MAX_LABELS:
        raise Unparseable("wrong_type", "labels")
    labels = [payloads.Fields({"labels": one}, "", set()).line("labels", 80) for one in value]
    return tuple(dict.fromkeys(label for label in labels if label))


def _word(fields: payloads.Fields, name: str, words: Any) -> Any:
    text = fields.line(name)
    try:
        return words(text.lower()) if text else None
    except ValueError:
        raise Unparseable("unknown_word", name) from None


def _matching(fields: payloads.Fields, name: str, pattern: re.Pattern[str]) -> str | None:
    text = fields.line(name)
    if name == "sha256" and text:
        text = text.lower()
    if text and not pattern.fullmatch(text):
        raise Unparseable("bad_value", name)
    return text


def _turns(value: object, at: str) -> tuple[Message, ...]:
    if not isinstance(value, list):
        raise Unparseable("wrong_type", at)
    if len(value) > _MAX_TURNS:
        raise Unparseable("too_many", at)
    return tuple(_turn(turn, f"{at}[{index}]") for index, turn in enumerate(value))


def _turn(value: object, at: str) -> Message:
    if not isinstance(value, dict):
        raise Unparseable("wrong_type", at)
    fields = payloads.Fields(value, at, set())
    return Message(
        fields.line("role", 40) or "unknown", fields.text("content") or "", fields.moment_or_offset("timestamp")
    )


def _refuse_unknown(value: Mapping[str, Any], known: frozenset[str], prefix: str) -> None:
    if any(name not in known for name in value):
        # Its name is not told: a file without a header line would spell its first call into the errors.
        raise Unparseable("unknown_field", prefix.rstrip(".") or None)
