"""Keeps children running: a dead one is started again, later each time; all are stopped in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from compliance.embedded.processes import Child

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0
_HEALTHY_AFTER_SECONDS = 60.0


@dataclass
class _Watch:
    child: Child
    started_at: float
    pause_seconds: float = _FIRST_PAUSE_SECONDS
    restart_at: float | None = None


@dataclass
class Supervisor:
    """Looks after the children it is given. `say` gets one short line for each happening."""

    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _watched: list[_Watch] = field(default_factory=list, init=False)

    def watch(self, child: Child) -> None:
        """Look after a running child from now on."""
        self._watched.append(_Watch(child, self.clock()))

    def look(self) -> None:
        """Notice who died since the last look, and start again whose pause is over."""
        now = self.clock()
        for watch in self._watched:
            if watch.restart_at is not None:
                if now >= watch.restart_at:
                    self._restart(watch, now)
            elif not watch.child.is_running():
                self._plan_restart(watch, now)

    def stop(self, order: Sequence[str]) -> None:
        """Stop all; those named first, in that order, then the rest, the last started first."""
        rest = [watch.child for watch in reversed(self._watched) if watch.child.program.name not in order]
        named = {watch.child.program.name: watch.child for watch in self._watched}
        self._watched.clear()
        for child in [*(named[name] for name in order if name in named), *rest]:
            child.stop()

    def _plan_restart(self, watch: _Watch, now: float) -> None:
        if now - watch.started_at >= _HEALTHY_AFTER_SECONDS:
            watch.pause_seconds = _FIRST_PAUSE_SECONDS
        watch.restart_at = now + watch.pause_seconds
        name, code = watch.child.program.name, watch.child.exit_code()
        self.say(f"{name} ended (exit {code}), starting again in {watch.pause_seconds:g} s; see {watch.child.log}")
        watch.pause_seconds = min(watch.pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def _restart(self, watch: _Watch, now: float) -> None:
        watch.child.stop()  # what is left of its session
        watch.child.start()
        watch.started_at, watch.restart_at = now, None
        self.say(f"{watch.child.program.name} started again")
