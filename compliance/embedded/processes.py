"""Child processes: each in a session of its own, so that Ctrl-C reaches the launcher only and every stop is ours.

A pid file holds the pid with the process's start time. After a launcher was killed, the next one ends what is left of
it, and never a stranger that was given the same pid since.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from compliance.embedded.confinement import dies_with_parent
from compliance.embedded.places import LauncherError

_TAIL_LINES = 12
_LOG_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Program:
    """What to run. `stop_signal` asks it to end; after `patience_seconds` it is killed with all its children."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    folder: Path
    stop_signal: signal.Signals = signal.SIGTERM
    patience_seconds: float = 10.0
    prefix: tuple[str, ...] = ()
    """Comes before the command; a program that changes its user has to do so before it asks for a death signal."""


@dataclass
class Child:
    """One running program, its log and its pid file."""

    program: Program
    log: Path
    pid_file: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it; its output is appended to the log."""
        program = self.program
        command = [*program.prefix, *dies_with_parent(program.stop_signal.name.removeprefix("SIG")), *program.command]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                env=dict(program.environment),
                cwd=program.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.pid_file.write_text(f"{self.pid} {process_started(self.pid)} {int(program.stop_signal)}\n")

    @property
    def pid(self) -> int:
        """The running process's id. Raises LauncherError before the first start."""
        if self._process is None:
            raise LauncherError(f"{self.program.name} was not started")
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs (or was never started); negative for the signal that ended it."""
        return _exit_code(self._process) if self._process else None

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and _exit_code(self._process) is None

    def stop(self) -> None:
        """Ask it to end, wait, and kill what is left of its session."""
        if self._process is None:
            return
        if self.is_running():
            self._process.send_signal(self.program.stop_signal)
            deadline = time.monotonic() + self.program.patience_seconds
            while self.is_running() and time.monotonic() < deadline:
                time.sleep(0.02)
        _kill_session(self._process.pid)
        self._process.wait()
        self._process = None
        self.pid_file.unlink(missing_ok=True)

    def tail(self) -> str:
        """The last lines of its log, for a message about why it did not start."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        except OSError:
            return ""


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    """Look without reaping.

    While the dead leader keeps its number, its session can be killed and nobody else's is meant.
    """
    if sys.platform == "darwin":
        return process.poll()
    if process.returncode is not None:
        return process.returncode
    ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def process_started(pid: int) -> str:
    """When a process began, in the system's own words; empty where it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "" if sys.platform == "linux" else _started_by_ps(pid)
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def end_leftovers(pids: Path) -> list[str]:
    """End what an earlier launcher left behind, by its pid files. Returns the names of what was still running."""
    ended = []
    for pid_file in sorted(pids.glob("*.pid")):
        recorded = _read_pid_file(pid_file)
        if recorded and process_started(recorded[0]) == recorded[1]:
            _end(recorded[0], recorded[2])
            ended.append(pid_file.stem)
        pid_file.unlink(missing_ok=True)
    return ended


def _read_pid_file(path: Path) -> tuple[int, str, int] | None:
    try:
        pid, rest = path.read_text().strip().split(" ", 1)
        started, stop_signal = rest.rsplit(" ", 1)
        found = int(pid), started, int(stop_signal)
    except (OSError, ValueError):
        return None
    return found if found[1] else None


def _end(pid: int, stop_signal: int) -> None:
    started = process_started(pid)
    try:
        os.kill(pid, stop_signal)
        deadline = time.monotonic() + 10
        while process_started(pid) == started and time.monotonic() < deadline:
            time.sleep(0.05)
    except ProcessLookupError:
        return
    if process_started(pid) == started:
        _kill_session(pid)


def _kill_session(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _started_by_ps(pid: int) -> str:
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "_".join(answer.stdout.split())
