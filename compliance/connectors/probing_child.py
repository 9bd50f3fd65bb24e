"""The child process of `probing`: reads audio from standard input, writes its measures as one line of JSON.

It runs by its path (`python -I -B probing_child.py CPU_SECONDS MEMORY_BYTES`), imports nothing of ours, reads the kind
of file from its first line, which is ours, and closes every door before the first hostile byte: no processor time
without end, no memory without end, no file, no socket (no new descriptor at all), no core dump that would hold clear
audio.
"""

import io
import json
import resource
import sys
import wave
from typing import BinaryIO

import av

# The demuxer is named, never guessed: among those that FFmpeg would guess are playlists that open other addresses.
_DEMUXERS = {"mp3": "mp3", "wav": "wav", "ogg": "ogg", "flac": "flac", "mp4": "mov"}
_DECODED_SECONDS = 10.0  # decoded to prove that it is sound; the rest is only counted
_MAX_SEEKABLE_BYTES = 128 * 1024 * 1024  # MP4 may keep its index at the end, so it is read whole, into memory
_EXIT_NOT_AUDIO = 3

_PIECE_BYTES = 1_024 * 1_024
_NAME_BYTES = 16
_RUN_AT_LEAST, _RUN_AT_MOST = 16, 4_096  # frames that are looked at together
# Layer III: kbit/s by index, Hz by index; ISO/IEC 11172-3 and 13818-3. The second pair is for lower sampling rates.
_BITRATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
)
_RATES = {3: (44_100, 48_000, 32_000, 0), 2: (22_050, 24_000, 16_000, 0), 0: (11_025, 12_000, 8_000, 0)}


def main() -> int:
    """Measures standard input; exit code 3 when it is not audio of the named kind."""
    cpu_seconds, memory_bytes = int(sys.argv[1]), int(sys.argv[2])
    av.logging.set_level(None)
    _warm_up()
    _close_doors(cpu_seconds, memory_bytes)
    source: BinaryIO = sys.stdin.buffer
    container = source.readline(_NAME_BYTES).decode("ascii").strip()
    if not container:
        return 0  # nobody needed us
    if container == "mp4":
        source = io.BytesIO(source.read(_MAX_SEEKABLE_BYTES))
    try:
        measures = _measure_mp3(source) if container == "mp3" else _measure(source, container)
    except (av.FFmpegError, ValueError, IndexError, MemoryError, OverflowError):
        return _EXIT_NOT_AUDIO
    sys.stdout.write(json.dumps(measures) + "\n")
    return 0


def _warm_up() -> None:
    """Measures a moment of silence: PyAV loads parts of itself at first use, which needs files."""
    silence = io.BytesIO()
    with wave.open(silence, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8_000)
        writer.writeframes(bytes(1_600))
    silence.seek(0)
    _measure(silence, "wav")


def _close_doors(cpu_seconds: int, memory_bytes: int) -> None:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_AS: memory_bytes,
    }
    for limit, value in limits.items():
        if sys.platform == "darwin" and limit == resource.RLIMIT_AS:
            continue  # the system refuses to set it
        resource.setrlimit(limit, (value, value))


def _measure(source: BinaryIO, container: str) -> dict[str, str | int | float]:
    with av.open(source, mode="r", format=_DEMUXERS[container]) as opened:
        stream = opened.streams.audio[0]
        stream.codec_context.thread_count = 1
        rate, channels, decoded, counted = 0, 0, 0.0, 0.0
        for packet in opened.demux(stream):
            if packet.duration and packet.time_base:
                counted += float(packet.duration * packet.time_base)
            if decoded >= _DECODED_SECONDS or not packet.size:
                continue
            for frame in packet.decode():
                rate, channels = frame.sample_rate, frame.layout.nb_channels
                decoded += frame.samples / rate
        if not rate or not channels:
            raise ValueError("nothing could be decoded")
        return {
            "codec": stream.codec_context.codec.canonical_name,
            "channels": channels,
            "sample_rate": rate,
            "duration_seconds": round(max(counted, decoded), 3),
        }


