"""Counts the steps of some work, and kills its process between two of them.

A step is a statement on any database, a commit, an entry of the log, or a touch of the store: everything by which the
work is seen from outside. A place between two steps is named by the next one and a few before, so that the same place
in another run has the same name.
"""

from __future__ import annotations

import json
import os
import re
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from audit import inbox, wire
from compliance.vault import blobs
from tests.faults import worlds

Cut = tuple[str, ...]
"""A place between two steps: the names of the steps before it, and of the one after."""

_BEFORE = 4
_BLOB_VERBS = ("write", "length", "open", "delete", "delete_many", "lengths")
_LISTS = re.compile(r"%s(, %s)+")


@dataclass(frozen=True)
class Death:
    """When a child dies: at the first place after `steps` steps that is none of `known`."""

    steps: int
    known: frozenset[Cut]


class Steps:
    """The steps of this process from now on."""

    def __init__(self, report: Path, death: Death | None = None) -> None:
        self.trail: list[Cut] = []
        self._report = report
        self._death = death
        self._last: Cut = ("start",)
        self._is_paused = False

    def take(self, what: str) -> None:
        """One more step, unless this is the place of death."""
        if self._is_paused:
            return
        cut = (*self._last, what)
        if self._death and len(self.trail) >= self._death.steps and cut not in self._death.known:
            self._die(cut)
        self.trail.append(cut)
        self._last = cut[-_BEFORE:]

    def _die(self, cut: Cut) -> NoReturn:
        self._report.write_text(json.dumps([cut]))
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody outlives SIGKILL")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is done here belongs to another process, or to the test."""
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    def watch(self) -> None:
        """Hook into this process, for good: call it in a child only."""
        for connection in connections.all():
            connection.execute_wrappers.append(self._statement)
        self._around(BaseDatabaseWrapper, "_commit", lambda connection: f"{connection.alias}: COMMIT")
        self._around(inbox, "begin", lambda connection, *_: f"{connection.alias}: BEGIN")
        self._around(wire, "send", lambda connection, statement, _: f"{connection.alias}: {_short(statement.sql)}")
        for verb in _BLOB_VERBS:
            self._around(blobs.FileBlobs, verb, lambda *_, verb=verb: f"store: {verb}")

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.take(f"{context['connection'].alias}: {_short(sql)}")
        return execute(sql, params, many, context)

    def _around(self, owner: Any, name: str, told: Callable[..., str]) -> None:
        run = getattr(owner, name)

        def counted(*args: Any, **options: Any) -> Any:
            what = told(*args)
            self.take(what)
            answer = run(*args, **options)
            self.take(f"after {what}")
            return answer

        setattr(owner, name, counted)


def _short(sql: str) -> str:
    return _LISTS.sub("%s, …", " ".join(sql.split()))[:120]


@dataclass(frozen=True)
class Life:
    """What a child did: every place that it passed, and where it was killed (None: it came to the end of its work)."""

    trail: list[Cut]
    killed_at: Cut | None


def in_child(work: Callable[[Steps], None], report: Path, death: Death | None = None) -> Life:
    """Do the work in a process of its own. Raises AssertionError, with the child's own words, where the work failed."""
    worlds.leave()
    child = os.fork()
    if child == 0:
        _live(work, Steps(report, death), report)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        return Life([], _read(report)[0])
    assert os.WEXITSTATUS(status) == 0, f"the child failed:\n{report.read_text()}"
    return Life(_read(report), None)


def _live(work: Callable[[Steps], None], steps: Steps, report: Path) -> NoReturn:
    code = 1
    try:
        steps.watch()
        work(steps)
        report.write_text(json.dumps(steps.trail))
        code = 0
    except BaseException:  # noqa: BLE001  # whatever ends the child is told to its parent
        report.write_text(traceback.format_exc())
    finally:
        os._exit(code)


def _read(report: Path) -> list[Cut]:
    return [tuple(cut) for cut in json.loads(report.read_text())]
