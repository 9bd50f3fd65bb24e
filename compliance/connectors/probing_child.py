"""The far side of `probing_host`: waits with PyAV loaded, and forks a child that measures for each recording.

It runs by its path (`python -I -B probing_child.py`, its standard input being the socket to its owner) and imports
nothing of ours. The waiting process passes a descriptor on and reads no byte of a recording. The child reads audio from
its standard input, the kind of file from its first line, which is ours, and writes its measures as JSON. Before the
first hostile byte it closes every door: no processor time without end, no memory without end, no file, no socket (no
new descriptor at all), no core dump that would hold clear audio.
"""

import gc
import io
import json
import os
import resource
import select
import socket
import struct
import sys
import wave
from typing import BinaryIO

import av

# The demuxer is named, never guessed: among those that FFmpeg would guess are playlists that open other addresses.
_DEMUXERS = {"mp3": "mp3", "wav": "wav", "ogg": "ogg", "flac": "flac", "mp4": "mov"}
_DECODED_SECONDS = 10.0  # decoded to prove that it is sound; the rest is only counted
_MAX_SEEKABLE_BYTES = 128 * 1024 * 1024  # MP4 may keep its index at the end, so it is read whole, into memory
_EXIT_NOT_AUDIO, _EXIT_FAULT = 3, 70

_REQUEST, _REPLY = struct.Struct("!QQ"), struct.Struct("!iI")  # as in `probing_host`
_MAX_ANSWER_BYTES = 4_096
_IDLE_SECONDS = 60.0

_PIECE_BYTES = 256 * 1_024  # stays in the processor's cache
_BUFFER_BYTES = 64 * 1_024
_NAME_BYTES = 16
_RUN_AT_LEAST, _RUN_AT_MOST = 16, 4_096  # frames that are looked at together
# Layer III: kbit/s by index, Hz by index; ISO/IEC 11172-3 and 13818-3. The second pair is for lower sampling rates.
_BITRATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
)
_RATES = {3: (44_100, 48_000, 32_000, 0), 2: (22_050, 24_000, 16_000, 0), 0: (11_025, 12_000, 8_000, 0)}


def main() -> int:
    """Serves the owner until it goes, or has had no work for a while."""
    av.logging.set_level(None)
    _warm_up()
    gc.freeze()  # a child's collector would touch, and so copy, every page
    control = socket.socket(fileno=0)
    while select.select([control], [], [], _IDLE_SECONDS)[0]:
        request, files, _, _ = socket.recv_fds(control, _REQUEST.size, 1)
        if len(request) != _REQUEST.size or not files:
            break
        status, answer = _measured_by_a_child(files[0], *_REQUEST.unpack(request))
        control.sendall(_REPLY.pack(status, len(answer)) + answer)
    return 0


def _measured_by_a_child(audio: int, cpu_seconds: int, memory_bytes: int) -> tuple[int, bytes]:
    """How the child ended, and what it said."""
    answers, answer = os.pipe()
    child = os.fork()
    if child == 0:
        code = _EXIT_FAULT
        try:
            os.dup2(audio, 0)  # the socket to the owner is gone with this
            os.dup2(answer, 1)
            os.closerange(3, max(audio, answer, answers) + 1)
            _close_doors(cpu_seconds, memory_bytes)
            code = _measure_input()
        finally:
            os._exit(code)
    os.close(audio)
    os.close(answer)
    said = b""
    with os.fdopen(answers, "rb", buffering=0) as pipe:
        while len(said) <= _MAX_ANSWER_BYTES and (piece := pipe.read(_MAX_ANSWER_BYTES + 1 - len(said))):
            said += piece
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def _measure_input() -> int:
    """Measures standard input; exit code 3 when it is not audio of the named kind."""
    source: BinaryIO = io.BufferedReader(io.FileIO(0, closefd=False), _BUFFER_BYTES)
    container = source.readline(_NAME_BYTES).decode("ascii").strip()
    if not container:
        return 0  # nobody needed us
    if container == "mp4":
        source = io.BytesIO(source.read(_MAX_SEEKABLE_BYTES))
    try:
        measures = _measure_mp3(source) if container == "mp3" else _measure(source, container)
    except (av.FFmpegError, ValueError, IndexError, MemoryError, OverflowError):
        return _EXIT_NOT_AUDIO
    os.write(1, json.dumps(measures).encode())
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


def _measure(source: BinaryIO, container: str, *, counts: bool = True) -> dict[str, str | int | float]:
    """By FFmpeg. Where the packets need not be counted, it ends with the part that is decoded."""
    with av.open(source, mode="r", format=_DEMUXERS[container]) as opened:
        stream = opened.streams.audio[0]
        stream.codec_context.thread_count = 1
        rate, channels, decoded, ticks = 0, 0, 0.0, 0
        for packet in opened.demux(stream):
            ticks += packet.duration or 0
            if decoded >= _DECODED_SECONDS and not counts:
                break
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
            "duration_seconds": round(max(float(ticks * (stream.time_base or 0)), decoded), 3),
        }


def _measure_mp3(source: BinaryIO) -> dict[str, str | int | float]:
    """As `_measure`, but the frames are counted here: a call's frames are so small that FFmpeg's packets take
    twenty times as long, and the fetch would wait for us.
    """
    head = _after_tag(source)
    measures = _measure(io.BytesIO(head), "mp3", counts=False)
    seconds = _seconds_of_frames(head, source)
    if not seconds:
        measures = _measure(io.BytesIO(head), "mp3")
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