def _measure_mp3(source: BinaryIO) -> dict[str, str | int | float]:
    """As `_measure`, but the frames are counted here: a call's frames are so small that FFmpeg's packets take
    twenty times as long, and the fetch would wait for us.
    """
    head = _after_tag(source)
    measures = _measure(io.BytesIO(head), "mp3")
    seconds = _seconds_of_frames(head, source)
    return measures | {"duration_seconds": round(seconds, 3)} if seconds else measures


def _after_tag(source: BinaryIO) -> bytes:
    """The first piece after an ID3v2 tag, which may hold a picture of any size."""
    start = source.read(10)
    if start[:3] != b"ID3" or len(start) < 10:
        return start + source.read(_PIECE_BYTES)
    left = start[6] << 21 | start[7] << 14 | start[8] << 7 | start[9]
    while left > 0 and (piece := source.read(min(left, _PIECE_BYTES))):
        left -= len(piece)
    return source.read(_PIECE_BYTES)


def _seconds_of_frames(head: bytes, source: BinaryIO) -> float:
    """The length of all whole frames that are like the first one; what is not a frame is passed over."""
    position = _first_frame(head)
    if position is None:
        return 0.0
    second, version = head[position + 1] & 0xFE, (head[position + 1] >> 3) & 3
    is_low = version != 3
    samples, rate = 576 if is_low else 1_152, _RATES[version][(head[position + 2] >> 2) & 3]
    lengths = _frame_lengths(_BITRATES[is_low], samples, rate, (head[position + 2] >> 2) & 3)
    table = head[position : position + 200]
    frames = -1 if b"Xing" in table or b"Info" in table or b"VBRI" in table else 0
    piece = head
    ahead = _RUN_AT_LEAST
    while piece:
        end = len(piece) - 3
        while position < end:
            length = lengths[piece[position + 2]]
            if length and piece[position] == 0xFF and piece[position + 1] & 0xFE == second:
                run = _run_of_equals(piece, position, min(position + ahead * length, end), length)
                ahead = min(2 * ahead, _RUN_AT_MOST) if run >= ahead else _RUN_AT_LEAST
                frames += run
                position += run * length
            else:
                position = piece.find(b"\xff", position + 1)
                position = end if position < 0 else position
        kept = piece[position:]
        position = max(0, position - len(piece))
        more = source.read(_PIECE_BYTES)
        if not more and position:
            frames -= 1  # the last one is cut off
        piece = kept + more if more else b""
    return frames * samples / rate


def _run_of_equals(piece: bytes, position: int, end: int, length: int) -> int:
    """How many frames follow each other from here on that have this one's length and header, this one included; those
    that begin before `end`. A call has one rate throughout: looking at thousands of headers at once takes a tenth.
    """
    run = len(range(position, end, length))
    for offset in range(3):
        byte = piece[position + offset]
        wanted = bytes((byte & 0xFE, byte | 1)) if offset == 1 else bytes((byte,))
        column = piece[position + offset : end + offset : length]
        run = min(run, len(column) - len(column.lstrip(wanted)))
    return run


def _first_frame(head: bytes) -> int | None:
    """Where the first frame begins that is followed by another."""
    position = 0
    while 0 <= (position := head.find(b"\xff", position)) < len(head) - 3:
        version, rate = (head[position + 1] >> 3) & 3, (head[position + 2] >> 2) & 3
        if head[position + 1] & 0xE6 == 0xE2 and version != 1 and rate != 3:
            is_low = version != 3
            lengths = _frame_lengths(_BITRATES[is_low], 576 if is_low else 1_152, _RATES[version][rate], rate)
            following = position + lengths[head[position + 2]]
            if following > position and head[following : following + 1] in (b"\xff", b""):
                return position
        position += 1
    return None


def _frame_lengths(bitrates: tuple[int, ...], samples: int, rate: int, rate_index: int) -> list[int]:
    """Bytes of a frame by the third byte of its header; 0 where that byte belongs to no frame of this rate."""
    return [
        samples // 8 * 1_000 * bitrates[byte >> 4] // rate + ((byte >> 1) & 1)
        if (byte >> 2) & 3 == rate_index and bitrates[byte >> 4]
        else 0
        for byte in range(256)
    ]


if __name__ == "__main__":
    sys.exit(main())
