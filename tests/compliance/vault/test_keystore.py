"""Where keys live: their own database, one row a scope, row security, and a start-up check of the keyring."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from django.apps import apps
from django.core import checks as django_checks
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connections
from django.db.utils import ProgrammingError
from pytest_django.fixtures import Settings

from accounts import tenancy
from compliance import jobs
from compliance.vault import checks, destruction, keyring, tasks
from compliance.vault.errors import KeyDestroyed, KmsUnavailable
from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.keyring import LocalKeyring
from compliance.vault.keystore import custody
from compliance.vault.keystore.models import Epoch, Key
from compliance.vault.models import SealedObject
from compliance.vault.router import KeysRouter
from tests.database import Databases

NAMES = [KeyName(KeyKind.CALL, uuid4()), KeyName(KeyKind.SUBJECT, uuid4())]


# --- the two databases ----------------------------------------------------------------------------------


def test_keys_and_everything_else_never_share_a_database() -> None:
    router = KeysRouter()
    assert (router.db_for_read(Key), router.db_for_write(Key)) == ("keys", "keys")
    assert (router.db_for_read(SealedObject), router.db_for_write(SealedObject)) == ("default", "default")
    for app in apps.get_app_configs():
        homes = [alias for alias in ("default", "keys") if router.allow_migrate(alias, app.label)]
        assert homes == ["keys" if app.label == "keystore" else "default"]
    assert not router.allow_migrate("sequencer", "keystore")
    assert router.allow_relation(Key(), SealedObject()) is False
    assert router.allow_relation(Key(), Epoch()) is None


@pytest.mark.django_db
def test_the_key_database_has_the_keystores_tables_only() -> None:
    with connections["keys"].cursor() as cursor:
        tables = set(connections["keys"].introspection.table_names(cursor))
    assert tables - {"django_migrations"} == {"keystore_key", "keystore_epoch"}
    with connections["default"].cursor() as cursor:
        assert not {name for name in connections["default"].introspection.table_names(cursor) if "keystore" in name}


@pytest.mark.django_db
def test_row_security_is_forced_on_the_vaults_tables() -> None:
    forced = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
    with connections["keys"].cursor() as cursor:
        cursor.execute(forced)
        assert {name for (name,) in cursor.fetchall()} == {"keystore_key"}
    with connections["default"].cursor() as cursor:
        cursor.execute(forced)
        names = {name for (name,) in cursor.fetchall()}
    assert {"vault_sealedobject", "vault_keyuse", "vault_tombstone"} <= names


def test_keys_of_another_organisation_are_neither_seen_nor_written(
    organisation_id: UUID, other_organisation_id: UUID
) -> None:
    custody.create_missing(organisation_id, NAMES)
    with tenancy.scope(other_organisation_id, using="keys"):
        assert not Key.objects.for_organisation(organisation_id).exists()
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        tenancy.scope(other_organisation_id, using="keys"),
    ):
        Key.objects.create(organisation_id=organisation_id, kind=KeyKind.CALL, scope_id=uuid4(), wrapped=b"")
    assert not Key._base_manager.using("keys").exists()  # outside any organisation there is nothing


def test_one_scope_has_one_key(organisation_id: UUID) -> None:
    custody.create_missing(organisation_id, NAMES)
    name = NAMES[0]
    with pytest.raises(IntegrityError), tenancy.scope(organisation_id, using="keys"):
        Key.objects.create(organisation_id=organisation_id, kind=name.kind, scope_id=name.scope_id, wrapped=b"")


# --- custody --------------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_found_again(organisation_id: UUID) -> None:
    made = custody.create_missing(organisation_id, NAMES)
    custody.forget()
    assert custody.create_missing(organisation_id, NAMES) == made
    custody.forget()
    assert custody.load(organisation_id, NAMES) == made
    assert len({material.key for material in made.values()}) == 2


def test_the_key_service_is_asked_once_an_organisation(organisation_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = LocalKeyring.unwrap

    def unwrap(self: LocalKeyring, blob: bytes, context: dict[str, str]) -> bytes:
        asked.append(context["organisation"])
        return real(self, blob, context)

    monkeypatch.setattr(LocalKeyring, "unwrap", unwrap)
    for _ in range(20):
        custody.create_missing(organisation_id, [KeyName(KeyKind.CALL, uuid4())])
    assert asked == [str(organisation_id)]


def test_loading_makes_nothing(organisation_id: UUID) -> None:
    with pytest.raises(KeyDestroyed):
        custody.load(organisation_id, NAMES)
    custody.create_missing(organisation_id, NAMES[:1])
    with pytest.raises(KeyDestroyed):
        custody.load(organisation_id, NAMES)


def test_a_destroyed_key_is_gone_from_row_and_cache(organisation_id: UUID) -> None:
    custody.create_missing(organisation_id, NAMES)
    assert custody.destroy(organisation_id, NAMES[:1]) == 1
    assert custody.destroy(organisation_id, NAMES[:1]) == 0
    assert custody.cached(organisation_id, NAMES[0]) is None
    assert custody.surviving(organisation_id, NAMES) == NAMES[1:]
    assert custody.find(organisation_id, custody.load(organisation_id, NAMES[1:])[NAMES[1]].id) == NAMES[1]
    assert custody.find(organisation_id, uuid4()) is None


def test_a_lost_keyring_is_unavailable(organisation_id: UUID, settings: Settings, tmp_path: Path) -> None:
    custody.create_missing(organisation_id, NAMES)
    custody.forget()
    settings.KEYRING_FILE = tmp_path / "none.json"
    with pytest.raises(KmsUnavailable):
        custody.load(organisation_id, NAMES)


def test_a_key_database_that_does_not_answer_is_unavailable(
    organisation_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(custody, "_rows", broken)
    with pytest.raises(KmsUnavailable) as refusal:
        custody.create_missing(organisation_id, NAMES)
    assert refusal.value.status == 503


def test_a_main_database_backup_holds_no_key(committed_db: Databases) -> None:
    """The two databases are two: nothing in the main one's catalogue leads to the other."""
    with psycopg.connect(committed_db.owner_url) as main:
        tables = main.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        servers = main.execute("SELECT count(*) FROM pg_foreign_server").fetchone()
    assert not {name for (name,) in tables if name.startswith("keystore")}
    assert servers == (0,)


