"""An attacker with full power: superuser of both databases, the keyring, the store, every file and every line that was
logged.

Also told, for the proof's sake, how each small value was labelled when it was sealed: labels are no secret, and an
attacker who had to guess them would only make the proof weaker.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from compliance.vault import envelope, hierarchy
from compliance.vault.errors import Unreadable
from compliance.vault.hierarchy import DataKeyPlace, KeyKind, KeyName, StoredKeyPlace
from compliance.vault.keyring import LocalKeyring
from compliance.vault.scopes import ObjectKind
from compliance.vault.values import ValueKey
from tests.database import Databases
from tests.servers import Servers

Row = dict[str, Any]
_CONTENT = ("r", "p", "m")


@dataclass(frozen=True)
class Find:
    """Readable bytes: where they lay, and under which key they had been sealed (None: in clear)."""

    place: str
    data: bytes = field(repr=False)
    key: KeyName | None = None


@dataclass(frozen=True)
class Label:
    """How one small value was sealed."""

    label: str
    organisation_id: UUID
    kind: int
    scope_id: UUID


@dataclass(frozen=True)
class Backup:
    """The main database and the store at one moment. The key store has backups of its own, of a few days (see the
    design).
    """

    tables: dict[str, list[Row]] = field(repr=False)
    files: dict[str, bytes] = field(repr=False)


def overhear(patch: pytest.MonkeyPatch) -> dict[bytes, Label]:
    """From now on: sealed bytes → how they were sealed."""
    heard: dict[bytes, Label] = {}
    seal = ValueKey.seal

    def noted(self: ValueKey, label: str, plaintext: bytes, **options: Any) -> bytes:
        sealed = seal(self, label, plaintext, **options)
        heard[sealed] = Label(label, self.organisation_id, self.kind, self.scope_id)
        return sealed

    patch.setattr(ValueKey, "seal", noted)
    return heard


@dataclass
class Attacker:
    """What is taken, and what it gives away. `skipped` names the sealed bytes that no surviving key opens."""

    servers: Servers
    databases: Databases
    keyring: Path
    store: Path
    files: tuple[Path, ...]
    labels: Mapping[bytes, Label]
    skipped: list[str] = field(default_factory=list)
    backups: list[Backup] = field(default_factory=list)

    def back_up(self) -> Backup:
        """A copy of main database and store as they are now, kept for later."""
        stored = [path for path in self.store.rglob("*") if path.is_file()]
        files = {str(path.relative_to(self.store)): path.read_bytes() for path in stored}
        self.backups.append(Backup(self._tables(self.databases.main), files))
        return self.backups[-1]

    def take(self) -> list[Find]:
        """Everything that can be read now: in clear, and opened by whatever survives."""
        self.skipped.clear()
        return [*self._dumps(), *self._clear_files(), *self._open(self.back_up())]

    def take_from_backups(self) -> list[Find]:
        """What today's keys open of every earlier copy of main database and store."""
        return [find for backup in self.backups for find in self._open(backup)]

    def _open(self, backup: Backup) -> Iterator[Find]:
        keys = self._tables(self.databases.keys)
        wrapping = self._wrapping_keys(self._open_keys(keys["keystore_key"]), backup.tables)
        yield from self._objects(backup, wrapping)
        yield from self._values(backup.tables | keys, wrapping)

    # --- keys -------------------------------------------------------------------------------------

    def _open_keys(self, rows: list[Row]) -> dict[tuple[UUID, KeyName], bytes]:
        """Every stored key: the roots by the keyring, the others by their roots."""
        ring, opened = LocalKeyring(self.keyring), dict[tuple[UUID, KeyName], bytes]()
        for row in sorted(rows, key=lambda row: row["kind"] != KeyKind.ROOT):
            name, organisation_id = KeyName(KeyKind(row["kind"]), row["scope_id"]), row["organisation_id"]
            if name.kind is KeyKind.ROOT:
                context = {"organisation": str(organisation_id), "key": str(row["id"]), "version": str(row["version"])}
                opened[organisation_id, name] = ring.unwrap(row["wrapped"], context)
            else:
                root = opened[organisation_id, KeyName(KeyKind.ROOT, organisation_id)]
                place = StoredKeyPlace(organisation_id, row["id"], name, row["version"])
                opened[organisation_id, name] = hierarchy.unwrap_stored_key(root, place, row["wrapped"])
        return opened

    def _wrapping_keys(
        self, opened: dict[tuple[UUID, KeyName], bytes], main: dict[str, list[Row]]
    ) -> dict[tuple[UUID, KeyName], bytes]:
        """What seals under each scope, where its own key and every principal's survive."""
        principals: dict[UUID, set[UUID]] = {}
        for party in main["recordings_party"]:
            if party["part"] == "principal":
                principals.setdefault(party["call_id"], set()).add(party["subject_id"])
        derived = {}
        for (organisation_id, name), key in opened.items():
            people = principals.get(name.scope_id, set()) if name.kind is KeyKind.CALL else set()
            found = {one: opened.get((organisation_id, KeyName(KeyKind.SUBJECT, one))) for one in people}
            known = {one: subject_key for one, subject_key in found.items() if subject_key is not None}
            if len(known) == len(people):
                derived[organisation_id, name] = hierarchy.wrapping_key(
                    key, known, organisation_id=organisation_id, scope_id=name.scope_id
                )
        return derived

    # --- what they open ---------------------------------------------------------------------------

    def _objects(self, backup: Backup, wrapping: dict[tuple[UUID, KeyName], bytes]) -> Iterator[Find]:
        """Every sealed object whose bytes are still anywhere."""
        for row in backup.tables["vault_sealedobject"]:
            name = KeyName(KeyKind(row["scope_kind"]), row["scope_id"])
            key = wrapping.get((row["organisation_id"], name))
            sealed = row["inline"] or backup.files.get(row["store_key"])
            place = f"object {row['id']} ({ObjectKind(row['kind']).name.lower()})"
            if sealed is None:
                continue
            if key is None or not row["wrapped_dek"]:
                self.skipped.append(place)
                continue
            yield Find(place, _open_object(row, key, sealed), name)

    def _values(self, tables: dict[str, list[Row]], wrapping: dict[tuple[UUID, KeyName], bytes]) -> Iterator[Find]:
        """Every binary column of every table that holds a sealed value: register, requests, letters, inbox,
        disclosures.
        """
        for table, rows in tables.items():
            for row in rows:
                for column, value in row.items():
                    known = self.labels.get(value) if isinstance(value, bytes) else None
                    if known is None:
                        continue
                    name = KeyName(KeyKind(known.kind), known.scope_id)
                    key = wrapping.get((known.organisation_id, name))
                    if key is None:
                        self.skipped.append(f"{table}.{column} ({known.label})")
                        continue
                    opened = ValueKey(key, known.organisation_id, known.kind, known.scope_id).open(known.label, value)
                    yield Find(f"{table}.{column} ({known.label})", opened, name)

    # --- what lies in clear -----------------------------------------------------------------------

    def _tables(self, database: str) -> dict[str, list[Row]]:
        """Every row of every table. Row security does not bind a superuser."""
        found = {}
        with psycopg.connect(self.servers.server.url(database), row_factory=dict_row) as connection:
            connection.execute("CHECKPOINT")
            names = connection.execute(
                "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
                " WHERE n.nspname = 'public' AND relkind = ANY(%s)", [list(_CONTENT)]
            ).fetchall()  # fmt: skip
            for name in sorted(row["relname"] for row in names):
                query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))
                found[name] = connection.execute(query).fetchall()
        return found

    def _dumps(self) -> Iterator[Find]:
        for database in (self.databases.main, self.databases.keys):
            command = [str(self.servers.programs / "pg_dump"), self.servers.server.url(database)]
            done = subprocess.run(command, capture_output=True, check=True)
            yield Find(f"pg_dump {database}", done.stdout)

    def _clear_files(self) -> Iterator[Find]:
        """The store, and whatever else lies in files: logs, the cluster's own folder with its tables and journal."""
        for folder in (self.store, *self.files):
            for path in [folder] if folder.is_file() else sorted(folder.rglob("*")):
                if path.is_file() and os.access(path, os.R_OK):
                    yield Find(str(path), path.read_bytes())

    def cluster_files(self) -> tuple[Path, ...]:
        """The folders in which Postgres keeps these two databases, and its journal."""
        with psycopg.connect(self.servers.server.url("postgres")) as connection:
            rows = connection.execute(
                "SELECT oid FROM pg_database WHERE datname = ANY(%s)", [[self.databases.main, self.databases.keys]]
            ).fetchall()
        data = next(path.parent for path in self.servers.cluster.rglob("PG_VERSION") if (path.parent / "base").is_dir())
        return (*(data / "base" / str(oid) for (oid,) in rows), data / "pg_wal")


def _open_object(row: Row, wrapping_key: bytes, sealed: bytes) -> bytes:
    kind = ObjectKind(row["kind"])
    place = DataKeyPlace(
        organisation_id=row["organisation_id"],
        scope_id=row["scope_id"],
        object_id=row["id"],
        kind=kind,
        version=row["version"],
        size=row["size"],
        length=row["ciphertext_length"],
        header=row["header"],
    )
    context = envelope.object_context(
        organisation_id=row["organisation_id"],
        scope_id=row["scope_id"],
        object_id=row["id"],
        kind=kind,
        version=row["version"],
    )
    try:
        return envelope.unseal(hierarchy.unwrap_data_key(wrapping_key, place, row["wrapped_dek"]), context, sealed)
    except Unreadable as refusal:
        raise AssertionError(f"object {row['id']}: {getattr(refusal, '__notes__', refusal)}") from refusal
