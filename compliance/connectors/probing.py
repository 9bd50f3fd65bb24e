"""Measures audio that nobody vouches for, in a child process that can do nothing but answer.

What can go wrong: a crafted file crashes the decoder, runs it for ever, or makes it write or connect.
Principle: FFmpeg's code sees hostile bytes only in a child with limits, one for each recording, fed through a pipe from
memory; no clear file.
Promise: a failing child never disturbs the stream that it listens to; the failure is told by `finish`.
"""

import contextlib
import fcntl
import json
import os
import select
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from compliance.connectors import probing_host
from compliance.connectors.probing_host import HostGone, ProbeHost
from compliance.connectors.sniffing import Container

_CHILD: Final = Path(__file__).with_name("probing_child.py")
_PIPE_BYTES: Final = 1_024 * 1_024
_LONGEST_SECONDS: Final = 7 * 86_400.0
_EXIT_CODES: Final = {3: "not_audio"}
_ORDERLY: Final = frozenset({0, *_EXIT_CODES})
_PARTING_SECONDS: Final = 1.0


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
    `finish`. Where no host waits, one takes a moment to start, so make it before the recording is asked for.
    """

    def __init__(self, container: Container | None = None, limits: ProbeLimits | None = None) -> None:
        self._limits = limits or ProbeLimits()
        theirs, self._pipe = _wide_pipe()
        try:
            self._host: ProbeHost | None = self._begun(theirs)
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(theirs)
        self._failure: str | None = None
        self._is_deaf = self._has_ended = False
        if container:
            self.expect(container)

    def __enter__(self) -> "Prober":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_pipe()
        if self._host is not None:  # nobody wants to know any more
            self._reply(_PARTING_SECONDS)

    def expect(self, container: Container) -> None:
        """Tells the child what it will hear. Once, before the first chunk."""
        self.feed(container.value.encode() + b"\n")

    def feed(self, chunk: bytes) -> None:
        """Gives the child more to listen to; does nothing once it has stopped listening."""
        view = memoryview(chunk)
        while view and not self._is_deaf:
            view = view[self._write(view) :]

    def tee(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, heard by the child as they pass. It ends its work while the caller ends its own."""
        for chunk in chunks:
            self.feed(chunk)
            yield chunk
        self._end_pipe()

    def finish(self) -> AudioFacts:
        """What the child measured, after the last chunk. Raises ProbeFailed."""
        self._end_pipe()
        reply = self._reply(self._limits.stall_seconds)
        if self._failure or reply is None:
            raise ProbeFailed(self._failure or "limits")
        status, answer = reply
        if status != 0:
            raise ProbeFailed(_EXIT_CODES.get(status, "limits" if status < 0 else "crashed"))
        return _read_answer(answer)

    def _begun(self, audio: int) -> ProbeHost:
        """A host whose child listens: one that has gone meanwhile gives way to the next."""
        while True:
            host = probing_host.take(_CHILD)
            try:
                host.begin(audio, cpu_seconds=self._limits.cpu_seconds, memory_bytes=self._limits.memory_bytes)
            except HostGone:
                host.end()
            else:
                return host

    def _write(self, view: memoryview) -> int:
        try:
            return os.write(self._pipe, view)
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._is_deaf = True  # its exit status says why
            return 0
        if not probing_host.is_ready(self._pipe, select.POLLOUT, self._limits.stall_seconds):
            self._is_deaf, self._failure = True, "too_slow"
        return 0

    def _reply(self, seconds: float) -> tuple[int, bytes] | None:
        """How the child ended; None where it or its host had to be ended."""
        host, self._host = self._host, None
        if host is None:
            return None
        reply = None
        try:
            if self._failure is None:
                reply = host.reply(seconds)
        except TimeoutError:
            self._failure = "too_slow"
        except HostGone:  # no recording reaches a host: the machine ended it
            self._failure = "limits"
        finally:
            if reply is not None and reply[0] in _ORDERLY:
                probing_host.give_back(host)
            else:
                host.end()
        return reply

    def _end_pipe(self) -> None:
        if not self._has_ended:
            self._has_ended = self._is_deaf = True
            os.close(self._pipe)


def probe(chunks: Iterable[bytes], container: Container, limits: ProbeLimits | None = None) -> AudioFacts:
    """Measures a whole recording that is at hand. Raises ProbeFailed."""
    with Prober(container, limits) as prober:
        for chunk in chunks:
            prober.feed(chunk)
        return prober.finish()


def _wide_pipe() -> tuple[int, int]:
    """A pipe whose writing end does not block. The usual 64 KiB make the fetch wait for the child at each piece."""
    read, write = os.pipe()
    with contextlib.suppress(OSError, AttributeError):  # Linux; where the user has not used up what all pipes may hold
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    os.set_blocking(write, False)
    return read, write


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
