"""The export, checked by the verifier in a process that could not import Django if it wanted to."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from accounts import tenancy
from audit import export, log, publish
from audit.ids import uuid7
from audit.tree import ROOT_LOG_ID
from tests.audit.conftest import rolled_back, sequence_all
from tests.audit.sealer import MemorySealer

Write = Callable[..., UUID]
PROJECT = Path(__file__).resolve().parents[2]
CALLER = "+493012345678"
GUARDED = """
import runpy, sys
class Guard:
    def find_spec(self, name, *_):
        if name.split(".")[0] in {"django", "psycopg", "rest_framework", "celery", "compliance", "accounts"}:
            raise ImportError(f"the verifier wanted {name}")
sys.meta_path.insert(0, Guard())
runpy.run_module("audit.verify", run_name="__main__")
"""


def verify(path: Path, organisation_id: UUID) -> tuple[int, dict[str, object]]:
    """Exit code and report of `python -m audit.verify`."""
    keys = [part for key in publish.verifier_keys(organisation_id) for part in ("--key", key.vkey)]
    roots = [part for key in publish.verifier_keys(ROOT_LOG_ID) for part in ("--root-key", key.vkey)]
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, str(path), *keys, *roots, "--json"],
        capture_output=True, text=True, check=False, cwd=PROJECT, env={"PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def export_to(path: Path, organisation_id: UUID, *, with_disclosures: bool) -> int:
    target = export.Tar(path) if path.suffix == ".tar" else export.Folder(path)
    with tenancy.scope(organisation_id):
        return export.export_log(organisation_id, target, with_disclosures=with_disclosures)


@pytest.fixture
def subject(log_db: object, write: Write, organisation_id: UUID) -> UUID:
    """300 entries, two of them about a person, one rollback between them."""
    person = uuid7()
    with tenancy.scope(organisation_id):
        for _ in range(150):
            write()
        write(identifying={"caller": CALLER, "reason": "Frau Müller"}, subject_id=person)
    with rolled_back(tenancy.scope(organisation_id)):
        write()
    with tenancy.scope(organisation_id):
        write(identifying={"caller": CALLER}, subject_id=person)
        for _ in range(148):
            write()
    return person


@pytest.mark.pg15
@pytest.mark.parametrize("name", ["export", "export.tar"])
def test_the_verifier_accepts_what_we_write(subject: UUID, organisation_id: UUID, tmp_path: Path, name: str) -> None:
    sequence_all()
    publish.publish_checkpoints()
    assert export_to(tmp_path / name, organisation_id, with_disclosures=True) == 300
    code, report = verify(tmp_path / name, organisation_id)
    assert (code, report["outcome"]) == (0, "ok"), report
    assert "root_log_index" in str(report)


def test_without_disclosures_an_export_identifies_nobody(subject: UUID, organisation_id: UUID, tmp_path: Path) -> None:
    sequence_all()
    publish.publish_checkpoints()
    export_to(tmp_path / "bare", organisation_id, with_disclosures=False)
    export_to(tmp_path / "full", organisation_id, with_disclosures=True)
    bare, full = (
        b"".join(file.read_bytes() for file in sorted((tmp_path / name).rglob("*")) if file.is_file())
        for name in ("bare", "full")
    )
    for value in (CALLER, "Müller", str(subject), "203.0.113.7"):
        assert value.encode() not in bare
    assert len(full) > len(bare)
    assert verify(tmp_path / "bare", organisation_id)[0] == 0


def test_after_an_erasure_every_proof_still_verifies(
    subject: UUID, organisation_id: UUID, write: Write, sealer: MemorySealer, tmp_path: Path
) -> None:
    sequence_all()
    with tenancy.scope(organisation_id), log.context(organisation_id) as cause:
        erased = log.erase_disclosures(organisation_id=organisation_id, subject_id=subject, cause=cause)
        write(event="dsr.person.erased", what={"disclosures": erased.count, "disclosures_sha256": erased.digest})
    sealer.destroy_subject(organisation_id, subject)
    sequence_all()
    publish.publish_checkpoints()
    export_to(tmp_path / "log", organisation_id, with_disclosures=True)
    code, report = verify(tmp_path / "log", organisation_id)
    assert code == 0, report
    lines = [json.loads(line) for line in (tmp_path / "log" / "disclosures.jsonl").read_bytes().splitlines()]
    gone = [item for line in lines for item in line["erased"]]
    assert [item["by"] for item in gone] == [300] * 3
    assert report["facts"]["fields_erased"] == 3  # type: ignore[index]


def test_a_changed_entry_is_found(subject: UUID, organisation_id: UUID, tmp_path: Path) -> None:
    sequence_all()
    publish.publish_checkpoints()
    export_to(tmp_path / "log", organisation_id, with_disclosures=False)
    bundle = tmp_path / "log" / "tile" / "entries" / "000"
    bundle.write_bytes(bundle.read_bytes().replace(b'"out":"ok"', b'"out":"no"', 1))
    assert verify(tmp_path / "log", organisation_id)[0] == 40


def test_the_command_exports_logs_itself_and_names_the_keys(
    subject: UUID, organisation_id: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="no checkpoint"):
        call_command("export_log", str(tmp_path / "none"), organisation=organisation_id)
    sequence_all()
    publish.publish_checkpoints()
    path = tmp_path / "log.tar"
    call_command("export_log", str(path), organisation=organisation_id, with_disclosures=True)
    said = capsys.readouterr().out
    assert all(key.vkey in said for key in publish.verifier_keys(organisation_id))
    assert verify(path, organisation_id)[0] == 0
    with pytest.raises(CommandError, match="exists"):
        call_command("export_log", str(path), organisation=organisation_id)
    sequence_all()
    with tenancy.scope(organisation_id):
        acts = [view.leaf.act for view in publish.list_entries(organisation_id, act="log.")]
    assert acts.count("log.export.written") >= 2