# --- start-up -------------------------------------------------------------------------------------------


def test_a_keyring_that_others_can_read_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    settings.KEYRING_FILE = path
    (missing,) = checks.keyring_file(None)
    keyring.create_keyring(path)
    assert checks.keyring_file(None) == []
    path.chmod(0o644)
    (finding,) = checks.keyring_file(None)
    assert (missing.id, finding.id) == ("vault.W001", "vault.E001")
    assert missing.level < django_checks.ERROR <= finding.level
    assert "others" in finding.msg


def test_the_keyring_command_never_writes_over_one(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    settings.KEYRING_FILE = path
    call_command("create_keyring", verbosity=0)
    before = path.read_bytes()
    call_command("create_keyring", "--if-missing", verbosity=0)
    with pytest.raises(CommandError):
        call_command("create_keyring", verbosity=0)
    assert path.read_bytes() == before


# --- jobs -----------------------------------------------------------------------------------------------


def test_the_safety_net_asks_again_until_nothing_is_left(
    organisation_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, cause = [2, 0], uuid4()

    def resume(organisation: UUID, *, cause: UUID | None = None, limit: int = 500) -> int:
        assert organisation == organisation_id
        return left.pop(0)

    monkeypatch.setattr(destruction, "resume", resume)
    with pytest.raises(jobs.TryLater):
        tasks.finish_destruction(organisation_id, cause)
    tasks.finish_destruction(organisation_id, cause)
    assert left == []


def test_the_sweep_comes_again_tomorrow(organisation_id: UUID) -> None:
    with pytest.raises(jobs.TryLater) as later:
        tasks.sweep_keys(organisation_id, organisation_id)
    assert later.value.seconds == 24 * 3600
