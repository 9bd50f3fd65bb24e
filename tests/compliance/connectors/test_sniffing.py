"""Audio, and what is sent in its place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.connectors import sniffing
from compliance.connectors.refusals import FetchError
from compliance.connectors.sniffing import Container

SAMPLES = sorted((Path(__file__).parents[3] / "samples").glob("*.mp3"))
MPEG_1_FRAME = b"\xff\xfb\x90\x00" + bytes(413)  # 128 kbit/s at 44,100 Hz: 417 bytes
MPEG_2_FRAME = b"\xff\xf3\x48\xc0" + bytes(140)  # 32 kbit/s at 16,000 Hz: 144 bytes
ID3 = b"ID3\x04\x00\x00\x00\x00\x00\x10" + bytes(16) + MPEG_1_FRAME
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
OGG = b"OggS\x00\x02" + bytes(20)
FLAC = b"fLaC\x00\x00\x00\x22"
MP4 = b"\x00\x00\x00\x20ftypM4A " + bytes(16)

AUDIO = [
    (MPEG_1_FRAME * 2, "audio/mpeg", Container.MP3),
    (MPEG_2_FRAME * 2, "audio/mp3; charset=binary", Container.MP3),
    (MPEG_1_FRAME, "Audio/MPEG", Container.MP3),
    (ID3, None, Container.MP3),
    (WAV, "audio/x-wav", Container.WAV),
    (OGG, "application/ogg", Container.OGG),
    (FLAC, "audio/flac", Container.FLAC),
    (MP4, "audio/x-m4a", Container.MP4),
    (WAV, "application/octet-stream", Container.WAV),
    (FLAC, "", Container.FLAC),
]
REFUSED = [
    (b"", "audio/mpeg", "empty", True),
    (b"<!DOCTYPE html><html>", "text/html", "unavailable", True),
    (b"\n\n  <html>", "audio/mpeg", "unavailable", True),
    (b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "application/xml", "unavailable", True),
    (b'{"error": "not ready"}', "application/json", "unavailable", True),
    (b"[]", "audio/mpeg", "unavailable", True),
    (b"Not found", "text/plain; charset=utf-8", "unavailable", True),
    (b"whatever", "application/problem+json", "unavailable", True),
    (b"Not found", "audio/mpeg", "not_audio", False),
    (b"PK\x03\x04" + bytes(30), "audio/mpeg", "not_audio", False),
    (b"%PDF-1.7", "application/pdf", "not_audio", False),
    (b"\x7fELF" + bytes(30), "audio/wav", "not_audio", False),
    (bytes(100), "audio/mpeg", "not_audio", False),
    (b"RIFF\x24\x00\x00\x00AVI LIST", "video/x-msvideo", "not_audio", False),
    (b"\xff\xfe<\x00h\x00t\x00m\x00l\x00", "audio/mpeg", "not_audio", False),  # UTF-16, whose mark has eleven set bits
    (b"\xff\xf1\x50\x80" + bytes(100), "audio/aac", "not_audio", False),  # ADTS
    (MPEG_1_FRAME + bytes(100), "audio/mpeg", "not_audio", False),  # a header by chance: no second frame
    (b"\xff\xfb\xf0\x00" + bytes(500), "audio/mpeg", "not_audio", False),  # no such bit rate
    (b"\xff\xfb\x9c\x00" + bytes(500), "audio/mpeg", "not_audio", False),  # no such sampling rate
    (b"\xff\xeb\x90\x00" + bytes(500), "audio/mpeg", "not_audio", False),  # no such version
    (b"ID3\x04\x00\x00\xff\xff\xff\xff", "audio/mpeg", "not_audio", False),
    (b"ID3", "audio/mpeg", "not_audio", False),
    (WAV, "audio/mpeg", "type_mismatch", False),
    (MPEG_1_FRAME * 2, "audio/wav", "type_mismatch", False),
    (MP4, "audio/flac", "type_mismatch", False),
    (ID3, "text/html", "type_mismatch", False),
    (OGG, "image/png", "type_mismatch", False),
]


@pytest.mark.parametrize(("head", "content_type", "container"), AUDIO)
def test_header_and_bytes_that_agree_are_audio(head: bytes, content_type: str | None, container: Container) -> None:
    assert sniffing.sniff(head, content_type) is container
    assert container.media_type.startswith("audio/")


@pytest.mark.parametrize(("head", "content_type", "code", "is_retryable"), REFUSED)
def test_everything_else_has_its_code(head: bytes, content_type: str, code: str, is_retryable: bool) -> None:
    with pytest.raises(FetchError) as refusal:
        sniffing.sniff(head, content_type)
    assert (refusal.value.code, refusal.value.is_retryable) == (code, is_retryable)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_sample_calls_are_mp3(path: Path) -> None:
    assert sniffing.container_of(path.read_bytes()[: sniffing.HEAD_BYTES]) is Container.MP3


@given(st.binary(max_size=64), st.none() | st.text(max_size=20))
def test_any_head_is_judged(head: bytes, content_type: str | None) -> None:
    try:
        outcome: str = sniffing.sniff(head, content_type)
    except FetchError as refusal:
        outcome = refusal.code
    assert outcome in {"empty", "unavailable", "not_audio", "type_mismatch", *Container}
