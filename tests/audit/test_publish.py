"""Signed heads, the root log, and a signer that does not believe the database."""

import stat
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from accounts import tenancy
from audit import proofs, publish, signing
from audit.ids import uuid7
from audit.models import Checkpoint
from audit.tlog import checkpoint, leaf
from audit.tlog.proof import Proof
from audit.tree import ROOT_LOG_ID
from tests.audit.conftest import sequence_all

Write = Callable[..., UUID]


OLDER = """
    UPDATE audit_frontier SET size = 2, published_size = 0,
        nodes = substring(nodes for 7) || '\\x02'::bytea || sha256('x')
"""


def heads(log_id: UUID) -> list[tuple[int, int, str]]:
    with tenancy.scope(log_id):
        found = Checkpoint.objects.filter(organisation_id=log_id).order_by("size", "revision")
        return list(found.values_list("size", "revision", "note"))


def as_superuser(committed_db: Any, *statements: str) -> None:
    """What only somebody who disables triggers can do."""
    import psycopg

    with psycopg.connect(committed_db.owner_url, autocommit=True) as raw:
        for table in ("audit_leaf", "audit_frontier", "audit_checkpoint"):
            raw.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            raw.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for statement in statements:
            raw.execute(statement)


def test_a_head_is_signed_when_the_log_has_grown_and_not_again(
    committed_db: object, write_committed: Write, organisation_id: UUID
) -> None:
    write_committed()
    sequence_all()
    assert publish.publish_checkpoints() == 1
    assert publish.publish_checkpoints() == 0
    write_committed()
    sequence_all()
    assert publish.publish_checkpoints(at_most_every=timedelta(minutes=1)) == 0
    assert publish.publish_checkpoints() == 1
    assert [(size, revision) for size, revision, _ in heads(organisation_id)] == [(1, 0), (2, 0)]
    keys = publish.verifier_keys(organisation_id)
    for size, _, note in heads(organisation_id):
        signed = checkpoint.open_checkpoint(note, keys).checkpoint
        assert (signed.size, signed.origin) == (size, f"log.callwarden.test/log/{organisation_id}")


def test_an_entry_is_proven_to_somebody_who_has_the_key_alone(
    committed_db: object, write: Write, organisation_id: UUID
) -> None:
    with tenancy.scope(organisation_id):
        written = [write() for _ in range(300)]
    with tenancy.scope(organisation_id), pytest.raises(publish.NotYet):
        publish.inclusion_proof(organisation_id, written[0])
    sequence_all()
    with tenancy.scope(organisation_id), pytest.raises(publish.NotYet):
        publish.wait_until_published(organisation_id=organisation_id, entry_ids=written, timeout_seconds=0)
    publish.publish_checkpoints()
    keys = publish.verifier_keys(organisation_id)
    with tenancy.scope(organisation_id):
        head = publish.wait_until_published(organisation_id=organisation_id, entry_ids=written)
        assert head.size == 300
        for entry_id, proven in zip(written, publish.prove_entries(organisation_id, written), strict=True):
            assert leaf.Leaf.parse(proven.leaf).id == entry_id
            assert Proof.parse(proven.proof).verify(proven.leaf, keys).checkpoint.size == 300
        with pytest.raises(publish.NotYet):
            publish.inclusion_proof(organisation_id, uuid7())


def test_the_root_log_holds_every_head_with_two_signatures(
    committed_db: object, write_committed: Write, organisation_id: UUID
) -> None:
    organisations = [organisation_id, uuid7(), tenancy.DEPLOYMENT_ID]
    for _ in range(3):
        for current in organisations:
            write_committed(organisation_id=current)
        sequence_all()
        publish.publish_checkpoints()
    keys = publish.verifier_keys(ROOT_LOG_ID)
    assert [key.kind for key in keys] == [checkpoint.ED25519, checkpoint.ML_DSA_44]
    root = heads(ROOT_LOG_ID)[-1]
    signed = checkpoint.open_checkpoint(root[2], keys)
    assert (signed.checkpoint.size, len(signed.verified)) == (9, 2)
    assert abs((signed.time or 0) - time.time()) < 60
    for current in organisations:
        with tenancy.scope(current):
            proven = proofs.root_proof(current)
            assert proven
            head, proof = proven
            assert Proof.parse(proof).verify(head.note.encode(), keys).checkpoint.size == 9
            assert head.note == heads(current)[-1][2]


