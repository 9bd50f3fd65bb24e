"""Processes that wait with PyAV loaded, and fork one child for each recording that is to be measured.

What can go wrong: loading PyAV takes longer than measuring a usual call; but a process that has decoded one stranger's
bytes must not come near another's. So what is loaded once and used again never sees a byte: each recording has a child
of its own, with limits of its own, that ends with it. A host whose child ended in any unusual way is not used again.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from threading import Lock
from typing import Final

REQUEST: Final = struct.Struct("!QQ")
"""To the host, with the end of a pipe to read from: seconds of processor time, bytes of memory."""
REPLY: Final = struct.Struct("!iI")
"""From the host, with the answer behind it: how the child ended (a signal is negative), length of its answer."""
MAX_ANSWER_BYTES: Final = 4_096

_USABLE_SECONDS: Final = 30.0  # the host itself leaves after twice as long without work
_MOST_IDLE: Final = 8


class HostGone(Exception):
    """The host does not answer as it should."""


class ProbeHost:
    """One waiting process: `begin`, then `reply`; one recording at a time."""

    def __init__(self, script: Path) -> None:
        self.script, self.idle_since = script, 0.0
        self._control, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-B", str(script)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                close_fds=True,
                process_group=0,
            )

    def begin(self, audio: int, *, cpu_seconds: int, memory_bytes: int) -> None:
        """Have a child read from this descriptor, whose other end closes at the recording's end. Raises HostGone."""
        try:
            socket.send_fds(self._control, [REQUEST.pack(cpu_seconds, memory_bytes)], [audio])
        except OSError:
            raise HostGone from None

    def reply(self, seconds: float) -> tuple[int, bytes]:
        """How the child ended, and what it answered. Raises TimeoutError, HostGone."""
        ends = time.monotonic() + seconds
        status, length = REPLY.unpack(self._receive(REPLY.size, ends))
        if length > MAX_ANSWER_BYTES + 1:
            raise HostGone
        return status, self._receive(length, ends)

    def end(self) -> None:
        """Nothing of it is left behind, its child included."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._control.close()

    def forget(self) -> None:
        """Let go of a host that belongs to the process that this one was forked from."""
        self._control.close()
        self.process.returncode = 0  # not ours to wait for

    def _receive(self, count: int, ends: float) -> bytes:
        data = b""
        while len(data) < count:
            if not is_ready(self._control, select.POLLIN, max(0.0, ends - time.monotonic())):
                raise TimeoutError
            try:
                piece = self._control.recv(count - len(data))
            except OSError:
                raise HostGone from None
            if not piece:
                raise HostGone
            data += piece
        return data


class _Idle:
    """The hosts that wait. Several threads take and give back."""

    def __init__(self) -> None:
        self.hosts: list[ProbeHost] = []
        self.lock = Lock()

    def pop(self) -> ProbeHost | None:
        with self.lock:
            return self.hosts.pop() if self.hosts else None

    def push(self, host: ProbeHost) -> bool:
        """False where enough wait already."""
        with self.lock:
            if len(self.hosts) >= _MOST_IDLE:
                return False
            self.hosts.append(host)
            return True

    def forget(self) -> None:
        """After a fork, the hosts stay with the parent: two processes at one would hear each other's answers."""
        self.lock = Lock()
        while host := self.pop():
            host.forget()


_idle = _Idle()


def take(script: Path) -> ProbeHost:
    """A host that is free, or a new one. The caller alone has it then."""
    now = time.monotonic()
    while host := _idle.pop():
        if host.script == script and now - host.idle_since < _USABLE_SECONDS and host.process.poll() is None:
            return host
        host.end()
    return ProbeHost(script)


def give_back(host: ProbeHost) -> None:
    """For the next recording; only after a reply that was in order."""
    host.idle_since = time.monotonic()
    if not _idle.push(host):
        host.end()


def end_idle() -> None:
    """End all that wait. They would also leave by themselves once this process is gone."""
    while host := _idle.pop():
        host.end()


def is_ready(channel: socket.socket | int, event: int, seconds: float) -> bool:
    """Whether it can be used, or is broken and says so then. (`poll`, since `select` ends at 1,024 files.)"""
    poll = select.poll()
    poll.register(channel, event)
    return bool(poll.poll(seconds * 1_000))


os.register_at_fork(after_in_child=_idle.forget)
atexit.register(end_idle)
