"""Measures audio that nobody vouches for, in a child process that can do nothing but answer.

What can go wrong: a crafted file crashes the decoder, runs it for ever, or makes it write or connect.
Principle: FFmpeg's code sees hostile bytes only in a child with limits, fed through a pipe from memory; no clear file.
Promise: a failing child never disturbs the stream that it listens to; the failure is told by `finish`.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, cast

from compliance.connectors.sniffing import Container

_CHILD: Final = Path(__file__).with_name("probing_child.py")
_PIPE_BYTES: Final = 1_024 * 1_024  # the usual 64 KiB make the fetch wait for the child at each piece
_MAX_ANSWER_BYTES: Final = 4_096
_LONGEST_SECONDS: Final = 7 * 86_400.0
_EXIT_CODES: Final = {3: "not_audio"}


class ProbeFailed(Exception):
    """The audio could not be measured: `not_audio`, `too_slow`, `limits` (killed by one), `crashed`, `bad_answer`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What the audio is, by measurement: FFmpeg's codec name, channels, Hz, seconds."""

    codec: str
    channels: int
    sample_rate: int
    duration_seconds: float


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """`stall_seconds` is how long the child may keep us waiting at one point; it may listen for the whole fetch."""

    cpu_seconds: int = 60
    memory_bytes: int = 1_024 * 1_024 * 1_024
    stall_seconds: float = 15.0


class Prober:
    """Listens to one recording: `with Prober() as prober`, `expect` its kind, pass the chunks through `tee`, then
    `finish`. The child takes a moment to start, so make it before the recording is asked for.
    """

    def __init__(self, container: Container | None = None, limits: ProbeLimits | None = None) -> None:
        self._limits = limits or ProbeLimits()
        arguments = (str(self._limits.cpu_seconds), str(self._limits.memory_bytes))
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-B", str(_CHILD), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            close_fds=True,
            bufsize=0,
            pipesize=_PIPE_BYTES,
        )
        self._pipe = cast(IO[bytes], self._child.stdin)
        self._answers = cast(IO[bytes], self._child.stdout)
        os.set_blocking(self._pipe.fileno(), False)
        self._failure: str | None = None
        self._is_deaf = False
        if container:
            self.expect(container)

    def __enter__(self) -> "Prober":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def expect(self, container: Container) -> None:
        """Tells the child what it will hear. Once, before the first chunk."""
        self.feed(container.value.encode() + b"\n")

    def feed(self, chunk: bytes) -> None:
        """Gives the child more to listen to; does nothing once it has stopped listening."""
        view = memoryview(chunk)
        while view and not self._is_deaf:
            view = view[self._write(view) :]

    def tee(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, heard by the child as they pass."""
        for chunk in chunks:
            self.feed(chunk)
            yield chunk

    def finish(self) -> AudioFacts:
        """What the child measured, after the last chunk. Raises ProbeFailed."""
        try:
            self._pipe.close()
            answer = self._answer()
            status = self._child.wait(self._limits.stall_seconds)
        except subprocess.TimeoutExpired:
            raise ProbeFailed("too_slow") from None
        finally:
            self._end()
        if self._failure:
            raise ProbeFailed(self._failure)
        if status != 0:
            raise ProbeFailed(_EXIT_CODES.get(status, "limits" if status < 0 else "crashed"))
        return _read_answer(answer)

    def _write(self, view: memoryview) -> int:
        try:
            if _is_ready(self._pipe, select.POLLOUT, self._limits.stall_seconds):
                return os.write(self._pipe.fileno(), view)
        except BrokenPipeError:
            self._is_deaf = True  # its exit status says why
            return 0
        self._is_deaf, self._failure = True, "too_slow"
        return 0

    def _answer(self) -> bytes:
        answer, ends = b"", time.monotonic() + self._limits.stall_seconds
        while len(answer) <= _MAX_ANSWER_BYTES:
            if not _is_ready(self._answers, select.POLLIN, max(0.0, ends - time.monotonic())):
                self._failure = "too_slow"
                self._child.kill()
                return b""
            piece = os.read(self._answers.fileno(), _MAX_ANSWER_BYTES)
            if not piece:
                break
            answer += piece
        return answer

    def _end(self) -> None:
        """No child is left behind, whatever happened."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._pipe.close()
        self._answers.close()


def probe(chunks: Iterable[bytes], container: Container, limits: ProbeLimits | None = None) -> AudioFacts:
    """Measures a whole recording that is at hand. Raises ProbeFailed."""
    with Prober(container, limits) as prober:
        for chunk in chunks:
            prober.feed(chunk)
        return prober.finish()


def _is_ready(pipe: IO[bytes], event: int, seconds: float) -> bool:
    """Whether the pipe can be used, or is broken and says so then. (`poll`, since `select` ends at 1,024 files.)"""
    poll = select.poll()
    poll.register(pipe, event)
    return bool(poll.poll(seconds * 1_000))


def _read_answer(answer: bytes) -> AudioFacts:
    """The child handled hostile bytes, so its answer is checked like any other input."""
    try:
        measures = json.loads(answer)
        codec, channels = measures["codec"], measures["channels"]
        rate, seconds = measures["sample_rate"], measures["duration_seconds"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProbeFailed("bad_answer") from None
    is_codec = isinstance(codec, str) and codec.isascii() and codec.replace("_", "").isalnum() and len(codec) <= 40
    are_counts = type(channels) is int and 1 <= channels <= 64 and type(rate) is int and 1 <= rate <= 768_000
    is_length = isinstance(seconds, int | float) and 0 <= seconds <= _LONGEST_SECONDS
    if not (is_codec and are_counts and is_length):
        raise ProbeFailed("bad_answer")
    return AudioFacts(codec, channels, rate, float(seconds))