def test_the_root_log_is_signed_again_when_nothing_happens(
    committed_db: object, write_committed: Write, organisation_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_committed()
    sequence_all()
    publish.publish_checkpoints()
    publish.publish_checkpoints()
    assert len(heads(ROOT_LOG_ID)) == 1
    monkeypatch.setattr(publish, "ROOT_INTERVAL", timedelta(0))
    publish.publish_checkpoints()
    assert [(size, revision) for size, revision, _ in heads(ROOT_LOG_ID)] == [(1, 0), (1, 1)]
    assert len(heads(organisation_id)) == 1


def test_a_crash_after_signing_makes_the_same_note_again(
    committed_db: object, write_committed: Write, organisation_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    sign = signing.LogKeys.sign

    def note(keys: signing.LogKeys, head: checkpoint.Checkpoint, **options: Any) -> str:
        notes.append(sign(keys, head, **options))
        return notes[-1]

    def crash(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(signing.LogKeys, "sign", note)
    write_committed()
    sequence_all()
    with monkeypatch.context() as broken:
        broken.setattr(publish, "_store", crash)
        with pytest.raises(ZeroDivisionError):
            publish.publish_checkpoints()
    assert heads(organisation_id) == []
    publish.publish_checkpoints()
    assert notes[0] == notes[1] == heads(organisation_id)[0][2]


@pytest.mark.parametrize(
    "tampering",
    [
        ["UPDATE audit_leaf SET leaf_hash = sha256('other') WHERE index = 3"],
        ["UPDATE audit_leaf SET leaf_hash = sha256('other') WHERE index = 5"],
        ["DELETE FROM audit_leaf WHERE index = 5"],
        ["DELETE FROM audit_leaf WHERE index >= 2", OLDER],
    ],
    ids=["an old leaf, with its frontier", "a new leaf", "a missing leaf", "an older database"],
)  # fmt: skip
def test_a_database_that_contradicts_what_was_signed_gets_no_signature(
    committed_db: Any, write_committed: Write, organisation_id: UUID, tampering: list[str]
) -> None:
    for _ in range(4):
        write_committed()
    sequence_all()
    publish.publish_checkpoints()
    write_committed()
    write_committed()
    sequence_all()
    as_superuser(committed_db, *tampering)
    if "index = 3" in tampering[0]:
        # The careful attacker: the frontier is made anew from the changed leaves.
        from audit.tlog.merkle import Frontier

        tree = Frontier()
        with connections["sequencer"].cursor() as cursor:
            cursor.execute(
                "SELECT leaf_hash FROM audit_leaf WHERE organisation_id = %s ORDER BY index", [organisation_id]
            )
            tree.extend([bytes(row[0]) for row in cursor.fetchall()])
            cursor.execute(
                "UPDATE audit_frontier SET nodes = %s WHERE organisation_id = %s", [tree.to_bytes(), organisation_id]
            )
    with pytest.raises(signing.Equivocation):
        publish.publish_checkpoints()
    assert len(heads(organisation_id)) == 1


def test_an_older_copy_of_the_database_gets_no_signature(
    committed_db: Any, write_committed: Write, organisation_id: UUID
) -> None:
    for _ in range(2):
        write_committed()
        sequence_all()
        publish.publish_checkpoints()
    as_superuser(
        committed_db,
        "DELETE FROM audit_checkpoint WHERE size = 2",
        f"DELETE FROM audit_leaf WHERE organisation_id = '{organisation_id}' AND index = 1",
        f"UPDATE audit_frontier SET size = 1, published_size = 0, nodes = '\\x0000000000000001'::bytea ||"
        f" (SELECT leaf_hash FROM audit_leaf WHERE organisation_id = '{organisation_id}')"
        f" WHERE organisation_id = '{organisation_id}'",
    )
    with pytest.raises(signing.Equivocation, match="were signed before"):
        publish.publish_checkpoints()


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = signing.ensure_signing_key(tmp_path / "deep" / "key.pem")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert signing.ensure_signing_key(path).read_bytes() == before
    path.chmod(0o640)
    with pytest.raises(signing.KeyFileRefused, match="can be read by others"):
        signing.load_keys(path)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n"])
def test_a_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(signing.KeyFileRefused):
        signing.load_keys(path)
    with pytest.raises(signing.KeyFileRefused):
        signing.load_keys(tmp_path / "missing.pem")


def test_a_second_key_signs_beside_the_first_while_a_rotation_lasts(tmp_path: Path) -> None:
    old, new = (signing.ensure_signing_key(tmp_path / name) for name in ("old.pem", "new.pem"))
    old_keys, new_keys = (signing.load_keys(path).signers("log.example")[0].key for path in (old, new))
    new.write_bytes(new.read_bytes() + old.read_bytes())
    note = signing.load_keys(new).sign(checkpoint.Checkpoint("log.example", 1, b"\0" * 32))
    for key in (old_keys, new_keys):
        assert checkpoint.open_checkpoint(note, [key]).checkpoint.size == 1
