"""Tells audio from what servers send in its place, by the first bytes. Pure.

The header alone is not believed and neither are the bytes alone: both must agree, else nothing is kept.
"""

import re
from enum import StrEnum
from typing import Final

from compliance.connectors.refusals import FetchFailed, FetchRefused

HEAD_BYTES: Final = 8_192  # holds at least two frames of MPEG audio, layer III


class Container(StrEnum):
    """The kinds of audio file that are kept."""

    MP3 = "mp3"
    WAV = "wav"
    OGG = "ogg"
    FLAC = "flac"
    MP4 = "mp4"

    @property
    def media_type(self) -> str:
        """The registered media type under which we keep and serve it."""
        return _MEDIA_TYPES[self][0]


_MEDIA_TYPES: Final[dict[Container, tuple[str, ...]]] = {
    Container.MP3: ("audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpeg3", "audio/x-mpeg", "audio/mpg"),
    Container.WAV: ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"),
    Container.OGG: ("audio/ogg", "application/ogg", "audio/opus", "audio/vorbis", "audio/x-ogg"),
    Container.FLAC: ("audio/flac", "audio/x-flac"),
    Container.MP4: ("audio/mp4", "audio/x-m4a", "audio/m4a", "video/mp4"),
}
# What stores call a file of which they know nothing.
_NEUTRAL: Final = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/x-octet-stream", "application/force-download"}
)
_TEXT: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*[<{\[]")

# Layer III: kbit/s by (is version 1, index), and Hz by (version bits, index). ISO/IEC 11172-3, 13818-3.
_BITRATES: Final = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def sniff(head: bytes, content_type: str | None) -> Container:
    """The kind of audio that begins with `head` and is announced as `content_type`.

    Raises FetchFailed("unavailable") for a page or message in place of audio, FetchFailed("empty") for nothing,
    FetchRefused("not_audio") for other bytes, FetchRefused("type_mismatch") where header and bytes disagree.
    """
    announced = (content_type or "").partition(";")[0].strip().lower()
    if not head:
        raise FetchFailed("empty")
    container = container_of(head)
    if container is None:
        is_page = bool(_TEXT.match(head)) or announced.startswith("text/") or announced.endswith(("json", "xml"))
        raise FetchFailed("unavailable") if is_page else FetchRefused("not_audio")
    if announced not in _NEUTRAL and announced not in _MEDIA_TYPES[container]:
        raise FetchRefused("type_mismatch")
    return container


def container_of(head: bytes) -> Container | None:
    """The kind of audio that begins with `head`, by its magic numbers; None when it is none that we keep."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return Container.WAV
    if head[:4] == b"OggS":
        return Container.OGG
    if head[:4] == b"fLaC":
        return Container.FLAC
    if head[4:8] == b"ftyp":
        return Container.MP4
    return Container.MP3 if _is_id3(head) or _is_mpeg_audio(head) else None


def _is_id3(head: bytes) -> bool:
    """An ID3v2 tag: major version 2 to 4, and a size whose bytes have no high bit."""
    return len(head) >= 10 and head[:3] == b"ID3" and 2 <= head[3] <= 4 and all(byte < 0x80 for byte in head[6:10])


def _is_mpeg_audio(head: bytes) -> bool:
    """Frames of layer III: two in a row where the head is long enough, since eleven set bits alone prove little."""
    length = _frame_length(head)
    if length is None:
        return False
    following = head[length : length + 4]
    return len(following) < 4 or _frame_length(following) is not None


def _frame_length(header: bytes) -> int | None:
    """Bytes from this frame's header to the next one's; None when it is not a frame header of layer III."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = (header[1] >> 3) & 3, header[2] >> 4, (header[2] >> 2) & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    is_first = version == 3
    samples_over_8 = 144 if is_first else 72
    padding = (header[2] >> 1) & 1
    return samples_over_8 * 1_000 * _BITRATES[is_first][bitrate] // _RATES[version][rate] + padding
