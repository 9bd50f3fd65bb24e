"""The signed report: a stranger's verifier accepts it, and not one changed digit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from audit import signing
from compliance import jobs as queue
from compliance.errors import NotFound
from compliance.reconciliation import operations, report
from compliance.reconciliation.models import Run
from tests.compliance.reconciliation.worlds import Folder, World
from tests.log import publish_log


def verified(document: bytes, world: World, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """As an outsider: no Django, no database, the log's key."""
    path = tmp_path / "report.json"
    path.write_bytes(document)
    key = signing.verifier_keys(world.organisation_id)[0].vkey
    command = [sys.executable, "-m", "audit.verify", str(path), "--key", key]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={})


@pytest.fixture
def run(committed_world: World, folder: Folder) -> Run:
    """A finished run with something to say."""
    folder.put(committed_world.stray(), b"nobody knows me")
    folder.age()
    return committed_world.run()


def test_an_outsider_can_check_it(committed_world: World, run: Run, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        report.open_report(actor=committed_world.cast.auditor.actor, run_id=run.id)
    with pytest.raises(queue.TryLater):
        report.issue_report(actor=committed_world.cast.officer.actor, run_id=run.id)
    publish_log()
    document = report.issue_report(actor=committed_world.cast.officer.actor, run_id=run.id)
    assert report.issue_report(actor=committed_world.cast.officer.actor, run_id=run.id) == document
    assert report.open_report(actor=committed_world.cast.auditor.actor, run_id=run.id) == document
    body = json.loads(document)["body"]
    assert (body["found"], body["open"]) == ({"orphan": 1}, {"orphan": 1})
    assert (body["store"]["objects_seen"], body["store"]["rows_seen"]) == (5, 4)
    assert len(body["log"]) == 2  # its start and its end
    answer = verified(document, committed_world, tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_one_changed_digit_is_refused(committed_world: World, run: Run, tmp_path: Path) -> None:
    publish_log()
    document = report.issue_report(actor=committed_world.cast.officer.actor, run_id=run.id)
    changes = [
        (rb'"objects_seen":5', b'"objects_seen":4'),
        (rb'"orphan":1', b'"orphan":0'),
        (rb'"guard_hours":24', b'"guard_hours":25'),
    ]
    for old, new in changes:
        spoiled, count = re.subn(old, new, document, count=1)
        assert count == 1
        assert verified(spoiled, committed_world, tmp_path).returncode != 0


def test_its_job_waits_for_the_log(committed_world: World, run: Run) -> None:
    assert "reconciliation.issue_report" in committed_world.jobs.names
    publish_log()
    committed_world.jobs.settle()
    assert committed_world.reread(run).report is not None


def test_an_unfinished_run_has_none(committed_world: World) -> None:
    run = operations.start_run(actor=committed_world.cast.officer.actor)
    with pytest.raises(NotFound):
        report.issue_report(actor=committed_world.cast.officer.actor, run_id=run.id)
