"""Processes that wait with PyAV loaded: used again, yet no recording meets what another one left."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from compliance.connectors import probing, probing_host
from compliance.connectors.probing import ProbeFailed, Prober
from compliance.connectors.probing_host import HostGone, ProbeHost
from compliance.connectors.sniffing import Container
from tests.compliance.connectors.test_probing import altered_child, code_of

__all__ = ["altered_child"]

Found = TypeVar("Found")
FACTS = '{"codec": "none", "channels": 1, "sample_rate": 1, "duration_seconds": %s}'
REMEMBERING = f"""
    seen = globals().setdefault("SEEN", [])
    seen.append(source.read())
    return {FACTS % "len(seen)"}"""


@pytest.fixture(autouse=True)
def no_idle_hosts() -> Iterator[None]:
    probing_host.end_idle()
    yield
    probing_host.end_idle()


def waiting() -> list[int]:
    """Process ids of the hosts that wait."""
    return [host.process.pid for host in probing_host._idle.hosts]


def children_of(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()


def has_ended(pid: int) -> bool:
    """Nobody may have asked for its status yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def soon(look: Callable[[], Found]) -> Found:
    """What it gives once that is something."""
    ends = time.monotonic() + 30
    while not (found := look()) and time.monotonic() < ends:
        os.sched_yield()
    return found


def test_one_host_measures_many(mp3: bytes) -> None:
    first = probing.probe([mp3], Container.MP3)
    hosts = waiting()
    assert len(hosts) == 1
    assert [probing.probe([mp3], Container.MP3) for _ in range(3)] == [first] * 3
    assert waiting() == hosts


def test_no_recording_meets_what_another_left(altered_child: Callable[..., None]) -> None:
    altered_child(REMEMBERING)
    assert [probing.probe([b"RIFF"], Container.WAV).duration_seconds for _ in range(3)] == [1, 1, 1]
    (host,) = waiting()
    assert children_of(host) == ""


@pytest.mark.parametrize(
    ("body", "code", "stays"),
    [
        ("raise ValueError", "not_audio", True),
        ("os.kill(os.getpid(), 9)", "limits", False),
        ("os.abort()", "limits", False),
        ("sys.exit(4)", "crashed", False),
        ("raise RuntimeError", "crashed", False),
        ("os.kill(os.getppid(), 9)", "limits", False),
    ],
)
def test_after_anything_unusual_the_host_goes_too(
    altered_child: Callable[..., None], body: str, code: str, stays: bool
) -> None:
    altered_child("    " + body)
    assert code_of(b"", Container.WAV) == code
    assert len(waiting()) == int(stays)
    assert code_of(b"", Container.WAV) == code  # and the next recording finds another one


def test_a_hanging_child_goes_with_its_host(altered_child: Callable[..., None]) -> None:
    altered_child("    import time\n    time.sleep(60)")
    prober = Prober(Container.WAV, probing.ProbeLimits(stall_seconds=0.2))
    host = prober._host
    assert host is not None
    child = soon(lambda: children_of(host.process.pid))
    with prober, pytest.raises(ProbeFailed, match="too_slow"):
        prober.finish()
    assert (host.process.returncode, waiting()) == (-9, [])
    assert soon(lambda: has_ended(int(child)))


def test_a_recording_that_is_given_up_leaves_the_host_for_the_next(mp3: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_PARTING_SECONDS", 30.0)
    with Prober(Container.MP3) as prober:
        prober.feed(mp3)
    hosts = waiting()
    assert len(hosts) == 1
    assert probing.probe([mp3], Container.MP3).codec == "mp3"
    assert waiting() == hosts


def test_a_host_that_died_while_it_waited_is_replaced(mp3: bytes) -> None:
    probing.probe([mp3], Container.MP3)
    (host,) = probing_host._idle.hosts
    os.kill(host.process.pid, 9)
    os.waitid(os.P_PID, host.process.pid, os.WEXITED | os.WNOWAIT)
    assert probing.probe([mp3], Container.MP3).codec == "mp3"
    assert host.process.pid not in waiting()


def test_a_host_that_leaves_at_this_moment_is_replaced(mp3: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[ProbeHost] = []
    begin = ProbeHost.begin

    def gone_once(host: ProbeHost, audio: int, *, cpu_seconds: int, memory_bytes: int) -> None:
        begun.append(host)
        if len(begun) == 1:
            raise HostGone
        begin(host, audio, cpu_seconds=cpu_seconds, memory_bytes=memory_bytes)

    monkeypatch.setattr(ProbeHost, "begin", gone_once)
    assert probing.probe([mp3], Container.MP3).codec == "mp3"
    assert waiting() == [begun[1].process.pid]
    assert begun[0].process.returncode is not None


def test_a_host_that_waited_long_is_not_used(mp3: bytes) -> None:
    probing.probe([mp3], Container.MP3)
    (host,) = probing_host._idle.hosts
    host.idle_since = time.monotonic() - probing_host._USABLE_SECONDS
    probing.probe([mp3], Container.MP3)
    assert host.process.returncode is not None
    assert host.process.pid not in waiting()


def test_a_host_leaves_when_its_owner_is_gone(mp3: bytes) -> None:
    probing.probe([mp3], Container.MP3)
    host = probing_host._idle.hosts.pop()
    host._control.close()
    assert host.process.wait(30) == 0


def test_a_forked_process_uses_no_host_of_its_parent(mp3: bytes) -> None:
    probing.probe([mp3], Container.MP3)
    hosts = waiting()
    child = os.fork()
    if child == 0:
        os._exit(len(waiting()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert probing.probe([mp3], Container.MP3).codec == "mp3"
    assert waiting() == hosts


def test_several_at_once(mp3: bytes) -> None:
    with ThreadPoolExecutor(4) as pool:
        facts = list(pool.map(lambda _: probing.probe([mp3], Container.MP3), range(12)))
    assert len(set(facts)) == 1
    assert 1 <= len(waiting()) <= 4


def test_only_so_many_wait(monkeypatch: pytest.MonkeyPatch, mp3: bytes) -> None:
    monkeypatch.setattr(probing_host, "_MOST_IDLE", 1)
    with Prober(Container.MP3) as first, Prober(Container.MP3) as second:
        for prober in (first, second):
            prober.feed(mp3)
            prober.finish()
    assert len(waiting()) == 1
