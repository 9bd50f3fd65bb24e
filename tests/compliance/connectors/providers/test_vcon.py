"""vCon: the working group's examples, another writer's documents, and everything that must be refused."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import hashlib
import json
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.connectors.facts import CallFacts, CallStatus, Consent, Direction, Rank, RecordingKind, Trust
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.vcon import VCon

OTHERS = Path(__file__).parents[5] / "shared" / "vcon"
others_documents = pytest.mark.skipif(
    not OTHERS.is_dir(), reason="other people's vCon documents are not part of the project and are not here"
)
PROVIDER = VCon()

DOCUMENT: dict[str, Any] = {
    "vcon": "0.4.0",
    "uuid": "019f15a6-a752-826f-b9a2-279e0d16bc46",
    "created_at": "2026-03-02T17:05:00Z",
    "parties": [
        {"type": "bot", "name": "Front desk", "uuid": "0d9b3c52-0000-4000-8000-00000000a001", "tel": "+14155550199"},
        {"type": "person", "name": "Maria Delgado", "tel": "+14155550132", "mailto": "maria.delgado@example.com"},
    ],
    "dialog": [
        {
            "type": "recording",
            "start": "2026-03-02T17:04:10Z",
            "duration": 27.0,
            "parties": [0, 1],
            "originator": 1,
            "mediatype": "audio/mpeg",
            "url": "https://recordings.customer.example/1.mp3",
            "content_hash": "sha512-" + urlsafe_b64encode(bytes(64)).decode().rstrip("="),
        },
        {"type": "text", "start": "2026-03-02T17:04:11Z", "parties": [0, 1], "body": "Hello.", "encoding": "none"},
        {"type": "text", "start": "2026-03-02T17:04:14Z", "parties": [1, 0], "body": "Hi.", "encoding": "none"},
    ],
    "attachments": [
        {
            "purpose": "lawful_basis",
            "encoding": "json",
            "body": json.dumps(
                {
                    "lawful_basis": "consent",
                    "purpose_grants": [{"purpose": "recording", "granted": True, "granted_at": "2026-03-02T17:04:12Z"}],
                }
            ),
        }
    ],
}


def _changed(**fields: Any) -> dict[str, Any]:
    return copy.deepcopy(DOCUMENT) | fields


def _read(document: Any) -> CallFacts:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    (found,) = PROVIDER.parse(raw)
    assert isinstance(found, CallFacts)
    return found


def test_every_field_of_a_document() -> None:
    facts = _read(DOCUMENT)
    assert facts.external_id == DOCUMENT["uuid"]
    assert (facts.agent_id, facts.agent_name) == ("0d9b3c52-0000-4000-8000-00000000a001", "Front desk")
    assert (facts.phone_number, facts.email, facts.contact_name) == (
        "+14155550132", "maria.delgado@example.com", "Maria Delgado",
    )  # fmt: skip
    assert facts.our_number == "+14155550199"
    assert facts.direction is Direction.INBOUND
    assert facts.status is CallStatus.COMPLETED
    assert facts.duration_seconds == 27.0
    assert facts.ended_at == dt.datetime(2026, 3, 2, 17, 4, 37, tzinfo=dt.UTC)
    assert [(turn.role, turn.content) for turn in facts.transcript] == [("assistant", "Hello."), ("user", "Hi.")]
    assert (facts.consent, facts.consent_at) == (Consent.GRANTED, dt.datetime(2026, 3, 2, 17, 4, 12, tzinfo=dt.UTC))
    (recording,) = facts.recordings
    assert (recording.kind, recording.announced_hash) == (RecordingKind.MONO, f"sha512:{'00' * 64}")
    assert facts.trust is Trust.UNSIGNED
    assert "Delgado" not in repr(facts)
    assert "4155550132" not in repr(facts)


def test_older_spellings_mean_the_same() -> None:
    old = _changed(vcon="0.0.1", redacted={}, group=[])
    dialog = old["dialog"][0]
    dialog["mimetype"], dialog["alg"] = dialog.pop("mediatype"), "SHA-512"
    dialog["signature"] = dialog.pop("content_hash").removeprefix("sha512-")
    del old["parties"][0]["type"]
    old["parties"][0]["role"] = "agent"
    new, read = _read(DOCUMENT), _read(old)
    assert read.recordings == new.recordings
    assert (read.phone_number, read.transcript) == (new.phone_number, new.transcript)
    assert read.agent_id is None  # a human agent is a person: no id is made of one


@pytest.mark.parametrize("name", ["amended", "amended_from", "appended"])
def test_an_amended_document_is_the_better_word_on_the_same_call(name: str) -> None:
    first = "019f15a6-aa72-8dbd-a20f-d188127fad29"
    facts = _read(_changed(**{name: {"uuid": first}}))
    assert (facts.external_id, facts.rank) == (first, Rank.COMPLETED)


@pytest.mark.parametrize("name", ["redacted", "redacted_from"])
def test_a_redacted_twin_is_the_poorer_word_and_its_sound_a_redacted_copy(name: str) -> None:
    source = "019f15a6-aa72-8dbd-a20f-d188127fad29"
    facts = _read(_changed(**{name: {"uuid": source, "type": "PII"}}))
    assert (facts.external_id, facts.rank) == (source, Rank.PARTIAL)
    assert [one.kind for one in facts.recordings] == [RecordingKind.REDACTED]


def test_sound_inside_is_taken_out() -> None:
    sound = b"RIFF" + bytes(60)
    document = _changed()
    dialog = document["dialog"][0]
    del dialog["url"]
    dialog |= {"body": urlsafe_b64encode(sound).decode().rstrip("="), "encoding": "base64url",
               "content_hash": "sha256-" + urlsafe_b64encode(hashlib.sha256(sound).digest()).decode()}  # fmt: skip
    (recording,) = _read(document).recordings
    assert (recording.url, recording.content) == ("", sound)
    assert recording.announced_hash == f"sha256:{hashlib.sha256(sound).hexdigest()}"


@pytest.mark.parametrize(
    ("disposition", "status"),
    [("no-answer", CallStatus.NO_ANSWER), ("busy", CallStatus.BUSY), ("lost in space", CallStatus.UNKNOWN)],
)
def test_a_call_that_did_not_happen(disposition: str, status: CallStatus) -> None:
    dialog = {"type": "incomplete", "start": "2026-03-02T17:04:10Z", "parties": [0, 1], "disposition": disposition}
    facts = _read(_changed(dialog=[dialog]))
    assert (facts.status, facts.platform_status, facts.recordings) == (status, disposition, ())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"uuid": None}, "missing_field"),
        ({"uuid": "not one"}, "not_a_uuid"),
        ({"vcon": "1.0.0"}, "unknown_vcon_version"),
        ({"critical": ["from_the_future"]}, "critical_extension"),
        ({"must_support": ["from_the_future"]}, "critical_extension"),
        ({"parties": {"0": {}}}, "wrong_type"),
        ({"parties": ["Maria"]}, "wrong_type"),
        ({"dialog": [{"type": "recording", "body": "AAAA", "encoding": "rot13"}]}, "unknown_encoding"),
        ({"dialog": [{"type": "recording", "body": "?", "encoding": "base64url"}]}, "not_base64"),
        ({"dialog": [{"type": "recording", "url": "https://a.example/1", "content_hash": "sha512-AAAA"}]}, "bad_hash"),
        ({"dialog": [{"type": "text", "start": "yesterday", "body": "x"}]}, "bad_time"),
        ({"attachments": [{"purpose": "lawful_basis", "encoding": "json", "body": "{"}]}, "not_json"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Unparseable) as refused:
        _read(_changed(**change))
    assert refused.value.code == code


# --- signatures -----------------------------------------------------------------------------------


def _certificate(key: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = builder.serial_number(1).not_valid_before(start).not_valid_after(start + dt.timedelta(days=1))
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def _plain(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def signed_document(document: Any, algorithm: str = "RS256", *, header: dict[str, Any] | None = None) -> dict[str, Any]:
    key: Any = EC_KEY if algorithm.startswith("ES") else RSA_KEY
    protected = _plain(
        json.dumps({"alg": algorithm, "x5c": [b64encode(_certificate(key)).decode()]} | (header or {})).encode()
    )
    payload = _plain(json.dumps(document).encode())
    signing = f"{protected}.{payload}".encode()
    if algorithm == "ES256":
        r, s = utils.decode_dss_signature(key.sign(signing, ec.ECDSA(hashes.SHA256())))
        value = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    elif algorithm == "PS256":
        value = key.sign(signing, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    else:
        value = key.sign(signing, padding.PKCS1v15(), hashes.SHA256())
    return {"payload": payload, "signatures": [{"protected": protected, "signature": _plain(value)}]}


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_a_signature_that_holds_is_said_with_its_certificate(algorithm: str) -> None:
    facts = _read(signed_document(DOCUMENT, algorithm))
    assert facts.trust is Trust.SIGNED
    assert any(note.startswith("vcon_certificate_") for note in facts.notes)


def _other_payload(signed: dict[str, Any]) -> None:
    signed["payload"] = _plain(json.dumps(_changed(subject="other")).encode())


def _other_signature(signed: dict[str, Any]) -> None:
    value = signed["signatures"][0]["signature"]
    signed["signatures"][0]["signature"] = ("A" if value[0] != "A" else "B") + value[1:]


def _second_bad(signed: dict[str, Any]) -> None:
    signed["signatures"].append(signed_document(_changed(subject="other"))["signatures"][0])


@pytest.mark.parametrize("spoil", [_other_payload, _other_signature, _second_bad])
def test_a_signature_that_does_not_hold_is_refused(spoil: Any) -> None:
    signed = signed_document(DOCUMENT)
    spoil(signed)
    with pytest.raises(Unparseable, match="bad_vcon_signature"):
        _read(signed)


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "HS256"}, {"alg": "ES256"}, {"alg": "RS1"}, {"uuid": "another"}, {"x5c": ["bm8="]}],
)
def test_an_algorithm_key_or_uuid_that_does_not_fit_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(Unparseable, match="bad_vcon_signature"):
        _read(signed_document(DOCUMENT, header=header))


def test_without_a_certificate_it_counts_as_unsigned_and_says_so() -> None:
    facts = _read(signed_document(DOCUMENT, header={"x5c": None}))
    assert facts.trust is Trust.UNSIGNED
    assert "signature_not_checked_no_certificate" in facts.notes


# --- hostile --------------------------------------------------------------------------------------

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        found += _paths(inner, (*path, step))
    return found


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(_paths(DOCUMENT)), value=_VALUES)
def test_any_field_with_any_value_is_read_or_refused(path: tuple[Any, ...], value: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    target = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    with contextlib.suppress(Unparseable):
        _read(json.dumps(document).encode())


# --- other people's documents ---------------------------------------------------------------------


@others_documents
def test_the_working_groups_examples() -> None:
    def read(name: str) -> CallFacts:
        return _read((OTHERS / "ietf" / f"{name}.vcon").read_bytes())

    plain = read("ab_call_ext_rec")
    sound = (OTHERS / "ietf" / "ab_call.mp3").read_bytes()
    assert plain.recordings[0].announced_hash == f"sha512:{hashlib.sha512(sound).hexdigest()}"
    assert plain.trust is Trust.UNSIGNED
    inline = read("ab_call_int_rec").recordings[0].content
    assert inline is not None
    assert inline.startswith(b"RIFF")
    signed = read("ab_call_ext_rec_signed")
    assert signed.trust is Trust.SIGNED
    assert signed.external_id == plain.external_id
    amended = read("ab_call_ext_rec_amended")
    assert amended.external_id == plain.external_id
    assert [turn.content for turn in amended.transcript] == ["Good day!"]
    assert read("ab_call_ext_rec_redacted").rank is Rank.PARTIAL
    assert len(read("ab_call_ext_rec_analysis").transcript) > 3
    with pytest.raises(Unparseable, match="encrypted_vcon"):
        read("ab_call_ext_rec_encrypted")


@others_documents
def test_a_changed_byte_breaks_the_working_groups_signature() -> None:
    signed = json.loads((OTHERS / "ietf" / "ab_call_ext_rec_signed.vcon").read_text())
    payload = signed["payload"]
    signed["payload"] = payload[:40] + ("A" if payload[40] != "A" else "B") + payload[41:]
    with pytest.raises(Unparseable):
        _read(signed)


@others_documents
@pytest.mark.parametrize("path", sorted((OTHERS / "fake").glob("*.vcon.json")), ids=lambda path: path.name[:8])
def test_another_writers_documents(path: Path) -> None:
    facts = _read(path.read_bytes())
    document = json.loads(path.read_text())
    assert facts.external_id == document["uuid"]
    assert facts.transcript
    assert facts.phone_number
    assert facts.recordings or not any(dialog["type"] == "recording" for dialog in document["dialog"])
    sound = path.parent / path.name.replace(".vcon.json", ".mp3")
    if sound.exists():
        assert facts.recordings[0].announced_hash == f"sha512:{hashlib.sha512(sound.read_bytes()).hexdigest()}"
