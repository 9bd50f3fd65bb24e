"""A dead child is started again, later each time; all are stopped in order."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from compliance.embedded.processes import Child, Program
from compliance.embedded.supervisor import Supervisor


@dataclass
class _Child(Child):
    """A child without a process."""

    running: bool = True
    happened: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.running = True
        self.happened.append(f"start {self.program.name}")

    def stop(self) -> None:
        self.running = False
        self.happened.append(f"stop {self.program.name}")

    def is_running(self) -> bool:
        return self.running

    def exit_code(self) -> int | None:
        return None if self.running else 1


@dataclass
class _Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


def _child(name: str, happened: list[str]) -> _Child:
    return _Child(Program(name, ["true"], os.environ, Path()), Path("log"), Path("pid"), happened=happened)


def test_a_running_child_is_left_alone(clock: _Clock) -> None:
    supervisor, child = Supervisor(lambda line: None, clock), _child("web", [])
    supervisor.watch(child)
    supervisor.look()
    assert child.happened == []


def test_pauses_grow_and_have_an_end(clock: _Clock) -> None:
    said: list[str] = []
    supervisor, child = Supervisor(said.append, clock), _child("web", [])
    supervisor.watch(child)
    pauses = []
    for _ in range(7):
        child.running = False
        supervisor.look()
        died = clock.now
        while not child.running:
            clock.now += 0.5
            supervisor.look()
        pauses.append(clock.now - died)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert said[0] == "web ended (exit 1), starting again in 1 s; see log"


def test_a_long_good_run_forgets_the_past(clock: _Clock) -> None:
    said: list[str] = []
    supervisor, child = Supervisor(said.append, clock), _child("web", [])
    supervisor.watch(child)
    for _ in range(2):
        child.running = False
        supervisor.look()
        clock.now += 100
        supervisor.look()
        clock.now += 100
    assert [line for line in said if "in 1 s" in line] == said[::2]


def test_all_are_stopped_in_order_and_the_rest_last_first(clock: _Clock) -> None:
    happened: list[str] = []
    supervisor = Supervisor(lambda line: None, clock)
    for name in ("postgres", "one", "two", "web", "beat"):
        supervisor.watch(_child(name, happened))
    supervisor.stop(("beat", "worker", "web", "postgres"))
    assert happened == ["stop beat", "stop web", "stop postgres", "stop two", "stop one"]


def test_after_a_stop_nothing_is_started_again(clock: _Clock) -> None:
    happened: list[str] = []
    supervisor = Supervisor(lambda line: None, clock)
    supervisor.watch(_child("web", happened))
    supervisor.stop(())
    clock.now += 100
    supervisor.look()
    assert happened == ["stop web"]
